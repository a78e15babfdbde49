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
#include "ring/lane_layout.h"
#include "segment/object_layout.h"

#if defined(__x86_64__)

enum {
	WORDS_MOST = 8192,
	TOUCHES_MOST = 4000, /* a call that loops on a lie for ever: a hang */
	CAN = 64,            /* bytes of canary behind each buffer */
	ROOM = 2048,
};

static const char *name; /* of the object at hand */
static unsigned char *mine;
static unsigned char *image;
static size_t size;
static int verbose, failures;

/* What the victim tells us. */
static struct said {
	uint64_t base; /* where it mapped the object */
	int64_t answer;
} * said;

/* ---- operations: each prepares a handle, and calls it once -----------------
 */

static unsigned char buf[ROOM + CAN];

static void
canary(void)
{
	memset(buf + ROOM, 0xa5, CAN);
}

static void
canary_lives(void)
{
	for (int i = 0; i < CAN; i++)
		NEED(buf[ROOM + i] == 0xa5);
}

static const struct shunt_send_options send_now = {
    .sz = sizeof(send_now), .wait_ns = SHUNT_NOWAIT};
static const struct shunt_recv_options recv_now = {
    .sz = sizeof(recv_now), .wait_ns = SHUNT_NOWAIT};

static void *
queue_open(void)
{
	static const struct shunt_queue_options o = {.sz = sizeof(o),
	    .flags = SHUNT_QUEUE_PERSISTENT,
	    .lane_bytes = 4096,
	    .lanes = 2};
	struct shunt_queue *q;

	NEED(shunt_queue_open(&q, name, &o) >= 0);
	return q;
}

static void
queue_make(void)
{
	struct shunt_queue *q = queue_open();

	for (int i = 0; i < 6; i++)
		NEED(shunt_queue_send(
			 q, "a message of its own", 20, &send_now) == 0);
	shunt_queue_close(&q);
}

/* It has the receiver's place; the call at hand is an ordinary one. */
static void *
receiver(void)
{
	struct shunt_queue *q = queue_open();

	NEED(shunt_queue_recv(q, buf, ROOM, NULL, &recv_now) == 20);
	return q;
}

static void *
sender(void)
{
	struct shunt_queue *q = queue_open();

	NEED(shunt_queue_send(q, "first", 5, &send_now) == 0);
	return q;
}

static int64_t
recv_one(void *h)
{
	ssize_t n = shunt_queue_recv(h, buf, ROOM, NULL, &recv_now);

	NEED(n <= ROOM);
	return n;
}

static int64_t
peek_one(void *h)
{
	const void *msg;
	ssize_t n = shunt_queue_peek(h, &msg, NULL, &recv_now);

	if (n < 0)
		return n;
	NEED(n <= ROOM);
	memcpy(buf, msg, (size_t)n); /* beyond the mapping: SIGSEGV */
	shunt_queue_release(h);
	return n;
}

static int64_t
send_one(void *h)
{
	return shunt_queue_send(h, "another message", 15, &send_now);
}

static int64_t
reserve_one(void *h)
{
	void *room;
	int e = shunt_queue_reserve(h, 100, &room, &send_now);

	if (e != 0)
		return e;
	memset(room, 7, 100);
	return shunt_queue_commit(h, 100);
}

static void *
lock_open(void)
{
	static const struct shunt_lock_options o = {
	    .sz = sizeof(o), .flags = SHUNT_LOCK_PERSISTENT};
	struct shunt_lock *l;

	NEED(shunt_lock_open(&l, name, &o) >= 0);
	return l;
}

static void
lock_make(void)
{
	struct shunt_lock *l = lock_open();

	shunt_lock_close(&l);
}

static void *
locker(void)
{
	struct shunt_lock *l = lock_open();

	NEED(shunt_lock_acquire(l, SHUNT_NOWAIT) == 0);
	NEED(shunt_lock_release(l) == 0);
	return l;
}

static int64_t
lock_one(void *h)
{
	int e = shunt_lock_acquire(h, SHUNT_NOWAIT);

	return e < 0 ? e : shunt_lock_release(h);
}

static void *
semaphore_open(void)
{
	static const struct shunt_semaphore_options o = {
	    .sz = sizeof(o), .flags = SHUNT_SEMAPHORE_PERSISTENT, .permits = 3};
	struct shunt_semaphore *s;

	NEED(shunt_semaphore_open(&s, name, &o) >= 0);
	return s;
}

static void
semaphore_make(void)
{
	struct shunt_semaphore *s = semaphore_open();

	shunt_semaphore_close(&s);
}

static void *
permitted(void)
{
	struct shunt_semaphore *s = semaphore_open();

	NEED(shunt_semaphore_wait(s, SHUNT_NOWAIT) == 0);
	NEED(shunt_semaphore_post(s) == 0);
	return s;
}

static int64_t
permit_one(void *h)
{
	int e = shunt_semaphore_wait(h, SHUNT_NOWAIT);

	return e < 0 ? e : shunt_semaphore_post(h);
}

static void *
event_open(void)
{
	static const struct shunt_event_options o = {
	    .sz = sizeof(o), .flags = SHUNT_EVENT_PERSISTENT};
	struct shunt_event *v;

	NEED(shunt_event_open(&v, name, &o) >= 0);
	return v;
}

static void
event_make(void)
{
	struct shunt_event *v = event_open();

	shunt_event_close(&v);
}

static int64_t
event_one(void *h)
{
	int e = shunt_event_notify(h, SHUNT_EVENT_ONE);

	return e < 0 ? e : shunt_event_wait(h, SHUNT_NOWAIT);
}

/*
 * ---- of topics, streams, calls and logs: both ends are in one process, each
 * with a mapping of its own; the one that is mapped last lies lowest, and is
 * the one that is watched
 */

static const struct shunt_call_options call_now = {
    .sz = sizeof(call_now), .wait_ns = SHUNT_NOWAIT};

struct both {
	void *one, *other;
};

static struct both *
both(void)
{
	struct both *b = calloc(1, sizeof(*b));

	NEED(b != NULL);
	return b;
}

static void *
topic_ends(int publisher_last)
{
	static const struct shunt_publisher_options po = {.sz = sizeof(po),
	    .flags = SHUNT_TOPIC_PERSISTENT,
	    .lane_bytes = 4096,
	    .publishers = 2,
	    .subscribers = 2};
	static const struct shunt_subscriber_options so = {
	    .sz = sizeof(so), .history = SHUNT_TOPIC_ALL};
	struct both *b = both();
	struct shunt_publisher *p;
	struct shunt_subscriber *s;

	if (publisher_last)
		NEED(shunt_subscriber_open(&s, name, &so) >= 0);
	NEED(shunt_publisher_open(&p, name, &po) >= 0);
	for (int i = 0; i < 3; i++)
		NEED(shunt_publisher_send(p, "news", 4, &send_now) == 0);
	if (!publisher_last)
		NEED(shunt_subscriber_open(&s, name, &so) >= 0);
	NEED(shunt_subscriber_recv(s, buf, ROOM, NULL, &recv_now) == 4);
	b->one = p;
	b->other = s;
	return b;
}

static void *
topic_publisher(void)
{
	return topic_ends(1);
}

static void *
topic_subscriber(void)
{
	return topic_ends(0);
}

static void
topic_make(void)
{
	struct both *b = topic_subscriber();
	struct shunt_publisher *p = b->one;
	struct shunt_subscriber *s = b->other;

	shunt_subscriber_close(&s);
	shunt_publisher_close(&p);
	free(b);
}

static int64_t
publish_one(void *h)
{
	struct both *b = h;

	return shunt_publisher_send(b->one, "more news", 9, &send_now);
}

static int64_t
subscribed_one(void *h)
{
	struct both *b = h;
	ssize_t n = shunt_subscriber_recv(b->other, buf, ROOM, NULL, &recv_now);

	NEED(n <= ROOM);
	return n;
}

static void *
stream_ends(int writer_last)
{
	static const struct shunt_stream_options o = {.sz = sizeof(o),
	    .flags = SHUNT_STREAM_PERSISTENT,
	    .lane_bytes = 4096};
	struct both *b = both();
	struct shunt_stream_writer *w;
	struct shunt_stream_reader *r;

	if (writer_last)
		NEED(shunt_stream_reader_open(&r, name, &o) >= 0);
	NEED(shunt_stream_writer_open(&w, name, &o) >= 0);
	NEED(shunt_stream_writer_write(w, "some bytes", 10, &send_now) == 10);
	if (!writer_last)
		NEED(shunt_stream_reader_open(&r, name, &o) >= 0);
	NEED(shunt_stream_reader_read(r, buf, 5, &recv_now) == 5);
	b->one = w;
	b->other = r;
	return b;
}

static void *
stream_writer(void)
{
	return stream_ends(1);
}

static void *
stream_reader(void)
{
	return stream_ends(0);
}

static void
stream_make(void)
{
	struct both *b = stream_reader();
	struct shunt_stream_writer *w = b->one;
	struct shunt_stream_reader *r = b->other;

	shunt_stream_reader_close(&r);
	shunt_stream_writer_close(&w);
	free(b);
}

static int64_t
write_one(void *h)
{
	struct both *b = h;

	return shunt_stream_writer_write(b->one, "more", 4, &send_now);
}

static int64_t
read_one(void *h)
{
	struct both *b = h;
	ssize_t n = shunt_stream_reader_read(b->other, buf, ROOM, &recv_now);

	NEED(n <= ROOM);
	return n;
}

static void *
call_ends(int server_last)
{
	static const struct shunt_service_options o = {.sz = sizeof(o),
	    .flags = SHUNT_SERVICE_PERSISTENT,
	    .lane_bytes = 4096,
	    .clients = 1,
	    .servers = 1,
	    .patience_ns = 1};
	struct both *b = both();
	struct shunt_service *s;
	struct shunt_client *c;
	const void *msg;

	if (server_last)
		NEED(shunt_client_open(&c, name, &o) >= 0);
	NEED(shunt_service_open(&s, name, &o) >= 0);
	if (!server_last)
		NEED(shunt_client_open(&c, name, &o) >= 0);
	NEED(shunt_client_send(c, "first", 5, NULL, &call_now) == 0);
	NEED(shunt_service_next(s, &msg, NULL, &call_now) == 5);
	NEED(shunt_service_reply(s, 0, "reply", 5) == 0);
	NEED(shunt_client_poll(c, buf, ROOM, NULL, &call_now) == 5);
	NEED(shunt_client_send(c, "second", 6, NULL, &call_now) == 0);
	b->one = c;
	b->other = s;
	return b;
}

static void *
call_client(void)
{
	return call_ends(0);
}

static void *
call_server(void)
{
	return call_ends(1);
}

static void
call_make(void)
{
	struct both *b = call_client();
	struct shunt_client *c = b->one;
	struct shunt_service *s = b->other;

	shunt_client_close(&c);
	shunt_service_close(&s);
	free(b);
}

static int64_t
request_one(void *h)
{
	struct both *b = h;

	return shunt_client_send(b->one, "third", 5, NULL, &call_now);
}

static int64_t
serve_one(void *h)
{
	struct both *b = h;
	const void *msg;
	ssize_t n = shunt_service_next(b->other, &msg, NULL, &call_now);

	if (n < 0)
		return n;
	NEED(n <= ROOM);
	memcpy(buf, msg, (size_t)n);
	return shunt_service_reply(b->other, 0, buf, (size_t)n);
}

static void *
replied(void)
{
	struct both *b = call_client();

	NEED(serve_one(b) == 0);
	return b;
}

static int64_t
reply_one(void *h)
{
	struct both *b = h;
	ssize_t n = shunt_client_poll(b->one, buf, ROOM, NULL, &call_now);

	NEED(n <= ROOM);
	return n;
}

static void *
log_open(void)
{
	static const struct shunt_log_options o = {.sz = sizeof(o),
	    .flags = SHUNT_LOG_PERSISTENT,
	    .lane_bytes = 4096,
	    .lanes = 2,
	    .full = SHUNT_LOG_FULL_DROP};
	struct shunt_log *l;

	NEED(shunt_log_open(&l, name, &o) >= 0);
	NEED(shunt_log_write(l, SHUNT_LOG_INFO, "first", 5) == 0);
	return l;
}

static void
log_make(void)
{
	struct shunt_log *l = log_open();

	shunt_log_close(&l);
}

static int64_t
log_one(void *h)
{
	return shunt_log_write(h, SHUNT_LOG_INFO, "another line", 12);
}

static void
log_fill(void)
{
	struct shunt_log *l = log_open();

	for (int i = 0; i < 3; i++)
		NEED(log_one(l) == 0);
	shunt_log_close(&l);
}

static void *
log_server(void)
{
	static const struct shunt_logd_options o = {
	    .sz = sizeof(o), .file = "/dev/null"};
	struct shunt_logd *d;

	NEED(shunt_logd_open(&d, name, &o) >= 0);
	return d;
}

static int64_t
step_one(void *h)
{
	return shunt_logd_step(h, SHUNT_NOWAIT);
}

static const struct operation {
	const char *name;
	void (*make)(void);
	void *(*open)(void);
	int64_t (*call)(void *h);
} operations[] = {
    {"queue-recv", queue_make, receiver, recv_one},
    {"queue-peek", queue_make, receiver, peek_one},
    {"queue-send", queue_make, sender, send_one},
    {"queue-reserve", queue_make, sender, reserve_one},
    {"lock", lock_make, locker, lock_one},
    {"semaphore", semaphore_make, permitted, permit_one},
    {"event", event_make, event_open, event_one},
    {"topic-publish", topic_make, topic_publisher, publish_one},
    {"topic-receive", topic_make, topic_subscriber, subscribed_one},
    {"stream-write", stream_make, stream_writer, write_one},
    {"stream-read", stream_make, stream_reader, read_one},
    {"call-send", call_make, call_client, request_one},
    {"call-serve", call_make, call_server, serve_one},
    {"call-reply", call_make, replied, reply_one},
    {"log-write", log_make, log_open, log_one},
    {"log-serve", log_fill, log_server, step_one},
};

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
		if (strstr(line, name) != NULL &&
		    sscanf(line, "%lx-%*x %*s %lx", &from, &off) == 2 &&
		    off == 0 && from != (uintptr_t)mine)
			base = from;
	fclose(f);
	return base;
}

static void
victim(const struct operation *o)
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
send_out(const struct operation *o)
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
one_run(const struct operation *o, size_t word, size_t second,
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
make(const struct operation *o)
{
	struct stat st;
	pid_t pid;
	int fd;

	name = test_name(o->name);
	pid = fork();
	if (pid == 0) {
		o->make();
		_exit(0);
	}
	NEED(peer_end(pid) == 0);
	fd = open(test_path(name), O_RDWR | O_CLOEXEC);
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
	unlink(test_path(name));
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
lie_to(const struct operation *o, size_t word)
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
look_at(const struct operation *o)
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
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		look_at(&operations[i]);
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
