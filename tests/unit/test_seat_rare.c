/* SPDX-License-Identifier: MIT */
/*
 * Seats where a process has no means for them, where nobody has room, and for
 * whoever asks from within.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <pthread.h>

#include <shunt.h>

#include "lib/peers.h"
#include "segment/seat.h"

#define LANES 4

static const struct shunt__spec spec = {
    .kind = SHUNT_KIND_QUEUE, .lanes = LANES, .lane_bytes = 4096};

static struct shunt__object *obj;
static struct shunt__seats seats;
static int claimed, claims_say;

static int
no_unread(struct shunt__object *o)
{
	(void)o;
	return 0;
}

/* Asked from within, as by a handler that interrupts its thread here. */
static int
claim_and_ask(struct shunt__seat *seat, void *arg, int last)
{
	struct shunt__seat *other = NULL;

	(void)seat;
	(void)arg;
	(void)last;
	claimed++;
	NEED(shunt__seat_take(&seats, &other) == -EBUSY);
	NEED(other == NULL);
	NEED(shunt__seat_find(&seats) == NULL);
	NEED(shunt__seat_give(&seats) == 1);
	return claims_say;
}

static void
open_it(void)
{
	claimed = claims_say = 0;
	NEED(shunt__object_attach(&obj, test_name("seat"), &spec) == 1);
	shunt__seats_init(&seats, obj, 0, claim_and_ask, NULL, NULL);
}

static void
close_it(void)
{
	shunt__seats_fini(&seats);
	shunt__object_detach(obj, no_unread);
}

/* The C library has no more keys for what threads own. */
static int
without_a_key(void *arg)
{
	struct shunt__seat *seat = NULL;
	pthread_key_t key;
	int n = 0;

	(void)arg;
	while (pthread_key_create(&key, NULL) == 0)
		NEED(n++ < 100000);
	open_it();
	NEED(shunt__seat_take(&seats, &seat) == -ENOMEM);
	NEED(seat == NULL && claimed == 0);
	NEED(shunt__seat_find(&seats) == NULL);
	NEED(shunt__seat_give(&seats) == 0);
	close_it();
	return 0;
}

static void
a_process_without_keys_has_no_seats(void **state)
{
	(void)state;
	assert_int_equal(peer_end(peer_start(without_a_key, NULL)), 0);
}

static void
nobody_waits_for_himself(void **state)
{
	struct shunt__seat *seat = NULL;

	(void)state;
	open_it();
	assert_int_equal(shunt__seat_take(&seats, &seat), 0);
	assert_int_equal(claimed, 1);
	assert_non_null(seat);
	assert_ptr_equal(shunt__seat_find(&seats), seat);
	assert_int_equal(shunt__seat_give(&seats), 0);
	assert_null(shunt__seat_find(&seats));
	assert_int_equal(shunt__seat_give(&seats), 0);
	close_it();
}

static void
a_seat_in_a_call_is_not_given_back(void **state)
{
	struct shunt__seat *seat;

	(void)state;
	open_it();
	assert_int_equal(shunt__seat_take(&seats, &seat), 0);
	seat->in_call = 1;
	assert_int_equal(shunt__seat_give(&seats), 1);
	assert_ptr_equal(shunt__seat_find(&seats), seat);
	seat->in_call = 0;
	assert_int_equal(shunt__seat_give(&seats), 0);
	close_it();
}

static void
where_no_lane_has_room_there_is_no_seat(void **state)
{
	struct shunt__seat *seat = NULL;

	(void)state;
	open_it();
	claims_say = -EAGAIN;
	assert_int_equal(shunt__seat_take(&seats, &seat), SHUNT_E_SLOTS);
	assert_detail("its 4 places for threads are all taken");
	assert_null(seat);
	/* Each lane was asked, and again for the last time. */
	assert_int_equal(claimed, 2 * LANES);
	/* None is held: another finds room in the first. */
	claims_say = 0;
	assert_int_equal(shunt__seat_take(&seats, &seat), 0);
	assert_int_equal(seat->lane, 0);
	close_it();
}

/* Threads that come and go in any order leave the others' seats alone. */
struct sitter {
	pthread_t thread;
	struct step sit, sat, go;
	uint32_t lane;
};

static void *
sit(void *arg)
{
	struct sitter *s = arg;
	struct shunt__seat *seat;

	step_wait(&s->sit, 1);
	if (shunt__seat_take(&seats, &seat) == 0)
		s->lane = seat->lane;
	step_to(&s->sat, 1);
	step_wait(&s->go, 1);
	return NULL;
}

static int
claim_it(struct shunt__seat *seat, void *arg, int last)
{
	(void)seat;
	(void)arg;
	(void)last;
	return 0;
}

static void
who_goes_leaves_the_others_seated(void **state)
{
	static const int order[LANES] = {1, 0, 3, 2};
	struct sitter s[LANES] = {0};

	(void)state;
	open_it();
	shunt__seats_init(&seats, obj, 0, claim_it, NULL, NULL);
	for (int i = 0; i < LANES; i++) {
		s[i].lane = UINT32_MAX;
		pthread_create(&s[i].thread, NULL, sit, &s[i]);
		step_to(&s[i].sit, 1);
		step_wait(&s[i].sat, 1);
		assert_int_equal(s[i].lane, i);
	}
	for (int i = 0; i < LANES; i++) {
		step_to(&s[order[i]].go, 1);
		pthread_join(s[order[i]].thread, NULL);
		for (int k = 0; k < LANES; k++)
			assert_int_equal(
			    shunt__lane_held(obj, s[order[k]].lane), k > i);
	}
	close_it();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_process_without_keys_has_no_seats), /* the first */
	    TEST(nobody_waits_for_himself),
	    TEST(a_seat_in_a_call_is_not_given_back),
	    TEST(where_no_lane_has_room_there_is_no_seat),
	    TEST(who_goes_leaves_the_others_seated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
