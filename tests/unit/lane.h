/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_LANE_H
#define TESTS_UNIT_LANE_H

/* A lane over two blocks of malloc, for threads and for ASan's red zones. */

#include <stdlib.h>
#include <string.h>

#include "ring/lane.h"

struct test_lane {
	unsigned char *ring;
	uint64_t cap;
	struct shunt__lane_lay *ctl;
};

/* Only the first header word of a new lane must be 0: the rest is garbage. */
static inline struct test_lane
test_lane_make(uint64_t cap)
{
	struct test_lane l = {.cap = cap};

	l.ring = aligned_alloc(64, cap < 64 ? 64 : cap);
	l.ctl = aligned_alloc(64, sizeof(*l.ctl));
	if (l.ring == NULL || l.ctl == NULL)
		abort();
	memset(l.ring, 0xa5, cap);
	memset(l.ring, 0, SHUNT__LANE_HEAD);
	memset(l.ctl, 0, sizeof(*l.ctl));
	return l;
}

static inline void
test_lane_free(struct test_lane *l)
{
	free(l->ring);
	free(l->ctl);
}

static inline int
test_lane_tx(struct shunt__lane_tx *tx, const struct test_lane *l)
{
	return shunt__lane_tx_adopt(tx, l->ring, l->cap, l->ctl);
}

static inline void
test_lane_rx(struct shunt__lane_rx *rx, const struct test_lane *l)
{
	shunt__lane_rx_adopt(rx, l->ring, l->cap, l->ctl);
}

/* Bytes that tell message @n from every other, and its places apart. */
static inline void
test_lane_fill(unsigned char *p, uint64_t n, uint64_t len)
{
	for (uint64_t i = 0; i < len; i++)
		p[i] = (unsigned char)(n * 31 + (n >> 8) + i * 7);
}

static inline int
test_lane_intact(const unsigned char *p, uint64_t n, uint64_t len)
{
	for (uint64_t i = 0; i < len; i++)
		if (p[i] != (unsigned char)(n * 31 + (n >> 8) + i * 7))
			return 0;
	return 1;
}

/* Sends message @n; 0, -EAGAIN or SHUNT_E_CORRUPT. */
static inline int
test_lane_send(struct shunt__lane_tx *tx, uint64_t n, uint64_t len)
{
	void *at = NULL;
	int e = shunt__lane_reserve(tx, len, &at);

	if (e != 0)
		return e;
	test_lane_fill(at, n, len);
	shunt__lane_commit(tx, len, (uint16_t)n);
	return 0;
}

/* Receives message @n: its length, -EAGAIN, SHUNT_E_CORRUPT; or -1 if it is
 * not that one. */
static inline int64_t
test_lane_recv(struct shunt__lane_rx *rx, uint64_t n)
{
	const void *at;
	uint16_t tag;
	int64_t len = shunt__lane_peek(rx, &at, &tag);

	if (len < 0)
		return len;
	if (tag != (uint16_t)n || !test_lane_intact(at, n, (uint64_t)len))
		return -1;
	shunt__lane_release(rx);
	return len;
}

#endif /* TESTS_UNIT_LANE_H */
