/* SPDX-License-Identifier: MIT */
/* limit: 30 */
/*
 * A server is stopped, as by ^Z, with a call in its hands: it is alive, so its
 * client is told nothing, the other server serves all other clients, and the
 * reply comes when it goes on.  Then a client is stopped that has more replies
 * to come than there is room for: it costs its server one patience in all.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shunt.h>

#include "lib/peers.h"

#define LONG     (400 * (int64_t)MS) /* in which a dead one is told of */
#define LAST     (8000 * (int64_t)MS)
#define PATIENCE (300 * (int64_t)MS)
#define MANY     30

static const struct shunt_service_options small = {.sz = sizeof(small),
    .lane_bytes = 4096,
    .clients = 4,
    .servers = 4,
    .patience_ns = PATIENCE};
static const struct shunt_call_options for_long = {
    .sz = sizeof(for_long), .wait_ns = LONG};
static const struct shunt_call_options surely = {
    .sz = sizeof(surely), .wait_ns = LAST};

static const char *name;
static struct step *step;

static void
stop(pid_t pid)
{
	int status;

	NEED(kill(pid, SIGSTOP) == 0);
	NEED(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
}

/* Has a request when it is stopped; answers and ends. */
static int
serve_one(void *arg)
{
	struct shunt_service *s;
	const void *msg;

	(void)arg;
	NEED(shunt_service_open(&s, name, &small) >= 0);
	NEED(shunt_service_next(s, &msg, NULL, NULL) == 3);
	step_to(step, 1);
	step_wait(step, 2);
	NEED(shunt_service_reply(s, 7, "late", 4) == 0);
	shunt_service_close(&s);
	return 0;
}

static int
ask_and_stand(void *arg)
{
	struct shunt_client *c;
	char buf[1500];

	(void)arg;
	NEED(shunt_client_open(&c, name, NULL) == 0);
	for (int i = 0; i < MANY; i++)
		NEED(shunt_client_send(c, "more", 4, NULL, NULL) == 0);
	step_to(step, 3);
	/* Stopped here, for so long as its server takes. */
	step_wait(step, 4);
	for (int i = 0; i < MANY; i++) {
		ssize_t n =
		    shunt_client_poll(c, buf, sizeof(buf), NULL, &surely);
		NEED(n == (i < 2 ? 1500 : SHUNT_E_PEERDEAD));
	}
	/* And it is served on. */
	NEED(shunt_client_call(c, "end", 3, buf, sizeof(buf), NULL, &surely) ==
	     2);
	shunt_client_close(&c);
	return 0;
}

static void
a_stopped_server(struct shunt_client *c)
{
	struct shunt_reply info = {.sz = sizeof(info)};
	struct shunt_client *other;
	struct shunt_service *s;
	const void *msg;
	char buf[16];

	NEED(shunt_client_send(c, "one", 3, NULL, NULL) == 0);
	pid_t pid = peer_start(serve_one, NULL);
	step_wait(step, 1);
	stop(pid);
	NEED(shunt_client_poll(c, buf, 16, NULL, &for_long) == -ETIMEDOUT);
	/* What it has is its own, and whoever comes behind it waits. */
	NEED(shunt_client_send(c, "two", 3, NULL, NULL) == 0);
	NEED(shunt_service_open(&s, name, &small) == 0);
	NEED(shunt_service_next(s, &msg, NULL, &for_long) == -ETIMEDOUT);
	NEED(shunt_client_open(&other, name, NULL) == 0);
	NEED(shunt_client_send(other, "three", 5, NULL, NULL) == 0);
	NEED(shunt_service_next(s, &msg, NULL, &surely) == 5);
	NEED(shunt_service_reply(s, 0, "3", 1) == 0);
	NEED(shunt_client_poll(other, buf, 16, NULL, &surely) == 1);
	shunt_client_close(&other);
	NEED(kill(pid, SIGCONT) == 0);
	step_to(step, 2);
	NEED(shunt_client_poll(c, buf, 16, &info, &surely) == 4);
	NEED(memcmp(buf, "late", 4) == 0 && info.status == 7);
	NEED(peer_end(pid) == 0);
	NEED(shunt_service_next(s, &msg, NULL, &surely) == 3);
	NEED(memcmp(msg, "two", 3) == 0);
	NEED(shunt_service_reply(s, 0, "2", 1) == 0);
	NEED(shunt_client_poll(c, buf, 16, NULL, &surely) == 1);
	shunt_service_close(&s);
}

static void
a_stopped_client(struct shunt_client *c)
{
	static const char big[1500];
	struct shunt_service *s;
	const void *msg;
	char buf[16];
	int dropped = 0;

	NEED(shunt_service_open(&s, name, &small) == 0);
	pid_t pid = peer_start(ask_and_stand, NULL);
	step_wait(step, 3);
	stop(pid);
	NEED(shunt_client_send(c, "mine", 4, NULL, NULL) == 0);
	uint64_t begin = test_now();
	for (int i = 0; i < MANY + 1; i++) {
		struct shunt_request info = {.sz = sizeof(info)};
		NEED(shunt_service_next(s, &msg, &info, &surely) == 4);
		int mine = memcmp(msg, "mine", 4) == 0;
		int e = shunt_service_reply(s, 0, big, mine ? 1 : sizeof(big));
		NEED(e == 0 || (!mine && e == -ETIMEDOUT));
		dropped += e != 0;
	}
	uint64_t took = test_now() - begin;
	NEED(dropped == MANY - 2);
	printf("%d replies dropped in %.0f ms\n", dropped, (double)took / 1e6);
	NEED(took < (uint64_t)(PATIENCE * MANY / 3));
	NEED(shunt_client_poll(c, buf, 16, NULL, &surely) == 1);
	NEED(kill(pid, SIGCONT) == 0);
	step_to(step, 4);
	NEED(shunt_service_next(s, &msg, NULL, &surely) == 3);
	NEED(shunt_service_reply(s, 0, "ok", 2) == 0);
	NEED(peer_end(pid) == 0);
	shunt_service_close(&s);
}

int
main(void)
{
	struct shunt_client *c;

	alarm(25);
	name = test_name("call");
	step = test_shared(sizeof(*step));
	NEED(shunt_client_open(&c, name, &small) == 1);
	a_stopped_server(c);
	a_stopped_client(c);
	shunt_client_close(&c);
	NEED(!test_there(name));
	return 0;
}
