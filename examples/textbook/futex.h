/* SPDX-License-Identifier: MIT */
#ifndef TEXTBOOK_FUTEX_H
#define TEXTBOOK_FUTEX_H

/*
 * To sleep on a word of shared memory until another process changes it.  Every
 * semaphore and mutex is made of this system call; libc has no name for it.
 * The tutorial's `while (!ready) sleep(1);` is late by half a second on
 * average, and without the sleep it burns a processor.
 */

#include <err.h>
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * Sleeps while the word is `seen`.  The kernel looks again before it lets the
 * caller sleep, so a change between the caller's look and its sleep is not
 * missed.  It may return early, for a signal: look again, in a loop.
 */
static inline void
futex_wait(const _Atomic uint32_t *word, uint32_t seen)
{
	if (syscall(SYS_futex, word, FUTEX_WAIT, seen, NULL, NULL, 0) < 0 &&
	    errno != EAGAIN && errno != EINTR)
		err(1, "futex");
}

/* Wakes whoever sleeps on the word.  Change it first, then wake. */
static inline void
futex_wake(_Atomic uint32_t *word)
{
	if (syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0) < 0)
		err(1, "futex");
}

#endif /* TEXTBOOK_FUTEX_H */
