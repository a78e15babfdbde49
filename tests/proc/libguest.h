/* SPDX-License-Identifier: MIT */
#ifndef TESTS_PROC_LIBGUEST_H
#define TESTS_PROC_LIBGUEST_H

/*
 * A guest lives in strange surroundings (another namespace, another clock,
 * too little memory) and uses a queue and a lock with a host who does not.
 * Both must see the other as they would anywhere; then the guest dies with the
 * lock, and the host must get it, with a repair, and all that was sent.
 */

#include "lib/peers.h"

struct guest {
	char queue[64], lock[64];
	char queue_seen[64], lock_seen[64]; /* what the guest calls them */
	struct step host;  /* 1: holds the lock; 2: gave it back */
	struct step guest; /* 1: lives; 2: was refused; 3: holds; 4: ready */
	int skipped;       /* the surroundings cannot be had here */
};

/* Says why, and ends the guest: the test is skipped. */
#define GUEST_CANNOT(g, why)                                                   \
	do {                                                                   \
		printf("%s is not to be had here\n", why);                     \
		fflush(stdout);                                                \
		(g)->skipped = 1;                                              \
		step_to(&(g)->guest, 4);                                       \
		_exit(0);                                                      \
	} while (0)

/*
 * Plays both parts: @enter(g) brings a child into the surroundings; @die(g)
 * ends it there, NULL: the host kills it.  0, or 77 if it was skipped.
 */
int guest_scene(const char *what, void (*enter)(struct guest *),
    void (*die)(struct guest *));

#endif /* TESTS_PROC_LIBGUEST_H */
