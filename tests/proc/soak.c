/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/*
 * Live long in a bad world: every few milliseconds a process is killed with
 * -9, stopped, continued, or everything is; at the end each message is
 * accounted for.  Prints a line of figures for each part, and before them that
 * it begins; exit 1 on any loss.
 *
 *	soak [--seconds=N] [--seed=S]
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shunt.h>

#include "proc/libflow.h"
#include "proc/libsoak_log.h"
#include "proc/libsquad.h"

struct soak {
	uint64_t seed;
	uint64_t ms; /* how long each part may take */
};

#define PRODUCERS 6
#define QUEUES    2  /* at once, each with its crew */
#define STOP_MOST 50 /* ms that anybody is stopped at most */

struct member {
	pid_t pid;
	uint32_t life;
	uint64_t cont_at; /* it is stopped until then; 0: it runs */
};

struct crew {
	struct flow *flow;
	struct shunt_queue *keeper;          /* all may be dead at once */
	struct member member[PRODUCERS + 1]; /* the last is the consumer */
	uint64_t total;                      /* messages when we looked last */
	uint64_t moved_at;
};

struct figures {
	uint64_t kills, stops, rounds, messages, again, losses;
};

static void
start(struct crew *c, uint32_t i)
{
	struct member *m = &c->member[i];

	m->cont_at = 0;
	m->pid = i == PRODUCERS ? flow_consume(c->flow)
				: flow_produce(c->flow, i, m->life);
}

static void
begin(struct crew *c, uint32_t lives)
{
	struct flow *flow = flow_new("soak", PRODUCERS, lives);
	const struct shunt_queue_options o = {.sz = sizeof(o),
	    .lanes = flow->lanes,
	    .lane_bytes = flow->lane_bytes};

	*c = (struct crew){.flow = flow, .moved_at = test_now()};
	NEED(shunt_queue_open(&c->keeper, flow->name, &o) == 1);
	for (uint32_t i = 0; i <= PRODUCERS; i++)
		start(c, i);
}

/* It may have ended because something did not hold: that is the finding. */
static void
reap_killed(struct crew *c, uint32_t i)
{
	struct member *m = &c->member[i];
	int how = peer_end(m->pid);

	if (how != -SIGKILL)
		fprintf(stderr, "%s %u ended with %d\n",
		    i == PRODUCERS ? "consumer" : "producer", i, how);
	NEED(how == -SIGKILL);
}

static void
kill_one(struct crew *c, uint32_t i)
{
	struct member *m = &c->member[i];

	if (i < PRODUCERS)
		flow_life(c->flow, i, m->life)->killed = 1;
	kill(m->pid, SIGKILL);
	reap_killed(c, i);
	if (i < PRODUCERS)
		m->life++;
	start(c, i);
}

static void
continue_those_due(struct crew *c, uint64_t now)
{
	for (uint32_t i = 0; i <= PRODUCERS; i++) {
		struct member *m = &c->member[i];
		if (m->cont_at == 0 || m->cont_at > now)
			continue;
		kill(m->pid, SIGCONT);
		m->cont_at = 0;
	}
}

/* Nobody may wait for long while the consumer runs. */
static void
nobody_hangs(struct crew *c, uint64_t now)
{
	if (c->total != c->flow->total || c->member[PRODUCERS].cont_at != 0) {
		c->total = c->flow->total;
		c->moved_at = now;
	}
	if (now - c->moved_at > STILL_MOST * MS)
		fprintf(stderr, "no message for %d ms\n", STILL_MOST);
	NEED(now - c->moved_at <= STILL_MOST * MS);
}

/* One piece of bad luck. */
static void
strike(struct crew *c, uint64_t x, struct figures *f)
{
	uint32_t i = (uint32_t)(x >> 8) % (PRODUCERS + 1);
	struct member *m = &c->member[i];

	if (x % 4 < 2) {
		kill_one(c, i);
		f->kills++;
	} else if (m->cont_at == 0) {
		kill(m->pid, SIGSTOP);
		m->cont_at = test_now() + (1 + (x >> 16) % STOP_MOST) * MS;
		f->stops++;
	}
	if (x % 512 == 5) { /* everybody at once */
		for (i = 0; i <= PRODUCERS; i++)
			kill_one(c, i);
		f->kills += PRODUCERS + 1;
	}
}

static void
end(struct crew *c, struct figures *f)
{
	struct flow *flow = c->flow;

	continue_those_due(c, UINT64_MAX);
	flow->stop = 1;
	for (uint32_t i = 0; i < PRODUCERS; i++)
		NEED(peer_end(c->member[i].pid) == 0);
	flow->finish = 1;
	NEED(peer_end(c->member[PRODUCERS].pid) == 0);
	f->losses += flow_losses(flow);
	f->messages += flow->total;
	f->again += flow->again;
	if (flow->again >= flow->consumers)
		f->losses++;
	shunt_queue_close(&c->keeper);
	if (test_there(flow->name)) {
		fprintf(stderr, "%s was left behind\n", flow->name);
		f->losses++;
	}
}

/* Queues: producers and consumers of several at once. */
static int
soak_queue(const struct soak *s)
{
	struct crew crew[QUEUES];
	struct figures f = {0};
	uint64_t seed = s->seed, began = test_now(), now = began;
	uint64_t until = began + s->ms * MS;

	for (int q = 0; q < QUEUES; q++)
		begin(&crew[q], (uint32_t)(s->ms + 1000));
	while (now < until) {
		uint64_t x = test_random(&seed);
		usleep((useconds_t)(500 + (x >> 40) % 5000));
		struct crew *unlucky = &crew[x % QUEUES];
		now = test_now();
		x = test_random(&seed);
		if (now - unlucky->moved_at < SPARED_AFTER * MS)
			strike(unlucky, x, &f);
		for (int q = 0; q < QUEUES; q++) {
			continue_those_due(&crew[q], now);
			nobody_hangs(&crew[q], now);
		}
		f.rounds++;
	}
	for (int q = 0; q < QUEUES; q++)
		end(&crew[q], &f);
	printf("soak queue: %.1f s, %llu messages, %llu kills, %llu stops, "
	       "%llu delivered again, %llu lost (seed %llu)\n",
	    (double)(test_now() - began) / 1e9, (unsigned long long)f.messages,
	    (unsigned long long)f.kills, (unsigned long long)f.stops,
	    (unsigned long long)f.again, (unsigned long long)f.losses,
	    (unsigned long long)s->seed);
	NEED(f.messages > 0 && f.kills > 0);
	return f.losses != 0;
}

static int
soak_a_log(const struct soak *s)
{
	return soak_log(s->seed, s->ms);
}

static int
soak_a_queue_of_jobs(const struct soak *s)
{
	return soak_jobs(s->seed, s->ms);
}

static int
soak_a_topic(const struct soak *s)
{
	return soak_topic(s->seed, s->ms);
}

static int
soak_a_stream(const struct soak *s)
{
	return soak_stream(s->seed, s->ms);
}

static int
soak_a_call(const struct soak *s)
{
	return soak_call(s->seed, s->ms);
}

/* What is soaked, each for its share of the time. */
static const struct part {
	const char *name; /* as its lines begin */
	int (*run)(const struct soak *s);
	uint32_t share;
} parts[] = {
    {"soak queue", soak_queue, 1},
    {"soak log", soak_a_log, 1},
    {"soak jobs", soak_a_queue_of_jobs, 1},
    {"soak topic", soak_a_topic, 1},
    {"soak stream", soak_a_stream, 1},
    {"soak call", soak_a_call, 1},
};

/* The first line is for who finds that there is no other. */
static int
run_part(const struct part *part, const struct soak *s)
{
	printf("%s begins\n", part->name);
	fflush(stdout);
	int bad = part->run(s);
	if (bad)
		printf("%s failed\n", part->name);
	fflush(stdout);
	return bad;
}

static uint64_t
number(const char *text)
{
	char *rest;
	unsigned long long n = strtoull(text, &rest, 10);

	if (*text == 0 || *rest != 0) {
		fprintf(stderr, "soak: \"%s\" is no number\n", text);
		exit(2);
	}
	return n;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"seconds", required_argument, NULL, 's'},
	    {"seed", required_argument, NULL, 'e'}, {0}};
	struct soak s = {.seed = test_now() | 1, .ms = 10000};
	uint32_t shares = 0;
	int bad = 0, c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 's')
			s.ms = number(optarg) * 1000;
		else if (c == 'e')
			s.seed = number(optarg) | 1;
		else
			return 2;
	}
	const uint32_t n = sizeof(parts) / sizeof(parts[0]);
	for (uint32_t i = 0; i < n; i++)
		shares += parts[i].share;
	uint64_t all = s.ms;
	for (uint32_t i = 0; i < n; i++) {
		s.ms = all * parts[i].share / shares;
		bad |= run_part(&parts[i], &s);
	}
	return bad ? 1 : 0;
}
