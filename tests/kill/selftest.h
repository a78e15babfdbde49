/* SPDX-License-Identifier: MIT */
#ifndef SELFTEST_H
#define SELFTEST_H

/* The toy worlds on which the engine is tried: right ones and planted bugs. */

#include "sweep.h"

enum toy {
	LANE_RIGHT,
	LANE_EXACT,
	LANE_BUG,
	LANE_INLINE,
	COPY_EXACT,
	FILE_RIGHT,
	FILE_BUG,
	RECOVER_RIGHT,
	RECOVER_BUG,
	GRID_RIGHT,
	GRID_BUG,
	CLOCK,
	SHRINKS,
	HANGS,
	DIES,
	FAULTS,
	CHECK_CRASH,
	CHECK_HANG,
	CHECK_CRASH_INLINE,
	TOYS
};

extern const struct sweep_case toys[TOYS];

/* Where a victim of HANGS says that it now hangs; -1: nowhere. */
extern int hangs_pipe;

#endif /* SELFTEST_H */
