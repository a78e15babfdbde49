/* SPDX-License-Identifier: MIT */
#include "unit/unit.h"
#include <cmocka.h>

#include "base/checksum.h"

/* It is part of the layout: these sums may never change. */
static void
the_sums_are_those_of_every_build(void **state)
{
	unsigned char bytes[256];

	(void)state;
	for (int i = 0; i < 256; i++)
		bytes[i] = (unsigned char)(i * 7);
	assert_true(shunt__checksum(bytes, 0) == UINT64_C(0x2498684f8806d4a7));
	assert_true(shunt__checksum(bytes, 1) == UINT64_C(0x1eb3414bb1792436));
	assert_true(shunt__checksum(bytes, 31) == UINT64_C(0xcca13d6b50cfdc68));
	assert_true(
	    shunt__checksum(bytes, 136) == UINT64_C(0xa60c8a1024d0e6ba));
	assert_true(
	    shunt__checksum(bytes, 256) == UINT64_C(0xfbf0742f53ee80ed));
}

static void
every_bit_counts(void **state)
{
	unsigned char bytes[136] = {0};
	uint64_t sum = shunt__checksum(bytes, sizeof(bytes));

	(void)state;
	for (size_t i = 0; i < sizeof(bytes) * 8; i++) {
		bytes[i / 8] ^= (unsigned char)(1 << i % 8);
		assert_true(shunt__checksum(bytes, sizeof(bytes)) != sum);
		bytes[i / 8] ^= (unsigned char)(1 << i % 8);
	}
	assert_true(shunt__checksum(bytes, sizeof(bytes)) == sum);
}

/* A tail of zeros that was cut off, or never written, is seen. */
static void
every_length_counts(void **state)
{
	unsigned char bytes[300] = {0};
	uint64_t sums[300];

	(void)state;
	for (size_t n = 0; n < 300; n++) {
		sums[n] = shunt__checksum(bytes, n);
		for (size_t i = 0; i < n; i++)
			assert_true(sums[i] != sums[n]);
	}
}

static void
order_counts_and_alignment_does_not(void **state)
{
	unsigned char a[80], b[88];

	(void)state;
	for (int i = 0; i < 80; i++)
		a[i] = (unsigned char)i;
	uint64_t sum = shunt__checksum(a, sizeof(a));
	for (size_t off = 0; off < 8; off++) {
		memcpy(b + off, a, sizeof(a));
		assert_true(shunt__checksum(b + off, sizeof(a)) == sum);
	}
	for (size_t i = 0; i + 16 <= 80; i += 8) {
		memcpy(b, a, sizeof(a));
		memcpy(b + i, a + i + 8, 8);
		memcpy(b + i + 8, a + i, 8);
		assert_true(shunt__checksum(b, sizeof(a)) != sum);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(the_sums_are_those_of_every_build),
	    TEST(every_bit_counts),
	    TEST(every_length_counts),
	    TEST(order_counts_and_alignment_does_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
