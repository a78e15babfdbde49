/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <shunt/inspect.h>

#include "lib/log_lines.h"
#include "lib/peers.h"

#define PATHS 64

static char paths[PATHS][256];
static int n_paths;
static pid_t owner;

static void
remove_paths(void)
{
	if (getpid() == owner)
		for (int i = 0; i < n_paths; i++)
			unlink(paths[i]);
}

const char *
log_path(const char *what)
{
	const char *dir = getenv("TMPDIR");

	if (n_paths == PATHS)
		abort();
	if (owner == 0) {
		owner = getpid();
		atexit(remove_paths);
	}
	char *path = paths[n_paths];
	snprintf(path, sizeof(paths[0]), "%s/shunt-%s-%d-%d.log",
	    dir != NULL ? dir : "/tmp", what, (int)owner, n_paths++);
	return path;
}

static void
tell(void *arg, const char *line)
{
	(void)arg;
	fprintf(stderr, "server: %s\n", line);
}

static void *
serve(void *arg)
{
	struct log_server *s = arg;
	int e = shunt_logd_run(s->logd);

	if (e < 0)
		fprintf(stderr, "server: %s\n", shunt_error_name(e));
	return NULL;
}

void
log_server_start(
    struct log_server *s, const char *name, const char *path, int64_t sync_ns)
{
	struct shunt_logd_options o = {.sz = sizeof(o),
	    .file = path,
	    .format = SHUNT_FORMAT_ISO,
	    .sync_ns = sync_ns,
	    .notice = tell};

	if (shunt_logd_open(&s->logd, name, &o) < 0) {
		fprintf(stderr, "%s\n", shunt_error_detail());
		abort();
	}
	if (pthread_create(&s->thread, NULL, serve, s) != 0)
		abort();
}

void
log_server_stop(struct log_server *s)
{
	shunt_logd_stop(s->logd);
	pthread_join(s->thread, NULL);
	shunt_logd_close(&s->logd);
}

static void
bad_line(const char *line)
{
	fprintf(stderr, "not a line of a log: \"%s\"\n", line);
	abort();
}

static void
parse(struct log_line *l, char *line)
{
	int at = 0;

	memset(l, 0, sizeof(*l));
	if (sscanf(line, "%35s %11s %u.%u %39[^:]: %n", l->time, l->level,
		&l->pid, &l->tid, l->tag, &at) < 5 ||
	    at == 0 || strlen(l->time) != 35)
		bad_line(line);
	/* The blank behind the colon is the line's, others the message's. */
	char *msg = strstr(line, ": ");
	if (msg == NULL)
		bad_line(line);
	l->msg = msg + 2;
}

static char *
slurp(const char *path, size_t *size)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0)
		abort();
	char *text = malloc((size_t)st.st_size + 1);
	if (text == NULL || read(fd, text, (size_t)st.st_size) != st.st_size)
		abort();
	close(fd);
	*size = (size_t)st.st_size;
	text[*size] = 0;
	return text;
}

void
log_lines_read(struct log_lines *lines, const char *path)
{
	size_t size, room = 0;
	char *nl;

	memset(lines, 0, sizeof(*lines));
	lines->text = slurp(path, &size);
	for (char *p = lines->text; p < lines->text + size; p = nl + 1) {
		nl = memchr(p, '\n', size - (size_t)(p - lines->text));
		if (nl == NULL)
			bad_line(p);
		*nl = 0;
		if (lines->n == room) {
			room = room * 2 + 64;
			lines->line =
			    realloc(lines->line, room * sizeof(lines->line[0]));
			if (lines->line == NULL)
				abort();
		}
		parse(&lines->line[lines->n++], p);
	}
}

void
log_lines_free(struct log_lines *lines)
{
	free(lines->line);
	free(lines->text);
	memset(lines, 0, sizeof(*lines));
}

int
log_lines_in_order(const struct log_lines *lines)
{
	for (size_t i = 1; i < lines->n; i++)
		if (strcmp(lines->line[i - 1].time, lines->line[i].time) > 0)
			return 0;
	return 1;
}

size_t
log_lines_count(const struct log_lines *lines, const char *msg)
{
	size_t n = 0;

	for (size_t i = 0; i < lines->n; i++)
		n += strcmp(lines->line[i].msg, msg) == 0;
	return n;
}

size_t
log_lines_unread(const char *name, char *last, size_t room)
{
	struct shunt_tail *tail;
	const char *line;
	ssize_t n;
	size_t lines = 0;

	if (shunt_tail_open(&tail, name, NULL, SHUNT_FORMAT_ISO) < 0) {
		fprintf(stderr, "%s\n", shunt_error_detail());
		abort();
	}
	while ((n = shunt_tail_next(tail, &line)) > 0) {
		lines++;
		if (last != NULL)
			snprintf(last, room, "%s", line);
	}
	if (n < 0)
		abort();
	shunt_tail_close(&tail);
	return lines;
}
