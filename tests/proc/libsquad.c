/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proc/libsquad.h"

#define STOP_MOST 50 /* ms that anybody is stopped at most */

struct orders {
	const struct squad *s;
	uint32_t i;
};

static int
run_member(void *arg)
{
	const struct orders *o = arg;

	alarm(0); /* the parent's death ends it */
	return o->s->run(o->s->world, o->i, o->s->member[o->i].life);
}

static void
start(struct squad *s, uint32_t i)
{
	struct orders o = {s, i};

	s->member[i].cont_at = 0;
	s->member[i].pid = peer_start(run_member, &o);
}

void
squad_begin(struct squad *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		start(s, i);
	s->moved_at = test_now();
}

/* It may have ended because something did not hold: that is the finding. */
static void
kill_one(struct squad *s, uint32_t i)
{
	struct squad_member *m = &s->member[i];

	kill(m->pid, SIGKILL);
	int how = peer_end(m->pid);
	if (how != -SIGKILL)
		fprintf(stderr, "member %u ended with %d\n", i, how);
	NEED(how == -SIGKILL);
	m->life++;
	m->kills++;
	s->kills++;
	start(s, i);
}

static void
continue_those_due(struct squad *s, uint64_t now)
{
	for (uint32_t i = 0; i < s->n; i++) {
		struct squad_member *m = &s->member[i];
		if (m->cont_at == 0 || m->cont_at > now)
			continue;
		kill(m->pid, SIGCONT);
		m->cont_at = 0;
	}
}

static void
strike(struct squad *s, uint64_t x)
{
	uint32_t i = (uint32_t)(x >> 8) % s->n;
	struct squad_member *m = &s->member[i];

	if (x % 4 < 2) {
		kill_one(s, i);
	} else if (m->cont_at == 0) {
		kill(m->pid, SIGSTOP);
		m->cont_at = test_now() + (1 + (x >> 16) % STOP_MOST) * MS;
		s->stops++;
	}
	if (x % 256 == 5) /* everybody at once */
		for (i = 0; i < s->n; i++)
			kill_one(s, i);
}

/* What the kernel says of each: its state, its time, where it waits. */
static void
tell(const struct squad *s)
{
	char path[64], line[512];

	for (uint32_t i = 0; i < s->n; i++) {
		const char *const files[] = {"stat", "syscall", "wchan"};
		fprintf(stderr, "member %u:", i);
		for (int f = 0; f < 3; f++) {
			snprintf(path, sizeof(path), "/proc/%d/%s",
			    (int)s->member[i].pid, files[f]);
			FILE *file = fopen(path, "re");
			if (file != NULL && fgets(line, sizeof(line), file))
				fprintf(stderr, " %.*s;",
				    (int)strcspn(line, "\n"), line);
			if (file != NULL)
				fclose(file);
		}
		fprintf(stderr, "%s\n",
		    s->member[i].cont_at != 0 ? " stopped" : "");
	}
}

static void
nobody_hangs(struct squad *s, uint64_t now)
{
	if (*s->progress != s->seen) {
		s->seen = *s->progress;
		s->moved_at = now;
	}
	if (now - s->moved_at > STILL_MOST * MS) {
		fprintf(stderr, "nothing moves for %d ms\n", STILL_MOST);
		tell(s);
	}
	NEED(now - s->moved_at <= STILL_MOST * MS);
}

void
squad_suffer(struct squad *s, uint64_t *rng, uint64_t ms)
{
	uint64_t now = test_now(), until = now + ms * MS;

	while (now < until) {
		usleep((useconds_t)(500 + test_random(rng) % 5000));
		uint64_t x = test_random(rng);
		if (now - s->moved_at < SPARED_AFTER * MS)
			strike(s, x);
		now = test_now();
		continue_those_due(s, now);
		nobody_hangs(s, now);
	}
}

void
squad_free(struct squad *s)
{
	continue_those_due(s, UINT64_MAX);
}

void
squad_end(struct squad *s, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		int how = peer_end(s->member[i].pid);
		if (how != 0)
			fprintf(stderr, "member %u ended with %d\n", i, how);
		NEED(how == 0);
	}
}
