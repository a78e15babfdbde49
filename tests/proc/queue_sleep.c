/* SPDX-License-Identifier: MIT */
/* Who waits sleeps, is woken at once, and costs next to nothing meanwhile. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shunt.h>

#include "proc/libflow.h"

static const struct shunt_queue_options small = {
    .sz = sizeof(small), .lanes = 4, .lane_bytes = 4096};

struct meeting {
	char name[64];
	struct step go;        /* rounds that it may begin */
	struct step ready;     /* rounds that the sleeper begins */
	struct step woken;     /* rounds that it has done */
	_Atomic uint64_t at;   /* when it was woken */
	_Atomic uint32_t sent; /* messages, by a sender */
	uint32_t received;
};

/* Is this thread of the other process asleep in the kernel? */
static int
is_asleep(pid_t pid)
{
	char path[64], line[512];
	int c = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "re");
	NEED(f != NULL);
	NEED(fgets(line, sizeof(line), f) != NULL);
	fclose(f);
	char *p = strrchr(line, ')');
	if (p != NULL && p[1] == ' ')
		c = p[2];
	return c == 'S';
}

static void
until_asleep(pid_t pid)
{
	uint64_t end = test_now() + 10000 * MS;

	while (!is_asleep(pid)) {
		NEED(test_now() < end);
		usleep(50);
	}
}

#define ROUNDS 300

static int
receive_rounds(void *arg)
{
	struct meeting *m = arg;
	struct shunt_queue *queue;
	char buf[8];

	NEED(shunt_queue_open(&queue, m->name, &small) >= 0);
	for (uint32_t n = 1; n <= ROUNDS; n++) {
		step_wait(&m->go, n);
		step_to(&m->ready, n);
		NEED(shunt_queue_recv(queue, buf, 8, NULL, NULL) == 1);
		m->at = test_now();
		step_to(&m->woken, n);
	}
	shunt_queue_close(&queue);
	return 0;
}

static int
send_rounds(void *arg)
{
	const struct shunt_send_options now = {
	    .sz = sizeof(now), .wait_ns = SHUNT_NOWAIT};
	struct meeting *m = arg;
	struct shunt_queue *queue;
	char buf[1000] = {0};

	NEED(shunt_queue_open(&queue, m->name, &small) >= 0);
	for (uint32_t n = 1; n <= ROUNDS; n++) {
		step_wait(&m->go, n);
		while (shunt_queue_send(queue, buf, sizeof(buf), &now) == 0)
			m->sent++;
		step_to(&m->ready, n);
		NEED(shunt_queue_send(queue, buf, sizeof(buf), NULL) == 0);
		m->at = test_now();
		m->sent++;
		step_to(&m->woken, n);
	}
	shunt_queue_close(&queue);
	return 0;
}

/* A lost wake-up costs 250 ms, the bound of the first sleep: none may be
 * lost, so that hardly a round may come near it on a busy machine. */
static void
is_woken(const char *what, int (*sleeper)(void *),
    void (*wake)(struct shunt_queue *, struct meeting *))
{
	struct meeting *m = test_shared(sizeof(*m));
	struct shunt_queue *queue;
	uint64_t worst = 0, sum = 0;
	int late = 0;

	snprintf(m->name, sizeof(m->name), "%s", test_name(what));
	NEED(shunt_queue_open(&queue, m->name, &small) == 1);
	pid_t pid = peer_start(sleeper, m);
	for (uint32_t n = 1; n <= ROUNDS; n++) {
		step_to(&m->go, n);
		step_wait(&m->ready, n);
		until_asleep(pid);
		uint64_t begin = test_now();
		wake(queue, m);
		step_wait(&m->woken, n);
		uint64_t took = m->at - begin;
		late += took > 100 * MS;
		worst = took > worst ? took : worst;
		sum += took;
	}
	NEED(peer_end(pid) == 0);
	printf("%s: woken after %.1f us, at worst %.1f us\n", what,
	    (double)sum / ROUNDS / 1e3, (double)worst / 1e3);
	NEED(late <= 2);
	shunt_queue_close(&queue);
	shunt_remove(m->name, NULL);
}

static void
wake_receiver(struct shunt_queue *queue, struct meeting *m)
{
	(void)m;
	NEED(shunt_queue_send(queue, "x", 1, NULL) == 0);
}

/* All that was there when it fell asleep, and no more: it is rung when a
 * quarter of its lane is free, not for each message. */
static void
wake_sender(struct shunt_queue *queue, struct meeting *m)
{
	char buf[1000];

	for (uint32_t sent = m->sent; m->received < sent; m->received++)
		NEED(shunt_queue_recv(queue, buf, 1000, NULL, NULL) == 1000);
}

/* ---- a message at every moment of the way to sleep --------------------------
 */

#define VOLLEYS 10000

struct table {
	char name[2][64];
	_Atomic uint32_t late;
};

static void
dawdle(uint64_t *seed)
{
	/* For longer than the other spins, sometimes: it falls asleep. */
	for (uint64_t i = test_random(seed) % 200000; i > 0; i--)
		__asm__ volatile("");
}

static void
play(struct table *t, int me)
{
	struct shunt_queue *in, *out;
	uint64_t seed = (uint64_t)me + 3;
	char buf[8];

	NEED(shunt_queue_open(&in, t->name[me], &small) >= 0);
	NEED(shunt_queue_open(&out, t->name[!me], &small) >= 0);
	for (int i = 0; i < VOLLEYS; i++) {
		dawdle(&seed);
		if (me == 0)
			NEED(shunt_queue_send(out, "x", 1, NULL) == 0);
		uint64_t begin = test_now();
		NEED(shunt_queue_recv(in, buf, 8, NULL, NULL) == 1);
		t->late += test_now() - begin > 100 * MS;
		if (me == 1)
			NEED(shunt_queue_send(out, "x", 1, NULL) == 0);
	}
	shunt_queue_close(&in);
	shunt_queue_close(&out);
}

static int
other_player(void *t)
{
	play(t, 1);
	return 0;
}

static void
no_wake_is_lost(void)
{
	struct table *t = test_shared(sizeof(*t));
	struct shunt_queue *keep[2];

	for (int i = 0; i < 2; i++) {
		snprintf(
		    t->name[i], sizeof(t->name[i]), "%s", test_name("volley"));
		NEED(shunt_queue_open(&keep[i], t->name[i], &small) == 1);
	}
	pid_t pid = peer_start(other_player, t);
	play(t, 0);
	NEED(peer_end(pid) == 0);
	printf("volleys: %d, of them late %u\n", VOLLEYS, t->late);
	NEED(t->late <= 3);
	for (int i = 0; i < 2; i++)
		shunt_queue_close(&keep[i]);
}

static int
sleep_in_vain(void *arg)
{
	struct meeting *m = arg;
	struct shunt_queue *queue;
	char buf[8];

	NEED(shunt_queue_open(&queue, m->name, &small) >= 0);
	step_to(&m->ready, 1);
	shunt_queue_recv(queue, buf, 8, NULL, NULL);
	return 0;
}

/* Nobody comes: at most 4 wakings a second, and no time of the processor. */
static void
sleeps_cheaply(void)
{
	struct meeting *m = test_shared(sizeof(*m));
	struct rusage used;

	snprintf(m->name, sizeof(m->name), "%s", test_name("idle"));
	pid_t pid = peer_start(sleep_in_vain, m);
	step_wait(&m->ready, 1);
	until_asleep(pid);
	uint64_t before = test_switches(pid), begin = test_now();
	while (test_now() - begin < 2000 * MS)
		usleep(100000);
	uint64_t wakes = test_switches(pid) - before;
	NEED(is_asleep(pid));
	kill(pid, SIGKILL);
	NEED(wait4(pid, NULL, 0, &used) == pid);
	uint64_t us =
	    (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) +
	    1000000u * (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec);
	printf("idle: %llu wakings in 2 s, %llu us of the processor in all\n",
	    (unsigned long long)wakes, (unsigned long long)us);
	NEED(wakes <= 8);
	NEED(us < 200000);
	shunt_remove(m->name, NULL);
}

int
main(void)
{
	alarm(50);
	is_woken("receiver", receive_rounds, wake_receiver);
	is_woken("sender", send_rounds, wake_sender);
	no_wake_is_lost();
	sleeps_cheaply();
	return 0;
}
