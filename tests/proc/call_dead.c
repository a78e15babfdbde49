/* SPDX-License-Identifier: MIT */
/*
 * The only server is killed with a call in its hands: its client learns of it
 * soon, asleep in the call, in shunt_wait(), in poll(2), or asking again and
 * again; and a call that it had not begun is served by the next one.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <shunt.h>

#include "lib/peers.h"

#define ROUNDS  5
#define LATE_MS 1000 /* the library says 50; this machine may be busy */

enum { CALL, WAIT, POLL, ASK, WAYS };
static const char *const ways[] = {"call", "shunt_wait", "poll", "asking"};

static const struct shunt_call_options now = {
    .sz = sizeof(now), .wait_ns = SHUNT_NOWAIT};

static const char *name;
static struct step *step; /* odd: the server has the request */
static uint64_t *killed;

static int
serve(void *arg)
{
	struct shunt_service *s;
	const void *msg;

	(void)arg;
	NEED(shunt_service_open(&s, name, NULL) >= 0);
	NEED(shunt_service_next(s, &msg, NULL, NULL) == 1);
	step_to(step, step->n + 1);
	for (;;)
		pause();
}

/* Sleeps or not, until its call is over. */
static ssize_t
wait_for_end(struct shunt_client *c, int way)
{
	struct shunt_wait_item item = {.end = shunt_client_end(c)};
	struct pollfd p = {.events = POLLIN};
	ssize_t e;

	if (way == CALL)
		return shunt_client_poll(c, NULL, 0, NULL, NULL);
	if (way == POLL)
		p.fd = shunt_client_fd(c);
	while ((e = shunt_client_poll(c, NULL, 0, NULL, &now)) == -EAGAIN) {
		if (way == WAIT)
			NEED(shunt_wait(&item, 1, SHUNT_FOREVER) == 1);
		if (way == POLL)
			NEED(poll(&p, 1, 8000) == 1);
	}
	return e;
}

static int
call(void *arg)
{
	int way = *(int *)arg;
	uint64_t most = 0;

	for (int round = 0; round < ROUNDS; round++) {
		/* Its end, for poll, is of this round: nothing is left in it.
		 */
		struct shunt_client *c;
		NEED(shunt_client_open(&c, name, NULL) >= 0);
		NEED(shunt_client_send(c, "x", 1, NULL, NULL) == 0);
		NEED(shunt_client_send(c, "y", 1, NULL, NULL) == 0);
		NEED(wait_for_end(c, way) == SHUNT_E_PEERDEAD);
		uint64_t took = test_now() - *killed;
		most = took > most ? took : most;
		/* The other was not begun: the next server has it. */
		NEED(shunt_client_poll(c, NULL, 0, NULL, &now) == -EAGAIN);
		shunt_client_close(&c);
		step_to(step, step->n + 1);
	}
	printf("%-10s told within %.1f ms\n", ways[way], (double)most / 1e6);
	NEED(most < LATE_MS * MS);
	return 0;
}

int
main(void)
{
	alarm(9);
	name = test_name("call");
	step = test_shared(sizeof(*step));
	killed = test_shared(sizeof(*killed));
	for (int way = 0; way < WAYS; way++) {
		pid_t client = peer_start(call, &way);
		for (uint32_t round = 0; round < ROUNDS; round++) {
			uint32_t at = 2 * ((uint32_t)way * ROUNDS + round);
			pid_t server = peer_start(serve, NULL);
			step_wait(step, at + 1);
			*killed = test_now();
			NEED(kill(server, SIGKILL) == 0);
			NEED(peer_end(server) == -SIGKILL);
			step_wait(step, at + 2);
		}
		NEED(peer_end(client) == 0);
	}
	NEED(!test_there(name));
	return 0;
}
