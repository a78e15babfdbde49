/* SPDX-License-Identifier: MIT */

/*
 * The demo's clients: they log real text as fast as they can, through shunt
 * or, as the control, with a write(2) each.  A client's count lies in a small
 * mapped file that outlives it.
 */

#include "flood.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shunt/error.h>
#include <shunt/log.h>

struct count *
count_map(int client)
{
	char file[PATH_ROOM], path[PATH_ROOM];
	struct count *c;
	int fd;

	snprintf(file, sizeof file, "count-%d", client);
	scratch_path(path, file);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, sizeof *c) < 0) {
		fail("%s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	c = mmap(NULL, sizeof *c, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (c == MAP_FAILED) {
		fail("%s: %s", path, strerror(errno));
		return NULL;
	}
	return c;
}

/* Where lines go to: a log of ours, or a descriptor. */
struct sink {
	struct shunt_log *log;
	struct stamp stamp;
	pid_t pid;
	int fd;
};

static int
sink_open(struct sink *s, const struct flood *f)
{
	struct shunt_log_options opts = {
	    .sz = sizeof opts, .full = SHUNT_LOG_FULL_WAIT, .tag = "demo"};

	memset(s, 0, sizeof *s);
	s->pid = getpid();
	s->fd = -1;
	if (f->log != NULL) {
		if (shunt_log_open(&s->log, f->log, &opts) < 0)
			return fail("%s: %s", f->log, shunt_error_detail());
		return 0;
	}
	s->fd = open(f->file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	return s->fd < 0 ? fail("%s: %s", f->file, strerror(errno)) : 0;
}

static int
sink_put(struct sink *s, const char *message, size_t len)
{
	int r;

	if (s->log == NULL)
		return append_line(s->fd, &s->stamp, s->pid, message, len);
	r = shunt_log_write(s->log, SHUNT_LOG_INFO, message, len);
	return r == 0 ? 0 : fail("log: %s", shunt_error_name(r));
}

static void
sink_close(struct sink *s)
{
	shunt_log_close(&s->log);
	if (s->fd >= 0)
		close(s->fd);
}

/*
 * `intent` before the call, `last` after it.  Killed between the two stores,
 * the line was committed or was not, and only the log knows: a successor
 * notes the number as doubtful and goes on behind it, so that the line can
 * never be there twice.
 */
static int
pour(struct sink *sink, const struct flood *f, struct count *c, int client)
{
	char message[MESSAGE_ROOM];
	int64_t seq = atomic_load(&c->intent) + 1;
	uint64_t now;
	size_t len;

	for (; seq <= f->lines_each; seq++) {
		now = clock_ns();
		len = message_make(message, f->text, client, seq, now);
		atomic_store_explicit(&c->intent, seq, memory_order_release);
		if (sink_put(sink, message, len) < 0)
			return -1;
		atomic_store_explicit(&c->last, seq, memory_order_release);
	}
	return 0;
}

static int
client_work(const struct flood *f, struct count *c, int client)
{
	int64_t before = atomic_load(&c->last), lines;
	struct sink sink;
	uint64_t cpu;
	int bad;

	if (atomic_load(&c->intent) > before)
		atomic_store(&c->doubtful, atomic_load(&c->intent));
	if (sink_open(&sink, f) < 0)
		return -1;
	atomic_store(&c->ready, 1);
	while (!atomic_load_explicit(&f->board->go, memory_order_acquire))
		sleep_ns(50000);
	cpu = cpu_ns();
	bad = pour(&sink, f, c, client);
	lines = atomic_load(&c->last) - before;
	if (lines > 0)
		c->cpu_ns_each = (double)(cpu_ns() - cpu) / (double)lines;
	atomic_store(&c->end_ns, clock_ns());
	sink_close(&sink);
	return bad;
}

int
flood_client(struct flood *f, int client)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		die_with_parent();
		alarm(120);
		if (client_work(f, f->count[client], client) == 0)
			_exit(0);
		fprintf(stderr, "client %d: %s\n", client, why());
		_exit(1);
	}
	if (pid < 0)
		return fail("fork: %s", strerror(errno));
	f->pid[client] = pid;
	return 0;
}

int
flood_start(struct flood *f)
{
	uint64_t limit = clock_ns() + 10000000000u;

	f->board = mmap(NULL, sizeof *f->board, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (f->board == MAP_FAILED)
		return fail("mmap: %s", strerror(errno));
	for (int i = 0; i < f->clients; i++) {
		f->count[i] = count_map(i);
		if (f->count[i] == NULL || flood_client(f, i) < 0)
			return -1;
	}
	for (int i = 0; i < f->clients; i++)
		while (!atomic_load(&f->count[i]->ready)) {
			if (clock_ns() > limit)
				return fail("client %d does not start", i);
			sleep_ns(100000);
		}
	f->start_ns = clock_ns();
	return 0;
}

void
flood_go(struct flood *f)
{
	f->start_ns = clock_ns();
	atomic_store_explicit(&f->board->go, 1, memory_order_release);
}

int64_t
flood_lines(const struct flood *f)
{
	int64_t sum = 0;

	for (int i = 0; i < f->clients; i++)
		sum += atomic_load(&f->count[i]->last);
	return sum;
}

/* 1 when all have ended, 0 when not yet, -1 when one ended badly. */
int
flood_ended(struct flood *f)
{
	int status, running = 0;

	for (int i = 0; i < f->clients; i++) {
		if (f->pid[i] == 0)
			continue;
		if (waitpid(f->pid[i], &status, WNOHANG) == 0) {
			running++;
			continue;
		}
		f->pid[i] = 0;
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			return fail(
			    "client %d ended with status 0x%x", i, status);
	}
	return running == 0;
}

double
flood_cpu_ns(const struct flood *f)
{
	double sum = 0;

	for (int i = 0; i < f->clients; i++)
		sum += f->count[i]->cpu_ns_each;
	return sum / f->clients;
}

uint64_t
flood_end_ns(const struct flood *f)
{
	uint64_t end = 0;

	for (int i = 0; i < f->clients; i++)
		if (atomic_load(&f->count[i]->end_ns) > end)
			end = atomic_load(&f->count[i]->end_ns);
	return end;
}

void
flood_free(struct flood *f)
{
	for (int i = 0; i < f->clients; i++) {
		if (f->pid[i] > 0) {
			kill(f->pid[i], SIGKILL);
			waitpid(f->pid[i], NULL, 0);
		}
		if (f->count[i] != NULL)
			munmap(f->count[i], sizeof *f->count[i]);
	}
	if (f->board != NULL && f->board != MAP_FAILED)
		munmap(f->board, sizeof *f->board);
	memset(f, 0, sizeof *f);
}
