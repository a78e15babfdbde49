/* SPDX-License-Identifier: MIT */
#ifndef FUZZ_COMMON_H
#define FUZZ_COMMON_H

#include <stddef.h>
#include <stdint.h>

#include "segment/object.h"

/*
 * A hostile image: a valid object in what is a memfd to the library, then
 * the input patches it. An
 * input is a list of {offset u16, length u8, bytes}; the last patch may be
 * cut.  The header stays valid, for the header has a target of its own; all
 * else is what a peer with write permission can scribble.
 */
struct image {
	int fd;
	char name[16]; /* "fd:N" */
	unsigned char *base;
	size_t size;
	struct shunt__geometry geo;
};

/* For the mutator: what the last image looked like, how many bytes of an input
 * precede its patches, and how many there are at most: longer ones say no more
 * and take longer. */
extern struct image_shape {
	struct shunt__geometry geo;
	size_t lead;
	size_t most;
} image_shape;

/* The header of a valid object. */
void image_header(struct shunt__header_lay *h,
    const struct shunt__geometry *geo, const struct shunt__spec *spec);

void image_make(struct image *im, const struct shunt__spec *spec);
void image_patch(struct image *im, const uint8_t *data, size_t size);
/* Before anybody has it; zeros follow what there was. */
void image_resize(struct image *im, size_t size);

/* Aborts if anything of it is open or mapped still. */
void image_free(const struct image *im);

#endif /* FUZZ_COMMON_H */
