/* SPDX-License-Identifier: MIT */
/*
 * No private memory for what is done first, or once: a process that opens its
 * first queue, the handle of a System V segment, a list of users.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sys/shm.h>

#include <shunt.h>

#include "lib/peers.h"
#include "segment/raw.h"
#include "unit/allocations.h"

struct first {
	unsigned k;
	char name[64];
};

#ifdef OURS
/* The k-th allocation of a process that opens its first queue, and of its
 * first call there: 1 if there is a k-th one. */
static int
first_of_all(void *arg)
{
	const struct shunt_queue_options small = {
	    .sz = sizeof(small), .lane_bytes = 4096, .lanes = 4};
	const struct shunt_recv_options now = {
	    .sz = sizeof(now), .wait_ns = SHUNT_NOWAIT};
	const struct first *first = arg;
	struct shunt_queue *queue;
	pthread_key_t key;
	char buf[8];

	/* The C library has room of its own for the first ones. */
	for (int i = 0; i < 48; i++)
		NEED(pthread_atfork(NULL, NULL, NULL) == 0);
	for (int i = 0; i < 40; i++)
		NEED(pthread_key_create(&key, NULL) == 0);
	has_failed = 0;
	countdown = first->k;
	int e = shunt_queue_open(&queue, first->name, &small);
	if (e >= 0)
		e = shunt_queue_send(queue, "x", 1, NULL);
	countdown = 0;
	NEED(e == 0 || (has_failed && e == -ENOMEM));
	shunt_queue_close(&queue);
	e = shunt_queue_open(&queue, first->name, &small);
	/* A C library that once had no memory for a handler of fork(2) never
	 * takes one again (glibc 2.36). */
	if (e == -ENOMEM && pthread_atfork(NULL, NULL, NULL) == ENOMEM)
		return has_failed;
	NEED(e >= 0);
	NEED(shunt_queue_send(queue, "x", 1, NULL) == 0);
	while ((e = (int)shunt_queue_recv(queue, buf, 8, NULL, &now)) == 1)
		;
	NEED(e == -EAGAIN);
	shunt_queue_close(&queue);
	return has_failed;
}
#endif

/* Before this process opens anything. */
static void
each_allocation_of_a_first_open_fails_once(void **state)
{
	(void)state;
#ifndef OURS
	skip();
#else
	struct first first = {.k = 0};
	int failed;

	snprintf(first.name, sizeof(first.name), "%s", test_name("first"));
	do {
		first.k++;
		failed = peer_end(peer_start(first_of_all, &first));
		assert_in_range(failed, 0, 1);
		assert_false(test_there(first.name));
	} while (failed);
	assert_true(first.k > 3);
#endif
}

static void
a_system_v_segment_without_memory_for_its_handle(void **state)
{
	char name[40];

	(void)state;
#ifndef OURS
	skip();
#endif
	int id = shmget(IPC_PRIVATE, 100, 0600);
	if (id < 0)
		skip(); /* this kernel has none */
	/* From here on it goes with us. */
	void *held = shmat(id, NULL, 0);
	assert_int_equal(shmctl(id, IPC_RMID, NULL), 0);
	snprintf(name, sizeof(name), "sysv:id=%d", id);
	has_failed = 1;
	for (unsigned k = 1; has_failed; k++) {
		struct shunt_segment *seg;
		struct shmid_ds ds;

		has_failed = 0;
		countdown = k;
		int e = shunt_segment_open(&seg, name, NULL);
		countdown = 0;
		assert_int_equal(e, has_failed ? -ENOMEM : 0);
		if (has_failed)
			assert_detail(name);
		assert_true((e == 0) == (seg != NULL));
		shunt_segment_close(&seg);
		assert_int_equal(shmctl(id, IPC_STAT, &ds), 0);
		assert_int_equal(ds.shm_nattch, 1);
	}
	shmdt(held);
}

static void
a_list_of_users_without_memory_to_read_it(void **state)
{
	uint32_t id;

	(void)state;
#ifndef OURS
	skip();
#endif
	countdown = 1;
	int e = shunt__user_number("root", &id);
	countdown = 0;
	assert_int_equal(e, -EINVAL);
	assert_detail("\"root\" cannot be looked up");
	assert_int_equal(shunt__user_number("root", &id), 0);
	assert_int_equal(id, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(each_allocation_of_a_first_open_fails_once), /* the first */
	    TEST(a_system_v_segment_without_memory_for_its_handle),
	    TEST(a_list_of_users_without_memory_to_read_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
