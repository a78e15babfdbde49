/* SPDX-License-Identifier: MIT */
/* limit: 20 */
/* Where there is no memory for a sentence the code stands alone, and the next
 * failure has its sentence again. */
#include "unit/unit.h"

#include <limits.h>
#include <pthread.h>

#include <cmocka.h>

#include <shunt.h>

#include "base/error.h"
#include "lib/peers.h"
#include "unit/allocations.h"

/* In a thread that has said nothing yet, from its @arg-th allocation on. */
static void *
say(void *arg)
{
	unsigned k = *(const unsigned *)arg;

	NEED(shunt_error_detail()[0] == 0);
	shunt__fail_none();
	NEED(shunt_error_detail()[0] == 0);
#ifdef OURS
	countdown = k;
	NEED(strcmp(shunt__quote("name"), "?") == 0);
	NEED(has_failed);
	countdown = k;
	NEED(shunt__fail(-EPERM, "a sentence") == -EPERM);
	NEED(countdown == 0);
	NEED(shunt_error_detail()[0] == 0);
#else
	NEED(k > 0 && countdown == 0 && !has_failed);
#endif
	NEED(shunt__fail(-EPERM, "%s", shunt__quote("a\nb")) == -EPERM);
	NEED(strcmp(shunt_error_detail(), "a\\nb") == 0);
	shunt__fail_none();
	NEED(shunt_error_detail()[0] == 0);
	return NULL;
}

/* In a process that has many keys, a new one needs memory in each thread. */
static int
say_in_threads(void *arg)
{
	unsigned first = 1, second = 2;
	pthread_key_t key;
	pthread_t t;

	(void)arg;
	for (int i = 0; i < 40; i++)
		NEED(pthread_key_create(&key, NULL) == 0);
	NEED(pthread_create(&t, NULL, say, &first) == 0);
	NEED(pthread_join(t, NULL) == 0);
	NEED(pthread_create(&t, NULL, say, &second) == 0);
	NEED(pthread_join(t, NULL) == 0);
	return 0;
}

static void
without_memory_the_code_stands_alone(void **state)
{
	(void)state;
	assert_int_equal(peer_end(peer_start(say_in_threads, NULL)), 0);
}

static int
say_without_keys(void *arg)
{
	struct shunt_queue *q;
	pthread_key_t key;

	(void)arg;
	while (pthread_key_create(&key, NULL) == 0)
		;
	NEED(shunt_queue_open(&q, "a/b", NULL) == SHUNT_E_NAME);
	NEED(q == NULL);
	NEED(shunt_error_detail()[0] == 0);
	NEED(strcmp(shunt__quote("x"), "?") == 0);
	return 0;
}

static void
a_process_that_has_all_keys_gets_codes(void **state)
{
	(void)state;
	assert_int_equal(peer_end(peer_start(say_without_keys, NULL)), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(without_memory_the_code_stands_alone),
	    TEST(a_process_that_has_all_keys_gets_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
