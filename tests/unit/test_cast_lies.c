/* SPDX-License-Identifier: MIT */
/* limit: 30 */
/*
 * A cast whose words lie, or change while a reader looks at them: no walk goes
 * on for ever, and who joins stands at a record or says why not.
 *
 * The lane's words, its ring and the reader's cursor lie in three pages, of
 * which one at a time can be touched.  Going from one to another is a fault,
 * and that is where the other side acts.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

#include "ring/cast.h"

#define CAP 4096

enum { CTL, RING, CURSOR, PAGES };

/* As the reader sees them, and as the other side does. */
static unsigned char *mine[PAGES], *others[PAGES];
static void (*other_side)(int at);
static int faults[PAGES];
static struct shunt__cast_rx rx;
static struct shunt__cast_tx tx;

static struct shunt__lane_lay *
ctl(void)
{
	return (struct shunt__lane_lay *)(void *)others[CTL];
}

static struct shunt__u64 *
word(uint64_t pos)
{
	return shunt__lane_word(others[RING], CAP, pos);
}

static void
open_only(int page)
{
	for (int i = 0; i < PAGES; i++)
		mprotect(mine[i], 4096,
		    page == i || page == PAGES ? PROT_READ | PROT_WRITE
					       : PROT_NONE);
}

static void
act(int sig, siginfo_t *info, void *context)
{
	const unsigned char *at = info->si_addr;

	(void)sig;
	(void)context;
	for (int i = 0; i < PAGES; i++) {
		if (at < mine[i] || at >= mine[i] + 4096)
			continue;
		faults[i]++;
		open_only(i);
		other_side(i);
		return;
	}
	signal(SIGSEGV, SIG_DFL);
}

/* From now on @f acts at each step from one page to another. */
static void
begin_acting(void (*f)(int at))
{
	struct sigaction sa = {.sa_sigaction = act, .sa_flags = SA_SIGINFO};

	memset(faults, 0, sizeof(faults));
	other_side = f;
	assert_int_equal(sigaction(SIGSEGV, &sa, NULL), 0);
	open_only(CTL);
}

static void
end_acting(void)
{
	open_only(PAGES);
	signal(SIGSEGV, SIG_DFL);
}

static int
setup(void **state)
{
	int fd = memfd_create("shunt-test", MFD_CLOEXEC);

	(void)state;
	if (fd < 0 || ftruncate(fd, PAGES * 4096) != 0)
		return -1;
	for (int i = 0; i < PAGES; i++) {
		mine[i] = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
		    fd, i * 4096);
		others[i] = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
		    fd, i * 4096);
		if (mine[i] == MAP_FAILED || others[i] == MAP_FAILED)
			return -1;
	}
	close(fd);
	rx = (struct shunt__cast_rx){.ring = mine[RING],
	    .cap = CAP,
	    .ctl = (struct shunt__lane_lay *)(void *)mine[CTL],
	    .cursor = (struct shunt__u64 *)(void *)mine[CURSOR]};
	return shunt__cast_tx_adopt(&tx, others[RING], CAP, ctl(), NULL);
}

static int
teardown(void **state)
{
	(void)state;
	end_acting();
	for (int i = 0; i < PAGES; i++) {
		munmap(mine[i], 4096);
		munmap(others[i], 4096);
	}
	return 0;
}

static void
publish(int n)
{
	struct iovec msg = {(void *)"12345678", 8};

	for (; n > 0; n--)
		assert_int_equal(shunt__cast_batch(&tx, &msg, 1), 1);
}

/* The same ring once more round. */
static void
a_lap_further(void)
{
	shunt__store64(&ctl()->ln_tail, shunt__load64(&ctl()->ln_tail) + CAP);
}

/* ---- the reader ----------------------------------------------------------
 */

static void
run_away(int at)
{
	if (at == RING)
		a_lap_further();
}

static void
a_tail_that_runs_away_ends_a_look_at_the_lag(void **state)
{
	(void)state;
	publish(3);
	begin_acting(run_away);
	assert_int_equal(shunt__cast_behind(&rx), 0);
	end_acting();
	assert_in_range(faults[RING], 1000, 1001);
	assert_int_equal(rx.pos, 0);
}

static void
a_tail_where_nothing_stands_is_no_lag(void **state)
{
	(void)state;
	publish(3);
	assert_int_equal(shunt__cast_behind(&rx), 3);
	shunt__store64(&ctl()->ln_tail, CAP + 2048);
	assert_int_equal(shunt__cast_behind(&rx), 0);
	/* Nor do numbers that went back. */
	shunt__store64(&ctl()->ln_tail, 0);
	rx.next = 100;
	assert_int_equal(shunt__cast_behind(&rx), 0);
}

static void
a_tail_that_went_back_is_corrupt(void **state)
{
	(void)state;
	publish(3);
	rx.pos = 48;
	assert_int_equal(shunt__cast_overrun(&rx), SHUNT_E_CORRUPT);
	assert_int_equal(rx.pos, 48);
	shunt__store64(&ctl()->ln_tail, 72);
	assert_int_equal(shunt__cast_overrun(&rx), SHUNT_E_OVERRUN);
	assert_int_equal(rx.pos, 72);
}

/* A whole lap of records, and the newest's number changes between the walk
 * that finds it and the one that goes back from there. */
static void
change_the_newest(int at)
{
	if (at == RING && faults[RING] == CAP / 16 + 1)
		shunt__store64(word(CAP - 8), 0);
}

static void
numbers_that_change_end_the_walk_back(void **state)
{
	(void)state;
	for (uint64_t pos = 0; pos < CAP; pos += 16) {
		shunt__store64(word(pos), SHUNT__LANE_REC | SHUNT__CAST_SEQ);
		shunt__store64(word(pos + 8), pos == CAP - 16 ? 1000 : 0);
	}
	begin_acting(change_the_newest);
	assert_int_equal(shunt__cast_join(&rx, 1), SHUNT_E_CORRUPT);
	end_acting();
	assert_true(faults[RING] > CAP / 16 + 1);
}

static void
who_wants_more_than_there_is_gets_all(void **state)
{
	(void)state;
	publish(3);
	shunt__cast_skip(&tx, 4); /* dropped ones are not counted */
	publish(2);
	assert_int_equal(shunt__cast_join(&rx, 4), 0);
	assert_int_equal(rx.next, 1);
	assert_int_equal(rx.pos, 24);
	assert_int_equal(shunt__cast_join(&rx, 5), 0);
	assert_int_equal(rx.next, 0);
	assert_int_equal(shunt__cast_join(&rx, 1000), 0);
	assert_int_equal(rx.next, 0);
	assert_int_equal(rx.pos, 0);
	assert_int_equal(shunt__cast_join(&rx, UINT64_MAX), 0);
	assert_int_equal(rx.next, 0);
	assert_int_equal(rx.pos, 0);
	/* A number that nobody comes to by counting counts for nothing. */
	shunt__store64(&ctl()->ln_drop_since, UINT64_MAX);
	assert_int_equal(shunt__cast_join(&rx, 0), 0);
	assert_int_equal(rx.next, 9);
	assert_int_equal(rx.pos, 120);
}

/* The fifth step of each try is the first of the walk back over three records
 * and what follows them. */
static void
overrun_each_walk_back(int at)
{
	if (at == RING && faults[RING] % 5 == 0 && faults[RING] / 5 < 105)
		a_lap_further();
}

static void
who_is_overrun_at_every_try_joins_when_it_ends(void **state)
{
	(void)state;
	publish(2);
	shunt__cast_skip(&tx, 3);
	publish(1);
	begin_acting(overrun_each_walk_back);
	assert_int_equal(shunt__cast_join(&rx, 1), 0);
	end_acting();
	/* Not exactly so many records then, but numbers. */
	assert_int_equal(rx.next, 5);
	assert_int_equal(rx.pos, UINT64_C(104) * CAP + 48);
}

static uint64_t kept_at_last;

/* Eight tries give the cursor back, each by a step of its own. */
static void
overtake(int at)
{
	if (at != CURSOR || faults[CURSOR] > 20)
		return;
	if (faults[CURSOR] == 19)
		kept_at_last =
		    shunt__load64((struct shunt__u64 *)(void *)others[CURSOR]);
	a_lap_further();
}

static void
who_is_overtaken_again_and_again_leaves_his_cursor(void **state)
{
	(void)state;
	publish(3);
	rx.kept = 1;
	begin_acting(overtake);
	assert_int_equal(shunt__cast_join(&rx, 0), 0);
	end_acting();
	assert_true(kept_at_last & SHUNT__CURSOR_KEPT);
	assert_int_equal(rx.next, 3);
	assert_int_equal(rx.pos % CAP, 72);
	assert_true(rx.pos >= 20 * CAP);
	assert_int_equal(shunt__load64(rx.cursor), rx.pos | SHUNT__CURSOR_KEPT);
}

static void
a_ring_that_is_used_by_now_is_not_unused(void **state)
{
	(void)state;
	assert_int_equal(shunt__cast_join_unused(&rx), 0);
	rx.kept = 1;
	begin_acting(overtake);
	assert_int_equal(shunt__cast_join_unused(&rx), -EAGAIN);
	end_acting();
	assert_int_equal(shunt__cast_join_unused(&rx), -EAGAIN);
}

/* ---- the producer --------------------------------------------------------
 */

static void
what_no_predecessor_left_is_not_taken_over(void **state)
{
	static const uint64_t heads[] = {SHUNT__LANE_REC, SHUNT__LANE_REC | 7,
	    SHUNT__LANE_REC | (CAP / 4 + 1), SHUNT__LANE_REC | UINT32_MAX};
	struct shunt__cast_tx next;

	(void)state;
	publish(2);
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		shunt__store64(word(48), heads[i]);
		assert_int_equal(
		    shunt__cast_tx_adopt(&next, others[RING], CAP, ctl(), NULL),
		    SHUNT_E_CORRUPT);
		shunt__store64(word(48), 0);
	}
	/* A tail beside all records; one that nobody comes to by writing. */
	shunt__store64(&ctl()->ln_tail, 4);
	assert_int_equal(
	    shunt__cast_tx_adopt(&next, others[RING], CAP, ctl(), NULL),
	    SHUNT_E_CORRUPT);
	shunt__store64(&ctl()->ln_tail, (UINT64_C(1) << 62) + 48);
	assert_int_equal(
	    shunt__cast_tx_adopt(&next, others[RING], CAP, ctl(), NULL),
	    SHUNT_E_CORRUPT);
	shunt__store64(&ctl()->ln_tail, 0);
	assert_int_equal(
	    shunt__cast_tx_adopt(&next, others[RING], CAP, ctl(), NULL), 0);
	assert_int_equal(next.next, 2);
}

/* A reader stands below the tail, as one that a predecessor waited for; and
 * the number of readers is scribbled over. */
static void
a_new_producer_waits_for_who_stands_below_the_tail(void **state)
{
	struct shunt__u64 *cursors = (void *)others[CURSOR];
	struct shunt__u32 high;
	struct shunt__cast_cursors all = {.first = others[CURSOR],
	    .stride = sizeof(cursors[0]),
	    .high = &high,
	    .most = 2};
	struct iovec msg = {(void *)"12345678", 8};
	int n = 0;

	(void)state;
	shunt__store32(&high, UINT32_MAX);
	publish(1000);
	uint64_t tail = tx.lane.head - 1008; /* of 42 records */
	shunt__store64(&ctl()->ln_tail, tail);
	shunt__store64(&cursors[1], (tail - 2880) | SHUNT__CURSOR_KEPT);
	/* Nobody's: it lies behind the last of them. */
	shunt__store64(&cursors[2], (tail - 4080) | SHUNT__CURSOR_KEPT);
	assert_int_equal(
	    shunt__cast_tx_adopt(&tx, others[RING], CAP, ctl(), &all), 0);
	while (shunt__cast_batch(&tx, &msg, 1) == 1)
		n++;
	assert_in_range(n, 4, 8);
	assert_int_equal(shunt__cast_batch(&tx, &msg, 1), -EAGAIN);
	assert_int_equal(tx.blocker, 1);
	assert_int_equal(shunt__load64(&ctl()->ln_tail), tail);
	shunt__store64(&cursors[1], 0);
	assert_int_equal(shunt__cast_batch(&tx, &msg, 1), 1);
}

#define FRESH(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FRESH(a_tail_that_runs_away_ends_a_look_at_the_lag),
	    FRESH(a_tail_where_nothing_stands_is_no_lag),
	    FRESH(a_tail_that_went_back_is_corrupt),
	    FRESH(numbers_that_change_end_the_walk_back),
	    FRESH(who_wants_more_than_there_is_gets_all),
	    FRESH(who_is_overrun_at_every_try_joins_when_it_ends),
	    FRESH(who_is_overtaken_again_and_again_leaves_his_cursor),
	    FRESH(a_ring_that_is_used_by_now_is_not_unused),
	    FRESH(what_no_predecessor_left_is_not_taken_over),
	    FRESH(a_new_producer_waits_for_who_stands_below_the_tail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
