/* SPDX-License-Identifier: MIT */
/*
 * Receivers in poll(2), in edge-triggered epoll(7) and in shunt_wait(), none
 * of them with a time-out: two senders at full speed, every message counted;
 * then senders killed at random, after which what they had sent must come by
 * itself.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shunt.h>

#include "lib/peers.h"
#include "os/os.h"

#define SENDERS  2
#define MESSAGES 100000u
#define KILLS    60

static const struct shunt_queue_options small = {
    .sz = sizeof(small), .lanes = 8, .lane_bytes = 4096};
static const struct shunt_recv_options now = {
    .sz = sizeof(now), .wait_ns = SHUNT_NOWAIT};

struct world {
	char name[SENDERS][64]; /* shunt_wait() has a queue of each sender */
	uint32_t queues;
	struct step got;         /* messages received in all */
	struct step sent;        /* noted by senders after the call */
	_Atomic uint32_t finish; /* then the next message is the last */
	_Atomic uint64_t calls;  /* of senders that woke somebody */
	_Atomic uint64_t sleeps; /* of the receiver */
	uint64_t last[SENDERS];  /* the receiver's own */
	int (*sleep)(struct world *w, struct shunt_queue **queues);
};

struct message {
	uint32_t sender; /* SENDERS: the end */
	uint32_t life;
	uint64_t seq;
};

/* ---- three ways to sleep ------------------------------------------------- */

static int
in_poll(struct world *w, struct shunt_queue **queues)
{
	struct pollfd p = {.fd = shunt_queue_fd(queues[0]), .events = POLLIN};

	(void)w;
	NEED(p.fd >= 0);
	return poll(&p, 1, -1);
}

static int
in_epoll(struct world *w, struct shunt_queue **queues)
{
	static int ep = -1;
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};

	(void)w;
	if (ep < 0) {
		ep = epoll_create1(EPOLL_CLOEXEC);
		int fd = shunt_queue_fd(queues[0]);
		NEED(ep >= 0 && fd >= 0);
		NEED(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event) == 0);
	}
	return epoll_wait(ep, &event, 1, -1);
}

static int
in_shunt_wait(struct world *w, struct shunt_queue **queues)
{
	struct shunt_wait_item items[SENDERS];

	for (uint32_t i = 0; i < w->queues; i++)
		items[i].end = shunt_queue_end(queues[i]);
	return shunt_wait(items, (int)w->queues, SHUNT_FOREVER);
}

/* ---- the receiver -------------------------------------------------------- */

/* Everything there is now; 1 if the end was in it. */
static int
take_all(struct world *w, struct shunt_queue *queue)
{
	struct message m;
	ssize_t n;
	int end = 0;

	while ((n = shunt_queue_recv(queue, &m, sizeof(m), NULL, &now)) !=
	       -EAGAIN) {
		NEED(n == sizeof(m));
		if (m.sender == SENDERS) {
			end = 1;
			continue;
		}
		/* Each of a sender and life once, in order. */
		uint64_t at = ((uint64_t)m.life << 32) | m.seq;
		NEED(m.sender < SENDERS && at > w->last[m.sender]);
		NEED(m.seq == 1 || at == w->last[m.sender] + 1);
		w->last[m.sender] = at;
		step_to(&w->got, w->got.n + 1);
	}
	return end;
}

static int
receive(void *arg)
{
	struct world *w = arg;
	struct shunt_queue *queues[SENDERS];
	int end = 0;

	for (uint32_t i = 0; i < w->queues; i++)
		NEED(shunt_queue_open(&queues[i], w->name[i], &small) >= 0);
	while (!end) {
		w->sleeps++;
		NEED(w->sleep(w, queues) >= 1);
		for (uint32_t i = 0; i < w->queues; i++)
			end |= take_all(w, queues[i]);
	}
	for (uint32_t i = 0; i < w->queues; i++)
		take_all(w, queues[i]);
	for (uint32_t i = 0; i < w->queues; i++)
		shunt_queue_close(&queues[i]);
	return 0;
}

/* ---- senders ------------------------------------------------------------- */

struct role {
	struct world *w;
	uint32_t sender, life, count;
};

static struct world *watched;
static int (*real_wake)(const void *word, int n);
static int (*real_touch)(int fd);

static int
count_wake(const void *word, int n)
{
	watched->calls++;
	return real_wake(word, n);
}

static int
count_touch(int fd)
{
	watched->calls++;
	return real_touch(fd);
}

static int
send_all(void *arg)
{
	const struct role *r = arg;
	struct shunt_queue *queue;
	struct message m = {.sender = r->sender, .life = r->life};

	watched = r->w;
	real_wake = shunt__os.futex_wake;
	real_touch = shunt__os.touch;
	shunt__os.futex_wake = count_wake;
	shunt__os.touch = count_touch;
	NEED(shunt_queue_open(
		 &queue, r->w->name[r->sender % r->w->queues], &small) >= 0);
	for (m.seq = 1; r->count == 0 || m.seq <= r->count; m.seq++) {
		NEED(shunt_queue_send(queue, &m, sizeof(m), NULL) == 0);
		atomic_fetch_add(&r->w->sent.n, 1);
		if (r->count == 0)
			usleep(20); /* so that the receiver sleeps */
	}
	shunt_queue_close(&queue);
	return 0;
}

/* A full lane's sender is woken by the receiver; whoever else sends, wakes. */
static void
say_end(struct world *w)
{
	struct message m = {.sender = SENDERS};
	struct shunt_queue *queue;

	NEED(shunt_queue_open(&queue, w->name[0], &small) >= 0);
	NEED(shunt_queue_send(queue, &m, sizeof(m), NULL) == 0);
	shunt_queue_close(&queue);
}

static void
full_speed(struct world *w)
{
	struct role role[SENDERS];
	pid_t pid[SENDERS], receiver = peer_start(receive, w);

	for (uint32_t i = 0; i < SENDERS; i++) {
		role[i] = (struct role){w, i, 1, MESSAGES};
		pid[i] = peer_start(send_all, &role[i]);
	}
	for (uint32_t i = 0; i < SENDERS; i++)
		NEED(peer_end(pid[i]) == 0);
	step_wait(&w->got, SENDERS * MESSAGES);
	say_end(w);
	NEED(peer_end(receiver) == 0);
	NEED(w->got.n == SENDERS * MESSAGES);
	/* Two calls wake a sleep once; a lost race of two wakers is one more.
	 */
	NEED(w->calls <= 4 * w->sleeps + 4);
	printf("%u messages, %llu calls of senders for %llu sleeps\n",
	    SENDERS * MESSAGES, (unsigned long long)w->calls,
	    (unsigned long long)w->sleeps);
}

/* Senders note without a wake. */
static void
until_sent(struct world *w, uint32_t n)
{
	uint64_t end = test_now() + 20000 * MS;

	while (w->sent.n < n) {
		NEED(test_now() < end);
		usleep(100);
	}
}

/* What a killed sender had sent comes although nobody else sends. */
static void
killed(struct world *w)
{
	uint64_t rng = 88172645463325252u;
	pid_t receiver = peer_start(receive, w);

	for (uint32_t i = 0; i < KILLS; i++) {
		struct role role = {w, i % SENDERS, i + 1, 0};
		uint32_t before = w->sent.n;
		pid_t pid = peer_start(send_all, &role);
		until_sent(w, before + 1);
		usleep((useconds_t)(test_random(&rng) % 2000));
		peer_kill(pid);
		/* At most one of each killed one came without its note. */
		step_wait(&w->got, w->sent.n);
	}
	say_end(w);
	NEED(peer_end(receiver) == 0);
	NEED(w->got.n <= w->sent.n + KILLS);
	printf("%u kills, %u messages\n", KILLS, w->got.n);
}

/* ---- a consumer dies with a message in hand --------------------------------
 */

struct inheritance {
	char name[64];
	struct step has, waits;
};

static int
hold_one(void *arg)
{
	struct inheritance *h = arg;
	struct shunt_queue *queue;
	const void *msg;

	NEED(shunt_queue_open(&queue, h->name, &small) >= 0);
	NEED(shunt_queue_peek(queue, &msg, NULL, NULL) == 4);
	step_to(&h->has, h->has.n + 1);
	pause();
	return 0;
}

/* Without a time-out: the death alone can end it. */
static int
inherit_one(void *arg)
{
	struct inheritance *h = arg;
	struct shunt_queue *queue;
	char buf[8];
	ssize_t n;

	NEED(shunt_queue_open(&queue, h->name, &small) >= 0);
	struct pollfd p = {.fd = shunt_queue_fd(queue), .events = POLLIN};
	NEED(p.fd >= 0);
	int first = 1;
	while ((n = shunt_queue_recv(queue, buf, 8, NULL, &now)) == -EAGAIN) {
		if (first)
			step_to(&h->waits, h->waits.n + 1);
		first = 0;
		NEED(poll(&p, 1, -1) == 1);
	}
	NEED(n == 4 && !first);
	shunt_queue_close(&queue);
	return 0;
}

#define HEIRS 40

static void
inherited(void)
{
	struct inheritance *h = test_shared(sizeof(*h));
	struct shunt_queue *queue;

	snprintf(h->name, sizeof(h->name), "%s", test_name("heir"));
	NEED(shunt_queue_open(&queue, h->name, &small) == 1);
	for (uint32_t i = 1; i <= HEIRS; i++) {
		NEED(shunt_queue_send(queue, "text", 4, NULL) == 0);
		pid_t dying = peer_start(hold_one, h);
		step_wait(&h->has, i);
		pid_t heir = peer_start(inherit_one, h);
		step_wait(&h->waits, i);
		peer_kill(dying);
		NEED(peer_end(heir) == 0);
	}
	shunt_queue_close(&queue);
	printf("heirs: %u messages of dead consumers\n", HEIRS);
}

/* ---- a server dies with a request in hand: the next of that client --------
 */

static const struct shunt_call_options call_now = {
    .sz = sizeof(call_now), .wait_ns = SHUNT_NOWAIT};

static int
serve_one(void *arg)
{
	struct inheritance *h = arg;
	struct shunt_service *service;
	const void *msg;

	NEED(shunt_service_open(&service, h->name, NULL) >= 0);
	NEED(shunt_service_next(service, &msg, NULL, NULL) == 3);
	step_to(&h->has, h->has.n + 1);
	pause();
	return 0;
}

static int
serve_next(void *arg)
{
	struct inheritance *h = arg;
	struct shunt_service *service;
	const void *msg;
	ssize_t n;

	NEED(shunt_service_open(&service, h->name, NULL) >= 0);
	struct pollfd p = {.fd = shunt_service_fd(service), .events = POLLIN};
	NEED(p.fd >= 0);
	int first = 1;
	while ((n = shunt_service_next(service, &msg, NULL, &call_now)) ==
	       -EAGAIN) {
		if (first)
			step_to(&h->waits, h->waits.n + 1);
		first = 0;
		NEED(poll(&p, 1, -1) == 1);
	}
	NEED(n == 4 && !first && memcmp(msg, "next", 4) == 0);
	NEED(shunt_service_reply(service, 0, "done", 4) == 0);
	shunt_service_close(&service);
	return 0;
}

/* The client looks at nothing meanwhile, so it is no help. */
static void
served(void)
{
	struct inheritance *h = test_shared(sizeof(*h));
	struct shunt_client *client;
	char buf[8];

	snprintf(h->name, sizeof(h->name), "%s", test_name("next"));
	NEED(shunt_client_open(&client, h->name, NULL) == 1);
	for (uint32_t i = 1; i <= HEIRS; i++) {
		NEED(shunt_client_send(client, "one", 3, NULL, NULL) == 0);
		NEED(shunt_client_send(client, "next", 4, NULL, NULL) == 0);
		pid_t dying = peer_start(serve_one, h);
		step_wait(&h->has, i);
		pid_t heir = peer_start(serve_next, h);
		step_wait(&h->waits, i);
		peer_kill(dying);
		NEED(peer_end(heir) == 0);
		NEED(shunt_client_poll(client, buf, 8, NULL, NULL) ==
		     SHUNT_E_PEERDEAD);
		NEED(shunt_client_poll(client, buf, 8, NULL, NULL) == 4);
	}
	shunt_client_close(&client);
	printf("servers: %u requests behind those of dead ones\n", HEIRS);
}

int
main(void)
{
	static const struct {
		const char *name;
		int (*sleep)(struct world *w, struct shunt_queue **queues);
		uint32_t queues;
	} ways[] = {
	    {"poll", in_poll, 1},
	    {"epoll", in_epoll, 1},
	    {"wait", in_shunt_wait, SENDERS},
	};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		for (int kills = 0; kills < 2; kills++) {
			struct world *w = test_shared(sizeof(*w));
			w->sleep = ways[i].sleep;
			w->queues = ways[i].queues;
			for (uint32_t q = 0; q < w->queues; q++)
				snprintf(w->name[q], sizeof(w->name[q]), "%s",
				    test_name(ways[i].name));
			printf("%s: ", ways[i].name);
			fflush(stdout);
			if (kills)
				killed(w);
			else
				full_speed(w);
		}
	inherited();
	served();
	return 0;
}
