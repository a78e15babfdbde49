/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/*
 * Several receivers of one queue, step by step: who has a lane, who gives it
 * up and when, what is in hand, and what comes again.  Handles of one process
 * are as strange to one another as those of several.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <shunt.h>

#include "channel/receiver.h"
#include "lib/peers.h"
#include "os/os.h"

static const struct shunt_queue_options small = {
    .sz = sizeof(small), .lane_bytes = 4096, .lanes = 4};
static const struct shunt_recv_options at_once = {
    .sz = sizeof(at_once), .wait_ns = SHUNT_NOWAIT};
static const struct shunt_send_options send_now = {
    .sz = sizeof(send_now), .wait_ns = SHUNT_NOWAIT};

struct scene {
	const char *name;
	struct shunt_queue *s; /* sends, and never receives */
	struct shunt_queue *a, *b;
};

static struct shunt_queue *
open_one(const char *name)
{
	struct shunt_queue *q;

	assert_in_range(shunt_queue_open(&q, name, &small), 0, 1);
	return q;
}

static void
begin(struct scene *scene)
{
	scene->name = test_name("shared");
	scene->s = open_one(scene->name);
	scene->a = open_one(scene->name);
	scene->b = open_one(scene->name);
}

static void
end(struct scene *scene)
{
	shunt_queue_close(&scene->a);
	shunt_queue_close(&scene->b);
	shunt_queue_close(&scene->s);
	assert_false(test_there(scene->name));
}

static void
put(struct scene *scene, uint32_t from, uint32_t to)
{
	for (; from < to; from++)
		assert_int_equal(
		    shunt_queue_send(scene->s, &from, sizeof(from), &send_now),
		    0);
}

/* The next message's number, or a negative code; flags into @flags. */
static int
got(struct shunt_queue *q, uint32_t *flags)
{
	struct shunt_message info = {.sz = sizeof(info)};
	uint32_t n = UINT32_MAX;
	ssize_t e = shunt_queue_recv(q, &n, sizeof(n), &info, &at_once);

	if (flags != NULL)
		*flags = info.flags;
	return e < 0 ? (int)e : (int)n;
}

static int
seen(struct shunt_queue *q, uint32_t *flags)
{
	struct shunt_message info = {.sz = sizeof(info)};
	const void *at;
	uint32_t n;
	ssize_t e = shunt_queue_peek(q, &at, &info, &at_once);

	if (e < 0)
		return (int)e;
	if (flags != NULL)
		*flags = info.flags;
	memcpy(&n, at, sizeof(n));
	return (int)n;
}

static uint64_t
tail(const struct scene *scene)
{
	return shunt__load64(&shunt__object_lane(scene->s->obj, 0)->ln_tail);
}

static uint64_t
claim(const struct scene *scene)
{
	return shunt__load64(&shunt__object_lane(scene->s->obj, 0)->ln_claim);
}

static void
one_alone_keeps_the_lane(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene);
	put(&scene, 0, 10);
	assert_int_equal(got(scene.a, NULL), 0);
	uint64_t mine = claim(&scene);
	assert_int_equal(mine & 0xffff, 1);
	for (int i = 1; i < 10; i++)
		assert_int_equal(got(scene.a, NULL), i);
	assert_int_equal(got(scene.a, NULL), -EAGAIN);
	assert_int_equal(claim(&scene), mine);
	end(&scene);
}

static void
a_second_one_makes_it_share(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene);
	put(&scene, 0, 6);
	assert_int_equal(got(scene.a, NULL), 0);
	/* In no call: the lane can be had at once. */
	assert_int_equal(got(scene.b, NULL), 1);
	assert_int_equal(got(scene.a, NULL), 2);
	assert_int_equal(claim(&scene) & UINT32_MAX, 0);
	assert_int_equal(scene.a->receiver->sharing, 1);
	assert_int_equal(got(scene.b, NULL), 3);
	assert_int_equal(got(scene.a, NULL), 4);
	assert_int_equal(got(scene.a, NULL), 5);
	assert_int_equal(got(scene.a, NULL), -EAGAIN);
	assert_int_equal(got(scene.b, NULL), -EAGAIN);
	end(&scene);
}

static void
one_in_a_call_keeps_the_lane_and_learns_of_it(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene);
	put(&scene, 0, 4);
	assert_int_equal(got(scene.a, NULL), 0);
	shunt__receiver_enter(scene.a->receiver);
	assert_int_equal(got(scene.b, NULL), -EAGAIN);
	assert_int_equal(scene.b->receiver->contended, 1);
	assert_int_equal(claim(&scene) & 0xffff, 1);
	shunt__receiver_leave(scene.a->receiver);
	assert_int_equal(got(scene.a, NULL), 1);
	assert_int_equal(claim(&scene) & UINT32_MAX, 0);
	assert_int_equal(got(scene.b, NULL), 2);
	assert_int_equal(got(scene.a, NULL), 3);
	end(&scene);
}

static void
alone_again_it_keeps_the_lane_again(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene);
	put(&scene, 0, 4);
	assert_int_equal(got(scene.a, NULL), 0);
	assert_int_equal(got(scene.b, NULL), 1);
	assert_int_equal(got(scene.a, NULL), 2);
	assert_int_equal(scene.a->receiver->sharing, 1);
	shunt_queue_close(&scene.b);
	for (uint64_t t = test_now(); scene.a->receiver->sharing;) {
		assert_true(test_now() - t < 10000 * MS);
		got(scene.a, NULL);
	}
	put(&scene, 4, 6);
	assert_int_equal(got(scene.a, NULL), 4);
	assert_int_equal(claim(&scene) & 0xffff, 1);
	assert_int_equal(got(scene.a, NULL), 5);
	/* And is asked again. */
	scene.b = open_one(scene.name);
	put(&scene, 6, 8);
	assert_int_equal(got(scene.b, NULL), 6);
	assert_int_equal(got(scene.a, NULL), 7);
	end(&scene);
}

/* What one works on is in nobody's way, before he shares and after. */
static void
in_hand_blocks_nobody(void **state)
{
	struct scene scene;

	(void)state;
	for (int shared = 0; shared < 2; shared++) {
		begin(&scene);
		put(&scene, 0, 8);
		uint32_t n = 0;
		if (shared) {
			assert_int_equal(got(scene.a, NULL), 0);
			assert_int_equal(got(scene.b, NULL), 1);
			n = 2;
		}
		uint64_t before = tail(&scene);
		assert_int_equal(seen(scene.a, NULL), n);
		assert_int_equal(got(scene.b, NULL), n + 1);
		assert_int_equal(seen(scene.b, NULL), n + 2);
		assert_int_equal(seen(scene.a, NULL), n);
		assert_int_equal(shunt_queue_release(scene.b), 0);
		assert_int_equal(got(scene.b, NULL), n + 3);
		assert_int_equal(tail(&scene), before);
		assert_int_equal(shunt_queue_release(scene.a), 0);
		assert_int_equal(tail(&scene), before + 16 * 4);
		for (uint32_t i = n + 4; i < 8; i++)
			assert_int_equal(
			    got(i & 1 ? scene.a : scene.b, NULL), i);
		assert_int_equal(got(scene.a, NULL), -EAGAIN);
		assert_int_equal(got(scene.b, NULL), -EAGAIN);
		assert_int_equal(tail(&scene), 16 * 8);
		end(&scene);
	}
}

/* The lane is claimed when the first record is done: who has it goes on. */
static void
done_under_anothers_claim(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene);
	put(&scene, 0, 4);
	assert_int_equal(got(scene.a, NULL), 0);
	assert_int_equal(got(scene.b, NULL), 1);
	assert_int_equal(seen(scene.a, NULL), 2);
	/* B is in a call and has the claim. */
	struct shunt__receiver *b = scene.b->receiver;
	shunt__receiver_begin(scene.b);
	assert_int_equal(b->sharing, 1);
	assert_int_equal(shunt__claim(scene.b, &b->lanes[0]), 0);
	assert_int_equal(shunt_queue_release(scene.a), 0);
	assert_int_equal(tail(&scene), 16 * 2);
	shunt__lane_give_back(scene.b, &b->lanes[0]);
	shunt__receiver_leave(b);
	assert_int_equal(tail(&scene), 16 * 3);
	assert_int_equal(got(scene.b, NULL), 3);
	end(&scene);
}

static void
a_full_lap_behind_one_in_hand(void **state)
{
	struct scene scene;
	uint32_t n = 0, sent;

	(void)state;
	begin(&scene);
	put(&scene, 0, 3);
	assert_int_equal(got(scene.a, NULL), 0);
	assert_int_equal(got(scene.b, NULL), 1);
	assert_int_equal(seen(scene.a, NULL), 2);
	for (sent = 3;
	     shunt_queue_send(scene.s, &sent, sizeof(sent), &send_now) == 0;
	     sent++)
		;
	assert_true(sent > 250);
	for (n = 3; n < sent; n++)
		assert_int_equal(got(scene.b, NULL), n);
	assert_int_equal(got(scene.b, NULL), -EAGAIN);
	assert_int_equal(
	    shunt_queue_send(scene.s, &n, sizeof(n), &send_now), -EAGAIN);
	assert_int_equal(shunt_queue_release(scene.a), 0);
	assert_int_equal(tail(&scene), 16 * sent);
	put(&scene, sent, sent + 200);
	for (; n < sent + 200; n++)
		assert_int_equal(got(n & 1 ? scene.a : scene.b, NULL), n);
	end(&scene);
}

/* ---- death ------------------------------------------------------------------
 */

struct victim {
	const char *name;
	int share;
};

static int
die_with_one_in_hand(void *arg)
{
	const struct victim *v = arg;
	struct shunt_queue *q, *other;

	NEED(shunt_queue_open(&q, v->name, &small) == 0);
	if (v->share) {
		NEED(shunt_queue_open(&other, v->name, &small) == 0);
		NEED(got(q, NULL) == 0);
		NEED(got(other, NULL) == 1);
		NEED(got(q, NULL) == 2);
		NEED(q->receiver->sharing);
		shunt_queue_close(&other);
	} else {
		NEED(got(q, NULL) == 0);
		NEED(got(q, NULL) == 1);
		NEED(got(q, NULL) == 2);
	}
	NEED(seen(q, NULL) == 3);
	raise(SIGKILL);
	return 0;
}

static void
what_the_dead_had_in_hand_comes_again_marked(void **state)
{
	struct scene scene;
	uint32_t flags;

	(void)state;
	for (int way = 0; way < 4; way++) {
		begin(&scene);
		put(&scene, 0, 6);
		struct victim v = {scene.name, way & 1};
		if (way & 2) /* ours is another slot than his */
			assert_int_equal(shunt_queue_fd(scene.b) >= 0, 1);
		if (way & 2)
			assert_int_equal(
			    shunt_wait(
				(struct shunt_wait_item[]){
				    {.end = shunt_queue_end(scene.b)}},
				1, SHUNT_NOWAIT),
			    1);
		assert_int_equal(
		    peer_end(peer_start(die_with_one_in_hand, &v)), -SIGKILL);
		/* Of those that nobody had, those behind it may come first. */
		uint32_t times[6] = {0};
		for (int i = 0; i < 3; i++) {
			int n = -EAGAIN;
			for (uint64_t t = test_now(); n == -EAGAIN;) {
				assert_true(test_now() - t < 10000 * MS);
				n = got(scene.b, &flags);
			}
			assert_in_range(n, 3, 5);
			assert_int_equal(
			    flags, n == 3 ? SHUNT_MESSAGE_REDELIVERED : 0);
			times[n]++;
		}
		assert_int_equal(times[3] + times[4] + times[5], 3);
		assert_int_equal(times[3], 1);
		assert_int_equal(got(scene.b, NULL), -EAGAIN);
		end(&scene);
	}
}

static void
what_is_closed_on_comes_again_marked(void **state)
{
	struct scene scene;
	uint32_t flags;

	(void)state;
	begin(&scene);
	put(&scene, 0, 2);
	assert_int_equal(seen(scene.a, &flags), 0);
	assert_int_equal(flags, 0);
	shunt_queue_close(&scene.a);
	assert_int_equal(got(scene.b, &flags), 0);
	assert_int_equal(flags, SHUNT_MESSAGE_REDELIVERED);
	assert_int_equal(got(scene.b, &flags), 1);
	assert_int_equal(flags, 0);
	scene.a = open_one(scene.name);
	end(&scene);
}

/* One dies, and the one who has what he had left dies, too. */
static void
marked_however_often_it_comes(void **state)
{
	struct scene scene;
	uint32_t flags;

	(void)state;
	begin(&scene);
	put(&scene, 0, 2);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(seen(scene.a, &flags), 0);
		assert_int_equal(flags, i ? SHUNT_MESSAGE_REDELIVERED : 0);
		shunt_queue_close(&scene.a);
		scene.a = open_one(scene.name);
	}
	assert_int_equal(seen(scene.a, &flags), 0);
	/* While he works on it, it is nobody else's. */
	assert_int_equal(got(scene.b, &flags), 1);
	assert_int_equal(flags, 0);
	assert_int_equal(got(scene.b, &flags), -EAGAIN);
	assert_int_equal(shunt_queue_release(scene.a), 0);
	assert_int_equal(got(scene.a, &flags), -EAGAIN);
	assert_int_equal(got(scene.b, &flags), -EAGAIN);
	end(&scene);
}

/* ---- places -----------------------------------------------------------------
 */

static void
places_for_receivers(void **state)
{
	struct shunt_queue_options o = small;
	const char *name = test_name("places");
	struct shunt_queue *q[33];

	(void)state;
	o.receivers = 1025;
	assert_int_equal(shunt_queue_open(&q[0], name, &o), -EINVAL);
	assert_detail("1024");
	o.receivers = 32;
	assert_int_equal(shunt_queue_open(&q[0], name, &o), 1);
	for (int i = 1; i < 33; i++)
		assert_int_equal(shunt_queue_open(&q[i], name, &o), 0);
	for (int i = 0; i < 32; i++)
		assert_int_equal(got(q[i], NULL), -EAGAIN);
	assert_int_equal(got(q[32], NULL), SHUNT_E_SLOTS);
	assert_detail("32 places");
	shunt_queue_close(&q[7]);
	assert_int_equal(got(q[32], NULL), -EAGAIN);
	assert_int_equal(q[32]->receiver->slot.number, 7);
	for (int i = 0; i < 33; i++)
		shunt_queue_close(&q[i]);
	assert_false(test_there(name));
}

/* ---- without the membarrier -------------------------------------------------
 */

static int
no_membarrier(int cmd)
{
	(void)cmd;
	return -ENOSYS;
}

static void
without_a_membarrier_claims_are_for_one_call(void **state)
{
	int (*real)(int) = shunt__os.membarrier;
	struct scene scene;

	(void)state;
	shunt__os.membarrier = no_membarrier;
	begin(&scene);
	put(&scene, 0, 4);
	assert_int_equal(got(scene.a, NULL), 0);
	assert_int_equal(claim(&scene) & UINT32_MAX, 0);
	assert_int_equal(got(scene.b, NULL), 1);
	assert_int_equal(seen(scene.a, NULL), 2);
	assert_int_equal(got(scene.b, NULL), 3);
	assert_int_equal(shunt_queue_release(scene.a), 0);
	end(&scene);
	shunt__os.membarrier = real;
	/* One that cannot issue it takes nothing from one who keeps his. */
	begin(&scene);
	put(&scene, 0, 3);
	assert_int_equal(got(scene.a, NULL), 0);
	shunt__os.membarrier = no_membarrier;
	assert_int_equal(got(scene.b, NULL), -EAGAIN);
	shunt__os.membarrier = real;
	assert_int_equal(got(scene.a, NULL), 1);
	shunt__os.membarrier = no_membarrier;
	assert_int_equal(got(scene.b, NULL), 2);
	shunt__os.membarrier = real;
	end(&scene);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(one_alone_keeps_the_lane),
	    TEST(a_second_one_makes_it_share),
	    TEST(one_in_a_call_keeps_the_lane_and_learns_of_it),
	    TEST(alone_again_it_keeps_the_lane_again),
	    TEST(in_hand_blocks_nobody),
	    TEST(done_under_anothers_claim),
	    TEST(a_full_lap_behind_one_in_hand),
	    TEST(what_the_dead_had_in_hand_comes_again_marked),
	    TEST(what_is_closed_on_comes_again_marked),
	    TEST(marked_however_often_it_comes),
	    TEST(places_for_receivers),
	    TEST(without_a_membarrier_claims_are_for_one_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
