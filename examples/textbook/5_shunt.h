/* SPDX-License-Identifier: MIT */
#ifndef TEXTBOOK_SHUNT_H
#define TEXTBOOK_SHUNT_H

/* The message that goes through the queues of 5_*_shunt.c, both ways. */

#include <stdint.h>

#define TO_READER "/my_shm"
#define TO_WRITER "/my_shm-answers"

struct greeting {
	uint64_t conversation; /* a random number */
	uint32_t round, rounds;
	char text[64];
};

#endif /* TEXTBOOK_SHUNT_H */
