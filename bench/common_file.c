/* SPDX-License-Identifier: MIT */

/*
 * A plain file as a log.  The real opponent of any log server is a process
 * that appends its own line: one write(2) on a descriptor with O_APPEND, with
 * the stamp made anew only when the second changes.
 */

#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

void
stamp_now(struct stamp *stamp, pid_t pid)
{
	time_t now = time(NULL);
	char text[32];

	if ((int64_t)now == stamp->second && stamp->len > 0)
		return;
	ctime_r(&now, text);
	stamp->second = (int64_t)now;
	stamp->len = (size_t)snprintf(
	    stamp->text, sizeof stamp->text, "%ld: %.24s ", (long)pid, text);
}

size_t
classic_line(pid_t pid, size_t len)
{
	char digits[24];

	return (size_t)snprintf(digits, sizeof digits, "%ld", (long)pid) +
	       sizeof ": " - 1 + 24 + 1 + len + 1;
}

int
append_line(int fd, struct stamp *stamp, pid_t pid, const char *msg, size_t len)
{
	char line[1024];
	size_t all;

	stamp_now(stamp, pid);
	all = stamp->len + len + 1;
	if (all > sizeof line)
		return fail("a line of %zu bytes is too long", all);
	memcpy(line, stamp->text, stamp->len);
	memcpy(line + stamp->len, msg, len);
	line[all - 1] = '\n';
	if (write(fd, line, all) == (ssize_t)all)
		return 0;
	return fail("write: %s", strerror(errno));
}

int64_t
file_size(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (int64_t)st.st_size : -1;
}

/*
 * Looks every 100 us, so the time is at most so much too late: the one who
 * looks must not take the processor from those who are measured.
 */
uint64_t
await_size(const char *path, int64_t size, int seconds)
{
	uint64_t limit = clock_ns() + (uint64_t)seconds * 1000000000u;
	int64_t have;

	while ((have = file_size(path)) < size) {
		if (clock_ns() > limit) {
			fail("the file has %lld of %lld bytes after %d s",
			    (long long)have, (long long)size, seconds);
			return 0;
		}
		sleep_ns(100000);
	}
	return clock_ns();
}

/* Where the memory of the last run of this kind is held. */
static void
held_path(char *path, const char *kind)
{
	char name[NAME_ROOM];

	snprintf(name, sizeof name, "held-%s", kind);
	scratch_path(path, name);
}

void
memory_hold(const char *path, const char *kind)
{
	char held[PATH_ROOM];

	held_path(held, kind);
	if (rename(path, held) < 0)
		unlink(path);
}

void
memory_free(const char *kind)
{
	char held[PATH_ROOM];

	held_path(held, kind);
	unlink(held);
}

int64_t
count_lines(const char *path)
{
	static char block[1 << 18];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int64_t lines = 0;
	ssize_t n;

	if (fd < 0)
		return fail("%s: %s", path, strerror(errno));
	while ((n = read(fd, block, sizeof block)) > 0)
		for (char *p = block;
		     (p = memchr(p, '\n', (size_t)(block + n - p))) != NULL;
		     p++)
			lines++;
	close(fd);
	return lines;
}
