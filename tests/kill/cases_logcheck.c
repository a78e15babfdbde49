/* SPDX-License-Identifier: MIT */
/* The survivor of a killed client or server: a server who counts the lines. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cases_log.h"

/* "PID: " and the 24 characters of ctime(3); or "-" and what goes before an
 * ISO line's message.  The message, or NULL. */
static const char *
after_head(const char *line, const char *end)
{
	const char *p = line;

	if (end - line > 35 && line[4] == '-' && line[10] == 'T') {
		p = memchr(line + 35, ':', (size_t)(end - line - 35));
		return p != NULL && p + 1 < end && p[1] == ' ' ? p + 2 : NULL;
	}
	while (p < end && isdigit((unsigned char)*p))
		p++;
	if (p == line || end - p < 27 || p[0] != ':' || p[1] != ' ')
		return NULL;
	return p[15] == ':' && p[18] == ':' && p[26] == ' ' ? p + 27 : NULL;
}

static int
read_line(const char *line, const char *end, struct log_seen *seen)
{
	const char *msg = after_head(line, end);
	unsigned long long n;
	size_t len;

	if (msg == NULL) {
		printf("no line of ours: %.*s\n", (int)(end - line), line);
		return 1;
	}
	len = (size_t)(end - msg);
	if (len > 7 && memcmp(msg, "shunt: ", 7) == 0 &&
	    sscanf(msg, "shunt: %llu messages dropped from pid", &n) == 1) {
		seen->told++;
		seen->dropped += n;
		return 0;
	}
	if (len != log_text_len(seen->lines) ||
	    memcmp(msg, log_text(seen->lines), len) != 0) {
		printf("not message %u: %.*s\n", seen->lines,
		    len < 60 ? (int)len : 60, msg);
		return 1;
	}
	seen->lines++;
	return 0;
}

/* A file may be missing, but what is there ends with a whole line. */
static int
read_file(const char *path, struct log_seen *seen)
{
	static char buf[65536];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, sizeof(buf));

	if (fd >= 0)
		close(fd);
	CHECK(n >= 0 && n < (ssize_t)sizeof(buf));
	for (const char *p = buf, *eol; p < buf + n; p = eol + 1) {
		eol = memchr(p, '\n', (size_t)(buf + n - p));
		CHECK(eol != NULL);
		if (read_line(p, eol, seen) != 0)
			return 1;
	}
	return 0;
}

int
log_read(const struct log_world *lw, struct log_seen *seen)
{
	memset(seen, 0, sizeof(*seen));
	return read_file(lw->moved, seen) != 0 || read_file(lw->file, seen);
}

static int
drain(struct shunt_logd *l)
{
	int64_t n;

	for (int i = 0; i < 100; i++) {
		n = shunt_logd_step(l, SHUNT_NOWAIT);
		CHECK(n >= 0);
		if (n == 0)
			return 0;
	}
	printf("the server finds ever more to write\n");
	return 1;
}

/* The figures went through the kill with the lines. */
static int
figures(struct log_world *lw, struct shunt_logd *l, uint32_t flags,
    const struct log_seen *seen)
{
	struct shunt_logd_stat st = {.sz = sizeof(st)};

	CHECK(shunt_logd_stat(l, &st) == 0);
	CHECK(st.skewed == 0 && st.repeated == 0 && st.waiting == 0);
	CHECK(st.late == 0 || (flags & LOG_LATE_OK));
	if (flags & LOG_ANEW)
		return 0;
	CHECK(st.lines == lw->before + seen->lines + seen->told);
	CHECK(st.dropped == seen->dropped);
	return 0;
}

/* Three rounds of a whole lane each, by a client beside the server. */
static int
work_on(struct log_world *lw, struct shunt_logd *l, struct log_seen *seen)
{
	struct shunt_log *log =
	    log_client(lw, SHUNT_LOG_EXISTING, SHUNT_LOG_FULL_DROP);
	uint32_t next = seen->lines;

	CHECK(log != NULL);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 4; i++)
			CHECK(log_send(log, next++) == 0);
		CHECK(log_words_even(lw));
		CHECK(shunt_logd_step(l, SHUNT_NOWAIT) == 4);
	}
	CHECK(shunt_log_flush(log, SHUNT_NOWAIT) == -EAGAIN);
	CHECK(shunt_logd_step(l, SHUNT_NOWAIT) == 0);
	CHECK(shunt_log_flush(log, SHUNT_NOWAIT) == 0);
	shunt_log_close(&log);
	if (log_read(lw, seen) != 0)
		return 1;
	CHECK(seen->lines == next);
	return 0;
}

int
log_survivor(struct log_world *lw, uint32_t least, uint32_t most,
    uint32_t flags, struct log_seen *seen)
{
	struct shunt_logd *l =
	    log_server(lw, SHUNT_SYNC_NEVER, SHUNT_FORMAT_CLASSIC);
	struct log_seen all;

	CHECK(l != NULL);
	if (drain(l) != 0 || log_read(lw, seen) != 0)
		return 1;
	if (seen->lines < least || seen->lines > most)
		printf("%u lines, not %u to %u\n", seen->lines, least, most);
	CHECK(seen->lines >= least && seen->lines <= most);
	all = *seen;
	if (figures(lw, l, flags, seen) != 0 || work_on(lw, l, &all) != 0)
		return 1;
	shunt_logd_close(&l);
	CHECK(world_leftovers(lw->w) == 0);
	return 0;
}
