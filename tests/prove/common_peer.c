/* SPDX-License-Identifier: MIT */
/*
 * One of two peers that were compiled for different machines, on one object:
 *
 *	peer layout        the numbers that both must agree on
 *	peer answer NAME   answers what comes on the queue NAME-to, until it
 *	                   is told to end
 *	peer ask NAME N    asks N times and looks at each answer; then says end
 *	peer hold NAME     takes the lock NAME-lock and a permit, says so, stays
 *	peer take NAME     must get both after the holder was killed
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shunt.h>

#include "lock/layout.h"
#include "log/log_layout.h"
#include "ring/lane.h"
#include "segment/object_layout.h"
#include "segment/slot.h"

#define MUST(what)                                                             \
	do {                                                                   \
		if (!(what)) {                                                 \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, \
			    #what, shunt_error_detail());                      \
			exit(1);                                               \
		}                                                              \
	} while (0)

enum { MOST = 1500 };

static const struct shunt_send_options patience = {
    .sz = sizeof(patience), .wait_ns = INT64_C(30000000000)};
static const struct shunt_recv_options waiting = {
    .sz = sizeof(waiting), .wait_ns = INT64_C(30000000000)};

static int repairs;

static int
repair(void *arg)
{
	(void)arg;
	repairs++;
	return 0;
}

static struct shunt_queue *
queue(const char *name, const char *which)
{
	static const struct shunt_queue_options o = {.sz = sizeof(o),
	    .flags = SHUNT_QUEUE_PERSISTENT,
	    .lane_bytes = 8192,
	    .lanes = 4};
	struct shunt_queue *q;
	char full[128];

	snprintf(full, sizeof(full), "%s-%s", name, which);
	MUST(shunt_queue_open(&q, full, &o) >= 0);
	return q;
}

static size_t
fill(unsigned char *buf, uint32_t i)
{
	size_t len = 4 + i * 37 % (MOST - 4);

	memcpy(buf, &i, sizeof(i));
	for (size_t k = 4; k < len; k++)
		buf[k] = (unsigned char)(i * 31 + k * 7);
	return len;
}

static int
layout(void)
{
	printf("lane %llx\n", (unsigned long long)shunt__lane_fingerprint());
	printf("header %zu control %zu area %d slot %zu\n",
	    sizeof(struct shunt__header_lay), sizeof(struct shunt__control_lay),
	    (int)SHUNT__AREA_OFF, sizeof(struct shunt__slot_lay));
	printf("semaphore %zu lane block %d\n",
	    sizeof(struct shunt__semaphore_lay), (int)SHUNT__LANE_BLOCK);
	return 0;
}

static int
answer(const char *name)
{
	struct shunt_queue *to = queue(name, "to"), *from = queue(name, "from");
	static unsigned char buf[MOST], want[MOST];
	uint32_t i;
	ssize_t n;

	for (i = 0;; i++) {
		n = shunt_queue_recv(to, buf, sizeof(buf), NULL, &waiting);
		MUST(n >= 0);
		if (n == 0)
			break;
		MUST((size_t)n == fill(want, i));
		MUST(memcmp(buf, want, (size_t)n) == 0);
		buf[4] ^= 0xff;
		MUST(shunt_queue_send(from, buf, (size_t)n, &patience) == 0);
	}
	printf("%u answered\n", i);
	return 0;
}

static int
ask(const char *name, uint32_t times)
{
	struct shunt_queue *to = queue(name, "to"), *from = queue(name, "from");
	static unsigned char buf[MOST], want[MOST];

	for (uint32_t i = 0; i < times; i++) {
		size_t len = fill(want, i);
		ssize_t n;

		MUST(shunt_queue_send(to, want, len, &patience) == 0);
		n = shunt_queue_recv(from, buf, sizeof(buf), NULL, &waiting);
		MUST(n == (ssize_t)len);
		want[4] ^= 0xff;
		MUST(memcmp(buf, want, len) == 0);
	}
	MUST(shunt_queue_send(to, NULL, 0, &patience) == 0);
	printf("%u asked\n", times);
	return 0;
}

static void
both(const char *name, struct shunt_lock **l, struct shunt_semaphore **s)
{
	static const struct shunt_lock_options lo = {
	    .sz = sizeof(lo), .flags = SHUNT_LOCK_PERSISTENT, .repair = repair};
	static const struct shunt_semaphore_options so = {.sz = sizeof(so),
	    .flags = SHUNT_SEMAPHORE_PERSISTENT,
	    .permits = 1};
	char full[128];

	snprintf(full, sizeof(full), "%s-lock", name);
	MUST(shunt_lock_open(l, full, &lo) >= 0);
	snprintf(full, sizeof(full), "%s-pool", name);
	MUST(shunt_semaphore_open(s, full, &so) >= 0);
}

static int
hold(const char *name)
{
	struct shunt_semaphore *s;
	struct shunt_lock *l;

	both(name, &l, &s);
	MUST(shunt_lock_acquire(l, SHUNT_NOWAIT) == 0);
	MUST(shunt_semaphore_wait(s, SHUNT_NOWAIT) == 0);
	printf("held\n");
	fflush(stdout);
	for (;;)
		pause();
}

static int
take(const char *name)
{
	const int64_t patient = INT64_C(20000000000);
	struct shunt_semaphore *s;
	struct shunt_lock *l;

	both(name, &l, &s);
	MUST(shunt_lock_acquire(l, patient) == 0);
	MUST(repairs == 1);
	MUST(shunt_semaphore_wait(s, patient) == 0);
	MUST(shunt_semaphore_post(s) == 0);
	MUST(shunt_lock_release(l) == 0);
	printf("taken\n");
	return 0;
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	alarm(120);
	if (strcmp(what, "layout") == 0)
		return layout();
	if (argc > 2 && strcmp(what, "answer") == 0)
		return answer(argv[2]);
	if (argc > 3 && strcmp(what, "ask") == 0)
		return ask(argv[2], (uint32_t)strtoul(argv[3], NULL, 10));
	if (argc > 2 && strcmp(what, "hold") == 0)
		return hold(argv[2]);
	if (argc > 2 && strcmp(what, "take") == 0)
		return take(argv[2]);
	fprintf(stderr, "usage: peer layout|answer|ask|hold|take [NAME [N]]\n");
	return 2;
}
