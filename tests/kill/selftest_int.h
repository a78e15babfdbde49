/* SPDX-License-Identifier: MIT */
#ifndef SELFTEST_INT_H
#define SELFTEST_INT_H

/* Callbacks of the toys, shared between their files. */

#include <stdatomic.h>

#include "selftest.h"

struct account {
	_Atomic int journal; /* 1: old_x and old_y count */
	volatile int old_x, old_y;
	volatile int x, y; /* together always 100 */
	_Atomic int locked, peer_done;
	int fd; /* the file whose lock byte guards it (grid) */
};

void *toy_map(size_t len);

void *lane_setup(void *arg);
void lane_teardown(void *ctx);
int lane_rearm(void *ctx);
uint64_t lane_image(void *ctx);
void lane_victim(void *ctx);
void lane_victim_bug(void *ctx);
int lane_check(void *ctx, unsigned long point);
void copy_victim(void *ctx);
int copy_check(void *ctx, unsigned long point);

void *account_setup(void *arg);
void account_teardown(void *ctx);
uint64_t account_image(void *ctx);
void account_move(struct account *a);
void account_repair(struct account *a, bool bug);
void account_victim(void *ctx);
void account_recover(void *ctx);
void account_recover_bug(void *ctx);
int account_check(void *ctx, unsigned long point);

#endif /* SELFTEST_INT_H */
