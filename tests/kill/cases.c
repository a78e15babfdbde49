/* SPDX-License-Identifier: MIT */
/* The program `sweep`: every operation of the library, killed everywhere. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shunt.h>

#include "cases.h"

const uint32_t message_size[MESSAGES] = {56, 0, 800, 8, 1500, 100};

static unsigned char texts[MESSAGES][2048];

static void
fill_texts(void)
{
	for (uint32_t i = 0; i < MESSAGES; i++)
		for (uint32_t k = 0; k < message_size[i]; k++)
			texts[i][k] = (unsigned char)(i * 37 + k * 11 + 5);
}

const unsigned char *
message_text(uint32_t i)
{
	return texts[i];
}

int
message_send(struct shunt_queue *q, uint32_t i)
{
	static const struct shunt_send_options now = {
	    .sz = sizeof(now), .wait_ns = SHUNT_NOWAIT};

	return shunt_queue_send(q, texts[i], message_size[i], &now);
}

int
message_right(const unsigned char *buf, size_t len, uint32_t i)
{
	return i < MESSAGES && len == message_size[i] &&
	       memcmp(buf, texts[i], len) == 0;
}

/* Harnesses have pid namespaces of their own: the name has the program's. */
static pid_t program;

/* Where the objects lie: sweep --on posix, file or memfd. */
static const char *on = "posix";

static const char *
directory(void)
{
	const char *dir = getenv("TMPDIR");

	if (strcmp(on, "file") != 0)
		return "/dev/shm";
	return dir != NULL && strlen(dir) < 80 ? dir : "/var/tmp";
}

struct world *
world_make(const char *stem)
{
	struct world *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->fd = -1;
	snprintf(w->path, sizeof(w->path), "%s/kill-%d-%s", directory(),
	    (int)program, stem);
	if (strcmp(on, "file") == 0)
		snprintf(w->name, sizeof(w->name), "file:%.150s", w->path);
	else
		snprintf(w->name, sizeof(w->name), "/kill-%d-%s", (int)program,
		    stem);
	w->p = mmap(NULL, sizeof(*w->p), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unlink(w->path);
	return w->p == MAP_FAILED ? NULL : w;
}

/*
 * An object is made under a name; as a memfd it is a copy, under the number
 * that all children of the harness inherit.
 */
static void
keep_in_memfd(struct world *w)
{
	unlink(w->path);
	w->fd = memfd_create("kill", 0);
	if (w->fd < 0 || write(w->fd, w->image, w->size) != (ssize_t)w->size)
		abort();
	snprintf(w->name, sizeof(w->name), "fd:%d", w->fd);
	snprintf(w->path, sizeof(w->path), "/proc/self/fd/%d", w->fd);
}

void
world_keep(struct world *w)
{
	struct stat st;
	int fd = open(w->path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0)
		abort();
	w->size = (size_t)st.st_size;
	w->image = malloc(w->size);
	if (w->image == NULL ||
	    pread(fd, w->image, w->size, 0) != (ssize_t)w->size)
		abort();
	close(fd);
	if (strcmp(on, "memfd") == 0)
		keep_in_memfd(w);
}

/* Writes back only what changed: a page that nobody reserved stays a hole. */
int
world_rearm(void *ctx)
{
	struct world *w = ctx;
	struct stat st;
	unsigned char page[4096];
	int fd = open(w->path, O_RDWR | O_CLOEXEC);
	int e = -1;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && (size_t)st.st_size == w->size) {
		e = 0;
		for (size_t off = 0; off < w->size; off += sizeof(page)) {
			if (pread(fd, page, sizeof(page), (off_t)off) <= 0 ||
			    memcmp(page, w->image + off, sizeof(page)) == 0)
				continue;
			if (pwrite(fd, w->image + off, sizeof(page),
				(off_t)off) != sizeof(page))
				e = -1;
		}
	}
	close(fd);
	memset((void *)w->p, 0, sizeof(*w->p));
	return e;
}

void
world_free(void *ctx)
{
	struct world *w = ctx;

	if (w->fd >= 0)
		close(w->fd);
	else
		unlink(w->path);
	munmap(w->p, sizeof(*w->p));
	free(w->image);
	free(w);
}

uint64_t
world_image(void *ctx)
{
	struct world *w = ctx;

	return w->fd >= 0 ? sweep_hash_fd(0, w->fd)
			  : sweep_hash_path(0, w->path);
}

uint64_t
world_image_all(void *ctx)
{
	struct world *w = ctx;

	return sweep_hash(world_image(w), (const void *)w->p, sizeof(*w->p));
}

pid_t
world_holder(struct world *w, int (*f)(struct world *w))
{
	pid_t parent = getpid(), pid;
	char ok = 0;
	int fds[2];

	if (pipe(fds) != 0)
		return 0;
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		ok = f(w) == 0;
		if (write(fds[1], &ok, 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(fds[1]);
	if (pid < 0 || read(fds[0], &ok, 1) != 1 || !ok) {
		if (pid > 0)
			world_kill(pid);
		pid = 0;
	}
	close(fds[0]);
	return pid;
}

void
world_kill(pid_t pid)
{
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* Half-made files: names of ours that nobody asked for. */
int
world_leftovers(const struct world *w)
{
	DIR *dir = opendir(directory());
	struct dirent *d;
	int n = 0;

	(void)w;
	while (dir != NULL && (d = readdir(dir)) != NULL)
		if (strncmp(d->d_name, ".shunt-new-", 11) == 0) {
			printf("left behind: %s\n", d->d_name);
			n++;
		}
	if (dir != NULL)
		closedir(dir);
	return n;
}

/*
 * Each round of a repeating string instruction is a point, and is reached by
 * single steps: thousands of them, in memory that calloc() clears for one
 * process alone.  glibc clears and copies with plain loops if it is told so
 * before the program begins.
 */
static void
without_string_instructions(char **argv)
{
	if (getenv("GLIBC_TUNABLES") != NULL)
		return;
	setenv("GLIBC_TUNABLES",
	    "glibc.cpu.x86_rep_stosb_threshold=1073741824:"
	    "glibc.cpu.x86_rep_movsb_threshold=1073741824",
	    1);
	execv("/proc/self/exe", argv); /* if it fails: slower, not wrong */
}

#define LONGEST 160

/*
 * A memfd has no name that anybody could remove, and who held the object
 * before it was copied into one holds something else.
 */
static int
possible(const struct sweep_case *c)
{
	size_t len = strlen(c->name);

	return strcmp(on, "memfd") != 0 ||
	       (strstr(c->name, "remove") == NULL &&
		   (len < 5 || strcmp(c->name + len - 5, "-wait") != 0));
}

static void
add(struct sweep_case *all, size_t *n, const struct sweep_case *more,
    size_t count)
{
	if (*n + count > LONGEST)
		abort();
	for (size_t i = 0; i < count; i++)
		if (possible(&more[i]))
			all[(*n)++] = more[i];
}

/* Our own option is gone for the engine, and stays in what it prints. */
static void
where(int *argc, char **argv)
{
	static char again[4096];

	if (*argc < 3 || strcmp(argv[1], "--on") != 0)
		return;
	on = argv[2];
	if (strcmp(on, "posix") != 0 && strcmp(on, "file") != 0 &&
	    strcmp(on, "memfd") != 0) {
		fprintf(stderr, "sweep: --on posix, file or memfd\n");
		exit(2);
	}
	snprintf(again, sizeof(again), "%s --on %s", argv[0], on);
	*argc -= 2;
	memmove(argv + 1, argv + 3, (size_t)*argc * sizeof(*argv));
	argv[0] = again;
}

int
main(int argc, char **argv)
{
	static struct sweep_case all[LONGEST];
	size_t n = 0;

	without_string_instructions(argv);
	program = getpid();
	where(&argc, argv);
	fill_texts();
	add(all, &n, object_cases, object_case_count);
	add(all, &n, queue_cases, queue_case_count);
	add(all, &n, topic_cases, topic_case_count);
	add(all, &n, call_cases, call_case_count);
	add(all, &n, log_cases, log_case_count);
	add(all, &n, logd_cases, logd_case_count);
	add(all, &n, lock_cases, lock_case_count);
	add(all, &n, semaphore_cases, semaphore_case_count);
	add(all, &n, event_cases, event_case_count);
	add(all, &n, stream_cases, stream_case_count);
	return sweep_main(argc, argv, all, n);
}
