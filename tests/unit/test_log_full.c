/* SPDX-License-Identifier: MIT */
/*
 * A call that waits for room in its lane, and what may happen meanwhile: the
 * table of system calls has the moment in which the call sleeps.
 */
#include "unit/unit.h"

#include <errno.h>
#include <sys/stat.h>
#include <wchar.h>

#include <cmocka.h>

#include <shunt/log.h>
#include <shunt/queue.h>
#include <shunt/segment.h>

#include "lib/log_lines.h"
#include "lib/peers.h"
#include "log/client.h"
#include "os/os.h"
#include "sync/bell.h"

static const struct shunt_log_options small = {
    .sz = sizeof(small), .lane_bytes = 4096, .lanes = 4, .tag = "test"};

static struct shunt__os real;
static const char *name;
static struct shunt_log *log_, *other;
static struct shunt_queue *queue;
static void (*asleep)(void), (*napping)(void);
static int naps;

/* What comes to pass while a call sleeps for the first time wakes it. */
static int
sleeping(const void *word, uint32_t expect, int64_t ns)
{
	void (*now)(void) = asleep;

	if (now == NULL)
		return real.futex_wait(word, expect, ns);
	asleep = NULL;
	now();
	return 0;
}

static int
nap(int64_t ns)
{
	naps++;
	if (napping == NULL)
		return real.nanosleep(ns);
	napping();
	return 0;
}

static struct shunt__log_end *
end_of_mine(void)
{
	struct shunt__seat *seat = shunt__seat_cached(shunt__load64(&log_->id));

	assert_non_null(seat);
	return shunt__log_end(seat);
}

static int
say(const char *text)
{
	return shunt_log_write(log_, SHUNT_LOG_INFO, text, strlen(text));
}

/* The lane takes no more; then the handle waits as before. */
static size_t
fill(void)
{
	uint32_t full = log_->full;
	size_t n = 0;

	log_->full = SHUNT_LOG_FULL_DROP;
	while (say("0123456789") == 0)
		n++;
	log_->full = full;
	return n;
}

/* As a server does that wrote all of it. */
static void
make_room(void)
{
	struct shunt__log_end *end = end_of_mine();

	shunt__release64(&end->tx.ctl->ln_tail, end->tx.head);
}

static int
setup(void **state)
{
	struct shunt_log_options o = small;

	(void)state;
	real = shunt__os;
	o.full = SHUNT_LOG_FULL_WAIT;
	name = test_name("full");
	asleep = napping = NULL;
	naps = 0;
	assert_int_equal(shunt_log_open(&log_, name, &o), 1);
	shunt__os.futex_wait = sleeping;
	shunt__os.nanosleep = nap;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	shunt__os = real;
	shunt_queue_close(&queue);
	shunt_log_close(&other);
	shunt_log_close(&log_);
	unlink(test_path(name));
	return 0;
}

static void
remove_by_force(void)
{
	struct shunt_remove_options force = {
	    .sz = sizeof(force), .flags = SHUNT_REMOVE_FORCE};

	assert_int_equal(shunt_remove(name, &force), 0);
}

static void
a_removal_ends_the_wait_and_all_calls_after_it(void **state)
{
	(void)state;
	fill();
	asleep = remove_by_force;
	assert_int_equal(say("x"), SHUNT_E_REMOVED);
	assert_int_equal(say("x"), SHUNT_E_REMOVED);
	assert_int_equal(shunt_log_flush(log_, 0), SHUNT_E_REMOVED);
	assert_int_equal(shunt_log_level(log_), SHUNT_E_REMOVED);
	assert_int_equal(shunt_log_set_level(log_, 3), SHUNT_E_REMOVED);
	shunt_log_close(&log_);
	assert_false(test_there(name));
}

static void
cut_the_last_lane(void)
{
	struct stat st;

	assert_int_equal(stat(test_path(name), &st), 0);
	assert_int_equal(truncate(test_path(name), st.st_size - 4096), 0);
}

static void
a_truncation_ends_the_wait(void **state)
{
	(void)state;
	fill();
	asleep = cut_the_last_lane;
	assert_int_equal(say("x"), SHUNT_E_TRUNCATED);
	assert_int_equal(say("x"), SHUNT_E_TRUNCATED);
	assert_int_equal(shunt_log_flush(log_, 0), SHUNT_E_TRUNCATED);
	/* A second later it is tried anew; something else has the name. */
	unlink(test_path(name));
	assert_int_equal(shunt_queue_open(&queue, name, NULL), 1);
	log_->retry_at = 0;
	assert_int_equal(say("x"), SHUNT_E_KIND);
	shunt_queue_close(&queue);
	assert_int_equal(say("x"), SHUNT_E_KIND); /* not at once again */
	log_->retry_at = 0;
	assert_int_equal(say("x"), 0);
	assert_int_equal(log_lines_unread(name, NULL, 0), 1);
}

static void
take_the_name_away(void)
{
	assert_int_equal(unlink(test_path(name)), 0);
}

static void
the_message_goes_to_the_new_log_with_what_lay_there(void **state)
{
	char line[256];

	(void)state;
	size_t n = fill();
	asleep = take_the_name_away;
	assert_int_equal(say("x"), 0);
	assert_true(test_there(name));
	assert_int_equal(log_lines_unread(name, line, sizeof(line)), n + 1);
	assert_non_null(strstr(line, "test: x\n"));
	assert_null(atomic_load(&log_->old));
}

static void
a_long_message_goes_there_too(void **state)
{
	char line[2048];

	(void)state;
	size_t n = fill();
	asleep = take_the_name_away;
	assert_int_equal(shunt_log_printf(log_, 6, "%1500s", "long"), 0);
	assert_int_equal(log_lines_unread(name, line, sizeof(line)), n + 1);
	assert_int_equal(strlen(strstr(line, "test: ")), 6 + 1500 + 1);
}

static void
make_a_strict_one(void)
{
	take_the_name_away();
	assert_int_equal(shunt_log_open(&other, name, &small), 1);
	assert_int_equal(shunt_log_set_level(other, SHUNT_LOG_CRIT), 0);
}

static void
make_a_removed_one(void)
{
	make_a_strict_one();
	shunt_log_set_level(other, SHUNT_LOG_DEBUG);
	shunt__store32(&atomic_load(&other->now)->obj->control->ct_removed, 1);
}

static void
the_new_logs_own_limits_count(void **state)
{
	(void)state;
	fill();
	asleep = make_a_strict_one;
	assert_int_equal(shunt_log_printf(log_, 6, "%1500s", "long"), 0);
	assert_int_equal(shunt_log_level(log_), SHUNT_LOG_CRIT);
	char line[2048] = "";
	log_lines_unread(name, line, sizeof(line));
	assert_null(strstr(line, "long"));
	teardown(NULL);
	setup(NULL);
	fill();
	asleep = make_a_removed_one;
	assert_int_equal(
	    shunt_log_printf(log_, 6, "%1500s", "long"), SHUNT_E_REMOVED);
}

static int looks;

static int
gone_for_one_look(const char *path, struct stat *st)
{
	return looks++ == 0 ? -ENOENT : real.lstat(path, st);
}

static void
a_name_that_comes_back_changes_nothing(void **state)
{
	struct shunt__log_at *at = atomic_load(&log_->now);

	(void)state;
	fill();
	looks = 0;
	shunt__os.lstat = gone_for_one_look;
	asleep = make_room;
	assert_int_equal(say("x"), 0);
	assert_true(looks > 1);
	assert_ptr_equal(atomic_load(&log_->now), at);
	assert_int_equal(log_lines_unread(name, NULL, 0), 1);
}

static void
put_a_queue_there(void)
{
	take_the_name_away();
	assert_int_equal(shunt_queue_open(&queue, name, NULL), 1);
}

static void
room_in_the_end(void)
{
	if (naps == 2)
		make_room();
}

static void
a_log_that_cannot_be_followed_is_written_on(void **state)
{
	struct shunt__log_at *at = atomic_load(&log_->now);

	(void)state;
	fill();
	asleep = put_a_queue_there;
	napping = room_in_the_end;
	assert_int_equal(say("x"), 0);
	assert_int_equal(naps, 2);
	assert_ptr_equal(atomic_load(&log_->now), at);
	assert_int_equal(say("y"), 0);
}

static void
scribble_a_tail(void)
{
	struct shunt__log_end *end = end_of_mine();

	shunt__store64(&end->tx.ctl->ln_tail, end->tx.tail_seen + 1);
}

static void
a_tail_that_cannot_be_ends_the_wait(void **state)
{
	struct shunt__object *obj = atomic_load(&log_->now)->obj;

	(void)state;
	fill();
	asleep = scribble_a_tail;
	assert_int_equal(say("x"), SHUNT_E_CORRUPT);
	assert_int_equal(say("x"), 0);
	assert_int_equal(shunt__object_high(obj), 2);
}

static char changing[1200];
static wchar_t wide[2];

static void
shorten(void)
{
	changing[1100] = 0;
	make_room();
}

static void
make_unprintable(void)
{
	wide[0] = 0x20ac; /* no character of the C locale */
	make_room();
}

static void
what_changes_while_it_waits_is_logged_as_it_is_then(void **state)
{
	char line[2048];

	(void)state;
	memset(changing, 'c', sizeof(changing) - 1);
	fill();
	asleep = shorten;
	assert_int_equal(shunt_log_printf(log_, 6, "%s", changing), 0);
	assert_int_equal(log_lines_unread(name, line, sizeof(line)), 1);
	assert_int_equal(strlen(strstr(line, "test: ")), 6 + 1100 + 1);
	/* And what cannot be formatted any more is not logged. */
	make_room();
	fill();
	wide[0] = 'w';
	asleep = make_unprintable;
	assert_int_equal(
	    shunt_log_printf(log_, 6, "%1500d%ls", 1, wide), -EINVAL);
	assert_int_equal(shunt__load32(&end_of_mine()->tx.ctl->ln_busy) & 1, 0);
	assert_int_equal(say("x"), 0);
	assert_int_equal(log_lines_unread(name, NULL, 0), 1);
	assert_int_equal(shunt_log_printf(log_, 6, "%ls", wide), -EINVAL);
	assert_int_equal(shunt_log_printf(log_, 6, NULL), -EINVAL);
}

static void
a_long_message_is_dropped_as_a_short_one(void **state)
{
	(void)state;
	fill();
	log_->full = SHUNT_LOG_FULL_DROP;
	assert_int_equal(
	    shunt_log_printf(log_, 6, "%1500d", 1), SHUNT_E_DROPPED);
	assert_int_equal(shunt__load64(&end_of_mine()->tx.ctl->ln_dropped), 2);
}

static void
a_full_disk_is_waited_for_no_longer_than_a_dead_server(void **state)
{
	struct shunt__object *obj = atomic_load(&log_->now)->obj, *server;
	struct shunt__spec spec;

	(void)state;
	fill();
	shunt__log_spec(&spec, 0, 0);
	assert_int_equal(shunt__object_attach(&server, name, &spec), 0);
	assert_int_equal(shunt__object_lock(server, SHUNT__BYTE_RECEIVER), 0);
	shunt__store32(&shunt__log_server(obj)->sv_disk_full, 1);
	log_->full = SHUNT_LOG_FULL_DEFAULT;
	shunt__store64(&log_->give_up_at, 1); /* long ago */
	assert_int_equal(say("x"), SHUNT_E_DROPPED);
	/* There is a server and room on its disk: it is waited for. */
	shunt__store32(&shunt__log_server(obj)->sv_disk_full, 0);
	asleep = make_room;
	assert_int_equal(say("x"), 0);
	shunt__object_detach(server, NULL);
}

static void
a_scribbled_tail_wakes_nobody(void **state)
{
	struct shunt__object *obj = atomic_load(&log_->now)->obj;

	(void)state;
	assert_int_equal(say("x"), 0);
	shunt__store64(&end_of_mine()->tx.ctl->ln_tail, UINT64_C(1) << 60);
	shunt__or32(&obj->control->ct_bell, SHUNT__BELL_NAP);
	for (int i = 0; i < 60; i++)
		assert_int_equal(say("0123456789"), 0);
	assert_true(end_of_mine()->tx.head > 2048);
	assert_true(shunt__load32(&obj->control->ct_bell) & SHUNT__BELL_NAP);
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    CASE(a_removal_ends_the_wait_and_all_calls_after_it),
	    CASE(a_truncation_ends_the_wait),
	    CASE(the_message_goes_to_the_new_log_with_what_lay_there),
	    CASE(a_long_message_goes_there_too),
	    CASE(the_new_logs_own_limits_count),
	    CASE(a_name_that_comes_back_changes_nothing),
	    CASE(a_log_that_cannot_be_followed_is_written_on),
	    CASE(a_tail_that_cannot_be_ends_the_wait),
	    CASE(what_changes_while_it_waits_is_logged_as_it_is_then),
	    CASE(a_long_message_is_dropped_as_a_short_one),
	    CASE(a_full_disk_is_waited_for_no_longer_than_a_dead_server),
	    CASE(a_scribbled_tail_wakes_nobody),
	};

	alarm(50);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
