/* SPDX-License-Identifier: MIT */

/*
 * Classic iceoryx by its C binding: chunks are loaned, written in place and
 * published; each subscriber gets each, and publishers wait for slow ones.
 * Its daemon RouDi is started by the first cell and ended with the run.
 */

#include "bench_loops.h"
#include "peers.h"

#if __has_include(<iceoryx_binding_c/runtime.h>)
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
#include <iceoryx_binding_c/log.h>
#include <iceoryx_binding_c/publisher.h>
#include <iceoryx_binding_c/runtime.h>
#include <iceoryx_binding_c/subscriber.h>
#include <iceoryx_binding_c/wait_set.h>
#pragma GCC diagnostic pop

#define READY_MS 10000

static pid_t roudi;
static int talk = -1; /* what it prints; nobody reads it later */
static char name[BENCH_NAME];

struct own {
	iox_pub_storage_t pub_room;
	iox_sub_storage_t sub_room;
	iox_ws_storage_t ws_room;
	iox_pub_t pub;
	iox_sub_t sub;
	iox_ws_t ws;
};

static int end(void);

static void
become_roudi(int out)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	setsid(); /* Ctrl-C is the harness's, which ends it in order */
	dup2(null, 0);
	dup2(out, 1);
	dup2(null, 2);
	execlp("iox-roudi", "iox-roudi", "--log-level", "fatal", "--kill-delay",
	    "1", (char *)NULL);
	_exit(127);
}

/* Waits for the line that says so. */
static int
ready(void)
{
	uint64_t late = bench_now() + READY_MS * UINT64_C(1000000);
	char text[4096];
	size_t n = 0;

	while (bench_now() < late && n + 1 < sizeof text) {
		ssize_t r = read(talk, text + n, sizeof text - n - 1);

		if (r == 0)
			break;
		if (r < 0) {
			bench_sleep(1000000);
			continue;
		}
		n += (size_t)r;
		text[n] = '\0';
		if (strstr(text, "ready for clients") != NULL)
			return 0;
	}
	end();
	return bench_fail("RouDi does not start; is another one running?");
}

static int
start(void)
{
	int out[2];

	if (roudi > 0)
		return 0;
	if (pipe2(out, O_CLOEXEC) < 0)
		return bench_fail("pipe2: %s", strerror(errno));
	roudi = fork();
	if (roudi == 0)
		become_roudi(out[1]);
	close(out[1]);
	talk = out[0];
	fcntl(talk, F_SETFL, O_NONBLOCK);
	return ready();
}

/* Its end: 1 if it was orderly, so that it has removed what it had made. */
static int
end(void)
{
	int status = 0, gone = 0;

	kill(roudi, SIGTERM);
	for (int i = 0; i < 10000 && !gone; i++) {
		gone = waitpid(roudi, &status, WNOHANG) != 0;
		if (!gone)
			bench_sleep(1000000);
	}
	if (!gone) {
		kill(roudi, SIGKILL);
		waitpid(roudi, &status, 0);
	}
	/* Its own, which it leaves. */
	unlink("/tmp/roudi");
	unlink("/tmp/roudi.lock");
	unlink("/tmp/iox-unique-roudi.lock");
	roudi = 0;
	close(talk);
	talk = -1;
	return gone && WIFEXITED(status);
}

/*
 * It aborts where processes that it knows were killed, and leaves its memory.
 * Another one takes that over when it starts, and removes it when it ends.
 */
void
peer_iceoryx_stop(void)
{
	if (roudi > 0 && !end() && start() == 0)
		end();
}

static int
setup(const struct bench_cell *cell)
{
	(void)cell;
	bench_name(name);
	return start();
}

/* Of the largest chunks RouDi has some thirty by default. */
static uint64_t
depth(const struct bench_cell *cell)
{
	if (cell->size > 131072)
		return cell->producers > 1 ? 2 : 4;
	return cell->size > 16384 ? 32 : 256;
}

static void
publish_on(struct own *o, const char *way)
{
	iox_pub_options_t p;

	iox_pub_options_init(&p);
	p.subscriberTooSlowPolicy = ConsumerTooSlowPolicy_WAIT_FOR_CONSUMER;
	o->pub = iox_pub_init(&o->pub_room, "shunt-bench", name + 1, way, &p);
}

static void
subscribe_to(struct own *o, const char *way, const struct bench_cell *cell)
{
	iox_sub_options_t s;

	iox_sub_options_init(&s);
	s.queueCapacity = depth(cell);
	s.queueFullPolicy = QueueFullPolicy_BLOCK_PRODUCER;
	o->sub = iox_sub_init(&o->sub_room, "shunt-bench", name + 1, way, &s);
	if (cell->sleeping) {
		o->ws = iox_ws_init(&o->ws_room);
		iox_ws_attach_subscriber_state(
		    o->ws, o->sub, SubscriberState_HAS_DATA, 0, NULL);
	}
}

static int
met(const struct own *o)
{
	return (o->pub == NULL || iox_pub_has_subscribers(o->pub)) &&
	       (o->sub == NULL || iox_sub_get_subscription_state(o->sub) ==
				      SubscribeState_SUBSCRIBED);
}

/*
 * It writes its findings on standard error, and a signal during a wait makes
 * it abort: so its processes get none, and end by the limit of their waits.
 */
static void
quiet(void)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	iox_set_loglevel(Iceoryx_LogLevel_Off);
	dup2(null, 1);
	dup2(null, 2);
}

static int
join(struct bench_side *me)
{
	struct own *o = calloc(1, sizeof *o);
	char mine[BENCH_NAME + 16];

	if (o == NULL)
		return bench_fail("no memory");
	me->end = o;
	quiet();
	bench_unpin(me); /* its threads work beside ours */
	snprintf(mine, sizeof mine, "%s-%d", name + 1, me->index);
	iox_runtime_init(mine);
	if (me->producer || me->cell.trips)
		publish_on(o, me->producer ? "there" : "back");
	if (!me->producer || me->cell.trips)
		subscribe_to(o, me->producer ? "back" : "there", &me->cell);
	for (int i = 0; i < 5000 && !met(o); i++)
		bench_sleep(1000000);
	if (!met(o))
		return bench_fail("the other side was not found");
	/* RouDi looks every 100 ms; with several, all have to be found. */
	if (me->cell.producers > 1 || me->cell.consumers > 1)
		bench_sleep(300000000);
	bench_pin(me);
	return 0;
}

static void
leave(struct bench_side *me)
{
	struct own *o = me->end;

	if (o == NULL)
		return;
	if (o->ws != NULL)
		iox_ws_deinit(o->ws);
	if (o->sub != NULL)
		iox_sub_deinit(o->sub);
	if (o->pub != NULL)
		iox_pub_deinit(o->pub);
	iox_runtime_shutdown();
	/* Only at its exit does it tell RouDi, which waits for it otherwise. */
	exit(0);
}

static inline int
put(struct bench_side *me, uint64_t word)
{
	struct own *o = me->end;
	void *room;

	if (iox_pub_loan_chunk(o->pub, &room, (uint32_t)me->cell.size) !=
	    AllocationResult_SUCCESS)
		return -EAGAIN;
	bench_stamp(room, me->cell.size, word);
	iox_pub_publish_chunk(o->pub, room);
	return 0;
}

static inline int
get(struct bench_side *me, uint64_t *word)
{
	struct own *o = me->end;
	const void *msg;
	int r;

	if (iox_sub_take_chunk(o->sub, &msg) != ChunkReceiveResult_SUCCESS) {
		iox_notification_info_t info;
		uint64_t missed;

		if (o->ws == NULL)
			return -EAGAIN;
		iox_ws_timed_wait(
		    o->ws, (struct timespec){0, 20000000}, &info, 1, &missed);
		if (iox_sub_take_chunk(o->sub, &msg) !=
		    ChunkReceiveResult_SUCCESS)
			return -EAGAIN;
	}
	r = bench_check(msg, me->cell.size, me->cell.size, word);
	iox_sub_release_chunk(o->sub, msg);
	return r;
}

BENCH_RUN(run, put, get, NULL)
#define DRIVE .setup = setup, .join = join, .run = run, .leave = leave
#else
PEER_ABSENT("libiceoryx-binding-c-dev")
#define DRIVE .lacks = absent

void
peer_iceoryx_stop(void)
{
}
#endif

const struct bench_driver peer_iceoryx = {
    .id = "iceoryx",
    .what = "classic iceoryx, C binding and RouDi, in place",
    .can = BENCH_TRIPS | BENCH_FLOOD | BENCH_POLL | BENCH_SLEEP |
	   BENCH_FROM_MANY | BENCH_TO_MANY | BENCH_EACH | BENCH_IN_PLACE,
    DRIVE,
};
