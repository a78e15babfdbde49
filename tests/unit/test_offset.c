/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/* Offsets in place of pointers: structures that every process can follow, and
 * numbers from strangers that lead nowhere. */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <sys/mman.h>

#include "unit/raw.h"

_Static_assert(sizeof(struct shunt_offset) == 8, "as documented");

static void *
at(const struct shunt_segment *seg, uint64_t opaque, size_t len)
{
	return shunt_segment_at(seg, (struct shunt_offset){opaque}, len);
}

static void
there_and_back(void **state)
{
	struct shunt_segment *seg;
	const struct shunt_offset none = {0};

	(void)state;
	assert_int_equal(shunt_segment_anon(&seg, 5000, NULL), 0);
	char *p = shunt_segment_data(seg);
	for (size_t i = 0; i < 5000; i++) {
		struct shunt_offset off = shunt_segment_offset(seg, p + i);
		assert_int_not_equal(off.opaque, 0);
		assert_ptr_equal(shunt_segment_at(seg, off, 1), p + i);
		assert_ptr_equal(shunt_segment_at(seg, off, 5000 - i), p + i);
		assert_null(shunt_segment_at(seg, off, 5001 - i));
		assert_null(shunt_segment_at(seg, off, SIZE_MAX));
		assert_null(shunt_segment_at(seg, off, SIZE_MAX - i));
		assert_null(shunt_segment_at(seg, off, 0));
	}
	/* Outside there is nothing to point at. */
	assert_int_equal(shunt_segment_offset(seg, p - 1).opaque, 0);
	assert_int_equal(shunt_segment_offset(seg, p + 5000).opaque, 0);
	assert_int_equal(shunt_segment_offset(seg, &seg).opaque, 0);
	assert_int_equal(shunt_segment_offset(seg, NULL).opaque, 0);
	assert_int_equal(shunt_segment_offset(seg, (void *)-1).opaque, 0);
	assert_int_equal(shunt_segment_offset(NULL, p).opaque, 0);
	assert_null(shunt_segment_at(NULL, none, 1));
	assert_null(at(NULL, 1, 1));
	shunt_segment_close(&seg);
}

static void
numbers_of_strangers_lead_nowhere(void **state)
{
	const uint64_t size = 4096;
	struct shunt_segment *seg;

	(void)state;
	assert_int_equal(shunt_segment_anon(&seg, size, NULL), 0);
	char *p = shunt_segment_data(seg);
	assert_null(at(seg, 0, 1));
	assert_null(at(seg, UINT64_MAX, 1));
	assert_null(at(seg, UINT64_MAX, SIZE_MAX));
	assert_null(at(seg, UINT64_MAX - 7, 16));
	assert_null(at(seg, INT64_MAX, 1));
	assert_null(at(seg, (uint64_t)1 << 63, 1));
	/* Inside is the distance plus 1. */
	assert_ptr_equal(at(seg, 1, size), p);
	assert_ptr_equal(at(seg, size, 1), p + size - 1);
	assert_null(at(seg, size, 2));
	assert_null(at(seg, size + 1, 1));
	assert_ptr_equal(at(seg, size - 8 + 1, 8), p + size - 8);
	assert_null(at(seg, size - 8 + 2, 8));
	assert_null(at(seg, (uint64_t)(uintptr_t)p, 1));
	/* Whatever comes, the answer is NULL or wholly inside. */
	uint64_t seed = 88172645463325252u;
	for (int i = 0; i < 200000; i++) {
		uint64_t n = test_random(&seed);
		size_t len = (size_t)(test_random(&seed) >> (n & 63));
		char *q = at(seg, n >> (n >> 58), len);
		if (q != NULL)
			assert_true(len >= 1 && q >= p && q < p + size &&
				    len <= (size_t)(p + size - q));
	}
	shunt_segment_close(&seg);
}

/* They count from the segment's first byte, wherever a window begins. */
static void
the_same_through_every_window(void **state)
{
	const char *name = test_name("window");
	struct shunt_segment *seg, *part;

	(void)state;
	test_make(name, 4 * PAGE);
	assert_int_equal(shunt_segment_open(&seg, name, NULL), 0);
	assert_int_equal(shunt_segment_open(&part, name,
			     OPTIONS(.offset = PAGE + 10, .length = 100)),
	    0);
	char *whole = shunt_segment_data(seg), *p = shunt_segment_data(part);
	for (size_t i = 0; i < 4 * PAGE; i++) {
		struct shunt_offset off = shunt_segment_offset(seg, whole + i);
		char *q = shunt_segment_at(part, off, 1);
		if (i >= PAGE + 10 && i < PAGE + 110) {
			assert_ptr_equal(q, p + (i - PAGE - 10));
			assert_int_equal(
			    shunt_segment_offset(part, q).opaque, off.opaque);
			assert_int_equal((unsigned char)*q, test_byte(i));
		} else {
			assert_null(q);
		}
	}
	struct shunt_offset off = shunt_segment_offset(part, p);
	assert_non_null(shunt_segment_at(part, off, 100));
	assert_null(shunt_segment_at(part, off, 101));
	/* The pages around a window are mapped, but not part of it. */
	assert_int_equal(shunt_segment_offset(part, p - 1).opaque, 0);
	assert_int_equal(shunt_segment_offset(part, p + 100).opaque, 0);
	shunt_segment_close(&part);
	/* Resized and moved, they are what they were. */
	off = shunt_segment_offset(seg, whole + 3 * PAGE + 5);
	assert_int_equal(shunt_segment_resize(seg, 64 << 20), 0);
	assert_int_equal(*(unsigned char *)shunt_segment_at(seg, off, 1),
	    test_byte(3 * PAGE + 5));
	assert_int_equal(shunt_segment_resize(seg, PAGE), 0);
	assert_null(shunt_segment_at(seg, off, 1));
	shunt_segment_close(&seg);
	assert_int_equal(shunt_remove(name, NULL), 0);
}

/* ---- a list between two processes ------------------------------------------
 */

struct node {
	struct shunt_offset next;
	uint32_t number;
	char text[20];
};

struct list {
	struct shunt_offset first;
	uint64_t used;
};

#define NODES 100

/* The first process: nodes in an order of its own. */
static int
build(void *name)
{
	struct shunt_segment *seg;

	NEED(shunt_segment_create(&seg, name, 16384, NULL) == 0);
	struct list *list = shunt_segment_data(seg);
	struct node *node = (struct node *)(list + 1);
	for (uint32_t i = 0; i < NODES; i++) {
		struct node *n = &node[(i * 37) % NODES];
		n->next = list->first;
		n->number = i;
		snprintf(n->text, sizeof(n->text), "node %u", i);
		list->first = shunt_segment_offset(seg, n);
	}
	return 0;
}

/* The other: has it mapped elsewhere, and counts what it finds. */
static int
walk(void *name)
{
	struct shunt_segment *low, *seg;
	char text[20];
	uint32_t want = NODES;

	/* Here, surely, the first process had it not. */
	NEED(shunt_segment_open(&low, name, NULL) == 0);
	NEED(shunt_segment_open(&seg, name, NULL) == 0);
	NEED(shunt_segment_data(low) != shunt_segment_data(seg));
	struct list *list = shunt_segment_data(seg);
	struct shunt_offset off = list->first;
	for (uint32_t steps = 0; off.opaque != 0; steps++) {
		struct node *n = shunt_segment_at(seg, off, sizeof(*n));
		NEED(n != NULL && steps < NODES);
		NEED((char *)n >= (char *)list &&
		     (char *)(n + 1) <= (char *)list + 16384);
		NEED(n->number == --want);
		snprintf(text, sizeof(text), "node %u", want);
		NEED(strcmp(n->text, text) == 0);
		/* In the other mapping it is the same. */
		struct node *m = shunt_segment_at(low, off, sizeof(*m));
		NEED(m != NULL && m != n && m->number == n->number);
		off = n->next;
	}
	NEED(want == 0);
	return 0;
}

static void
a_list_that_another_process_follows(void **state)
{
	const char *name = test_name("list");

	(void)state;
	assert_int_equal(peer_end(peer_start(build, (void *)name)), 0);
	assert_int_equal(peer_end(peer_start(walk, (void *)name)), 0);
	assert_int_equal(shunt_remove(name, NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(there_and_back),
	    TEST(numbers_of_strangers_lead_nowhere),
	    TEST(the_same_through_every_window),
	    TEST(a_list_that_another_process_follows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
