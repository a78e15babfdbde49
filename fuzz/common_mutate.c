/* SPDX-License-Identifier: MIT */
/*
 * Inputs of images are lists of patches; half of the mutations know that: one
 * patch more, aligned, of one word, where the image has its words: control
 * block, area, lanes' blocks, or the beginning of a ring.
 */
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "ring/lane_layout.h"

/* Two dozen patches say as much as a thousand. */
struct image_shape image_shape = {.most = 512};

/* Where there is no libFuzzer, nobody mutates. */
__attribute__((weak)) size_t LLVMFuzzerMutate(
    uint8_t *data, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(
    uint8_t *data, size_t size, size_t most, unsigned int seed);

static uint64_t state;

static uint64_t
rnd(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* Numbers that lengths, positions and states stumble over. */
static uint64_t
word(void)
{
	static const uint64_t odd[] = {0, 0, 1, 2, 7, 8, 64, 127, 255, 4095,
	    4096, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
	    0x7fffffffffffffff, 0x8000000000000000, 0xfffffffffffffff8,
	    0xffffffffffffffff};
	uint64_t x = rnd();

	switch (x % 5) {
	case 0:
		return (x >> 8) % 8192;
	case 3: /* a record's header, perhaps */
		return SHUNT__LANE_REC | (uint64_t)((x >> 8) % 4 == 0) << 62 |
		       (uint64_t)((x >> 10) % 4 == 0) << 61 | (x >> 16) % 4200;
	case 1:
		return (UINT64_C(1) << ((x >> 8) % 64)) - ((x >> 16) & 1);
	case 2:
		return ((x >> 8) % 8) << 32 | ((x >> 16) % 512);
	default:
		return odd[(x >> 8) % (sizeof(odd) / sizeof(odd[0]))];
	}
}

static uint64_t
any(uint64_t from, uint64_t to)
{
	return to <= from ? from : from + rnd() % (to - from);
}

/* As image_patch() counts them: from the control block on. */
static uint64_t
where(void)
{
	const struct shunt__geometry *geo = &image_shape.geo;
	uint64_t off, ring;

	switch (rnd() % 4) {
	case 0:
		off = any(SHUNT__CONTROL_OFF, SHUNT__AREA_OFF);
		break;
	case 1:
		off = any(SHUNT__AREA_OFF, SHUNT__AREA_OFF + geo->area_bytes);
		break;
	case 2:
		off = any(geo->lanes_off, geo->rings_off);
		break;
	default:
		ring = rnd() % (geo->lanes + 1) * geo->lane_bytes;
		off = any(geo->rings_off + ring, geo->rings_off + ring + 512);
	}
	return off - SHUNT__CONTROL_OFF;
}

/* Where a patch begins: one of those behind the leading bytes, or the end. */
static size_t
boundary(const uint8_t *data, size_t size)
{
	size_t at = image_shape.lead < size ? image_shape.lead : size;

	while (size - at > 3 && rnd() % 4 != 0) {
		size_t step = 3u + data[at + 2];
		if (step > size - at)
			break;
		at += step;
	}
	return at;
}

size_t
LLVMFuzzerCustomMutator(
    uint8_t *data, size_t size, size_t most, unsigned int seed)
{
	uint8_t patch[3 + 8];
	uint64_t off, value;
	size_t at, len;

	if (most > image_shape.most)
		most = image_shape.most;
	if (size > most)
		size = most;
	state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	len = rnd() % 2 ? 8 : 4;
	if (image_shape.geo.size == 0 || rnd() % 2 ||
	    size + 3 + len + image_shape.lead > most)
		return LLVMFuzzerMutate(data, size, most);
	while (size < image_shape.lead)
		data[size++] = (uint8_t)rnd();
	off = where() & ~(uint64_t)(len - 1);
	value = word();
	patch[0] = (uint8_t)off;
	patch[1] = (uint8_t)(off >> 8);
	patch[2] = (uint8_t)len;
	memcpy(patch + 3, &value, len);
	at = boundary(data, size);
	memmove(data + at + 3 + len, data + at, size - at);
	memcpy(data + at, patch, 3 + len);
	return size + 3 + len;
}
