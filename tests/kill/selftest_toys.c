/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE

/*
 * Toys with system calls, locks and bad manners; and the table of all toys.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "selftest_int.h"

int hangs_pipe = -1;

/* ---- a file that appears whole or not at all ---- */

enum { FILE_LEN = 64 * 1024 };

static const char text[] = "complete";

static void *
file_setup(void *arg)
{
	char *path;

	(void)arg;
	if (asprintf(&path, "/dev/shm/sweep-selftest-%d", (int)getpid()) < 0)
		return NULL;
	return path;
}

static void
file_teardown(void *ctx)
{
	unlink(ctx);
	free(ctx);
}

static uint64_t
file_image(void *ctx)
{
	return sweep_hash_path(0, ctx);
}

static void
file_fill(int fd)
{
	sweep_require(posix_fallocate(fd, 0, FILE_LEN) == 0);
	sweep_require(pwrite(fd, text, sizeof(text), FILE_LEN - 16) ==
		      (ssize_t)sizeof(text));
}

static void
file_victim(void *ctx)
{
	char self[64];
	int fd;

	sweep_begin();
	fd = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	sweep_require(fd >= 0);
	file_fill(fd);
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	sweep_require(
	    linkat(AT_FDCWD, self, AT_FDCWD, ctx, AT_SYMLINK_FOLLOW) == 0);
	sweep_end();
}

static void
file_victim_bug(void *ctx)
{
	int fd;

	sweep_begin();
	fd = open(ctx, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	sweep_require(fd >= 0);
	file_fill(fd);
	sweep_end();
}

static int
file_check(void *ctx, unsigned long point)
{
	char got[sizeof(text)] = "";
	int fd = open(ctx, O_RDONLY | O_CLOEXEC);

	(void)point;
	if (fd < 0)
		return errno != ENOENT;
	if (pread(fd, got, sizeof(got), FILE_LEN - 16) < 0)
		return 1;
	return memcmp(got, text, sizeof(text)) != 0;
}

/* ---- two that take turns ---- */

static void *
turns_setup(void *arg)
{
	struct account *a = account_setup(arg);

	if (a != NULL)
		a->fd = memfd_create("turns", MFD_CLOEXEC);
	return a;
}

static void
turns_teardown(void *ctx)
{
	close(((struct account *)ctx)->fd);
	account_teardown(ctx);
}

/* A description of its own: locks of one description do not conflict. */
static int
turns_open(struct account *a)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", a->fd);
	fd = open(path, O_RDWR | O_CLOEXEC);
	sweep_require(fd >= 0);
	return fd;
}

static void
turns_lock(int fd, short type)
{
	struct flock fl = {.l_type = type, .l_start = 7, .l_len = 1};

	sweep_require(fcntl(fd, F_OFD_SETLKW, &fl) == 0);
}

static void
turn(struct account *a, bool peer)
{
	int fd = turns_open(a);

	sweep_begin();
	turns_lock(fd, F_WRLCK);
	account_repair(a, false);
	account_move(a);
	turns_lock(fd, F_UNLCK);
	sweep_end();
	if (peer)
		atomic_store(&a->peer_done, 1);
}

static void
turns_victim(void *ctx)
{
	turn(ctx, false);
}

static void
turns_peer(void *ctx)
{
	turn(ctx, true);
}

/* A lock word in shared memory: the dead never open it. */
static void
spin_turn(struct account *a, bool peer)
{
	int none;

	sweep_begin();
	do
		none = 0;
	while (!atomic_compare_exchange_weak(&a->locked, &none, 1));
	account_repair(a, false);
	account_move(a);
	atomic_store(&a->locked, 0);
	sweep_end();
	if (peer)
		atomic_store(&a->peer_done, 1);
}

static void
spin_victim(void *ctx)
{
	spin_turn(ctx, false);
}

static void
spin_peer(void *ctx)
{
	spin_turn(ctx, true);
}

/* B has had its turn, A has had his or has not. */
static int
turns_check(void *ctx, unsigned long point)
{
	struct account *a = ctx;

	(void)point;
	if (!a->peer_done || atomic_load(&a->journal))
		return 1;
	return a->x + a->y != 100 || a->y < 1 || a->y > 2;
}

static const struct sweep_case turns_b = {
    .name = "turns-b",
    .victim = turns_peer,
};

static const struct sweep_case spin_b = {
    .name = "spin-b",
    .victim = spin_peer,
};

/* ---- bad manners ---- */

/* The victim's loop depends on something that is not the same each time. */
static _Atomic int *runs;

static void *
runs_setup(void *arg)
{
	(void)arg;
	if (runs == NULL)
		runs = toy_map(4096);
	return runs;
}

static void
shrinks_victim(void *ctx)
{
	volatile int n = atomic_fetch_add((_Atomic int *)ctx, 1) == 0 ? 50 : 10;

	sweep_begin();
	while (n > 0)
		n--;
	sweep_end();
}

static void
clock_victim(void *ctx)
{
	struct timespec ts;
	int i;

	sweep_begin();
	for (i = 0; i < 5; i++) {
		clock_gettime(CLOCK_MONOTONIC, &ts);
		*(volatile int *)ctx = i;
	}
	sweep_end();
}

static void
hangs_victim(void *ctx)
{
	volatile int first = atomic_fetch_add((_Atomic int *)ctx, 1) == 0;
	volatile int i;

	sweep_begin();
	if (!first && hangs_pipe >= 0)
		sweep_require(write(hangs_pipe, "h", 1) == 1);
	while (!first)
		;
	for (i = 0; i < 20; i++)
		;
	sweep_end();
}

static void *
hangs_setup(void *arg)
{
	atomic_store((_Atomic int *)runs_setup(arg), 0);
	return runs;
}

static int
hangs_rearm(void *ctx)
{
	(void)ctx;
	return 0;
}

static void
dies_victim(void *ctx)
{
	sweep_begin();
	sweep_require(ctx == NULL);
	sweep_end();
}

/* After the trace, in which all is well. */
static void
faults_victim(void *ctx)
{
	int first = atomic_fetch_add((_Atomic int *)ctx, 1) == 0;
	volatile char *at = first ? ctx : (volatile char *)(uintptr_t)64;

	sweep_begin();
	at[16] = 1;
	sweep_end();
}

static int
check_good(void *ctx, unsigned long point)
{
	(void)ctx, (void)point;
	return 0;
}

static int
check_crash(void *ctx, unsigned long point)
{
	struct account *a = ctx;

	(void)point;
	if (a->x == 99 && a->y == 0)
		raise(SIGSEGV);
	return 0;
}

static int
check_hang(void *ctx, unsigned long point)
{
	struct account *a = ctx;

	(void)point;
	while (a->x == 99 && a->y == 0)
		;
	return 0;
}

#define LANE_WORLD                                                             \
	.setup = lane_setup, .teardown = lane_teardown, .rearm = lane_rearm,   \
	.image = lane_image
#define ACCOUNT_WORLD                                                          \
	.setup = account_setup, .teardown = account_teardown,                  \
	.image = account_image, .victim = account_victim
#define TURNS_WORLD                                                            \
	.setup = turns_setup, .teardown = turns_teardown,                      \
	.image = account_image, .check = turns_check

const struct sweep_case toys[TOYS] = {
    [LANE_RIGHT] = {.name = "lane",
	LANE_WORLD,
	.victim = lane_victim,
	.check = lane_check},
    [LANE_EXACT] = {.name = "exact",
	LANE_WORLD,
	.victim = lane_victim,
	.check = lane_check,
	.flags = SWEEP_EXACT},
    [LANE_BUG] = {.name = "lane-bug",
	LANE_WORLD,
	.victim = lane_victim_bug,
	.check = lane_check},
    [LANE_INLINE] = {.name = "lane-inline",
	LANE_WORLD,
	.victim = lane_victim,
	.check = lane_check,
	.flags = SWEEP_CHECK_INLINE},
    [COPY_EXACT] = {.name = "copy",
	LANE_WORLD,
	.victim = copy_victim,
	.check = copy_check,
	.flags = SWEEP_EXACT},
    [FILE_RIGHT] = {.name = "file",
	.setup = file_setup,
	.teardown = file_teardown,
	.image = file_image,
	.victim = file_victim,
	.check = file_check},
    [FILE_BUG] = {.name = "file-bug",
	.setup = file_setup,
	.teardown = file_teardown,
	.image = file_image,
	.victim = file_victim_bug,
	.check = file_check},
    [RECOVER_RIGHT] = {.name = "recover",
	ACCOUNT_WORLD,
	.check = account_check,
	.recover = account_recover,
	.recover_points = 100,
	.flags = SWEEP_RECOVER | SWEEP_EXACT},
    [RECOVER_BUG] = {.name = "recover-bug",
	ACCOUNT_WORLD,
	.check = account_check,
	.recover = account_recover_bug,
	.recover_points = 100,
	.flags = SWEEP_RECOVER},
    [GRID_RIGHT] = {.name = "turns",
	TURNS_WORLD,
	.victim = turns_victim,
	.peer = &turns_b,
	.grid_points = 400},
    [GRID_BUG] = {.name = "spin",
	TURNS_WORLD,
	.victim = spin_victim,
	.peer = &spin_b,
	.victim_ms = 300},
    [CLOCK] = {.name = "clock",
	LANE_WORLD,
	.victim = clock_victim,
	.check = check_good},
    [SHRINKS] = {.name = "shrinks",
	.setup = runs_setup,
	.victim = shrinks_victim,
	.check = check_good},
    [HANGS] = {.name = "hangs",
	.setup = hangs_setup,
	.rearm = hangs_rearm,
	.victim = hangs_victim,
	.check = check_good,
	.victim_ms = 200},
    [DIES] = {.name = "dies",
	.setup = runs_setup,
	.victim = dies_victim,
	.check = check_good},
    [FAULTS] = {.name = "faults",
	.setup = hangs_setup,
	.rearm = hangs_rearm,
	.victim = faults_victim,
	.check = check_good},
    [CHECK_CRASH] = {.name = "check-crash",
	ACCOUNT_WORLD,
	.check = check_crash},
    [CHECK_HANG] = {.name = "check-hang",
	ACCOUNT_WORLD,
	.check = check_hang,
	.check_ms = 200},
    [CHECK_CRASH_INLINE] = {.name = "check-crash-inline",
	ACCOUNT_WORLD,
	.check = check_crash,
	.flags = SWEEP_CHECK_INLINE},
};
