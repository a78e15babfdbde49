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
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
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

static unsigned yielded;

static int
count_yield(void)
{
	yielded++;
	return 0;
}

/* More receivers than processors: he may wait for ours. */
static void
who_is_held_up_gives_his_processor_away(void **state)
{
	int (*was)(void) = shunt__os.yield;
	struct scene scene;

	(void)state;
	begin(&scene);
	put(&scene, 0, 1);
	yielded = 0;
	shunt__os.yield = count_yield;
	for (int i = 0; i < 200; i++)
		assert_int_equal(got(scene.b, NULL), i == 0 ? 0 : -EAGAIN);
	assert_int_equal(yielded, 0); /* empty is not held up */
	put(&scene, 1, 2);
	assert_int_equal(got(scene.b, NULL), 1);
	shunt__receiver_enter(scene.b->receiver);
	put(&scene, 2, 3);
	for (int i = 0; i < 200; i++)
		assert_int_equal(got(scene.a, NULL), -EAGAIN);
	shunt__os.yield = was;
	assert_in_range(yielded, 1, 20);
	shunt__receiver_leave(scene.b->receiver);
	assert_int_equal(got(scene.b, NULL), 2);
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
	assert_int_equal(scene.b->receiver->held_up, 1);
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

/* ---- the end ----------------------------------------------------------------
 */

struct two_lanes {
	struct scene scene;
	struct shunt_queue *s, *c, *d;
};

/* A has 0 of one lane in hand, C 100 of another; B and D share. */
static void
begin_two(struct two_lanes *two)
{
	struct scene *scene = &two->scene;
	uint32_t n = 100;

	begin(scene);
	two->s = open_one(scene->name);
	two->c = open_one(scene->name);
	two->d = open_one(scene->name);
	put(scene, 0, 1);
	assert_int_equal(seen(scene->a, NULL), 0);
	assert_int_equal(shunt_queue_send(two->s, &n, sizeof(n), &send_now), 0);
	assert_int_equal(seen(two->c, NULL), 100);
	assert_int_equal(got(scene->b, NULL), -EAGAIN);
	assert_int_equal(got(two->d, NULL), -EAGAIN);
	put(scene, 1, 2);
	assert_int_equal(got(scene->b, NULL), 1);
	assert_int_equal(got(two->d, NULL), -EAGAIN);
	assert_int_equal(got(scene->b, NULL), -EAGAIN);
	assert_int_equal(scene->b->receiver->sharing, 1);
	assert_int_equal(two->d->receiver->sharing, 1);
	assert_int_equal(shunt_queue_finish(scene->s), 0);
}

static void
end_two(struct two_lanes *two)
{
	shunt_queue_close(&two->s);
	shunt_queue_close(&two->c);
	shunt_queue_close(&two->d);
	end(&two->scene);
}

static uint64_t
claims(const struct two_lanes *two)
{
	uint64_t all = 0;

	for (uint32_t n = 0; n < 2; n++)
		all |= shunt__load64(
		    &shunt__object_lane(two->s->obj, n)->ln_claim);
	return all & UINT32_MAX;
}

/* What the dead had is found by the last look of all. */
static void
what_the_last_look_finds_comes_once(void **state)
{
	struct two_lanes two;
	int n, m;

	(void)state;
	begin_two(&two);
	shunt_queue_close(&two.scene.a);
	shunt_queue_close(&two.c);
	n = got(two.scene.b, NULL);
	assert_true(n == 0 || n == 100);
	assert_int_equal(claims(&two), 0);
	for (int i = 0; i < 3 && (m = got(two.d, NULL)) < 0; i++)
		;
	assert_int_equal(m, 100 - n);
	assert_int_equal(got(two.scene.b, NULL), SHUNT_E_CLOSED);
	assert_int_equal(got(two.d, NULL), SHUNT_E_CLOSED);
	end_two(&two);
}

static struct two_lanes *closing;
static int (*real_membarrier)(int);

static int
close_both_at_the_end(int cmd)
{
	shunt_queue_close(&closing->scene.a);
	shunt_queue_close(&closing->c);
	return real_membarrier(cmd);
}

/* Who waits looks, and has nothing of it afterwards. */
static void
who_is_told_of_it_has_no_claim_yet(void **state)
{
	struct two_lanes two;

	(void)state;
	begin_two(&two);
	struct shunt_wait_item item = {.end = shunt_queue_end(two.scene.b)};
	/* Nobody's in hand at the first look, somebody dead's at the last. */
	real_membarrier = shunt__os.membarrier;
	closing = &two;
	shunt__os.membarrier = close_both_at_the_end;
	assert_int_equal(shunt_wait(&item, 1, SHUNT_NOWAIT), 1);
	shunt__os.membarrier = real_membarrier;
	assert_int_equal(item.ready, 1);
	assert_null(two.c);
	assert_int_equal(claims(&two), 0);
	assert_int_equal(
	    shunt__load64(&two.scene.b->receiver->words[SHUNT__SLOT_BUSY]), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(got(two.d, NULL) % 100, 0);
	assert_int_equal(got(two.scene.b, NULL), SHUNT_E_CLOSED);
	end_two(&two);
}

/* A commit of which nobody knew whether it was in time: its sender has looked
 * at the bell already, and stands before the store buffer's end. */
static struct shunt_queue *late;
static int naps;

static int
commit_meanwhile(int64_t ns)
{
	struct shunt__seat *seat;

	(void)ns;
	if (naps++ != 0)
		return 0;
	assert_int_equal(shunt__seat_get(&late->seats, &seat), 0);
	shunt__lane_commit(&((struct shunt__sender *)(void *)seat->end)->tx,
	    sizeof(uint32_t), 0);
	return 0;
}

static void
the_end_waits_for_stores_where_there_is_no_membarrier(void **state)
{
	struct shunt__os real = shunt__os;
	struct scene scene;
	uint32_t n = 7;
	void *at;

	(void)state;
	begin(&scene);
	assert_int_equal(got(scene.b, NULL), -EAGAIN);
	assert_int_equal(
	    shunt_queue_reserve(scene.s, sizeof(n), &at, &send_now), 0);
	memcpy(at, &n, sizeof(n));
	late = scene.s;
	naps = 0;
	shunt__os.membarrier = no_membarrier;
	shunt__os.nanosleep = commit_meanwhile;
	assert_int_equal(shunt_queue_finish(scene.a), 0);
	assert_int_equal(got(scene.b, NULL), 7);
	assert_int_equal(got(scene.b, NULL), SHUNT_E_CLOSED);
	assert_int_equal(naps, 1); /* from then on all fence */
	shunt__os = real;
	end(&scene);
}

static unsigned char *page;
static struct shunt__u64 *header;

/* As the sender does that learns too late that it was finished. */
static void
take_back(int sig)
{
	uint64_t head = shunt__load64(header);

	(void)sig;
	shunt__cas64(header, &head, head | SHUNT__LANE_DONE);
	mprotect(page, 4096, PROT_READ | PROT_WRITE);
}

static void
what_its_sender_takes_back_is_passed_over(void **state)
{
	struct sigaction sa = {.sa_handler = take_back};
	struct scene scene;
	const void *at;

	(void)state;
	begin(&scene);
	put(&scene, 0, 4);
	assert_int_equal(got(scene.a, NULL), 0);
	assert_int_equal(got(scene.b, NULL), 1);
	assert_int_equal(scene.b->receiver->sharing, 0);
	assert_int_equal(got(scene.a, NULL), 2);
	put(&scene, 4, 5);
	/* A shares; the page is written between its look and its mark. */
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(page != MAP_FAILED);
	struct shunt_message *info = (void *)page;
	info->sz = sizeof(*info);
	header =
	    shunt__lane_word(shunt__object_ring(scene.s->obj, 0), 4096, 16 * 3);
	assert_int_equal(mprotect(page, 4096, PROT_READ), 0);
	assert_int_equal(sigaction(SIGSEGV, &sa, NULL), 0);
	assert_int_equal(
	    shunt_queue_peek(scene.a, &at, info, &at_once), sizeof(uint32_t));
	signal(SIGSEGV, SIG_DFL);
	assert_int_equal(*(const uint32_t *)at, 4);
	assert_int_equal(shunt_queue_release(scene.a), 0);
	munmap(page, 4096);
	end(&scene);

	/* In the hand of one who keeps his claims, and is asked to share. */
	begin(&scene);
	put(&scene, 0, 2);
	assert_int_equal(seen(scene.a, NULL), 0);
	header = shunt__lane_word(shunt__object_ring(scene.s->obj, 0), 4096, 0);
	shunt__or64(header, SHUNT__LANE_DONE);
	assert_int_equal(got(scene.b, NULL), 1);
	assert_int_equal(shunt_queue_release(scene.a), 0);
	assert_int_equal(got(scene.a, NULL), -EAGAIN);
	end(&scene);
}

/* ---- waking -----------------------------------------------------------------
 */

static struct shunt__u32 *
senders_bell(const struct scene *scene)
{
	return &shunt__object_lane(scene->s->obj, 0)->ln_waiting;
}

/* Its sender sleeps: is it rung by what @q receives next? */
static void
rings(struct scene *scene, struct shunt_queue *q, int n, int rung)
{
	shunt__or32(senders_bell(scene), SHUNT__BELL_ASLEEP);
	assert_int_equal(got(q, NULL), n);
	assert_int_equal(
	    shunt__load32(senders_bell(scene)) & SHUNT__BELL_ASLEEP,
	    rung ? 0 : SHUNT__BELL_ASLEEP);
}

static void
who_shares_rings_the_sender_of_an_empty_lane(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene);
	put(&scene, 0, 5);
	assert_int_equal(got(scene.a, NULL), 0);
	assert_int_equal(got(scene.b, NULL), 1);
	assert_int_equal(got(scene.a, NULL), 2);
	/* Within a quarter of the lane. */
	rings(&scene, scene.a, 3, 0);
	rings(&scene, scene.a, 4, 1);
	end(&scene);
}

/* What it takes the lane for may not be what others went away from. */
static void
who_is_done_rings_for_what_is_behind_others(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene);
	struct shunt__u32 *bell = &scene.s->obj->control->ct_bell;
	put(&scene, 0, 2);
	assert_int_equal(got(scene.a, NULL), 0);
	assert_int_equal(got(scene.b, NULL), 1);
	assert_int_equal(got(scene.a, NULL), -EAGAIN);
	assert_int_equal(got(scene.b, NULL), -EAGAIN);
	put(&scene, 2, 5);
	assert_int_equal(seen(scene.a, NULL), 2);
	assert_int_equal(seen(scene.b, NULL), 3);
	shunt__or32(bell, SHUNT__BELL_ASLEEP);
	assert_int_equal(shunt_queue_release(scene.a), 0);
	assert_int_equal(shunt__load32(bell) & SHUNT__BELL_ASLEEP, 0);
	/* Nothing is behind it now. */
	assert_int_equal(got(scene.a, NULL), 4);
	shunt__or32(bell, SHUNT__BELL_ASLEEP);
	assert_int_equal(shunt_queue_release(scene.b), 0);
	assert_int_equal(
	    shunt__load32(bell) & SHUNT__BELL_ASLEEP, SHUNT__BELL_ASLEEP);
	end(&scene);
}

static void
what_the_tail_passes_over_rings_the_sender(void **state)
{
	char buf[1000] = {0};
	struct scene scene;

	(void)state;
	/* A pad at the end of the ring: three quarters are behind it. */
	begin(&scene);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(shunt_queue_send(scene.s, buf, 1000, NULL), 0);
		assert_int_equal(
		    shunt_queue_recv(scene.a, buf, 1000, NULL, &at_once), 1000);
	}
	assert_int_equal(tail(&scene), 4032);
	for (int i = 0; i < 2; i++)
		assert_int_equal(shunt_queue_send(scene.s, buf, 100, NULL), 0);
	shunt__or32(senders_bell(&scene), SHUNT__BELL_ASLEEP);
	assert_int_equal(
	    shunt_queue_recv(scene.a, buf, 1000, NULL, &at_once), 100);
	assert_int_equal(tail(&scene), 4096 + 112);
	assert_int_equal(
	    shunt__load32(senders_bell(&scene)) & SHUNT__BELL_ASLEEP, 0);
	assert_int_equal(
	    shunt_queue_recv(scene.a, buf, 1000, NULL, &at_once), 100);
	end(&scene);
	/* What was done with behind one in hand. */
	begin(&scene);
	put(&scene, 0, 100);
	assert_int_equal(got(scene.a, NULL), 0);
	assert_int_equal(got(scene.b, NULL), 1);
	assert_int_equal(seen(scene.a, NULL), 2);
	for (int i = 3; i < 90; i++)
		assert_int_equal(got(scene.b, NULL), i);
	struct shunt__receiver *b = scene.b->receiver;
	shunt__receiver_begin(scene.b);
	assert_int_equal(shunt__claim(scene.b, &b->lanes[0]), 0);
	assert_int_equal(shunt_queue_release(scene.a), 0);
	assert_int_equal(tail(&scene), 16 * 2);
	shunt__or32(senders_bell(&scene), SHUNT__BELL_ASLEEP);
	assert_int_equal(shunt__poll_once(scene.b), 0);
	assert_int_equal(tail(&scene), 16 * 90);
	assert_int_equal(
	    shunt__load32(senders_bell(&scene)) & SHUNT__BELL_ASLEEP, 0);
	shunt__lane_give_back(scene.b, b->rec.lane);
	shunt__receiver_leave(b);
	for (int i = 90; i < 100; i++)
		assert_int_equal(got(scene.b, NULL), i);
	end(&scene);
}

/* A keeps the lane and is in a call, out of which he goes without a word. */
static void
what_is_under_anothers_hands_makes_it_readable_later(void **state)
{
	struct pollfd p = {.events = POLLIN};
	struct scene scene;

	(void)state;
	begin(&scene);
	put(&scene, 0, 2);
	assert_int_equal(got(scene.a, NULL), 0);
	p.fd = shunt_queue_fd(scene.b);
	assert_true(p.fd >= 0);
	shunt__receiver_enter(scene.a->receiver);
	assert_int_equal(got(scene.b, NULL), -EAGAIN);
	/* Stopped there, he costs a look now and then. */
	int looks = 0;
	for (uint64_t t = test_now(); test_now() - t < 100 * MS; looks++)
		if (poll(&p, 1, 20) == 1)
			assert_int_equal(got(scene.b, NULL), -EAGAIN);
	assert_in_range(looks, 1, 20);
	shunt__receiver_leave(scene.a->receiver);
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(got(scene.b, NULL), 1);
	end(&scene);
}

static void
removal_is_seen_behind_one_who_is_stopped(void **state)
{
	const struct shunt_recv_options long_enough = {
	    .sz = sizeof(long_enough), .wait_ns = 5000 * (int64_t)MS};
	struct scene scene;
	uint32_t n;

	(void)state;
	begin(&scene);
	put(&scene, 0, 2);
	assert_int_equal(got(scene.a, NULL), 0);
	shunt__receiver_enter(scene.a->receiver);
	assert_int_equal(unlink(test_path(scene.name)), 0);
	assert_int_equal(
	    shunt_queue_recv(scene.b, &n, sizeof(n), NULL, &long_enough),
	    SHUNT_E_REMOVED);
	shunt__receiver_leave(scene.a->receiver);
	end(&scene);
}

#define EACH 3000

static void *
send_each(void *arg)
{
	uint64_t bad = 0;

	for (uint32_t n = 0; n < EACH; n++)
		bad += shunt_queue_send(arg, &n, sizeof(n), NULL) != 0;
	return (void *)(uintptr_t)bad;
}

static void
threads_of_one_handle_wait_for_room_side_by_side(void **state)
{
	struct scene scene;
	pthread_t thread[3];
	uint32_t n, all = 0;
	void *bad;

	(void)state;
	begin(&scene);
	for (int i = 0; i < 3; i++)
		assert_int_equal(
		    pthread_create(&thread[i], NULL, send_each, scene.s), 0);
	for (; all < 3 * EACH; all++)
		assert_int_equal(shunt_queue_recv(all & 64 ? scene.a : scene.b,
				     &n, sizeof(n), NULL, NULL),
		    sizeof(n));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(pthread_join(thread[i], &bad), 0);
		assert_null(bad);
	}
	end(&scene);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(one_alone_keeps_the_lane),
	    TEST(a_second_one_makes_it_share),
	    TEST(one_in_a_call_keeps_the_lane_and_learns_of_it),
	    TEST(who_is_held_up_gives_his_processor_away),
	    TEST(alone_again_it_keeps_the_lane_again),
	    TEST(in_hand_blocks_nobody),
	    TEST(done_under_anothers_claim),
	    TEST(a_full_lap_behind_one_in_hand),
	    TEST(what_the_dead_had_in_hand_comes_again_marked),
	    TEST(what_is_closed_on_comes_again_marked),
	    TEST(marked_however_often_it_comes),
	    TEST(places_for_receivers),
	    TEST(without_a_membarrier_claims_are_for_one_call),
	    TEST(what_the_last_look_finds_comes_once),
	    TEST(who_is_told_of_it_has_no_claim_yet),
	    TEST(the_end_waits_for_stores_where_there_is_no_membarrier),
	    TEST(what_its_sender_takes_back_is_passed_over),
	    TEST(who_shares_rings_the_sender_of_an_empty_lane),
	    TEST(who_is_done_rings_for_what_is_behind_others),
	    TEST(what_the_tail_passes_over_rings_the_sender),
	    TEST(what_is_under_anothers_hands_makes_it_readable_later),
	    TEST(removal_is_seen_behind_one_who_is_stopped),
	    TEST(threads_of_one_handle_wait_for_room_side_by_side),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
