/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE

/*
 * Toys in one shared mapping: a lane whose commit is one store, the same lane
 * with the header stored before the payload, and a two-word account with a
 * journal, whose repair is right or can itself be killed at a bad moment.
 */

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "selftest_int.h"

enum { LANE = 4096, COMMITTED = 1u << 31, PUSHES = 5 };

struct lane {
	_Atomic uint32_t done; /* pushes that have returned */
	_Alignas(8) unsigned char ring[LANE];
};

static const uint32_t lens[PUSHES] = {8, 0, 40, 3, 100};

void *
toy_map(size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* ---- the lane ---- */

void *
lane_setup(void *arg)
{
	(void)arg;
	return toy_map(sizeof(struct lane));
}

void
lane_teardown(void *ctx)
{
	munmap(ctx, sizeof(struct lane));
}

int
lane_rearm(void *ctx)
{
	memset(ctx, 0, sizeof(struct lane));
	return 0;
}

uint64_t
lane_image(void *ctx)
{
	return sweep_hash(0, ctx, 512);
}

static _Atomic uint32_t *
header(struct lane *l, uint32_t at)
{
	return (_Atomic uint32_t *)(void *)(l->ring + at);
}

static unsigned char
byte_of(uint32_t seq, uint32_t i)
{
	return (unsigned char)(seq * 31 + i * 7 + 1);
}

static void
fill(struct lane *l, uint32_t at, uint32_t seq, uint32_t len)
{
	uint32_t i;

	for (i = 0; i < len; i++)
		l->ring[at + 8 + i] = byte_of(seq, i);
}

static uint32_t
push(struct lane *l, uint32_t at, uint32_t seq, uint32_t len, bool bug)
{
	uint32_t next = at + 8 + ((len + 7) & ~7u);

	if (bug)
		atomic_store_explicit(
		    header(l, at), COMMITTED | len, memory_order_release);
	fill(l, at, seq, len);
	atomic_store_explicit(header(l, next), 0, memory_order_relaxed);
	/* The commit: the survivor's walk reads it with acquire. */
	if (!bug)
		atomic_store_explicit(
		    header(l, at), COMMITTED | len, memory_order_release);
	return next;
}

static void
push_all(struct lane *l, bool bug)
{
	uint32_t at = 0, i;

	sweep_begin();
	for (i = 0; i < PUSHES; i++) {
		at = push(l, at, i, lens[i], bug);
		atomic_store(&l->done, i + 1);
	}
	sweep_end();
}

void
lane_victim(void *ctx)
{
	push_all(ctx, false);
}

void
lane_victim_bug(void *ctx)
{
	push_all(ctx, true);
}

/* Position after the committed records; ~0 if one of them is not whole. */
static uint32_t
walk(struct lane *l, uint32_t *count)
{
	uint32_t at = 0, h, len, i;

	*count = 0;
	while ((h = atomic_load(header(l, at))) != 0 && at < LANE / 2) {
		len = h & ~COMMITTED;
		for (i = 0; i < len && i < 200; i++)
			if (l->ring[at + 8 + i] != byte_of(*count, i))
				return ~0u;
		at += 8 + ((len + 7) & ~7u);
		++*count;
	}
	return at;
}

int
lane_check(void *ctx, unsigned long point)
{
	struct lane *l = ctx;
	uint32_t n, more, at;

	(void)point;
	at = walk(l, &n);
	if (at == ~0u || n < l->done || n > PUSHES)
		return 1;
	/* The survivor can go on where the dead one stopped. */
	push(l, at, n, 16, false);
	return walk(l, &more) == ~0u || more != n + 1;
}

/* ---- a copy that repeats inside one instruction ---- */

void
copy_victim(void *ctx)
{
	static unsigned char from[96];
	unsigned char *dst = ctx, *src = from;
	size_t n = 40, round;

	memset(from, 7, sizeof(from));
	sweep_begin();
	for (round = 0; round < 2; round++) {
		n = 40;
		src = from;
#if defined(__x86_64__)
		__asm__ volatile("rep movsb"
				 : "+D"(dst), "+S"(src), "+c"(n)::"memory");
#else
		memcpy(dst, src, n);
		dst += n;
#endif
	}
	sweep_end();
}

int
copy_check(void *ctx, unsigned long point)
{
	unsigned char *p = ctx;
	size_t i = 0;

	(void)point;
	while (i < 80 && p[i] == 7)
		i++;
	for (; i < 96; i++)
		if (p[i] != 0)
			return 1;
	return 0;
}

/* ---- the account ---- */

void *
account_setup(void *arg)
{
	struct account *a = toy_map(sizeof(*a));

	(void)arg;
	if (a != NULL)
		a->x = 100;
	return a;
}

void
account_teardown(void *ctx)
{
	munmap(ctx, sizeof(struct account));
}

uint64_t
account_image(void *ctx)
{
	return sweep_hash(0, ctx, sizeof(struct account));
}

void
account_move(struct account *a)
{
	a->old_x = a->x;
	a->old_y = a->y;
	atomic_store(&a->journal, 1);
	a->x--;
	a->y++;
	atomic_store(&a->journal, 0);
}

void
account_repair(struct account *a, bool bug)
{
	if (!atomic_load(&a->journal))
		return;
	if (bug) /* Killed behind this line, nobody repairs any more. */
		atomic_store(&a->journal, 0);
	a->x = a->old_x;
	a->y = a->old_y;
	atomic_store(&a->journal, 0);
}

void
account_victim(void *ctx)
{
	sweep_begin();
	account_move(ctx);
	sweep_end();
}

void
account_recover(void *ctx)
{
	sweep_begin();
	account_repair(ctx, false);
	sweep_end();
}

void
account_recover_bug(void *ctx)
{
	sweep_begin();
	account_repair(ctx, true);
	sweep_end();
}

int
account_check(void *ctx, unsigned long point)
{
	struct account *a = ctx;

	(void)point;
	account_repair(a, false);
	return a->x + a->y != 100;
}
