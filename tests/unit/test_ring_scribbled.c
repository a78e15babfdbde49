/* SPDX-License-Identifier: MIT */
/*
 * Ringing a bell that changes under the ringer each time, as when a peer arms
 * it again and again, or scribbles: it ends, wakes, and leaves no bit behind.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>

#include <shunt.h>

#include "lib/peers.h"
#include "segment/wait.h"
#include "unit/answers.h"

#define RUNG (SHUNT__BELL_ASLEEP | SHUNT__BELL_POLL)

static const struct shunt__spec spec = {
    .kind = SHUNT_KIND_QUEUE, .lanes = 1, .lane_bytes = 4096};

ANSWER(int, touch, (int fd), (fd))
ANSWER(
    ssize_t, pwrite, (int fd, const void *b, size_t n, off_t o), (fd, b, n, o))

static struct shunt__object *obj;
static struct shunt__u32 *bell;
static int touched, woken, awake_after;

static int
begin(void **state)
{
	if (shunt__object_attach(&obj, test_name("ring"), &spec) != 1)
		return -1;
	bell = &obj->control->ct_bell;
	touched = woken = 0;
	awake_after = 0;
	return answers_begin(state);
}

static int
no_unread(struct shunt__object *o)
{
	(void)o;
	return 0;
}

static int
end(void **state)
{
	answers_end(state);
	shunt__object_detach(obj, no_unread);
	return 0;
}

/* Armed anew between the ringer's load and its store; at last no longer for
 * who polls. */
static int
touch_and_arm(int fd)
{
	uint32_t turn = shunt__load32(bell) + SHUNT__BELL_TURN;

	touched++;
	if (touched == awake_after)
		turn &= ~(uint32_t)SHUNT__BELL_POLL;
	shunt__store32(bell, turn);
	return real_os.touch(fd);
}

static int
wake_counted(const void *word, int n)
{
	assert_ptr_equal(word, bell);
	woken++;
	return real_os.futex_wake(word, n);
}

static void
ring(void)
{
	shunt__os.touch = touch_and_arm;
	shunt__os.futex_wake = wake_counted;
	shunt__store32(bell, RUNG);
	shunt__ring(obj, bell);
	assert_int_equal(shunt__load32(bell) & RUNG, 0);
	assert_int_equal(woken, 1);
}

static void
armed_again_each_time_it_is_rung_all_the_same(void **state)
{
	(void)state;
	ring();
	/* Whoever armed it last is touched, too. */
	assert_in_range(touched, 3, 20);
	shunt__ring(obj, bell); /* nobody sleeps */
	assert_int_equal(woken, 1);
}

static void
who_no_longer_polls_is_not_touched_again(void **state)
{
	(void)state;
	ring();
	int most = touched;
	touched = woken = 0;
	/* The last touch but one finds him gone from poll. */
	awake_after = most - 1;
	ring();
	assert_int_equal(touched, most - 1);
}

static void
who_may_not_set_times_writes_what_is_there(void **state)
{
	(void)state;
	SAY(touch, 0, 3, -EPERM);
	assert_int_equal(shunt__touch(obj), 0);
	SAY(pwrite, 0, 1, -EROFS);
	assert_int_equal(shunt__touch(obj), -EPERM);
	SAY(pwrite, 0, 1, 0);
	assert_int_equal(shunt__touch(obj), -EPERM);
	assert_int_equal(shunt__touch(obj), 0);
	assert_int_equal(shunt__object_check(obj), 0);
}

#define OWN(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    OWN(armed_again_each_time_it_is_rung_all_the_same),
	    OWN(who_no_longer_polls_is_not_touched_again),
	    OWN(who_may_not_set_times_writes_what_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
