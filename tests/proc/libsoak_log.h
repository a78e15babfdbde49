/* SPDX-License-Identifier: MIT */
#ifndef TESTS_PROC_LIBSOAK_LOG_H
#define TESTS_PROC_LIBSOAK_LOG_H

#include <stdint.h>

/*
 * For @ms milliseconds clients log and a server writes, and any of them is
 * killed with -9, or stopped and continued, every few milliseconds.  Then
 * every message that a client counted must be in the file once, in its order.
 * Prints a line of figures; 0, or 1 on any loss.
 */
int soak_log(uint64_t seed, uint64_t ms);

#endif /* TESTS_PROC_LIBSOAK_LOG_H */
