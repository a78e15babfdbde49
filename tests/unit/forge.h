/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_FORGE_H
#define TESTS_UNIT_FORGE_H

/*
 * Objects that nobody made: a header that is whole and says anything, and in
 * the file behind it whatever a test writes there.  What it writes while it
 * is being looked at is done at one read's place.
 */

#include <sys/types.h>

#include "ring/lane_layout.h"
#include "segment/object.h"

struct forged {
	const char *name;
	int fd;
	struct shunt__geometry geo;
};

/* A new file with the header of @spec, all zeros behind it. */
struct forged forge(const struct shunt__spec *spec);
void forge_end(struct forged *f);

void forge_put(const struct forged *f, uint64_t off, const void *p, size_t n);
void forge_word(const struct forged *f, uint64_t off, uint64_t word);
void forge_u32(const struct forged *f, uint64_t off, uint32_t word);

/* Lanes and slots that were taken, as the control block tells it. */
void forge_high(const struct forged *f, uint32_t lanes, uint32_t slots);
void forge_tail(const struct forged *f, uint32_t lane, uint64_t tail);

/* A record's header at a position, with its payload; where the next one goes.
 * What does not fit up to the end of the ring is the caller's fault. */
uint64_t forge_record(const struct forged *f, uint32_t lane, uint64_t pos,
    uint16_t tag, const void *payload, uint32_t len);
uint64_t forge_pad(const struct forged *f, uint32_t lane, uint64_t pos);

/* Somebody holds this lock byte until the file is closed. */
void forge_hold(const struct forged *f, int64_t byte);

/* Before each read at @off: @then is called with how many came before. */
void forge_watch(uint64_t off, void (*then)(unsigned nth));
/* The k-th read of all fails with -@err, once. */
void forge_fail(unsigned k, int err);
/* Reads are what they were; 1 if one has failed. */
int forge_calm(void);
/* Reads since forge_watch() or forge_fail(). */
unsigned forge_reads(void);

#endif /* TESTS_UNIT_FORGE_H */
