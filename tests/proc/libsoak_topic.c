/* SPDX-License-Identifier: MIT */
/*
 * Topics.  Each publisher numbers its messages, each life anew, and notes what
 * it has published.  Each subscriber checks, ring by ring, that nothing is
 * missing but what it was told is lost: nothing at all where publishers wait
 * for it.  At the end every subscriber that is left has the last message of
 * every publisher.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <shunt.h>

#include "proc/libsquad.h"

#define PUBLISHERS  3
#define SUBSCRIBERS 2
#define RINGS       16

struct world {
	char name[64];
	uint32_t policy;
	_Atomic uint32_t stop, finish;
	_Atomic uint64_t progress;
	_Atomic uint64_t got, lost;
	_Atomic uint64_t sent[PUBLISHERS]; /* life << 32 | number */
	_Atomic uint64_t seen[SUBSCRIBERS][PUBLISHERS];
	_Atomic uint32_t there[SUBSCRIBERS]; /* the life that has opened */
};

struct message {
	uint64_t stamp; /* as world's `sent` */
	uint32_t publisher;
	uint32_t len;
	unsigned char fill[480];
};

#define HEAD offsetof(struct message, fill)

static int
publish(struct world *w, uint32_t me, uint32_t life)
{
	const struct shunt_publisher_options o = {.sz = sizeof(o),
	    .lane_bytes = 4096,
	    .publishers = RINGS,
	    .subscribers = 8,
	    .policy = w->policy};
	struct shunt_publisher *pub;
	struct message m = {.publisher = me};
	uint64_t rng = ((uint64_t)life << 8) + me + 1;

	NEED(shunt_publisher_open(&pub, w->name, &o) >= 0);
	m.stamp = (uint64_t)life << 32;
	while (!w->stop) {
		m.stamp++;
		m.len = (uint32_t)(HEAD + test_random(&rng) % sizeof(m.fill));
		memset(m.fill, (int)(m.stamp & 0xff), m.len - HEAD);
		NEED(shunt_publisher_send(pub, &m, m.len, NULL) == 0);
		w->sent[me] = m.stamp;
		w->progress++;
		if (w->policy == SHUNT_TOPIC_LOSSY && test_random(&rng) % 8)
			usleep(20);
	}
	shunt_publisher_close(&pub);
	return 0;
}

/* The last message of a ring that this subscriber had. */
struct ring {
	int known;
	uint32_t publisher;
	uint64_t sequence;
	uint64_t stamp;
};

/* One message: where it belongs, whole, and what was lost before it. */
static void
check(struct world *w, uint32_t me, struct ring *rings, const struct message *m,
    ssize_t n, const struct shunt_topic_message *info)
{
	NEED(n >= (ssize_t)HEAD && m->len == n && m->publisher < PUBLISHERS);
	for (size_t i = 0; i < (size_t)n - HEAD; i++)
		NEED(m->fill[i] == (m->stamp & 0xff));
	NEED(info->lane < RINGS);
	struct ring *r = &rings[info->lane];
	if (r->known)
		NEED(info->sequence == r->sequence + 1 + info->lost);
	NEED(info->lost == 0 || w->policy == SHUNT_TOPIC_LOSSY);
	/* A life has one ring, a ring many lives: of one in order, and what
	 * is missing is what was lost. */
	if (r->known && r->publisher == m->publisher &&
	    r->stamp >> 32 == m->stamp >> 32)
		NEED(m->stamp == r->stamp + 1 + info->lost);
	*r = (struct ring){1, m->publisher, info->sequence, m->stamp};
	if (m->stamp > w->seen[me][m->publisher])
		w->seen[me][m->publisher] = m->stamp;
	w->got++;
	w->lost += info->lost;
}

static int
subscribe(struct world *w, uint32_t me, uint32_t life)
{
	const struct shunt_subscriber_options o = {.sz = sizeof(o),
	    .lane_bytes = 4096,
	    .publishers = RINGS,
	    .subscribers = 8,
	    .policy = w->policy};
	const struct shunt_recv_options soon = {
	    .sz = sizeof(soon), .wait_ns = 20 * (int64_t)MS};
	struct shunt_topic_message info = {.sz = sizeof(info)};
	struct ring rings[RINGS] = {{0}};
	struct shunt_subscriber *sub;
	struct message m;

	/* A new one begins with what comes from now on. */
	for (uint32_t i = 0; i < PUBLISHERS; i++)
		w->seen[me][i] = 0;
	NEED(shunt_subscriber_open(&sub, w->name, &o) >= 0);
	w->there[me] = life;
	for (;;) {
		int last = (int)w->finish;
		ssize_t n =
		    shunt_subscriber_recv(sub, &m, sizeof(m), &info, &soon);
		if (n >= 0)
			check(w, me, rings, &m, n, &info);
		else
			NEED(n == -ETIMEDOUT);
		if (n < 0 && last)
			break;
		if (w->policy == SHUNT_TOPIC_LOSSY && n >= 0 &&
		    m.stamp % 512 == 0)
			usleep(2000); /* too slow, now and then */
	}
	shunt_subscriber_close(&sub);
	return 0;
}

static int
run(void *world, uint32_t member, uint32_t life)
{
	if (member < PUBLISHERS)
		return publish(world, member, life + 1);
	return subscribe(world, member - PUBLISHERS, life + 1);
}

/* Those that run now have come, and had something of everybody; who publishes
 * now has done so, for the last one of a life that was killed has no note. */
static void
until_all_there(const struct world *w, const struct squad *squad)
{
	uint64_t end = test_now() + STILL_MOST * MS;

	for (uint32_t s = 0; s < SUBSCRIBERS; s++)
		for (uint32_t p = 0; p < PUBLISHERS; p++)
			while (w->there[s] !=
				   squad->member[PUBLISHERS + s].life + 1 ||
			       w->sent[p] >> 32 != squad->member[p].life + 1 ||
			       w->seen[s][p] == 0) {
				NEED(test_now() < end);
				usleep(1000);
			}
}

/* Killed before its note, a publisher has published one more; but those that
 * are left came to their end. */
static uint64_t
missing(const struct world *w)
{
	uint64_t bad = 0;

	for (uint32_t s = 0; s < SUBSCRIBERS; s++)
		for (uint32_t p = 0; p < PUBLISHERS; p++) {
			if (w->seen[s][p] == w->sent[p])
				continue;
			fprintf(stderr,
			    "subscriber %u, publisher %u: %#llx is "
			    "the last, not %#llx\n",
			    s, p, (unsigned long long)w->seen[s][p],
			    (unsigned long long)w->sent[p]);
			bad++;
		}
	return bad;
}

static int
soak_policy(uint32_t policy, const char *what, uint64_t seed, uint64_t ms)
{
	struct world *w = test_shared(sizeof(*w));
	struct squad squad = {.n = PUBLISHERS + SUBSCRIBERS,
	    .world = w,
	    .run = run,
	    .progress = &w->progress};
	struct shunt_publisher *keeper;
	const struct shunt_publisher_options o = {.sz = sizeof(o),
	    .lane_bytes = 4096,
	    .publishers = RINGS,
	    .subscribers = 8,
	    .policy = policy};

	w->policy = policy;
	snprintf(w->name, sizeof(w->name), "%s", test_name("soak-topic"));
	NEED(shunt_publisher_open(&keeper, w->name, &o) == 1);
	squad_begin(&squad);
	squad_suffer(&squad, &seed, ms);
	squad_free(&squad);
	until_all_there(w, &squad);
	w->stop = 1;
	squad_end(&squad, 0, PUBLISHERS);
	w->finish = 1;
	squad_end(&squad, PUBLISHERS, squad.n);
	uint64_t bad = missing(w);
	shunt_publisher_close(&keeper);
	printf("soak topic, %s: %llu messages received, %llu lost and told, "
	       "%llu kills, %llu stops, %llu not accounted for\n",
	    what, (unsigned long long)w->got, (unsigned long long)w->lost,
	    (unsigned long long)squad.kills, (unsigned long long)squad.stops,
	    (unsigned long long)bad);
	NEED(w->got > 0 && !test_there(w->name));
	return bad != 0;
}

int
soak_topic(uint64_t seed, uint64_t ms)
{
	return soak_policy(SHUNT_TOPIC_BLOCK, "waiting", seed, ms / 2) |
	       soak_policy(SHUNT_TOPIC_LOSSY, "lossy", seed + 2, ms / 2);
}
