/* SPDX-License-Identifier: MIT */

/*
 * The exact check of a log: every line that a client's call returned for is
 * there once, whole, with its very text, after that client's earlier lines,
 * and nowhere before a line that was already returned for when it was begun.
 */

#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <shunt/text.h>

/* What is known of one client while its lines go by. */
struct progress {
	unsigned char *seen; /* by sequence number */
	int64_t last;        /* the latest line's */
	uint64_t before;     /* latest begin of any line that stood before it */
};

struct scan {
	struct check *check;
	const struct text *text;
	struct progress client[CREW_MAX];
	uint64_t latest; /* begin of any line so far */
};

static int
digits(const char **p, const char *end, int width, uint64_t *v)
{
	*v = 0;
	if (end - *p < width + 1)
		return 0;
	for (; width > 0; width--, (*p)++) {
		if (**p < '0' || **p > '9')
			return 0;
		*v = *v * 10 + (uint64_t)(**p - '0');
	}
	return *(*p)++ == ' ';
}

/* "PID: " and ctime's 24 characters; what follows is the message. */
static const char *
skip_stamp(const char *p, const char *end)
{
	const char *start = p;

	while (p < end && *p >= '0' && *p <= '9')
		p++;
	if (p == start || end - p < 27 || p[0] != ':' || p[1] != ' ' ||
	    p[26] != ' ')
		return NULL;
	return p + 27;
}

static int
is_the_text(const struct scan *s, int client, int64_t seq, uint64_t ns,
    const char *p, const char *end)
{
	char message[MESSAGE_ROOM], want[SHUNT_TEXT_ROOM(MESSAGE_ROOM)];
	size_t len = message_make(message, s->text, client, seq, ns);

	len = shunt_text_escape(want, message, len);
	return len == (size_t)(end - p) && memcmp(want, p, len) == 0;
}

/*
 * A line's own time lies between its begin, which stands in it, and the begin
 * of its client's next line.  So if a line that stands before this client's
 * previous one was begun after this one, those two are the wrong way round.
 */
static void
check_order(struct scan *s, struct progress *c, int64_t seq, uint64_t ns)
{
	if (seq < c->last || (c->last > 0 && c->before > ns))
		s->check->out_of_order++;
	if (seq > c->last)
		c->last = seq;
	c->before = s->latest;
	if (ns > s->latest)
		s->latest = ns;
}

static void
one_line(struct scan *s, const char *line, const char *end)
{
	const char *message = skip_stamp(line, end), *p = message;
	struct check *check = s->check;
	uint64_t client, seq, ns;

	if (p == NULL || end - p < 3 || *p++ != 'c' ||
	    !digits(&p, end, 1, &client) || !digits(&p, end, 7, &seq) ||
	    !digits(&p, end, 15, &ns) || client >= (uint64_t)check->clients ||
	    seq < 1 || seq > (uint64_t)check->lines_each ||
	    !is_the_text(s, (int)client, (int64_t)seq, ns, message, end)) {
		check->damaged++;
		return;
	}
	check->in_file++;
	if (s->client[client].seen[seq])
		check->duplicated++;
	s->client[client].seen[seq] = 1;
	check_order(s, &s->client[client], (int64_t)seq, ns);
}

static void
all_lines(struct scan *s, const char *p, const char *end)
{
	const char *line_end;

	while ((line_end = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		one_line(s, p, line_end);
		p = line_end + 1;
	}
	s->check->damaged += p != end; /* half a line at the end */
}

/* Whatever was committed and is not there is lost. */
static void
count_lost(struct scan *s)
{
	struct check *c = s->check;

	for (int i = 0; i < c->clients; i++) {
		const unsigned char *seen = s->client[i].seen;

		for (int64_t seq = 1; seq <= c->lines_each; seq++) {
			if (seq == c->doubtful[i]) {
				c->in_flight += seen[seq];
				continue;
			}
			c->expected += seq <= c->last[i];
			c->lost += seq <= c->last[i] && !seen[seq];
			/* A line that no call returned for. */
			c->damaged += seq > c->last[i] && seen[seq];
		}
	}
	c->expected += c->in_flight;
}

int
check_file(const char *path, const struct text *text, struct check *c)
{
	struct scan s = {.check = c, .text = text};
	int64_t size = file_size(path);
	int fd = open(path, O_RDONLY | O_CLOEXEC), bad = 0;
	char *map;

	if (fd < 0 || size <= 0)
		return fail("%s: %s", path, fd < 0 ? strerror(errno) : "empty");
	map = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return fail("%s: %s", path, strerror(errno));
	for (int i = 0; i < c->clients; i++) {
		s.client[i].seen = calloc((size_t)c->lines_each + 1, 1);
		if (s.client[i].seen == NULL)
			bad = fail("no memory for the check");
	}
	if (!bad) {
		all_lines(&s, map, map + size);
		count_lost(&s);
	}
	for (int i = 0; i < c->clients; i++)
		free(s.client[i].seen);
	munmap(map, (size_t)size);
	return bad;
}
