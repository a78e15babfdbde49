/* SPDX-License-Identifier: MIT */
/* limit: 300 */
/*
 * A peer that changes a word between two reads of one call.  A debugger's
 * watch on each word of an object sees every load and store of a call: so the
 * words that it touches are known, and how often it loads each; then, at every
 * single touch, the word is turned into something hostile and the call goes
 * on.  It must come to its end with an answer that holds, whatever it met.
 *
 * Prints the words that one call loads more than once; among them must be
 * none whose value is believed: records' headers.
 *
 *	double_fetch [-v]
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <shunt.h>

#include "lib/peers.h"
#include "proc/libfetch.h"
#include "ring/lane_layout.h"
#include "segment/object_layout.h"

#if defined(__x86_64__)

enum {
	WORDS_MOST = 8192,
	TOUCHES_MOST = 4000, /* a call that loops on a lie for ever: a hang */
};

static unsigned char *mine;
static unsigned char *image;
static size_t size;
static int verbose, failures;

/* What the victim tells us. */
static struct said {
	uint64_t base; /* where it mapped the object */
	int64_t answer;
} * said;

static void
canary(void)
{
	memset(fetch_buf + FETCH_ROOM, 0xa5, FETCH_CAN);
}

static void
canary_lives(void)
{
	for (int i = 0; i < FETCH_CAN; i++)
		NEED(fetch_buf[FETCH_ROOM + i] == 0xa5);
}

/* ---- the victim ------------------------------------------------------------
 */

static uint64_t
mapped_at(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	unsigned long from, off;
	uint64_t base = 0;
	char line[512];

	NEED(f != NULL);
	while (base == 0 && fgets(line, sizeof(line), f) != NULL)
		if (strstr(line, fetch_name) != NULL &&
		    sscanf(line, "%lx-%*x %*s %lx", &from, &off) == 2 &&
		    off == 0 && from != (uintptr_t)mine)
			base = from;
	fclose(f);
	return base;
}

static void
victim(const struct fetch_call *o)
{
	void *h = o->open();

	canary();
	said->base = mapped_at();
	NEED(said->base != 0);
	raise(SIGSTOP);
	said->answer = o->call(h);
	__asm__ volatile("int3");
	canary_lives();
	_exit(0);
}

/* ---- the watch: debug registers 0 (loads and stores) and 1 (stores) --------
 */

static int
set_register(pid_t pid, int n, uint64_t value)
{
	size_t at =
	    offsetof(struct user, u_debugreg) + (size_t)n * sizeof(uint64_t);

	return (int)ptrace(PTRACE_POKEUSER, pid, (void *)at, (void *)value);
}

static uint64_t
get_status(pid_t pid)
{
	return (uint64_t)ptrace(PTRACE_PEEKUSER, pid,
	    (void *)(offsetof(struct user, u_debugreg) + 6 * sizeof(uint64_t)),
	    NULL);
}

/* Words a and b, both or either; for b the registers 2 and 3. */
static int
watch(pid_t pid, uint64_t a, uint64_t b)
{
	const uint64_t one = UINT64_C(0xb) << 16 | 1; /* 8 bytes, both ways */
	const uint64_t two = UINT64_C(0x9) << 20 | 4; /* stores alone */
	uint64_t all = one | two;

	if (set_register(pid, 0, a) < 0 || set_register(pid, 1, a) < 0)
		return -1;
	if (b != 0) {
		if (set_register(pid, 2, b) < 0 || set_register(pid, 3, b) < 0)
			return -1;
		all |= one << 8 | (UINT64_C(0x9) << 28 | 64);
		all = (all & ~(UINT64_C(1) << 8)) | 16;
	}
	return set_register(pid, 7, all);
}

struct touched {
	unsigned loads, stores;
};

static pid_t
send_out(const struct fetch_call *o)
{
	int status;
	pid_t pid;

	memcpy(mine, image, size);
	pid = fork();
	NEED(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(77);
		victim(o);
	}
	NEED(waitpid(pid, &status, 0) == pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		return 0;
	NEED(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)PTRACE_O_EXITKILL);
	return pid;
}

/* To the end mark; at each touch of the word fn may change it. */
static const char *
run_to_end(pid_t pid, struct touched *a, struct touched *b, uint64_t *word,
    const uint64_t *lie)
{
	unsigned touches = 0;
	uint64_t why;
	int status;

	for (;;) {
		ptrace(PTRACE_CONT, pid, NULL, NULL);
		NEED(waitpid(pid, &status, 0) == pid);
		if (!WIFSTOPPED(status))
			return "it ended in the middle";
		if (WSTOPSIG(status) != SIGTRAP)
			return strsignal(WSTOPSIG(status));
		why = get_status(pid) & 15;
		if (why == 0)
			return NULL; /* the mark */
		set_register(pid, 6, 0);
		if ((why & 3) != 0) {
			a->loads += (why & 2) == 0;
			a->stores += (why & 2) != 0;
		}
		if ((why & 12) != 0) {
			b->loads += (why & 8) == 0;
			b->stores += (why & 8) != 0;
		}
		if (lie != NULL)
			__atomic_store_n(word, *lie, __ATOMIC_SEQ_CST);
		if (++touches > TOUCHES_MOST)
			return "it goes round for ever";
	}
}

static const char *
to_the_grave(pid_t pid)
{
	int status;

	set_register(pid, 7, 0);
	ptrace(PTRACE_CONT, pid, NULL, NULL);
	NEED(waitpid(pid, &status, 0) == pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return NULL;
	if (WIFSTOPPED(status)) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		return "a signal at its end";
	}
	return "its buffer was written over";
}

static const char *
one_run(const struct fetch_call *o, size_t word, size_t second,
    struct touched *a, struct touched *b, const uint64_t *lie)
{
	const char *bad;
	int status;
	pid_t pid = send_out(o);

	if (pid == 0 || watch(pid, said->base + word * 8,
			    second != 0 ? said->base + second * 8 : 0) < 0) {
		printf("no watch can be set here\n");
		exit(77);
	}
	bad = run_to_end(pid, a, b, (uint64_t *)(void *)(mine + word * 8), lie);
	if (bad == NULL)
		return to_the_grave(pid);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return bad;
}

/* ---- what is done with each operation --------------------------------------
 */

static void
make(const struct fetch_call *o)
{
	struct stat st;
	pid_t pid;
	int fd;

	fetch_name = test_name(o->name);
	pid = fork();
	if (pid == 0) {
		o->make();
		_exit(0);
	}
	NEED(peer_end(pid) == 0);
	fd = open(test_path(fetch_name), O_RDWR | O_CLOEXEC);
	NEED(fd >= 0 && fstat(fd, &st) == 0);
	size = (size_t)st.st_size;
	mine = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	image = malloc(size);
	NEED(mine != MAP_FAILED && image != NULL);
	memcpy(image, mine, size);
	close(fd);
}

static void
unmake(void)
{
	munmap(mine, size);
	free(image);
	unlink(test_path(fetch_name));
}

/* A record's header, in the place where records are. */
static int
is_header(size_t word)
{
	uint64_t value;

	memcpy(&value, image + word * 8, sizeof(value));
	return word * 8 >= SHUNT__AREA_OFF &&
	       (value >> 48) == (SHUNT__LANE_REC >> 48);
}

static void
lie_to(const struct fetch_call *o, size_t word)
{
	uint64_t was;

	memcpy(&was, image + word * 8, sizeof(was));
	const uint64_t lies[] = {0, UINT64_MAX, was + 1, was - 8,
	    was ^ (UINT64_C(1) << 63), was ^ (UINT64_C(1) << 12),
	    SHUNT__LANE_REC | 0xffffffff, SHUNT__LANE_REC | 2000,
	    SHUNT__LANE_REC | SHUNT__LANE_PAD, UINT64_C(1) << 40};

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct touched t = {0}, none = {0};
		const char *bad = one_run(o, word, 0, &t, &none, &lies[i]);

		if (bad == NULL)
			continue;
		failures++;
		printf("%s: word %zu becomes %#llx at each touch: %s\n",
		    o->name, word, (unsigned long long)lies[i], bad);
	}
}

static void
look_at(const struct fetch_call *o)
{
	static struct touched seen[WORDS_MOST];
	size_t words, used = 0, many = 0;
	const char *bad;

	make(o);
	words = size / 8 < WORDS_MOST ? size / 8 : WORDS_MOST;
	memset(seen, 0, sizeof(seen));
	/* Two at a time; the first word is watched with itself. */
	for (size_t w = 0; w < words; w += 2) {
		bad = one_run(o, w, w + 1, &seen[w], &seen[w + 1], NULL);
		if (bad != NULL) {
			printf("%s: word %zu: %s\n", o->name, w, bad);
			failures++;
		}
	}
	for (size_t w = 0; w < words; w++) {
		if (seen[w].loads + seen[w].stores == 0)
			continue;
		used++;
		many += seen[w].loads > 1;
		if (verbose || seen[w].loads > 1)
			printf("%s: word at %zu: %u loads, %u stores%s\n",
			    o->name, w * 8, seen[w].loads, seen[w].stores,
			    is_header(w) ? ", a header" : "");
		if (is_header(w) && seen[w].loads > 1) {
			printf("%s: a header is loaded twice\n", o->name);
			failures++;
		}
		lie_to(o, w);
	}
	printf("%s: %zu words touched, %zu of them loaded more than once\n",
	    o->name, used, many);
	if (used == 0)
		failures++; /* the watch sees nothing */
	unmake();
}

/* A victim on its debugger's processor stops and goes on much faster. */
static void
stay_here(void)
{
	int cpu = sched_getcpu();
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu >= 0 ? cpu : 0, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

int
main(int argc, char **argv)
{
	stay_here();
	verbose = argc > 1 && strcmp(argv[1], "-v") == 0;
	alarm(290);
	setvbuf(stdout, NULL, _IOLBF, 0);
	said = test_shared(sizeof(*said));
	for (const struct fetch_call *o = fetch_locks; o->name != NULL; o++)
		look_at(o);
	for (const struct fetch_call *o = fetch_ends; o->name != NULL; o++)
		look_at(o);
	return failures != 0;
}

#else

int
main(void)
{
	printf("debug registers of x86-64 are needed\n");
	return 77;
}

#endif
