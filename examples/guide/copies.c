/* SPDX-License-Identifier: MIT */
/*
 * The same bytes from one process to another in six ways, with the copies
 * counted and the time taken:
 *
 *	cc -O2 -o copies examples/guide/copies.c && ./copies [BYTES [MESSAGES]]
 *
 * A message has BYTES bytes (64 KiB).  The parent computes each one and the
 * child adds it up, so that every byte is really written and really read; what
 * lies between the two is the way.  The sum shows that all of it arrived.  Of
 * five runs the fastest counts: the others met whatever else the machine did.
 */
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Room between the two sides: bytes, but at least four messages. */
enum { ROOM = 262144, RUNS = 5 };

/* What one side did, counted where it is done. */
struct count {
	uint64_t calls;  /* of read and write */
	uint64_t copied; /* bytes, by these and by memcpy */
};

/* Shared by both processes of a run, in memory of its own. */
struct shared {
	sem_t filled, empty, ready, finished;
	struct count parent, child;
	uint64_t sum;
};

struct run {
	const struct way *way;
	struct shared *shared;
	struct count *count; /* this side's */
	size_t bytes;
	unsigned slots;
	char *own;  /* this process's private buffer */
	char *slot; /* so many messages of shared memory */
	int in, out;
};

struct way {
	const char *name;
	int (*open)(struct run *);
	void *(*room)(struct run *, uint64_t i);      /* to compute it in */
	void (*put)(struct run *, uint64_t i);        /* hand it over */
	const void *(*get)(struct run *, uint64_t i); /* wait for it */
	void (*done)(struct run *);                   /* it was looked at */
};

static void
fatal(const char *what)
{
	perror(what);
	exit(1);
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
wait_for(sem_t *s)
{
	while (sem_wait(s) < 0)
		if (errno != EINTR)
			fatal("sem_wait");
}

/* Through a descriptor: the kernel copies, and may take it in parts. */
static void
through(struct run *r, int fd, int writing)
{
	size_t at = 0;

	while (at < r->bytes) {
		ssize_t n = writing ? write(fd, r->own + at, r->bytes - at)
				    : read(fd, r->own + at, r->bytes - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			fatal(writing ? "write" : "read");
		r->count->calls++;
		r->count->copied += (size_t)n;
		at += (size_t)n;
	}
}

static void *
own_room(struct run *r, uint64_t i)
{
	(void)i;
	return r->own;
}

static void
descriptor_put(struct run *r, uint64_t i)
{
	(void)i;
	through(r, r->out, 1);
}

static const void *
descriptor_get(struct run *r, uint64_t i)
{
	(void)i;
	through(r, r->in, 0);
	return r->own;
}

static void
nothing(struct run *r)
{
	(void)r;
}

static int
pipe_open(struct run *r)
{
	int fd[2];

	if (pipe(fd) < 0)
		return -1;
	r->in = fd[0];
	r->out = fd[1];
	return 0;
}

static int
socket_open(struct run *r)
{
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) < 0)
		return -1;
	r->in = fd[0];
	r->out = fd[1];
	return 0;
}

/* A file in the current directory; semaphores say which part is whose. */
static int
file_open(struct run *r)
{
	char name[] = "copies-XXXXXX";
	int fd = mkstemp(name);

	if (fd < 0)
		return -1;
	unlink(name);
	r->in = r->out = fd;
	return 0;
}

static void
file_put(struct run *r, uint64_t i)
{
	wait_for(&r->shared->empty);
	if (pwrite(r->out, r->own, r->bytes,
		(off_t)(i % r->slots * r->bytes)) != (ssize_t)r->bytes)
		fatal("pwrite");
	r->count->calls++;
	r->count->copied += r->bytes;
	sem_post(&r->shared->filled);
}

static const void *
file_get(struct run *r, uint64_t i)
{
	wait_for(&r->shared->filled);
	if (pread(r->in, r->own, r->bytes, (off_t)(i % r->slots * r->bytes)) !=
	    (ssize_t)r->bytes)
		fatal("pread");
	r->count->calls++;
	r->count->copied += r->bytes;
	return r->own;
}

static void
slot_done(struct run *r)
{
	sem_post(&r->shared->empty);
}

static int
posix_open(struct run *r)
{
	char name[64];
	int fd, e;

	snprintf(name, sizeof name, "/guide-copies-%d", (int)getpid());
	fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		return -1;
	shm_unlink(name); /* the child inherits the mapping */
	e = posix_fallocate(fd, 0, (off_t)(r->slots * r->bytes));
	if (e != 0) {
		errno = e;
		return -1;
	}
	r->slot = mmap(NULL, r->slots * r->bytes, PROT_READ | PROT_WRITE,
	    MAP_SHARED, fd, 0);
	close(fd);
	return r->slot == MAP_FAILED ? -1 : 0;
}

static int
sysv_open(struct run *r)
{
	int id = shmget(IPC_PRIVATE, r->slots * r->bytes, 0600);

	if (id < 0)
		return -1;
	r->slot = shmat(id, NULL, 0);
	shmctl(id, IPC_RMID, NULL); /* it goes with the last detach */
	return r->slot == (void *)-1 ? -1 : 0;
}

static void *
slot_room(struct run *r, uint64_t i)
{
	wait_for(&r->shared->empty);
	return r->slot + i % r->slots * r->bytes;
}

static void
slot_put(struct run *r, uint64_t i)
{
	(void)i;
	sem_post(&r->shared->filled);
}

static const void *
slot_get(struct run *r, uint64_t i)
{
	wait_for(&r->shared->filled);
	return r->slot + i % r->slots * r->bytes;
}

/* The same memory, but each side works in a buffer of its own. */
static void
copy_put(struct run *r, uint64_t i)
{
	wait_for(&r->shared->empty);
	memcpy(r->slot + i % r->slots * r->bytes, r->own, r->bytes);
	r->count->copied += r->bytes;
	sem_post(&r->shared->filled);
}

static const void *
copy_get(struct run *r, uint64_t i)
{
	wait_for(&r->shared->filled);
	memcpy(r->own, r->slot + i % r->slots * r->bytes, r->bytes);
	r->count->copied += r->bytes;
	return r->own;
}

static const struct way ways[] = {
    {"file", file_open, own_room, file_put, file_get, slot_done},
    {"pipe", pipe_open, own_room, descriptor_put, descriptor_get, nothing},
    {"UNIX socket", socket_open, own_room, descriptor_put, descriptor_get,
	nothing},
    {"shared, copied", posix_open, own_room, copy_put, copy_get, slot_done},
    {"System V", sysv_open, slot_room, slot_put, slot_get, slot_done},
    {"POSIX", posix_open, slot_room, slot_put, slot_get, slot_done},
};

static uint64_t
compute(uint64_t *word, size_t words, uint64_t i)
{
	uint64_t sum = 0;

	for (size_t w = 0; w < words; w++) {
		word[w] = i ^ w;
		sum += i ^ w;
	}
	return sum;
}

static uint64_t
add_up(const uint64_t *word, size_t words)
{
	uint64_t sum = 0;

	for (size_t w = 0; w < words; w++)
		sum += word[w];
	return sum;
}

static void
child(struct run *r, uint64_t messages)
{
	uint64_t sum = 0;

	r->count = &r->shared->child;
	sem_post(&r->shared->ready);
	for (uint64_t i = 0; i < messages; i++) {
		sum += add_up(r->way->get(r, i), r->bytes / sizeof(uint64_t));
		r->way->done(r);
	}
	r->shared->sum = sum;
	sem_post(&r->shared->finished);
}

/* One run; returns its seconds, and the counts of both sides in `total`. */
static double
measure(
    const struct way *way, size_t bytes, uint64_t messages, struct count *total)
{
	struct run r = {.way = way,
	    .bytes = bytes,
	    .slots = bytes * 4 < ROOM ? ROOM / (unsigned)bytes : 4,
	    .in = -1,
	    .out = -1};
	uint64_t sum = 0;
	double took;
	pid_t pid;

	r.own = aligned_alloc(64, bytes);
	r.shared = mmap(NULL, sizeof(*r.shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (r.own == NULL || r.shared == MAP_FAILED || way->open(&r) < 0)
		fatal(way->name);
	r.count = &r.shared->parent;
	sem_init(&r.shared->filled, 1, 0);
	sem_init(&r.shared->empty, 1, r.slots);
	sem_init(&r.shared->ready, 1, 0);
	sem_init(&r.shared->finished, 1, 0);
	if ((pid = fork()) == 0) {
		child(&r, messages);
		_exit(0);
	}
	if (pid < 0)
		fatal("fork");
	wait_for(&r.shared->ready);
	took = now();
	for (uint64_t i = 0; i < messages; i++) {
		sum += compute(way->room(&r, i), bytes / sizeof(uint64_t), i);
		way->put(&r, i);
	}
	wait_for(&r.shared->finished);
	took = now() - took;
	waitpid(pid, NULL, 0);
	if (sum != r.shared->sum) {
		fprintf(stderr, "%s: bytes were lost\n", way->name);
		exit(1);
	}
	total->calls = r.shared->parent.calls + r.shared->child.calls;
	total->copied = r.shared->parent.copied + r.shared->child.copied;
	if (r.slot != NULL)
		munmap(r.slot, r.slots * bytes);
	munmap(r.shared, sizeof(*r.shared));
	if (r.in >= 0)
		close(r.in);
	if (r.out >= 0 && r.out != r.in)
		close(r.out);
	free(r.own);
	return took;
}

static void
report(const struct way *way, size_t bytes, uint64_t messages)
{
	double all = (double)messages * (double)bytes, best = 0, took;
	struct count total;

	for (int run = 0; run < RUNS; run++) {
		took = measure(way, bytes, messages, &total);
		if (run == 0 || took < best)
			best = took;
	}
	printf("%-14s %6.1f %6.1f %10.0f %10.0f\n", way->name,
	    (double)total.copied / all, (double)total.calls / (double)messages,
	    best * 1e9 / (double)messages, all / best / 1048576);
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	size_t bytes = argc > 1 ? strtoul(argv[1], NULL, 0) : 65536;
	uint64_t messages = argc > 2 ? strtoull(argv[2], NULL, 0) : 4000;

	if (argc > 3 || bytes < 64 || bytes > 1 << 26 || bytes % 64 != 0 ||
	    messages == 0) {
		fprintf(stderr,
		    "usage: %s [BYTES [MESSAGES]]; BYTES a multiple of 64, "
		    "at most 64 MiB\n",
		    argv[0]);
		return 2;
	}
	/* Whoever loses the other side is to end, not to wait for it. */
	signal(SIGPIPE, SIG_DFL);
	printf("%llu messages of %zu bytes\n", (unsigned long long)messages,
	    bytes);
	printf("%-14s %6s %6s %10s %10s\n", "way", "copies", "calls",
	    "ns/message", "MiB/s");
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
		report(&ways[i], bytes, messages);
	return 0;
}
