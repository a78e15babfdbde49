/* SPDX-License-Identifier: MIT */
/* limit: 20 */
/*
 * Words of a queue that somebody scribbled over, or that the dead left behind:
 * who has a lane, who took a record, what is in whose hand.  Whatever they
 * say, a receiver reads nothing twice by mistake, gets out of every walk, and
 * has an answer.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

#include <shunt.h>

#include "channel/receiver.h"
#include "lib/peers.h"
#include "os/os.h"

#define CAP  4096
#define REC  SHUNT__LANE_REC
#define PAD  SHUNT__LANE_PAD
#define DONE SHUNT__LANE_DONE

static const struct shunt_queue_options small = {
    .sz = sizeof(small), .lane_bytes = CAP, .lanes = 4, .receivers = 32};
static const struct shunt_recv_options at_once = {
    .sz = sizeof(at_once), .wait_ns = SHUNT_NOWAIT};

/* S sends and never receives; the others receive. */
static const char *name;
static struct shunt_queue *s, *a, *b, *c;
static struct shunt__os real;

static struct shunt_queue *
open_one(void)
{
	struct shunt_queue *q;

	assert_in_range(shunt_queue_open(&q, name, &small), 0, 1);
	return q;
}

static int
setup(void **state)
{
	(void)state;
	real = shunt__os;
	name = test_name("lies");
	s = open_one();
	a = open_one();
	b = open_one();
	c = open_one();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	shunt__os = real;
	shunt_queue_close(&a);
	shunt_queue_close(&b);
	shunt_queue_close(&c);
	shunt_queue_close(&s);
	unlink(test_path(name));
	return 0;
}

static void
put(uint32_t from, uint32_t to)
{
	for (; from < to; from++)
		assert_int_equal(
		    shunt_queue_send(s, &from, sizeof(from), NULL), 0);
}

/* The next message's number, or a negative code; flags into @flags. */
static int
got(struct shunt_queue *q, uint32_t *flags)
{
	struct shunt_message info = {.sz = sizeof(info)};
	uint32_t n = 0;
	ssize_t e = shunt_queue_recv(q, &n, sizeof(n), &info, &at_once);

	if (flags != NULL)
		*flags = info.flags;
	return e < 0 ? (int)e : (int)n;
}

static int
seen(struct shunt_queue *q)
{
	const void *at;
	uint32_t n;
	ssize_t e = shunt_queue_peek(q, &at, NULL, &at_once);

	if (e < 0)
		return (int)e;
	memcpy(&n, at, sizeof(n));
	return (int)n;
}

/* A and B have received @n messages, at least three, and share. */
static void
share(uint32_t n)
{
	put(0, n);
	assert_int_equal(got(a, NULL), 0);
	assert_int_equal(got(b, NULL), 1);
	for (uint32_t i = 2; i < n; i++)
		assert_int_equal(got(i & 1 ? b : a, NULL), i);
	assert_int_equal(a->receiver->sharing, 1);
}

/* The header of the @n-th message, 16 bytes each. */
static struct shunt__u64 *
header(uint64_t n)
{
	return shunt__lane_word(shunt__object_ring(s->obj, 0), CAP, 16 * n);
}

static struct shunt__u64 *
claim(void)
{
	return &shunt__object_lane(s->obj, 0)->ln_claim;
}

static struct shunt__u64 *
hand(uint32_t slot)
{
	return &shunt__slot_at(s->obj, slot)->sl_word[SHUNT__SLOT_HAND];
}

/* Who: slot @n, when it was taken for the @taking-th time. */
static uint32_t
who(uint32_t n, uint32_t taking)
{
	return taking << 16 | (n + 1);
}

static uint64_t
taken_by(uint32_t someone)
{
	return shunt__head_taken(REC | sizeof(uint32_t), someone);
}

static void
fill(uint64_t head)
{
	for (uint64_t pos = 0; pos < CAP; pos += 8)
		shunt__store64(
		    shunt__lane_word(shunt__object_ring(s->obj, 0), CAP, pos),
		    head);
}

static int
no_memory(void *at, size_t size, int advice)
{
	(void)at;
	(void)size;
	(void)advice;
	return -EFAULT;
}

/* ---- who took a record ---------------------------------------------------
 */

static void
what_nobody_can_have_taken_comes_again(void **state)
{
	uint32_t flags;

	(void)state;
	put(0, 2);
	shunt__store64(header(0), taken_by(who(999, 1)));
	assert_int_equal(got(a, &flags), 0);
	assert_int_equal(flags, SHUNT_MESSAGE_REDELIVERED);
	assert_int_equal(got(a, &flags), 1);
	assert_int_equal(flags, 0);
	assert_int_equal(got(a, &flags), -EAGAIN);
}

/* Said to be in our own hand, where nothing is: nobody gets it while we live,
 * and the next one does. */
static void
what_we_are_said_to_have_taken_waits_for_our_end(void **state)
{
	uint32_t flags;

	(void)state;
	assert_int_equal(got(a, NULL), -EAGAIN);
	put(0, 2);
	shunt__store64(header(0), taken_by(a->receiver->me));
	assert_int_equal(got(a, &flags), 1);
	assert_int_equal(flags, 0);
	assert_int_equal(got(a, NULL), -EAGAIN);
	assert_int_equal(got(b, NULL), -EAGAIN);
	shunt_queue_close(&a);
	struct shunt_wait_item item = {.end = shunt_queue_end(b)};
	assert_int_equal(shunt_wait(&item, 1, SHUNT_NOWAIT), 1);
	assert_int_equal(got(b, &flags), 0);
	assert_int_equal(flags, SHUNT_MESSAGE_REDELIVERED);
	assert_int_equal(got(b, NULL), -EAGAIN);
}

/* Behind one that a living one works on. */
static void
what_the_dead_took_comes_before_what_the_living_have(void **state)
{
	uint32_t flags;

	(void)state;
	assert_int_equal(got(b, NULL), -EAGAIN);
	put(0, 3);
	shunt__store64(header(0), taken_by(b->receiver->me));
	shunt__store64(header(1), taken_by(who(20, 3)));
	shunt__store64(claim(), 0);
	assert_int_equal(got(a, &flags), 1);
	assert_int_equal(flags, SHUNT_MESSAGE_REDELIVERED);
	assert_int_equal(a->receiver->sharing, 0);
	assert_true(shunt__load64(header(1)) & DONE);
	assert_int_equal(got(a, &flags), 2);
	assert_int_equal(flags, 0);
	assert_int_equal(got(a, NULL), -EAGAIN);
}

/* ---- who has a lane ------------------------------------------------------
 */

static void
a_claim_of_nobody_is_taken(void **state)
{
	(void)state;
	put(0, 3);
	shunt__store64(claim(), UINT64_C(7) << 32 | who(5000, 1));
	assert_int_equal(got(a, NULL), 0);
	assert_int_equal(shunt__load64(claim()) >> 32, 8);
	/* Our own place, by one who had it before. */
	shunt__store64(claim(), UINT64_C(9) << 32 | who(1, 77));
	assert_int_equal(got(b, NULL), 1);
	assert_int_equal(shunt__load64(claim()) >> 32, 10);
	assert_int_equal(got(b, NULL), 2);
}

/* A lane that was taken for less than a call is given back with a look. */
static void
a_claim_given_back_rings_for_what_is_there(void **state)
{
	struct shunt__u32 *bell = &s->obj->control->ct_bell;

	(void)state;
	share(4);
	put(4, 6);
	assert_int_equal(got(a, NULL), 4);
	/* B knows the lane as it was before. */
	shunt__receiver_begin(b);
	assert_int_equal(shunt__claim(b, &b->receiver->lanes[0]), 0);
	shunt__or32(bell, SHUNT__BELL_ASLEEP);
	shunt__lane_give_back(b, &b->receiver->lanes[0]);
	shunt__receiver_leave(b->receiver);
	assert_false(shunt__load32(bell) & SHUNT__BELL_ASLEEP);
	assert_int_equal(got(b, NULL), 5);
}

/* ---- what is in whose hand -----------------------------------------------
 */

static void
a_hand_that_points_nowhere_is_emptied(void **state)
{
	/* No lane; a lane too many; a place where nothing is; a pad. */
	const uint64_t lies[] = {5, shunt__hand(4, who(0, 0), 0),
	    shunt__hand(8000, who(0, 0), 0), shunt__hand(0, who(0, 0), 160),
	    shunt__hand(0, who(0, 0), UINT64_C(1) << 37)};
	uint32_t flags;

	(void)state;
	for (uint32_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		put(i, i + 1);
		shunt__store64(hand(0), lies[i]);
		assert_int_equal(got(a, &flags), i);
		assert_int_equal(flags, 0);
		assert_int_equal(a->receiver->slot.number, 0);
		assert_int_equal(a->receiver->stale, 0);
		assert_int_equal(shunt__load64(hand(0)), 0);
		shunt_queue_close(&a);
		a = open_one();
	}
}

static void
a_hand_that_points_to_a_pad_is_emptied(void **state)
{
	static char text[1000];
	uint32_t flags;
	uint64_t head;

	(void)state;
	for (int i = 0; i < 4; i++) {
		assert_int_equal(shunt_queue_send(s, text, 1000, NULL), 0);
		assert_int_equal(
		    shunt_queue_recv(a, text, 1000, NULL, &at_once), 1000);
	}
	head = shunt__load64(&shunt__object_lane(s->obj, 0)->ln_tail);
	assert_int_equal(shunt_queue_send(s, text, 1000, NULL), 0);
	shunt_queue_close(&a);
	shunt__store64(hand(0), shunt__hand(0, who(0, 0), head));
	struct shunt_message info = {.sz = sizeof(info)};
	assert_int_equal(
	    shunt_queue_recv(b, text, 1000, &info, &at_once), 1000);
	flags = info.flags;
	assert_int_equal(flags, 0);
	assert_int_equal(shunt__load64(hand(0)), 0);
	a = open_one();
}

/* The dead one's lane is another's, who is in a call and keeps it; and its
 * memory is not to be had for a moment. */
static void
what_our_place_had_in_hand_is_marked_when_it_can_be(void **state)
{
	struct shunt_wait_item item = {.end = shunt_queue_end(a)};
	uint32_t flags;

	(void)state;
	put(0, 4);
	assert_int_equal(got(b, NULL), 0);
	shunt__receiver_enter(b->receiver);
	shunt__store64(hand(1), shunt__hand(0, who(1, 0), 16));
	shunt__os.madvise = no_memory;
	assert_int_equal(got(a, NULL), SHUNT_E_TRUNCATED);
	assert_detail(name);
	assert_detail("lane 0 cannot be read");
	assert_int_equal(got(a, NULL), -EAGAIN); /* is told once */
	shunt__os.madvise = real.madvise;
	assert_int_equal(a->receiver->slot.number, 1);
	assert_int_equal(a->receiver->stale, 1);
	a->receiver->last_alone = 0;
	item.end = shunt_queue_end(a);
	assert_int_equal(shunt_wait(&item, 1, SHUNT_NOWAIT), -EAGAIN);
	assert_int_equal(a->receiver->stale, 1);
	assert_int_not_equal(shunt__load64(hand(1)), 0);
	shunt__receiver_leave(b->receiver);
	a->receiver->last_alone = 0;
	assert_int_equal(shunt_wait(&item, 1, SHUNT_NOWAIT), 1);
	assert_int_equal(a->receiver->stale, 0);
	assert_int_equal(shunt__load64(hand(1)), 0);
	assert_int_equal(got(a, &flags), 1);
	assert_int_equal(flags, SHUNT_MESSAGE_REDELIVERED);
	assert_int_equal(got(a, &flags), 2);
	assert_int_equal(flags, 0);
	assert_int_equal(got(b, &flags), 3);
	assert_int_equal(flags, 0);
}

/* A's word tells of the first record; its header says @before.  C gets the
 * lane from somebody dead, goes by both, and receives @next. */
static uint64_t
marked(uint64_t before, int next)
{
	shunt__store64(hand(0), shunt__hand(0, a->receiver->me, 0));
	shunt__store64(header(0), before);
	shunt__store64(header(1), REC | sizeof(uint32_t));
	shunt_queue_close(&c);
	c = open_one();
	shunt__store64(claim(), who(20, 3));
	assert_int_equal(got(c, NULL), next);
	shunt__store64(hand(0), 0);
	return shunt__load64(header(0)) & ~DONE;
}

static uint32_t taker;

/* The question whether slot 5 or 6 lives: meanwhile it is the other's. */
static int
change_hands(int fd, int cmd, struct flock *fl)
{
	if (cmd == F_OFD_GETLK && taker != 0) {
		taker = 11 - taker;
		shunt__store64(header(0), taken_by(who(taker, 0)));
	}
	return real.lock(fd, cmd, fl);
}

static void
a_hand_and_a_header_that_disagree(void **state)
{
	const uint64_t nobodys = REC | sizeof(uint32_t);

	(void)state;
	assert_int_equal(got(a, NULL), -EAGAIN);
	assert_int_equal(got(b, NULL), -EAGAIN);
	uint64_t as = taken_by(a->receiver->me), bs = taken_by(b->receiver->me);
	put(0, 2);
	assert_int_equal(marked(nobodys, 1), as);
	/* It is marked already; and a living one's mark stays. */
	assert_int_equal(marked(as, 1), as);
	assert_int_equal(marked(bs, 1), bs);
	/* The dead one's does not. */
	assert_int_equal(marked(taken_by(who(5, 0)), 1), as);
	/* One that is another's each time we look is not looked at for ever. */
	taker = 5;
	shunt__os.lock = change_hands;
	uint64_t last = marked(taken_by(who(5, 0)), 0);
	assert_true(last == taken_by(who(5, 0)) || last == taken_by(who(6, 0)));
	shunt__os.lock = real.lock;
}

/* A dead one's word is old: another has what he had. */
static void
what_the_dead_had_and_another_has_stays_his(void **state)
{
	(void)state;
	assert_int_equal(got(a, NULL), -EAGAIN);
	assert_int_equal(got(b, NULL), -EAGAIN);
	assert_int_equal(got(c, NULL), -EAGAIN);
	uint64_t bs = taken_by(b->receiver->me);
	put(0, 2);
	shunt_queue_close(&a);
	shunt__store64(hand(0), shunt__hand(0, who(0, 1), 0));
	shunt__store64(header(0), bs);
	shunt__store64(claim(), who(0, 1));
	assert_int_equal(got(c, NULL), 1);
	assert_int_equal(shunt__load64(header(0)), bs);
	assert_int_equal(shunt__load64(hand(0)), 0);
}

/* ---- done, or not --------------------------------------------------------
 */

/* What a header becomes while a record of it is in A's hand. */
static uint64_t
lie(int n, uint64_t head)
{
	switch (n) {
	case 0:
		return head + 1;
	case 1:
		return head & ~REC;
	case 2:
		return head | DONE;
	case 3:
		return taken_by(who(7, 7));
	default:
		return 0;
	}
}

static void
a_header_that_lies_is_told_at_release(void **state)
{
	for (int i = 0; i < 5; i++) {
		share(4);
		put(4, 6);
		assert_int_equal(seen(a), 4);
		shunt__store64(header(4), lie(i, shunt__load64(header(4))));
		assert_int_equal(shunt_queue_release(a), SHUNT_E_CORRUPT);
		assert_int_equal(shunt_queue_release(a), -EINVAL);
		assert_int_equal(got(a, NULL), -EAGAIN); /* told once */
		teardown(state);
		setup(state);
	}
}

/* In the hand of one who keeps his claims, and is asked to share. */
static void
a_header_that_lies_is_not_marked(void **state)
{
	(void)state;
	put(0, 2);
	assert_int_equal(seen(a), 0);
	uint64_t nonsense = REC | UINT32_MAX;
	shunt__store64(header(0), nonsense);
	assert_int_equal(got(b, NULL), SHUNT_E_CORRUPT);
	assert_int_equal(got(b, NULL), -EAGAIN);
	assert_int_equal(shunt_queue_release(a), SHUNT_E_CORRUPT);
	assert_int_equal(shunt__load64(header(0)), nonsense);
}

/* The tail cannot be moved over it, however often one looks. */
static void
done_with_a_length_that_cannot_be(void **state)
{
	(void)state;
	share(3);
	put(3, 5);
	shunt__store64(header(3), REC | DONE | UINT32_MAX);
	assert_int_equal(got(a, NULL), SHUNT_E_CORRUPT);
	assert_int_equal(shunt__load64(claim()) & UINT32_MAX, 0);
	assert_int_equal(got(b, NULL), SHUNT_E_CORRUPT);
	assert_int_equal(shunt__load64(claim()) & UINT32_MAX, 0);
	assert_int_equal(got(a, NULL), -EAGAIN);
	assert_int_equal(got(b, NULL), -EAGAIN);
}

static void
a_lap_of_records_that_are_done(void **state)
{
	(void)state;
	put(0, 1);
	fill(REC | DONE);
	assert_int_equal(got(a, NULL), SHUNT_E_CORRUPT);
	assert_int_equal(got(a, NULL), -EAGAIN);
}

static void
a_lap_of_records_without_an_end(void **state)
{
	struct shunt_message infos[600] = {{.sz = sizeof(infos[0])}};
	char buf[64];

	(void)state;
	assert_int_equal(got(a, NULL), -EAGAIN);
	assert_int_equal(got(b, NULL), -EAGAIN);
	shunt_queue_close(&b);
	put(0, 1);
	/* Of the dead one's hand nothing is found in it. */
	fill(REC);
	shunt__store64(hand(1), shunt__hand(0, who(1, 1), UINT64_C(1) << 30));
	shunt__store64(claim(), who(1, 1));
	assert_int_equal(shunt_queue_recv(a, buf, 64, NULL, &at_once), 0);
	assert_int_equal(shunt__load64(hand(1)), 0);
	/* One batch is a lap at most. */
	assert_in_range(
	    shunt_queue_recv_batch(a, buf, 64, infos, 600, &at_once), 1,
	    CAP / 8 + 1);
	b = open_one();
}

static void
a_pad_where_none_can_stand_ends_a_batch(void **state)
{
	struct shunt_message infos[8] = {{.sz = sizeof(infos[0])}};
	char buf[64];

	(void)state;
	for (uint32_t n = 0; n < CAP / 16 - 2; n++) {
		put(n, n + 1);
		assert_int_equal(got(a, NULL), n);
	}
	put(0, 2); /* up to the end of the ring */
	shunt__store64(header(0), REC | PAD);
	assert_int_equal(
	    shunt_queue_recv_batch(a, buf, 64, infos, 8, &at_once), 2);
	assert_int_equal(shunt_queue_recv_batch(a, buf, 64, infos, 8, &at_once),
	    SHUNT_E_CORRUPT);
	assert_int_equal(shunt_queue_recv(a, buf, 64, NULL, &at_once), -EAGAIN);
}

/* ---- between the look and the mark ---------------------------------------
 * The caller's struct lies in a page that cannot be written yet. */

static unsigned char *page;

static void
scribble(int sig)
{
	(void)sig;
	shunt__store64(header(4), taken_by(who(7, 7)));
	mprotect(page, 4096, PROT_READ | PROT_WRITE);
}

static void
a_header_that_changes_before_it_is_marked(void **state)
{
	struct sigaction sa = {.sa_handler = scribble};
	const void *at = NULL;

	(void)state;
	share(4);
	put(4, 6);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(page != MAP_FAILED);
	struct shunt_message *info = (void *)page;
	info->sz = sizeof(*info);
	assert_int_equal(mprotect(page, 4096, PROT_READ), 0);
	assert_int_equal(sigaction(SIGSEGV, &sa, NULL), 0);
	assert_int_equal(
	    shunt_queue_peek(a, &at, info, &at_once), SHUNT_E_CORRUPT);
	signal(SIGSEGV, SIG_DFL);
	assert_null(at);
	assert_int_equal(shunt_queue_release(a), -EINVAL);
	munmap(page, 4096);
}

static int taken_back;

/* As the sender does that learns too late that the queue was finished. */
static void
take_it_back(int sig)
{
	(void)sig;
	taken_back++;
	shunt__or64(shunt__lane_word(shunt__object_ring(s->obj, 0), CAP,
			a->receiver->rec.pos),
	    DONE);
	mprotect(page, 4096, PROT_READ | PROT_WRITE);
}

/* Its lane has moved by a quarter: it sends one more, and sleeps. */
static int
send_another(const void *at, int n)
{
	static const char text[1100];

	(void)at;
	(void)n;
	assert_int_equal(shunt_queue_send(s, text, sizeof(text), NULL), 0);
	shunt__or32(
	    &shunt__object_lane(s->obj, 0)->ln_waiting, SHUNT__BELL_ASLEEP);
	mprotect(page, 4096, PROT_READ);
	return 0;
}

static void
what_is_taken_back_again_and_again_is_not_looked_at_for_ever(void **state)
{
	struct sigaction sa = {.sa_handler = take_it_back};
	const void *at = NULL;

	(void)state;
	share(4);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(page != MAP_FAILED);
	struct shunt_message *info = (void *)page;
	info->sz = sizeof(*info);
	taken_back = 0;
	assert_int_equal(sigaction(SIGSEGV, &sa, NULL), 0);
	for (int i = 0; i < 2; i++)
		send_another(NULL, 0);
	shunt__os.futex_wake = send_another;
	assert_int_equal(
	    shunt_queue_peek(a, &at, info, &at_once), SHUNT_E_CORRUPT);
	signal(SIGSEGV, SIG_DFL);
	assert_int_equal(taken_back, 8);
	assert_null(at);
	mprotect(page, 4096, PROT_READ | PROT_WRITE);
	assert_int_equal(shunt_queue_peek(a, &at, info, &at_once), 1100);
	assert_int_equal(shunt_queue_release(a), 0);
	shunt__os.futex_wake = real.futex_wake;
	munmap(page, 4096);
}

/* ---- the sender's side ---------------------------------------------------
 */

static void
a_tail_that_goes_back_is_told_to_who_wants_room(void **state)
{
	const struct shunt_send_options now = {
	    .sz = sizeof(now), .wait_ns = SHUNT_NOWAIT};
	struct shunt__u64 *tail = &shunt__object_lane(s->obj, 0)->ln_tail;
	uint32_t n = 0;

	(void)state;
	put(0, 10);
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(got(a, NULL), i);
	while (shunt_queue_send(s, &n, sizeof(n), &now) == 0)
		n++;
	assert_int_equal(shunt_queue_send(s, &n, sizeof(n), &now), -EAGAIN);
	shunt__store64(tail, shunt__load64(tail) - 8);
	assert_int_equal(
	    shunt_queue_send(s, &n, sizeof(n), &now), SHUNT_E_CORRUPT);
	shunt__store64(tail, shunt__load64(tail) + 8);
	assert_int_equal(shunt_queue_send(s, &n, sizeof(n), &now), -EAGAIN);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(got(a, NULL), i);
}

/* ---- lanes whose memory is not there -------------------------------------
 */

static int
first_lane_alone_is_there(void *at, size_t size, int advice)
{
	if (at != shunt__object_ring(a->obj, 0))
		return -EFAULT;
	return real.madvise(at, size, advice);
}

static void
a_lane_that_cannot_be_met_is_met_when_it_can_be(void **state)
{
	struct shunt_queue *empty = open_one(), *other = open_one();
	uint32_t n = 99;

	(void)state;
	put(0, 1);
	assert_int_equal(shunt_queue_send(empty, &n, sizeof(n), NULL), 0);
	assert_int_equal(got(b, NULL), 0);
	assert_int_equal(got(b, NULL), 99);
	put(0, 1);
	n = 100;
	assert_int_equal(shunt_queue_send(other, &n, sizeof(n), NULL), 0);
	shunt__os.madvise = first_lane_alone_is_there;
	assert_int_equal(got(a, NULL), 0);
	/* Everything is looked at: it is told once. */
	struct shunt_wait_item item = {.end = shunt_queue_end(a)};
	assert_int_equal(shunt_wait(&item, 1, SHUNT_NOWAIT), 1);
	assert_int_equal(item.ready, SHUNT_E_TRUNCATED);
	assert_detail("cannot be read");
	assert_int_equal(shunt_wait(&item, 1, SHUNT_NOWAIT), -EAGAIN);
	assert_int_equal(got(a, NULL), -EAGAIN);
	/* There they are: their bits say so, one of them for nothing. */
	shunt__os.madvise = real.madvise;
	assert_int_equal(got(a, NULL), 100);
	assert_int_equal(got(a, NULL), -EAGAIN);
	shunt_queue_close(&empty);
	shunt_queue_close(&other);
}

/* A lane that lied is passed over, also where it is looked at first. */
static void
a_lane_that_lied_hides_no_other(void **state)
{
	struct shunt_queue *other = open_one();
	uint32_t n = 100;

	(void)state;
	put(0, 2);
	assert_int_equal(shunt_queue_recv(a, &n, 4, NULL, &at_once), 4);
	shunt__store64(header(1), REC | UINT32_MAX);
	assert_int_equal(
	    shunt_queue_recv(a, &n, 4, NULL, &at_once), SHUNT_E_CORRUPT);
	assert_int_equal(shunt_queue_recv(a, &n, 4, NULL, &at_once), -EAGAIN);
	for (uint32_t i = 0; i < 100; i++) {
		assert_int_equal(
		    shunt_queue_send(other, &i, sizeof(i), NULL), 0);
		assert_int_equal(shunt_queue_recv(a, &n, 4, NULL, &at_once), 4);
		assert_int_equal(n, i);
	}
	shunt_queue_close(&other);
}

#define FRESH(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FRESH(what_nobody_can_have_taken_comes_again),
	    FRESH(what_we_are_said_to_have_taken_waits_for_our_end),
	    FRESH(what_the_dead_took_comes_before_what_the_living_have),
	    FRESH(a_claim_of_nobody_is_taken),
	    FRESH(a_claim_given_back_rings_for_what_is_there),
	    FRESH(a_hand_that_points_nowhere_is_emptied),
	    FRESH(a_hand_that_points_to_a_pad_is_emptied),
	    FRESH(what_our_place_had_in_hand_is_marked_when_it_can_be),
	    FRESH(a_hand_and_a_header_that_disagree),
	    FRESH(what_the_dead_had_and_another_has_stays_his),
	    FRESH(a_header_that_lies_is_told_at_release),
	    FRESH(a_header_that_lies_is_not_marked),
	    FRESH(done_with_a_length_that_cannot_be),
	    FRESH(a_lap_of_records_that_are_done),
	    FRESH(a_lap_of_records_without_an_end),
	    FRESH(a_pad_where_none_can_stand_ends_a_batch),
	    FRESH(a_header_that_changes_before_it_is_marked),
	    FRESH(what_is_taken_back_again_and_again_is_not_looked_at_for_ever),
	    FRESH(a_tail_that_goes_back_is_told_to_who_wants_room),
	    FRESH(a_lane_that_cannot_be_met_is_met_when_it_can_be),
	    FRESH(a_lane_that_lied_hides_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
