/* SPDX-License-Identifier: MIT */
/*
 * Publishers and subscribers in processes of their own, where anybody may be
 * killed or stopped: every message is counted.  A message says which life of
 * which publisher it is from, and the how manieth of that life.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shunt.h>

#include "lib/peers.h"

enum { LIVES = 32, SUBS = 4 };

struct text {
	uint64_t life;
	uint64_t n;
	uint64_t filling[6];
};

struct scene {
	char name[64];
	uint32_t policy;
	_Atomic uint64_t sent[LIVES];    /* calls that returned 0, by life */
	_Atomic uint64_t dropped[LIVES]; /* that said so */
	_Atomic uint64_t got[SUBS];
	_Atomic uint64_t lost[SUBS];
	_Atomic uint32_t evicted[SUBS];
	_Atomic uint64_t of_life[SUBS][LIVES];
	_Atomic uint32_t joined, stop, calm, late;
};

struct role {
	struct scene *scene;
	uint32_t n;
};

static struct scene *
new_scene(const char *what, uint32_t policy)
{
	struct scene *scene = test_shared(sizeof(*scene));

	snprintf(scene->name, sizeof(scene->name), "%s", test_name(what));
	scene->policy = policy;
	return scene;
}

static struct shunt_publisher *
publisher(struct scene *scene, uint32_t flags)
{
	struct shunt_publisher_options o = {.sz = sizeof(o),
	    .flags = flags,
	    .lane_bytes = 16384,
	    .publishers = 16,
	    .subscribers = 8,
	    .policy = scene->policy};
	struct shunt_publisher *pub;

	NEED(shunt_publisher_open(&pub, scene->name, &o) >= 0);
	return pub;
}

static int
publish(void *arg)
{
	struct role *role = arg;
	struct scene *scene = role->scene;
	struct shunt_publisher *pub = publisher(scene, SHUNT_TOPIC_EXISTING);
	struct text t = {.life = role->n};

	while (!scene->stop) {
		for (int i = 0; i < 6; i++)
			t.filling[i] = t.n * 7 + t.life;
		int e = shunt_publisher_send(pub, &t, sizeof(t), NULL);
		NEED(e == 0 || e == SHUNT_E_DROPPED);
		if (e == 0)
			scene->sent[role->n] = ++t.n;
		else
			scene->dropped[role->n]++;
		if (scene->calm)
			usleep(1000);
	}
	shunt_publisher_close(&pub);
	return 0;
}

static int
subscribe(void *arg)
{
	struct role *role = arg;
	struct scene *scene = role->scene;
	struct shunt_subscriber_options o = {
	    .sz = sizeof(o), .flags = SHUNT_TOPIC_EXISTING};
	struct shunt_subscriber *sub;
	uint64_t next[LIVES] = {0};
	struct text t;
	ssize_t n;

	NEED(shunt_subscriber_open(&sub, scene->name, &o) == 0);
	scene->joined++;
	while ((n = shunt_subscriber_recv(sub, &t, sizeof(t), NULL, NULL)) !=
	       SHUNT_E_CLOSED) {
		if (n == SHUNT_E_EVICTED) {
			NEED(scene->policy == SHUNT_TOPIC_EVICT);
			NEED(++scene->evicted[role->n] == 1);
			continue;
		}
		NEED(n == sizeof(t) && t.life < LIVES);
		for (int i = 0; i < 6; i++)
			NEED(t.filling[i] == t.n * 7 + t.life);
		NEED(t.n >= next[t.life]); /* in order, and none twice */
		NEED(t.n == next[t.life] || shunt_subscriber_lost(sub) > 0 ||
		     (scene->late && next[t.life] == 0));
		next[t.life] = t.n + 1;
		scene->got[role->n]++;
		scene->of_life[role->n][t.life]++;
		scene->lost[role->n] = shunt_subscriber_lost(sub);
	}
	scene->lost[role->n] = shunt_subscriber_lost(sub);
	NEED(shunt_subscriber_lag(sub) == 0);
	shunt_subscriber_close(&sub);
	return 0;
}

static pid_t
start(struct scene *scene, int (*f)(void *), uint32_t n)
{
	struct role *role = test_shared(sizeof(*role));

	*role = (struct role){scene, n};
	return peer_start(f, role);
}

static void
until_joined(struct scene *scene, uint32_t n)
{
	uint64_t end = test_now() + 20000 * MS;

	while (scene->joined < n) {
		NEED(test_now() < end);
		usleep(200);
	}
}

/* Until subscriber @n has @more messages more. */
static void
progress(struct scene *scene, uint32_t n, uint64_t more)
{
	uint64_t from = scene->got[n], end = test_now() + 20000 * MS;

	while (scene->got[n] < from + more) {
		NEED(test_now() < end);
		usleep(200);
	}
}

static void
published(struct scene *scene, uint32_t life, uint64_t more)
{
	uint64_t from = scene->sent[life], end = test_now() + 20000 * MS;

	while (scene->sent[life] < from + more) {
		NEED(test_now() < end);
		usleep(200);
	}
}

static void
stop(pid_t pid)
{
	int status;

	NEED(kill(pid, SIGSTOP) == 0);
	NEED(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
}

/* Publishers end, the topic is finished, subscribers @subs come to the end. */
static void
end(struct scene *scene, struct shunt_publisher **keeper, const pid_t *pubs,
    int n, const pid_t *subs, int k)
{
	scene->stop = 1;
	for (int i = 0; i < n; i++)
		NEED(peer_end(pubs[i]) == 0);
	NEED(shunt_publisher_finish(*keeper) == 0);
	for (int i = 0; i < k; i++)
		NEED(peer_end(subs[i]) == 0);
	shunt_publisher_close(keeper);
	NEED(!test_there(scene->name));
}

static uint64_t
sent(const struct scene *scene)
{
	uint64_t all = 0;

	for (int i = 0; i < LIVES; i++)
		all += scene->sent[i];
	return all;
}

/* Publishers are killed all the time; whoever is there gets everything. */
static void
publishers_die(uint32_t policy)
{
	struct scene *scene = new_scene("die", policy);
	struct shunt_publisher *keeper = publisher(scene, 0);
	pid_t pubs[3], subs[SUBS];
	uint32_t life = 0, killed = 0;
	uint64_t seed = test_now() | 1;

	for (uint32_t k = 0; k < SUBS; k++)
		subs[k] = start(scene, subscribe, k);
	until_joined(scene, SUBS);
	for (int i = 0; i < 3; i++)
		pubs[i] = start(scene, publish, life++);
	while (life < LIVES) {
		int i = (int)(test_random(&seed) % 3);
		usleep((useconds_t)(test_random(&seed) % 5000));
		peer_kill(pubs[i]);
		killed++;
		pubs[i] = start(scene, publish, life++);
	}
	progress(scene, 0, 100);
	end(scene, &keeper, pubs, 3, subs, SUBS);
	for (uint32_t k = 0; k < SUBS; k++) {
		/* What a killed one had committed and not yet counted. */
		uint64_t all = scene->got[k] + scene->lost[k];
		NEED(all >= sent(scene) && all <= sent(scene) + killed);
		NEED(all == scene->got[0] + scene->lost[0]);
		if (policy != SHUNT_TOPIC_BLOCK)
			continue;
		NEED(scene->lost[k] == 0);
		for (uint32_t i = 0; i < LIVES; i++)
			NEED(scene->of_life[k][i] == scene->of_life[0][i] &&
			     scene->of_life[k][i] >= scene->sent[i]);
	}
	printf("policy %u: %llu messages, %llu lost by one, %u killed\n",
	    policy, (unsigned long long)sent(scene),
	    (unsigned long long)scene->lost[1], killed);
}

/* One subscriber stands still: who notices, and what it finds afterwards. */
static void
one_stands_still(uint32_t policy)
{
	struct scene *scene = new_scene("still", policy);
	struct shunt_publisher *keeper = publisher(scene, 0);
	pid_t pub, subs[SUBS];

	for (uint32_t k = 0; k < SUBS; k++)
		subs[k] = start(scene, subscribe, k);
	until_joined(scene, SUBS);
	pub = start(scene, publish, 0);
	progress(scene, 1, 500);
	stop(subs[1]);
	if (policy == SHUNT_TOPIC_BLOCK) {
		/* All wait for it: a standstill, once the ring is full. */
		uint64_t before = UINT64_MAX, limit = test_now() + 20000 * MS;
		while (scene->sent[0] != before) {
			before = scene->sent[0];
			NEED(test_now() < limit);
			usleep(100000);
		}
	} else if (policy == SHUNT_TOPIC_DROP) {
		uint64_t from = scene->dropped[0];
		uint64_t limit = test_now() + 20000 * MS;
		while (scene->dropped[0] < from + 1000) {
			NEED(test_now() < limit);
			usleep(200);
		}
	} else {
		/* Two laps go by. */
		published(scene, 0, 2 * 16384 / 72);
	}
	NEED(kill(subs[1], SIGCONT) == 0);
	scene->calm = 1;
	progress(scene, 1, 20);
	progress(scene, 0, 20);
	end(scene, &keeper, &pub, 1, subs, SUBS);
	for (uint32_t k = 0; k < SUBS; k++) {
		uint64_t all = scene->got[k] + scene->lost[k];
		if (policy == SHUNT_TOPIC_DROP)
			/* Those behind the last message are seen by nobody. */
			NEED(all >= scene->sent[0] &&
			     all <= scene->sent[0] + scene->dropped[0] &&
			     scene->got[k] == scene->sent[0]);
		else
			NEED(all == scene->sent[0]);
		if (policy == SHUNT_TOPIC_BLOCK)
			NEED(scene->lost[k] == 0);
		if (policy == SHUNT_TOPIC_EVICT)
			NEED(scene->evicted[k] == (scene->lost[k] != 0));
	}
	if (policy == SHUNT_TOPIC_EVICT || policy == SHUNT_TOPIC_LOSSY)
		NEED(scene->lost[1] > 0);
	printf("policy %u: %llu messages, %llu lost by the one stopped, %llu "
	       "dropped\n",
	    policy, (unsigned long long)scene->sent[0],
	    (unsigned long long)scene->lost[1],
	    (unsigned long long)scene->dropped[0]);
}

/* Subscribers are killed, also stopped ones for which all wait. */
static void
subscribers_die(void)
{
	struct scene *scene = new_scene("subs", SHUNT_TOPIC_BLOCK);
	struct shunt_publisher *keeper = publisher(scene, 0);
	pid_t pub, subs[2];

	subs[0] = start(scene, subscribe, 0);
	until_joined(scene, 1);
	scene->late = 1; /* the others come to a ring that has begun */
	pub = start(scene, publish, 0);
	for (uint32_t i = 0; i < 6; i++) {
		subs[1] = start(scene, subscribe, 1 + i % 3);
		until_joined(scene, 2 + i);
		if (i == 3)
			stop(subs[1]);
		peer_kill(subs[1]);
		progress(scene, 0, 1000);
	}
	end(scene, &keeper, &pub, 1, subs, 1);
	NEED(scene->got[0] == scene->sent[0] && scene->lost[0] == 0);
	printf("%llu messages past 6 that died\n",
	    (unsigned long long)scene->got[0]);
}

int
main(void)
{
	alarm(55);
	publishers_die(SHUNT_TOPIC_BLOCK);
	publishers_die(SHUNT_TOPIC_LOSSY);
	for (uint32_t p = SHUNT_TOPIC_LOSSY; p <= SHUNT_TOPIC_EVICT; p++)
		one_stands_still(p);
	subscribers_die();
	return 0;
}
