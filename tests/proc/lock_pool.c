/* SPDX-License-Identifier: MIT */
/*
 * A pool of permits and a counter, under processes that are killed, stopped
 * and continued at random.  Never do more live ones hold a permit than there
 * are, all are back at the end, and the counter is right but for what the dead
 * had no time to note.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shunt.h>

#include "lib/peers.h"

#define WORKERS 7
#define PERMITS 3
#define RUN_MS  3000

struct board {
	char pool[64], items[64];
	_Atomic uint32_t stop;
	_Atomic uint32_t holding[WORKERS]; /* number of the turn, or 0 */
	_Atomic uint32_t turn;
	_Atomic uint32_t crowded;       /* more held than there are */
	_Atomic uint64_t turns;         /* noted once a permit was given back */
	_Atomic uint64_t made[WORKERS]; /* noted after each return */
	_Atomic uint64_t used[WORKERS];
	uint64_t deaths[2]; /* of who makes, of who uses */
};

static struct board *board;
static unsigned worker;

/* Who is in the same turn at two looks held at the moment between them: one
 * look alone sees a permit twice that goes from one to another meanwhile. */
static uint32_t
holders(const struct board *b)
{
	uint32_t first[WORKERS], n = 0;

	for (unsigned i = 0; i < WORKERS; i++)
		first[i] = b->holding[i];
	for (unsigned i = 0; i < WORKERS; i++)
		n += first[i] != 0 && b->holding[i] == first[i];
	return n;
}

static int
maker(unsigned i)
{
	return i % 2 == 0;
}

static void
count(struct board *b, struct shunt_semaphore *items)
{
	if (maker(worker)) {
		int e = shunt_semaphore_post(items);
		NEED(e == 0 || e == -EOVERFLOW);
		if (e == 0)
			b->made[worker]++;
	} else {
		int e = shunt_semaphore_consume(items, 20 * (int64_t)MS);
		NEED(e == 0 || e == -ETIMEDOUT);
		if (e == 0)
			b->used[worker]++;
	}
}

/* Every other one in short waits, each of which begins with a look at the
 * holders: they get back what the dead held, as new ones do. */
static void
take(struct shunt_semaphore *pool)
{
	int64_t wait_ns = (worker % 2 != 0 ? 2 : 20000) * (int64_t)MS;
	uint64_t end = test_now() + 20000 * MS;
	int e;

	do {
		NEED(test_now() < end);
		e = shunt_semaphore_wait(pool, wait_ns);
	} while (e == -ETIMEDOUT);
	NEED(e == 0);
}

static int
work(void *arg)
{
	struct board *b = arg;
	struct shunt_semaphore *pool, *items;

	NEED(shunt_semaphore_open(&pool, b->pool, NULL) == 0);
	NEED(shunt_semaphore_open(&items, b->items, NULL) == 0);
	while (!b->stop) {
		take(pool);
		b->holding[worker] = ++b->turn;
		if (holders(b) > PERMITS)
			b->crowded = 1;
		if (b->turns % 16 == 0)
			usleep(50);
		count(b, items);
		b->holding[worker] = 0;
		NEED(shunt_semaphore_post(pool) == 0);
		b->turns++;
	}
	shunt_semaphore_close(&items);
	shunt_semaphore_close(&pool);
	return 0;
}

static pid_t
start(unsigned i)
{
	worker = i;
	return peer_start(work, board);
}

/* Stopped, then killed: what it said it held is taken back while it still
 * holds it, so that nobody counts a dead one. */
static void
disturb(pid_t *pid, uint64_t x)
{
	unsigned i = (unsigned)(x >> 8) % WORKERS;
	int status;

	NEED(kill(pid[i], SIGSTOP) == 0);
	NEED(waitpid(pid[i], &status, WUNTRACED) == pid[i] &&
	     WIFSTOPPED(status));
	if (x % 4 == 0) {
		usleep((useconds_t)(x >> 40) % 3000);
		NEED(kill(pid[i], SIGCONT) == 0);
		return;
	}
	board->holding[i] = 0;
	NEED(kill(pid[i], SIGKILL) == 0);
	NEED(peer_end(pid[i]) == -SIGKILL);
	board->deaths[!maker(i)]++;
	usleep((useconds_t)(x >> 40) % 4000);
	pid[i] = start(i);
}

/* All are to be had by one who comes last. */
static void
all_back(struct shunt_semaphore *pool)
{
	for (int i = 0; i < PERMITS; i++)
		NEED(shunt_semaphore_wait(pool, 5000 * (int64_t)MS) == 0);
	NEED(shunt_semaphore_wait(pool, SHUNT_NOWAIT) == -EAGAIN);
	for (int i = 0; i < PERMITS; i++)
		NEED(shunt_semaphore_post(pool) == 0);
	NEED(shunt_semaphore_value(pool) == PERMITS);
	NEED(shunt_semaphore_post(pool) == -EOVERFLOW);
}

int
main(void)
{
	const struct shunt_semaphore_options three = {
	    .sz = sizeof(three), .threads = 16, .permits = PERMITS};
	const struct shunt_semaphore_options none = {
	    .sz = sizeof(none), .threads = 16, .flags = SHUNT_SEMAPHORE_EMPTY};
	uint64_t seed = test_now() | 1, end, made = 0, used = 0;
	struct shunt_semaphore *pool, *items;
	pid_t pid[WORKERS];

	alarm(50);
	board = test_shared(sizeof(*board));
	snprintf(board->pool, sizeof(board->pool), "%s", test_name("pool"));
	snprintf(board->items, sizeof(board->items), "%s", test_name("items"));
	printf("seed %llu\n", (unsigned long long)seed);
	NEED(shunt_semaphore_open(&pool, board->pool, &three) == 1);
	NEED(shunt_semaphore_open(&items, board->items, &none) == 1);
	for (unsigned i = 0; i < WORKERS; i++)
		pid[i] = start(i);
	for (end = test_now() + RUN_MS * MS; test_now() < end;) {
		uint64_t x = test_random(&seed);
		usleep((useconds_t)(x >> 24) % 5000);
		disturb(pid, x);
	}
	board->stop = 1;
	for (unsigned i = 0; i < WORKERS; i++) {
		NEED(peer_end(pid[i]) == 0);
		made += board->made[i];
		used += board->used[i];
	}
	NEED(!board->crowded);
	all_back(pool);
	/* Who died may have made or used one more than it noted. */
	uint64_t left = (uint64_t)shunt_semaphore_value(items);
	NEED(left + used + board->deaths[1] >= made);
	NEED(left + used <= made + board->deaths[0]);
	NEED(board->turns > 3000 && made > 1000 && used > 1000);
	NEED(board->deaths[0] > 30 && board->deaths[1] > 30);
	printf("%llu turns, %llu made, %llu used, %llu left, %llu deaths\n",
	    (unsigned long long)board->turns, (unsigned long long)made,
	    (unsigned long long)used, (unsigned long long)left,
	    (unsigned long long)(board->deaths[0] + board->deaths[1]));
	shunt_semaphore_close(&pool);
	NEED(!test_there(board->pool));
	shunt_semaphore_close(&items);
	shunt_remove(board->items, NULL);
	return 0;
}
