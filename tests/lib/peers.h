/* SPDX-License-Identifier: MIT */
#ifndef TESTS_LIB_PEERS_H
#define TESTS_LIB_PEERS_H

/*
 * What tests with several processes share: names that are removed even when
 * the test fails, children that die with their parent, steps that are taken
 * one after the other without a sleep.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A fresh name, "/shunt-WHAT-PID-N"; what bears it is unlinked at exit. */
const char *test_name(const char *what);

/* The file of a name of test_name(), below /dev/shm. */
const char *test_path(const char *name);

/* 1 if the file is there. */
int test_there(const char *name);

/* Memory that children share with the test, zeroed; never given back. */
void *test_shared(size_t size);

/* Open descriptors of this process. */
int test_fds(void);

/* The CPU time of a process so far, and how often it gave the CPU away. */
uint64_t test_switches(pid_t pid);

/*
 * A child that runs @f and ends with its answer.  It is killed when this
 * process ends, and by itself after 60 s.
 */
pid_t peer_start(int (*f)(void *arg), void *arg);

/* Waits for its end: its exit status, or minus the signal that killed it. */
int peer_end(pid_t pid);

/* kill -9, then peer_end(). */
void peer_kill(pid_t pid);

/*
 * Takes the place of who was killed: @take is asked until it says other than
 * -EBUSY, for 10 s.  A mapping keeps its file's lock bytes, and somebody who
 * reads the memory of a dying process through /proc (smaps) keeps its mappings
 * for some milliseconds more, for which waitpid() does not wait.
 */
int peer_succeed(int (*take)(void *arg), void *arg);

/* A counter that processes wait for; lies in test_shared() memory. */
struct step {
	_Atomic uint32_t n;
};
void step_to(struct step *step, uint32_t n);
/* Waits until the counter is at least @n; ends the process after 30 s. */
void step_wait(struct step *step, uint32_t n);

/* In a child: what does not hold is told, and ends it with 99. */
#define NEED(what)                                                             \
	do {                                                                   \
		if (!(what))                                                   \
			peer_fail(__FILE__, __LINE__, #what);                  \
	} while (0)
void peer_fail(const char *file, int line, const char *what)
    __attribute__((noreturn));

/* Monotonic nanoseconds. */
uint64_t test_now(void);
#define MS UINT64_C(1000000)

/* The next of a sequence of numbers without structure; @state is never 0. */
static inline uint64_t
test_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return *state = x;
}

#endif /* TESTS_LIB_PEERS_H */
