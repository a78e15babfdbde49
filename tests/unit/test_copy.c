/* SPDX-License-Identifier: MIT */
/* Copies of each length, also between addresses that are near each other only
 * in their lower 32 bits: every byte comes, and none beside them is touched. */
#include "unit/unit.h"

#include <sys/mman.h>

#include <cmocka.h>

#include "base/copy.h"

enum { ROOM = 12288, MIDDLE = 4096 };

static unsigned char
byte_of(size_t i)
{
	return (unsigned char)(i * 31 + (i >> 8) + 1);
}

/* There is room of ours around @to. */
static void
copy_and_look(unsigned char *to, const unsigned char *from, size_t len)
{
	memset(to - 16, 0xa5, len + 32);
	shunt__copy(to, from, len);
	assert_memory_equal(to, from, len);
	for (int i = 1; i <= 16; i++) {
		assert_int_equal(to[-i], 0xa5);
		assert_int_equal(to[len + (size_t)i - 1], 0xa5);
	}
}

static unsigned char *
map(unsigned char *at)
{
	unsigned char *got = mmap(at, ROOM + MIDDLE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | (at != NULL ? MAP_FIXED : 0), -1, 0);

	assert_ptr_not_equal(got, MAP_FAILED);
	return got;
}

static const size_t lens[] = {0, 1, 7, 8, 9, 16, 17, 32, 33, 64, 65, 1023, 1024,
    1025, 1032, 2047, 2048, 2049, 4095, 4096, 5000, 8191};
#define LENS (sizeof(lens) / sizeof(lens[0]))

static void
all_lengths(void **state)
{
	unsigned char *from = map(NULL), *to = map(NULL);

	(void)state;
	for (size_t i = 0; i < ROOM; i++)
		from[i] = byte_of(i);
	for (size_t i = 0; i < LENS; i++)
		copy_and_look(to + MIDDLE + 3, from + 5, lens[i]);
	munmap(from, ROOM + MIDDLE);
	munmap(to, ROOM + MIDDLE);
}

static void
near_in_the_lower_half_of_their_addresses(void **state)
{
#if UINTPTR_MAX > UINT32_MAX
	static const int distances[] = {-64, -63, -8, -1, 0, 1, 8, 63, 64, 65};
	const size_t far = (size_t)1 << 32;
	unsigned char *from = mmap(NULL, far + 2 * (ROOM + MIDDLE), PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	unsigned char *to;

	(void)state;
	assert_ptr_not_equal(from, MAP_FAILED);
	map(from);
	to = map(from + far);
	for (size_t i = 0; i < ROOM; i++)
		from[i] = byte_of(i);
	for (size_t d = 0; d < sizeof(distances) / sizeof(int); d++) {
		unsigned char *at = to + MIDDLE + distances[d];

		assert_int_equal(shunt__copy_slow(at, from + MIDDLE),
		    distances[d] > 0 && distances[d] < 64);
		for (size_t i = 0; i < LENS; i++)
			copy_and_look(at, from + MIDDLE, lens[i]);
	}
	munmap(from, far + 2 * (ROOM + MIDDLE));
#else
	(void)state; /* such buffers would overlap */
#endif
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(all_lengths),
	    TEST(near_in_the_lower_half_of_their_addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
