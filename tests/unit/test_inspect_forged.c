/* SPDX-License-Identifier: MIT */
/* limit: 20 */
/* Looking at objects whose headers are whole and whose words lie: what is told
 * stays within what the file can hold, and what cannot be read is left out. */
#include "unit/unit.h"

#include <errno.h>

#include <cmocka.h>

#include <shunt.h>

#include "channel/call_layout.h"
#include "channel/queue_layout.h"
#include "channel/stream_layout.h"
#include "channel/topic.h"
#include "inspect/inspect.h"
#include "inspect/look.h"
#include "inspect/users.h"
#include "lib/peers.h"
#include "lock/named.h"
#include "unit/forge.h"

#define MANY 64

static struct shunt_participant list[MANY];
static int listed;

static struct shunt_segment_info
look(const struct forged *f)
{
	struct shunt_segment_info info = {.sz = sizeof(info)};

	memset(list, 0, sizeof(list));
	listed = shunt_segment_stat(f->name, &info, list, MANY);
	if (listed < 0)
		fail_msg("%s", shunt_error_detail());
	return info;
}

static struct shunt__spec
a_queue(uint32_t area)
{
	return (struct shunt__spec){.kind = SHUNT_KIND_QUEUE,
	    .lanes = 4,
	    .area_bytes = area,
	    .lane_bytes = 4096,
	    .print = shunt__queue_fingerprint()};
}

static struct shunt__spec
a_topic(uint32_t policy, uint32_t slots)
{
	struct shunt__topic shape;
	struct shunt__spec spec = {.kind = SHUNT_KIND_TOPIC,
	    .lanes = 4,
	    .lane_bytes = 4096,
	    .param = shunt__topic_param(policy, slots),
	    .print = shunt__topic_fingerprint()};
	uint64_t area;

	assert_int_equal(shunt__topic_shape(&shape, spec.param, 4, &area), 0);
	spec.area_bytes = (uint32_t)area;
	return spec;
}

static struct shunt__spec
a_stream(uint64_t param)
{
	return (struct shunt__spec){.kind = SHUNT_KIND_STREAM,
	    .lanes = 1,
	    .area_bytes = 4096,
	    .lane_bytes = 4096,
	    .param = param,
	    .print = shunt__stream_fingerprint()};
}

static struct shunt__spec
a_service(uint32_t lanes, uint32_t area)
{
	return (struct shunt__spec){.kind = SHUNT_KIND_SERVICE,
	    .lanes = lanes,
	    .area_bytes = area,
	    .lane_bytes = 4096,
	    .print = shunt__call_fingerprint()};
}

static void
not_known(struct shunt__spec spec)
{
	static const struct shunt_remove_options idle = {
	    .sz = sizeof(idle), .flags = SHUNT_REMOVE_IDLE};
	struct forged f = forge(&spec);
	struct shunt_segment_info i = look(&f);

	assert_int_equal(i.kind, SHUNT_KIND_OTHER);
	assert_int_equal(i.state, SHUNT_STATE_UNKNOWN);
	assert_int_equal(shunt_recoveries(f.name, NULL, 0), SHUNT_E_LAYOUT);
	assert_detail("not known here");
	assert_detail(f.name);
	/* What is not understood is nobody's to clean away. */
	assert_int_equal(shunt_remove(f.name, &idle), -EBUSY);
	assert_detail("not understood");
	forge_end(&f);
}

static void
an_area_too_small_for_its_kind_is_of_no_known_kind(void **state)
{
	struct shunt__spec topic = a_topic(SHUNT_TOPIC_LOSSY, 4);

	(void)state;
	not_known(a_queue(0));
	not_known(a_service(4, 0));
	not_known(a_service(3, 4096));
	struct shunt__spec stream = a_stream(0);
	stream.area_bytes = 0;
	not_known(stream);
	topic.area_bytes += 4096;
	not_known(topic);
	topic = a_topic(SHUNT_TOPIC_LOSSY, 4);
	topic.param = 0;
	not_known(topic);
}

static void
slots_end_where_the_area_does(void **state)
{
	struct shunt__spec spec = a_queue(SHUNT__AREA_MAX);
	struct forged f = forge(&spec);
	struct shunt_segment_info i;

	(void)state;
	forge_high(&f, UINT32_MAX, UINT32_MAX);
	forge_hold(&f, SHUNT__BYTE_RECEIVER + SHUNT__SLOTS_MAX - 1);
	forge_hold(&f, SHUNT__BYTE_RECEIVER + SHUNT__SLOTS_MAX);
	i = look(&f);
	assert_int_equal(i.lanes_used, 4);
	assert_int_equal(i.slots_used, SHUNT__SLOTS_MAX);
	assert_int_equal(i.receivers, 1);
	assert_int_equal(list[0].slot, SHUNT__SLOTS_MAX - 1);
	forge_end(&f);
	/* A small one has as many as lie in it. */
	spec = a_queue(4096);
	f = forge(&spec);
	forge_high(&f, 0, 1000);
	forge_hold(&f, SHUNT__BYTE_RECEIVER + 32);
	i = look(&f);
	assert_int_equal(i.slots_used, 32);
	assert_int_equal(i.receivers, 0);
	forge_end(&f);
}

static uint64_t
lane_word(const struct forged *f, uint32_t lane, size_t off)
{
	return f->geo.lanes_off + lane * SHUNT__LANE_BLOCK + off;
}

static uint64_t
row(const struct forged *f, uint32_t slots, uint32_t slot, uint32_t lane)
{
	(void)f;
	return SHUNT__AREA_OFF + SHUNT__SLOTS_AREA(slots) + slot * 128 +
	       lane * 8;
}

/* Ten messages, of the numbers from 0 on. */
static uint64_t
fill(const struct forged *f, uint32_t lane, uint64_t pos)
{
	for (uint64_t n = 0; n < 10; n++)
		pos = forge_record(f, lane, pos, 0, &n, sizeof(n));
	return pos;
}

static struct forged
some_topic(uint32_t policy)
{
	struct shunt__spec spec = a_topic(policy, 1);
	struct forged f = forge(&spec);

	forge_high(&f, 4, 40);
	fill(&f, 0, 0);
	fill(&f, 1, 0);
	/* Nothing where something was released, and a pad's place. */
	forge_tail(&f, 2, 8192);
	forge_tail(&f, 3, 4096 - 8);
	forge_hold(&f, SHUNT__BYTE_LANE);
	forge_hold(&f, SHUNT__BYTE_RECEIVER);
	forge_hold(&f, SHUNT__BYTE_RECEIVER + 5);
	return f;
}

static void
a_topics_lag_is_of_cursors_that_are_set(void **state)
{
	struct forged f = some_topic(SHUNT_TOPIC_LOSSY);
	struct shunt_segment_info i;

	(void)state;
	/* Lane 0: not set; lane 1: 96 of 160 read; lane 2: ahead of all. */
	forge_word(&f, row(&f, 1, 0, 0), 8 << 3);
	forge_word(&f, row(&f, 1, 0, 1), 96 | SHUNT__CURSOR_SHOWN);
	forge_word(
	    &f, row(&f, 1, 0, 2), (UINT64_C(1) << 40) | SHUNT__CURSOR_KEPT);
	i = look(&f);
	assert_int_equal(i.kind, SHUNT_KIND_TOPIC);
	assert_int_equal(i.sent, 20);
	assert_int_equal(i.depth, 20);
	assert_int_equal(i.receivers, 2);
	assert_int_equal(listed, 3);
	assert_int_equal(list[1].lag, 64);
	/* A slot that its parameter does not promise has no row. */
	assert_int_equal(list[2].slot, 5);
	assert_int_equal(list[2].lag, 0);
	assert_int_equal(i.unread, 64);
	forge_end(&f);
}

static void
an_owner_that_cannot_be_leaves_a_lock_unrepaired(void **state)
{
	struct shunt__spec spec = {.kind = SHUNT_KIND_LOCK,
	    .lanes = 4,
	    .area_bytes = shunt__lock_area(SHUNT_KIND_LOCK, 0),
	    .print = shunt__lock_print(SHUNT_KIND_LOCK)};
	static const uint32_t owners[] = {1, 4, 5, SHUNT__OWNER_MASK};
	struct forged f = forge(&spec);
	struct shunt_segment_info i;

	(void)state;
	forge_hold(&f, SHUNT__BYTE_LANE + 3);
	for (size_t n = 0; n < 4; n++) {
		forge_u32(&f, SHUNT__AREA_OFF, owners[n]);
		i = look(&f);
		assert_int_equal(i.kind, SHUNT_KIND_LOCK);
		assert_int_equal(i.held, owners[n] == 4);
		assert_int_equal(i.unrepaired, owners[n] != 4);
	}
	forge_end(&f);
}

static void
a_recovery_that_is_being_written_is_left_out(void **state)
{
	struct shunt__spec spec = {.kind = SHUNT_KIND_LOCK,
	    .lanes = 4,
	    .area_bytes = shunt__lock_area(SHUNT_KIND_LOCK, 0),
	    .print = shunt__lock_print(SHUNT_KIND_LOCK)};
	struct shunt__spec queue = a_queue(4096);
	uint64_t at = SHUNT__AREA_OFF + SHUNT__RECOVERIES_OFF;
	struct shunt__recoveries_lay all;
	struct shunt_recovery told[20];
	struct forged f = forge(&spec);

	(void)state;
	memset(&all, 0, sizeof(all));
	shunt__store64(&all.rs_count, 1000);
	for (uint32_t n = 0; n < SHUNT__RECOVERIES; n++) {
		shunt__store64(&all.rs_last[n].rc_at_ns, n % 4 == 0 ? 0
							 : n % 4 == 1
							     ? UINT64_MAX
							     : 5);
		shunt__store32(&all.rs_last[n].rc_dead_pid, n + 1);
	}
	forge_put(&f, at, &all, sizeof(all));
	assert_int_equal(shunt_recoveries(f.name, told, 20), 8);
	/* The newest first: the one before number 1000 % 16. */
	assert_int_equal(told[0].dead_pid, 8);
	assert_int_equal(told[7].dead_pid, 11);
	assert_int_equal(shunt_recoveries(f.name, told, 3), 3);
	assert_int_equal(shunt_recoveries(f.name, NULL, 3), -EINVAL);
	forge_end(&f);
	f = forge(&queue);
	assert_int_equal(shunt_recoveries(f.name, told, 3), SHUNT_E_KIND);
	assert_detail("a queue");
	forge_word(&f, 0, 0);
	assert_int_equal(shunt_recoveries(f.name, told, 3), SHUNT_E_KIND);
	assert_detail("raw");
	forge_end(&f);
}

static uint64_t
stream_word(size_t off)
{
	return SHUNT__AREA_OFF + SHUNT__STREAM_OFF + off;
}

static void
a_stream_is_finished_by_its_own_end_alone(void **state)
{
	struct shunt__spec spec = a_stream(0);
	struct forged f = forge(&spec);
	uint64_t end;

	(void)state;
	forge_high(&f, 1, 1);
	assert_false(look(&f).finished);
	end = forge_record(&f, 0, 0, SHUNT__STREAM_DATA, "12345678", 8);
	forge_word(&f, stream_word(0), end);
	/* What it says of an end that is none. */
	assert_false(look(&f).finished);
	end = forge_record(&f, 0, end, SHUNT__STREAM_END, NULL, 0);
	assert_false(look(&f).finished);
	forge_word(&f, stream_word(0), end);
	assert_true(look(&f).finished);
	/* All of it was read, and its end was told. */
	forge_tail(&f, 0, end);
	assert_int_equal(look(&f).unread, 0);
	forge_word(&f, stream_word(0), end - 8);
	forge_word(&f, SHUNT__AREA_OFF + 8 * SHUNT__STREAM_TOLD, end);
	assert_false(look(&f).finished);
	forge_word(&f, SHUNT__AREA_OFF + 8 * SHUNT__STREAM_TOLD, end + 1);
	assert_false(look(&f).finished);
	forge_end(&f);
}

/* As shunt_segment_stat(), but that it does not ask who has it open. */
static int
peek(const struct forged *f, struct shunt_segment_info *info)
{
	struct shunt__users users = {.wanted = 0};
	struct shunt__look at;
	int e = shunt__look_open(&at, f->name, NULL, 1);

	if (e < 0)
		return e;
	assert_in_range(
	    shunt__info_fill(&at, &users, info, list, MANY), 0, MANY);
	e = at.code;
	shunt__look_close(&at);
	return e;
}

/* Every single read of a look fails once: there is an answer or a code, and
 * nothing is told of that is not there. */
static void
each_read(struct forged *f, uint32_t senders, uint32_t receivers)
{
	struct shunt_segment_info info;
	const int errors[] = {EIO, EINTR};
	int fds = test_fds();

	for (int n = 0; n < 2; n++)
		for (unsigned k = 1;; k++) {
			forge_fail(k, errors[n]);
			int e = peek(f, &info);
			int failed = forge_calm();
			assert_int_equal(test_fds(), fds);
			assert_true(e >= 0 || e == -EIO);
			if (e < 0)
				assert_detail(f->name);
			assert_in_range(info.senders, 0, senders);
			assert_in_range(info.receivers, 0, receivers);
			if (errors[n] == EINTR || !failed) {
				assert_int_equal(info.senders, senders);
				assert_int_equal(info.receivers, receivers);
			}
			if (!failed)
				break;
		}
	forge_end(f);
}

static void
whatever_cannot_be_read_is_left_out(void **state)
{
	struct forged f = some_topic(SHUNT_TOPIC_LOSSY);
	uint64_t end;

	(void)state;
	each_read(&f, 1, 2);
	f = some_topic(SHUNT_TOPIC_DROP);
	forge_word(&f,
	    lane_word(&f, 0, offsetof(struct shunt__lane_lay, ln_drop_since)),
	    100);
	each_read(&f, 1, 2);
	struct shunt__spec spec = a_stream(0);
	f = forge(&spec);
	forge_high(&f, 1, 1);
	end = forge_record(&f, 0, 0, SHUNT__STREAM_DATA, "12345678", 8);
	end = forge_record(&f, 0, end, SHUNT__STREAM_END, NULL, 0);
	forge_word(&f, stream_word(0), end);
	forge_hold(&f, SHUNT__BYTE_LANE);
	each_read(&f, 1, 0);
	spec = a_queue(4096);
	f = forge(&spec);
	forge_high(&f, 2, 3);
	fill(&f, 0, 0);
	fill(&f, 1, 0);
	forge_hold(&f, SHUNT__BYTE_RECEIVER + 2);
	forge_hold(&f, SHUNT__BYTE_LANE);
	each_read(&f, 1, 1);
	spec = (struct shunt__spec){.kind = SHUNT_KIND_LOCK,
	    .lanes = 4,
	    .area_bytes = shunt__lock_area(SHUNT_KIND_LOCK, 0),
	    .print = shunt__lock_print(SHUNT_KIND_LOCK)};
	f = forge(&spec);
	forge_u32(&f, SHUNT__AREA_OFF, 2);
	forge_hold(&f, SHUNT__BYTE_LANE + 1);
	forge_high(&f, 2, 0);
	each_read(&f, 1, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(an_area_too_small_for_its_kind_is_of_no_known_kind),
	    TEST(slots_end_where_the_area_does),
	    TEST(a_topics_lag_is_of_cursors_that_are_set),
	    TEST(an_owner_that_cannot_be_leaves_a_lock_unrepaired),
	    TEST(a_recovery_that_is_being_written_is_left_out),
	    TEST(a_stream_is_finished_by_its_own_end_alone),
	    TEST(whatever_cannot_be_read_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
