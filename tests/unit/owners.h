/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_OWNERS_H
#define TESTS_UNIT_OWNERS_H

/*
 * Owners of words on bare memory: threads that say when they are dead, and
 * one mutex that is the right to clean up after any of them.
 */

#include <pthread.h>

#include "sync/owners.h"

#define TEST_OWNERS 64

struct test_owners {
	struct shunt__owners owners;
	pthread_mutex_t right;
	_Atomic int dead[TEST_OWNERS + 1];
	_Atomic int asked, noted, taken, checked;
	_Atomic int answer;         /* of check() */
	_Atomic int inherit_answer; /* of inherit(), if it is a code */
	/* Called once the right is ours, before the word is looked at. */
	void (*in_between)(void);
	void (*in_check)(void);
};

void test_owners_init(struct test_owners *t);

#endif /* TESTS_UNIT_OWNERS_H */
