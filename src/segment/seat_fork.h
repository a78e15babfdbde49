/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_SEGMENT_SEAT_FORK_H
#define SHUNT_SEGMENT_SEAT_FORK_H

/* seat.c's part of fork.c's handlers. */
void shunt__seats_before_fork(void);
void shunt__seats_after_fork(int child);

#endif /* SHUNT_SEGMENT_SEAT_FORK_H */
