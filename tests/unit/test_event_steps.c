/* SPDX-License-Identifier: MIT */
/* limit: 30 */
/*
 * Two threads of one handle of an event: the one is stopped in the middle of
 * its call, behind its instructions (all, or some where a sanitizer makes them
 * many: each is a signal for each before it), and the other does all of its
 * call there.  What was notified is had exactly once, and a count that went
 * back deafens neither.
 *
 * The processor's own trap stops it; the handler that runs there is the other
 * thread, as an event's calls know no thread.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <ucontext.h>

#include <shunt.h>

#include "lib/peers.h"
#include "lock/named.h"

#if defined(__x86_64__) && defined(REG_EFL)
#define CAN_STEP 1
#else
#define CAN_STEP 0
#endif

#define MOST    4000   /* instructions of a call that finds or finds nothing */
#define SIGNALS 12000u /* for a test, twice */

static const char *name;
static struct shunt_event *event;
static struct shunt__event_lay *lay;
static unsigned steps, stop_at, stride;
static int other; /* what the other one's call said */

#if CAN_STEP
#define TRAP 0x100

static void
on_step(int sig, siginfo_t *info, void *context)
{
	ucontext_t *at = context;

	(void)sig;
	(void)info;
	if (++steps != stop_at)
		return;
	at->uc_mcontext.gregs[REG_EFL] &= ~TRAP;
	other = shunt_event_wait(event, SHUNT_NOWAIT);
}

/* As shunt_event_wait(), with the other's behind instruction @k. */
static int
wait_and_other_at(unsigned k)
{
	other = 1;
	steps = 0;
	stop_at = k;
	__asm__ volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq" ::
			     : "memory", "cc");
	int e = shunt_event_wait(event, SHUNT_NOWAIT);
	__asm__ volatile("pushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq" ::
			     : "memory", "cc");
	return e;
}
#else
static int
wait_and_other_at(unsigned k)
{
	(void)k;
	return 0;
}
#endif

static int
begin(void **state)
{
#if CAN_STEP
	struct sigaction sa = {.sa_sigaction = on_step, .sa_flags = SA_SIGINFO};

	sigaction(SIGTRAP, &sa, NULL);
#endif
	(void)state;
	(void)steps;
	(void)stop_at;
	name = test_name("steps");
	if (shunt_event_open(&event, name, NULL) != 1)
		return -1;
	/* The words, through a mapping of our own. */
	struct shunt__spec spec = {
	    .kind = SHUNT_KIND_EVENT, .lanes = 1, .existing = 1};
	static struct shunt__object *obj;
	if (shunt__lock_attach(&obj, name, &spec) != 0)
		return -1;
	lay = (void *)obj->area;
	wait_and_other_at(0);
	stride = 1 + steps * steps / SIGNALS;
	*state = obj;
	return 0;
}

static int
end(void **state)
{
	shunt__object_detach(*state, NULL);
	shunt_event_close(&event);
	unlink(test_path(name));
	return 0;
}

static void
one_for_all_is_had_once_by_a_handle(void **state)
{
	(void)state;
	if (!CAN_STEP)
		skip();
	for (unsigned k = 1; k < MOST; k += stride) {
		assert_int_equal(shunt_event_notify(event, SHUNT_EVENT_ALL), 0);
		int e = wait_and_other_at(k);
		if (other == 1)
			return; /* it has fewer instructions */
		assert_true((e == 0) != (other == 0));
		assert_int_equal(e + other, -EAGAIN);
	}
	fail();
}

static void
one_for_one_is_had_once(void **state)
{
	(void)state;
	if (!CAN_STEP)
		skip();
	for (unsigned k = 1; k < MOST; k += stride) {
		assert_int_equal(shunt_event_notify(event, SHUNT_EVENT_ONE), 0);
		int e = wait_and_other_at(k);
		if (other == 1)
			return;
		assert_true((e == 0) != (other == 0));
		assert_int_equal(e + other, -EAGAIN);
	}
	fail();
}

static void
a_count_that_went_back_is_told_and_deafens_neither(void **state)
{
	(void)state;
	if (!CAN_STEP)
		skip();
	for (unsigned k = 1; k < MOST; k += stride) {
		shunt__store64(&lay->ev_all, 10);
		shunt_event_wait(event, SHUNT_NOWAIT);
		shunt_event_wait(event, SHUNT_NOWAIT);
		shunt__store64(&lay->ev_all, 5);
		int e = wait_and_other_at(k);
		if (other == 1)
			return;
		assert_true(e == SHUNT_E_CORRUPT || other == SHUNT_E_CORRUPT);
		assert_true(e == SHUNT_E_CORRUPT || e == -EAGAIN);
		assert_int_equal(shunt_event_notify(event, SHUNT_EVENT_ALL), 0);
		assert_int_equal(shunt_event_wait(event, SHUNT_NOWAIT), 0);
	}
	fail();
}

#define FRESH(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FRESH(one_for_all_is_had_once_by_a_handle),
	    FRESH(one_for_one_is_had_once),
	    FRESH(a_count_that_went_back_is_told_and_deafens_neither),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
