/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_BASE_CHECKSUM_H
#define SHUNT_BASE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* A quick 64-bit sum against scribblers and torn tails, not against malice.
 * Part of the layout: the same bytes give the same sum in every build. */
uint64_t shunt__checksum(const void *p, size_t len);

#endif /* SHUNT_BASE_CHECKSUM_H */
