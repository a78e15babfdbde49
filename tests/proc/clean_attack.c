/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/*
 * Owners in two PID namespaces come, work and are killed, some leaving a child
 * that has no more than a mapping, while removers, themselves killed again and
 * again, ask shunt_remove() for everything.  Nothing live is ever removed; in
 * the end everything dead is.
 *
 *	clean_attack [DECISIONS [OWNERS]]	more than 10000 and 500
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <shunt.h>

#include "lib/peers.h"

#define MOST     512
#define REMOVERS 2
#define SECONDS  40 /* a slow machine makes fewer decisions */

enum what {
	RAW,       /* mapped, descriptor open */
	READER,    /* mapped for reading, descriptor closed */
	CHILD,     /* the same, by a child whose parent is dead */
	EPHEMERAL, /* a queue, nothing in it */
	UNREAD,    /* a queue with a message */
	KEPT,      /* a persistent queue */
	WHATS
};

struct slot {
	char name[64];
	enum what what;
	pid_t pid;               /* in its owner's namespace; 0: nobody */
	_Atomic uint32_t live;   /* which owner has it for good; 0: none */
	_Atomic uint32_t births; /* owners so far */
};

struct scene {
	struct slot slots[MOST];
	uint32_t n;
	_Atomic uint64_t decisions, removed, kept, put_back, lives;
	_Atomic uint32_t wrong; /* something live was removed, or worse */
	_Atomic uint32_t order; /* to the nurseries: an enum order */
	_Atomic uint32_t obeyed[2];
};
enum order { RUN, FREEZE, KILL_ALL };

static struct scene *s;

static void
wrong(const struct slot *slot, const char *what, int code)
{
	s->wrong++;
	fprintf(stderr, "%s (kind %d): %s: %d %s\n", slot->name,
	    (int)slot->what, what, code, shunt_error_detail());
}

static void
nap(int64_t us)
{
	nanosleep(&(struct timespec){0, us * 1000}, NULL);
}

/* ---- an owner ---------------------------------------------------------------
 */

static const struct shunt_recv_options now = {
    .sz = sizeof(now), .wait_ns = SHUNT_NOWAIT};

struct own {
	struct slot *slot;
	volatile unsigned char *at;
	struct shunt_queue *queue;
	ino_t ino;
	uint32_t life;
};

static ino_t
inode(const char *name)
{
	struct stat st;

	return lstat(test_path(name), &st) == 0 ? st.st_ino : 0;
}

/* Opened, and then its name still leads there: from now on it is ours. */
static int
have_file(struct own *o)
{
	struct shunt_segment *seg;
	struct stat st;
	int readonly = o->slot->what != RAW, fd;

	if (shunt_segment_create(&seg, o->slot->name, 8192, NULL) < 0)
		return 0; /* it went under our hands: once more */
	fd = readonly ? open(test_path(o->slot->name), O_RDONLY | O_CLOEXEC)
		      : dup(shunt_segment_fd(seg));
	shunt_segment_close(&seg);
	if (fd < 0)
		return 0;
	o->at = mmap(NULL, 8192, readonly ? PROT_READ : PROT_READ | PROT_WRITE,
	    MAP_SHARED, fd, 0);
	NEED(o->at != MAP_FAILED && fstat(fd, &st) == 0);
	if (o->slot->what != RAW)
		close(fd);
	o->ino = st.st_ino;
	if (inode(o->slot->name) == o->ino)
		return 1;
	munmap((void *)(uintptr_t)o->at, 8192);
	if (o->slot->what == RAW)
		close(fd);
	return 0;
}

static int
have_queue(struct own *o)
{
	const struct shunt_queue_options opts = {.sz = sizeof(opts),
	    .lane_bytes = 4096,
	    .lanes = 2,
	    .flags = o->slot->what == KEPT ? SHUNT_QUEUE_PERSISTENT : 0};
	int e = shunt_queue_open(&o->queue, o->slot->name, &opts);

	if (e == -EBUSY)
		return 0; /* a remover that was killed or waits for a CPU */
	if (e < 0) {
		wrong(o->slot, "it cannot be opened", e);
		_exit(1);
	}
	o->ino = inode(o->slot->name);
	if (o->slot->what == UNREAD && e == 1)
		NEED(shunt_queue_send(o->queue, "x", 1, NULL) == 0);
	return 1;
}

/* It is there, under its name, and works. */
static void
check(struct own *o)
{
	unsigned char byte = 0;
	int e = inode(o->slot->name) == o->ino ? 0 : -ENOENT;

	if (e == 0 && o->at != NULL) {
		if (o->slot->what == RAW)
			o->at[7] = (unsigned char)o->life;
		e = (int)shunt_segment_read(o->slot->name, 7, &byte, 1, NULL);
		e = e == 1 && byte == o->at[7] ? 0 : e < 0 ? e : -EIO;
	} else if (e == 0 && o->slot->what == KEPT) {
		e = shunt_queue_send(o->queue, "y", 1, NULL);
		if (e == 0)
			e = (int)shunt_queue_recv(
			    o->queue, &byte, 1, NULL, &now);
		e = e < 0 ? e : 0;
	} else if (e == 0 && o->slot->what == EPHEMERAL) {
		e = (int)shunt_queue_recv(o->queue, &byte, 1, NULL, &now);
		e = e == -EAGAIN ? 0 : -EIO;
	}
	if (e == 0)
		return;
	wrong(o->slot, "it was live, and was removed or is broken", e);
	_exit(1);
}

static int
owner(void *arg)
{
	struct own o = {.slot = arg};

	alarm(SECONDS + 15);
	o.life = ++o.slot->births;
	while (!(o.slot->what <= CHILD ? have_file(&o) : have_queue(&o)))
		nap(50);
	if (o.slot->what == CHILD) {
		pid_t pid = fork();
		if (pid != 0)
			_exit(pid < 0);
		alarm(SECONDS + 15);
		o.slot->pid = getpid();
	}
	check(&o);
	s->lives++;
	o.slot->live = o.life;
	for (uint64_t r = (uint64_t)getpid() + 1;;) {
		nap(10000 + (int64_t)(test_random(&r) % 20000));
		check(&o);
	}
}

/* ---- a nursery: one in each namespace ---------------------------------------
 */

static void
end_owner(struct slot *slot)
{
	/* From here on it may be found dead; a child of it tells its pid. */
	slot->live = 0;
	kill(slot->pid, SIGKILL);
	while (waitpid(slot->pid, NULL, 0) < 0 && errno == EINTR)
		;
	slot->pid = 0;
}

/* A child has no pid before, and without its message a queue is an orphan. */
static int
needs_birth(const struct slot *slot)
{
	return slot->what == CHILD || slot->what == UNREAD;
}

static void
step(struct slot *slot, uint64_t *r)
{
	pid_t pid;

	if (slot->pid == 0) {
		slot->pid = -1;
		pid = peer_start(owner, slot);
		if (slot->what != CHILD)
			slot->pid = pid;
		else /* its child has set its own by the time it is live */
			waitpid(pid, NULL, 0);
	} else if (slot->pid > 0 && (slot->live != 0 || !needs_birth(slot)) &&
		   test_random(r) % 3 == 0) {
		end_owner(slot);
	}
}

static void
nursery(uint32_t me)
{
	uint64_t r = 77 + me;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	while (s->order == RUN) {
		step(&s->slots[test_random(&r) % (s->n / 2) * 2 + me], &r);
		nap(100);
	}
	/* Who is on his way arrives, or is none. */
	for (uint32_t i = me; i < s->n; i += 2)
		while (s->slots[i].pid != 0 && s->slots[i].live == 0 &&
		       s->wrong == 0)
			nap(1000);
	s->obeyed[me] = FREEZE;
	while (s->order == FREEZE)
		nap(1000);
	for (uint32_t i = me; i < s->n; i += 2)
		if (s->slots[i].pid > 0)
			end_owner(&s->slots[i]);
	s->obeyed[me] = KILL_ALL;
}

static uint32_t which;

static int
own_namespace(void *arg)
{
	int status, apart = unshare(CLONE_NEWPID) == 0;

	(void)arg;
	alarm(SECONDS + 15);
	if (!apart && which == 0)
		fprintf(stderr, "no PID namespaces can be had here\n");
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(SECONDS + 15);
		NEED(!apart || getpid() == 1);
		nursery(which);
		_exit(0);
	}
	NEED(pid > 0);
	NEED(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* ---- a remover --------------------------------------------------------------
 */

/* What a remover that was killed has hidden goes back. */
static void
put_back(void)
{
	const struct shunt_remove_options o = {
	    .sz = sizeof(o), .flags = SHUNT_REMOVE_ORPHAN};
	struct dirent *entry;
	DIR *dir = opendir("/dev/shm");
	char name[300], mine[64];

	snprintf(mine, sizeof(mine), ".shunt-removing.%.*s",
	    (int)(strrchr(s->slots[0].name, '-') - s->slots[0].name),
	    s->slots[0].name + 1); /* with the dash, but for the number */
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (strncmp(entry->d_name, mine, strlen(mine)) != 0)
			continue;
		snprintf(name, sizeof(name), "/%s", entry->d_name);
		if (shunt_remove(name, &o) == 1)
			s->put_back++;
	}
	closedir(dir);
}

/* One decision; its code. */
static int
decide(struct slot *slot, uint32_t flags)
{
	const struct shunt_remove_options o = {.sz = sizeof(o), .flags = flags};
	uint32_t before = slot->live;
	int e = shunt_remove(slot->name, &o);

	if (e == -ENOENT)
		return e;
	s->decisions++;
	if (e == -EBUSY)
		s->kept++;
	else if (e != 0)
		wrong(slot, "an unexpected answer", e);
	else if (before != 0 && before == slot->live)
		wrong(slot, "its owner lives", e);
	else
		s->removed++;
	if (e == 0 && flags == SHUNT_REMOVE_ORPHAN && slot->what != EPHEMERAL)
		wrong(slot, "it is no orphan", e);
	return e;
}

static int __attribute__((noreturn)) remover(void *arg)
{
	uint64_t r = *(uint64_t *)arg;

	alarm(SECONDS + 15);
	put_back();
	for (uint32_t i = 1;; i++) {
		decide(&s->slots[test_random(&r) % s->n],
		    test_random(&r) % 2 ? SHUNT_REMOVE_ORPHAN
					: SHUNT_REMOVE_IDLE);
		if (i % 256 == 0)
			put_back();
	}
}

/* ---- the whole --------------------------------------------------------------
 */

static void
await(enum order order)
{
	s->order = order;
	for (int i = 0; i < 2; i++)
		while (s->obeyed[i] < order && s->wrong == 0)
			nap(1000);
}

/* Nobody comes and nobody goes any more: each answer is known. */
static void
settled(void)
{
	put_back();
	for (uint32_t i = 0; i < s->n; i++) {
		struct slot *slot = &s->slots[i];
		int alive = slot->live != 0;
		int e = decide(slot, SHUNT_REMOVE_ORPHAN);

		if (!alive && slot->what == EPHEMERAL && e != 0 && e != -ENOENT)
			wrong(slot, "an orphan stays", e);
		e = decide(slot, SHUNT_REMOVE_IDLE);
		if (alive && e != -EBUSY)
			wrong(slot, "it is live and is not in use", e);
		if (!alive && e != 0 && e != -ENOENT)
			wrong(slot, "nobody has it, and it stays", e);
		if (!alive && test_there(slot->name))
			wrong(slot, "it is there still", e);
	}
}

/* Removers run, and are killed at any instruction. */
static void
attack(uint64_t decisions)
{
	uint64_t end = test_now() + SECONDS * 1000 * MS, r = 4711, seed;
	pid_t pid[REMOVERS] = {0};

	while (s->decisions < decisions && test_now() < end && s->wrong == 0) {
		for (int i = 0; i < REMOVERS; i++) {
			if (pid[i] != 0 && test_random(&r) % 4 != 0)
				continue;
			if (pid[i] != 0)
				peer_kill(pid[i]);
			seed = test_random(&r);
			pid[i] = peer_start(remover, &seed);
		}
		nap(5000);
	}
	for (int i = 0; i < REMOVERS; i++)
		if (pid[i] != 0)
			peer_kill(pid[i]);
}

int
main(int argc, char **argv)
{
	uint64_t decisions = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000;
	pid_t nurse[2];

	alarm(SECONDS + 15);
	s = test_shared(sizeof(*s));
	s->n = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 500;
	NEED(s->n >= 2 && s->n <= MOST && s->n % 2 == 0);
	for (uint32_t i = 0; i < s->n; i++) {
		snprintf(s->slots[i].name, sizeof(s->slots[i].name), "%s",
		    test_name("attack"));
		s->slots[i].what = i / 2 % WHATS;
	}
	for (which = 0; which < 2; which++)
		nurse[which] = peer_start(own_namespace, NULL);
	attack(decisions);
	await(FREEZE);
	settled();
	await(KILL_ALL);
	for (int i = 0; i < 2 && s->wrong == 0; i++)
		NEED(peer_end(nurse[i]) == 0);
	if (s->wrong == 0)
		settled();
	printf("%llu decisions on %u segments of %llu owners: %llu removed, "
	       "%llu kept, %llu names put back\n",
	    (unsigned long long)s->decisions, s->n,
	    (unsigned long long)s->lives, (unsigned long long)s->removed,
	    (unsigned long long)s->kept, (unsigned long long)s->put_back);
	NEED(s->wrong == 0);
	NEED(s->decisions >= decisions / 10 && s->removed > 0 && s->kept > 0);
	return 0;
}
