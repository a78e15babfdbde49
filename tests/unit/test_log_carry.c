/* SPDX-License-Identifier: MIT */
/*
 * What is brought from a log that has lost its name to the one that has it
 * now: which records, in which order, and what stays if there is no room.
 */
#include "unit/unit.h"

#include <errno.h>
#include <sys/mman.h>

#include <cmocka.h>

#include <shunt/inspect.h>
#include <shunt/log.h>

#include "lib/log_lines.h"
#include "lib/log_producer.h"
#include "lib/peers.h"
#include "log/client.h"
#include "os/os.h"

static struct shunt__os real;
static const char *name;
static struct shunt_log *old, *new;
static struct producer p[3];

static int
setup(void **state)
{
	struct shunt_log_options o = {
	    .sz = sizeof(o), .lanes = 4, .lane_bytes = 16384};
	struct shunt__spec spec;

	(void)state;
	real = shunt__os;
	name = test_name("carry");
	assert_int_equal(shunt_log_open(&old, name, &o), 1);
	shunt__log_spec(&spec, 0, 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(producer_open(&p[i], name, &spec), 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	shunt__os = real;
	for (int i = 0; i < 3; i++)
		producer_close(&p[i]);
	shunt_log_close(&old);
	shunt_log_close(&new);
	unlink(test_path(name));
	return 0;
}

static void
put(struct producer *q, uint64_t stamp, const char *msg)
{
	void *at;

	assert_int_equal(producer_begin(q, strlen(msg), &at), 0);
	producer_commit(q, at, stamp, 6, msg, strlen(msg));
	producer_end(q);
}

static struct shunt__log_at *
from(void)
{
	return atomic_load(&old->now);
}

static struct shunt__log_at *
to(void)
{
	return atomic_load(&new->now);
}

/* All of them go, the name goes, and another log gets it. */
static void
move(uint32_t lanes, uint64_t lane_bytes)
{
	struct shunt_log_options o = {
	    .sz = sizeof(o), .lanes = lanes, .lane_bytes = lane_bytes};

	for (int i = 0; i < 3; i++)
		producer_close(&p[i]);
	assert_int_equal(unlink(test_path(name)), 0);
	assert_int_equal(shunt_log_open(&new, name, &o), 1);
}

static int
carry(void)
{
	return shunt__log_carry(from(), to());
}

/* The messages of the new log as they lie there, a blank behind each. */
static const char *
messages(void)
{
	static char out[4000];
	struct shunt_tail *tail;
	const char *line;
	size_t n = 0;

	out[0] = 0;
	assert_int_equal(
	    shunt_tail_open(&tail, name, NULL, SHUNT_FORMAT_ISO), 0);
	while (shunt_tail_next(tail, &line) > 0) {
		const char *text = strstr(line, ": ") + 2;
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%.*s ",
		    (int)strcspn(text, "\n"), text);
	}
	shunt_tail_close(&tail);
	return out;
}

static void
records_of_all_lanes_come_in_their_order(void **state)
{
	(void)state;
	put(&p[0], 10, "a");
	put(&p[0], 40, "d");
	put(&p[1], 20, "b");
	put(&p[2], 30, "c");
	put(&p[2], 50, "e");
	move(4, 16384);
	assert_int_equal(carry(), 0);
	assert_string_equal(messages(), "a b c d e ");
	assert_int_equal(carry(), 0); /* they are there, and not again */
	assert_string_equal(messages(), "a b c d e ");
	/* All in one lane of the new log. */
	assert_int_equal(shunt__object_high(to()->obj), 1);
}

/* @noted: where the dead server's batch ended in each lane. */
static void
note(const uint64_t noted[3], unsigned state)
{
	uint64_t *tails = shunt__log_tails(from()->obj);

	for (int i = 0; i < 3; i++)
		tails[i] = noted[i];
	shunt__release64(&shunt__log_note(from()->obj)->nt_state, state);
}

static void
what_a_dead_server_had_written_is_not_brought(void **state)
{
	uint64_t noted[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		put(&p[i], 10, "written");
		noted[i] = p[i].tx.head;
		put(&p[i], 20, "new");
	}
	move(4, 16384);
	note(noted, SHUNT__NOTE_DONE);
	assert_int_equal(carry(), 0);
	assert_string_equal(messages(), "new new new ");
}

static void
a_note_that_is_not_done_or_not_true_is_passed_over(void **state)
{
	uint64_t noted[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		put(&p[i], 10, "x");
	noted[0] = p[0].tx.head + 4096;
	noted[1] = p[1].tx.head - 4;
	noted[2] = 0;
	move(4, 16384);
	note(noted, SHUNT__NOTE_DONE);
	assert_int_equal(carry(), 0);
	assert_string_equal(messages(), "x x x ");
	teardown(NULL);
	setup(NULL);
	put(&p[0], 10, "x");
	noted[0] = noted[1] = noted[2] = p[0].tx.head;
	move(4, 16384);
	note(noted, SHUNT__NOTE_INTENT);
	assert_int_equal(carry(), 0);
	assert_string_equal(messages(), "x ");
}

static void *hidden;

static int
hide(void *at, size_t n, int advice)
{
	if (at == hidden && advice == MADV_POPULATE_READ)
		return -EFAULT;
	return real.madvise(at, n, advice);
}

static void
lanes_that_are_held_or_closed_or_unreadable_are_left(void **state)
{
	struct shunt__object *obj = from()->obj;

	(void)state;
	put(&p[0], 10, "closed");
	put(&p[1], 20, "hidden");
	put(&p[2], 30, "held");
	assert_int_equal(shunt_log_write(old, SHUNT_LOG_INFO, "mine", 4), 0);
	producer_close(&p[0]);
	producer_close(&p[1]);
	struct producer living = p[2];
	memset(&p[2], 0, sizeof(p[2]));
	move(4, 16384);
	shunt__store64(&shunt__object_lane(obj, 0)->ln_tail, 1);
	hidden = shunt__object_ring(obj, 1);
	shunt__os.madvise = hide;
	assert_int_equal(carry(), 0);
	assert_string_equal(messages(), "");
	/* Each as it comes free. */
	shunt__os.madvise = real.madvise;
	assert_int_equal(carry(), 0);
	assert_string_equal(messages(), "hidden ");
	producer_close(&living);
	assert_int_equal(carry(), 0);
	assert_string_equal(messages(), "hidden held ");
}

static void
a_record_without_a_stamp_is_kept(void **state)
{
	char line[256];

	(void)state;
	assert_int_equal(producer_raw(&p[0], "abc", 3, 6), 0);
	put(&p[1], 5, "b");
	move(4, 16384);
	assert_int_equal(carry(), 0);
	assert_int_equal(log_lines_unread(name, line, sizeof(line)), 2);
	assert_int_equal(shunt__object_high(to()->obj), 1);
}

static void
what_is_too_long_for_the_new_lanes_is_told_as_dropped(void **state)
{
	char longest[5000];

	(void)state;
	memset(longest, 'l', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	put(&p[0], 10, longest);
	put(&p[0], 11, "short");
	put(&p[1], 20, longest);
	move(4, 4096);
	assert_int_equal(carry(), 0);
	assert_string_equal(messages(), "short ");
	struct shunt__lane_lay *ctl = shunt__object_lane(to()->obj, 0);
	assert_int_equal(shunt__load64(&ctl->ln_dropped), 2);
	assert_int_equal(shunt__load64(&ctl->ln_drop_since), 10);
}

static void
drops_alone_are_brought_once(void **state)
{
	struct shunt__lane_lay *ctl = p[1].ctl;

	(void)state;
	put(&p[0], 10, "x");
	shunt__store64(&ctl->ln_dropped, 7);
	shunt__store64(&ctl->ln_told, 4);
	shunt__release64(&p[0].ctl->ln_tail, p[0].tx.head);
	move(4, 16384);
	assert_int_equal(carry(), 0);
	assert_int_equal(carry(), 0);
	assert_int_equal(shunt__object_high(to()->obj), 1);
	ctl = shunt__object_lane(to()->obj, 0);
	assert_int_equal(shunt__load64(&ctl->ln_dropped), 3);
}

/* The only lane of the new log has an owner. */
static void
carry_without_a_lane(void)
{
	struct shunt__spec spec;

	move(1, 4096);
	shunt__log_spec(&spec, 0, 0);
	assert_int_equal(producer_open(&p[0], name, &spec), 0);
	assert_int_equal(carry(), SHUNT_E_SLOTS);
	assert_int_equal(
	    shunt__object_held(to()->obj, SHUNT__BYTE_RECEIVER), 0);
	producer_close(&p[0]);
	assert_int_equal(carry(), 0);
}

static void
without_a_lane_there_all_stays_where_it_is(void **state)
{
	char longest[5000];

	(void)state;
	put(&p[0], 10, "x");
	put(&p[1], 20, "y");
	carry_without_a_lane();
	assert_string_equal(messages(), "x y ");
	teardown(NULL);
	setup(NULL);
	shunt__store64(&p[1].ctl->ln_dropped, 7);
	carry_without_a_lane();
	struct shunt__lane_lay *ctl = shunt__object_lane(to()->obj, 0);
	assert_int_equal(shunt__load64(&ctl->ln_dropped), 7);
	teardown(NULL);
	setup(NULL);
	memset(longest, 'l', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	put(&p[0], 10, longest);
	carry_without_a_lane();
	ctl = shunt__object_lane(to()->obj, 0);
	assert_int_equal(shunt__load64(&ctl->ln_dropped), 1);
}

static void
a_log_is_known_by_its_number_and_its_file_system(void **state)
{
	(void)state;
	put(&p[0], 10, "x");
	move(4, 4096);
	/* As if the old one had lain elsewhere, under the same number. */
	from()->obj->ino = to()->obj->ino;
	from()->obj->dev = to()->obj->dev + 1;
	assert_int_equal(carry(), 0);
	assert_string_equal(messages(), "x ");
}

static void
who_has_the_old_log_brings_it(void **state)
{
	struct shunt__object *server;
	struct shunt__spec spec;

	(void)state;
	put(&p[0], 10, "x");
	shunt__log_spec(&spec, 0, 0);
	assert_int_equal(shunt__object_attach(&server, name, &spec), 0);
	assert_int_equal(shunt__object_lock(server, SHUNT__BYTE_RECEIVER), 0);
	move(4, 4096);
	assert_int_equal(carry(), -EBUSY);
	assert_string_equal(messages(), "");
	shunt__object_detach(server, NULL);
	assert_int_equal(carry(), 0);
	assert_string_equal(messages(), "x ");
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    CASE(records_of_all_lanes_come_in_their_order),
	    CASE(what_a_dead_server_had_written_is_not_brought),
	    CASE(a_note_that_is_not_done_or_not_true_is_passed_over),
	    CASE(lanes_that_are_held_or_closed_or_unreadable_are_left),
	    CASE(a_record_without_a_stamp_is_kept),
	    CASE(what_is_too_long_for_the_new_lanes_is_told_as_dropped),
	    CASE(drops_alone_are_brought_once),
	    CASE(without_a_lane_there_all_stays_where_it_is),
	    CASE(a_log_is_known_by_its_number_and_its_file_system),
	    CASE(who_has_the_old_log_brings_it),
	};

	alarm(50);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
