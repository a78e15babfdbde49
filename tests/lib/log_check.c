/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log_check.h"
#include "os/os.h"

#define HEAD 48 /* bytes before the filler */

size_t
log_check_message(
    char *out, unsigned client, uint64_t seq, uint64_t stamp, unsigned fill)
{
	char head[80];

	snprintf(head, sizeof(head), "c%02u s%012llu t%016llu n%06u     ",
	    client, (unsigned long long)seq, (unsigned long long)stamp, fill);
	memcpy(out, head, HEAD);
	for (unsigned i = 0; i < fill; i++)
		out[HEAD + i] = (char)('a' + (seq + i) % 26);
	return HEAD + fill;
}

int
log_check_put(struct producer *p, unsigned client, uint64_t seq, unsigned fill)
{
	char msg[LOG_CHECK_MAX];
	void *at;
	int e = producer_begin(p, HEAD + fill, &at);

	if (e < 0)
		return e;
	uint64_t stamp = shunt__now(); /* C3 */
	size_t len = log_check_message(msg, client, seq, stamp, fill);
	producer_commit(p, at, stamp, 6, msg, len);
	producer_end(p);
	return 0;
}

/* "1234: Sat Nov 21 04:39:39 2026 MESSAGE"; the message, or NULL. */
static const char *
message(const char *line)
{
	const char *p = line;

	while (*p >= '0' && *p <= '9')
		p++;
	if (p == line || strncmp(p, ": ", 2) != 0 || strlen(p) < 27)
		return NULL;
	return p[5] == ' ' && p[15] == ':' && p[18] == ':' && p[26] == ' '
		   ? p + 27
		   : NULL;
}

static void
judge(struct log_check *c, const char *line)
{
	char expect[LOG_CHECK_MAX + 64];
	unsigned client, fill;
	unsigned long long seq, stamp;
	const char *msg = message(line);

	if (msg != NULL && strncmp(msg, "shunt: ", 7) == 0) {
		c->others++;
		return;
	}
	if (msg == NULL ||
	    sscanf(msg, "c%u s%llu t%llu n%u", &client, &seq, &stamp, &fill) !=
		4 ||
	    client >= LOG_CHECK_CLIENTS || fill > LOG_CHECK_MAX - HEAD) {
		if (c->torn++ < 3)
			printf("torn: %.200s\n", line);
		return;
	}
	expect[log_check_message(expect, client, seq, stamp, fill)] = 0;
	if (strcmp(expect, msg) != 0) {
		if (c->torn++ < 3)
			printf("torn: %.200s\n", line);
		return;
	}
	c->lines++;
	if (seq < c->next[client]) {
		if (c->twice++ < 3)
			printf("twice: %.120s\n", line);
	} else if (seq > c->next[client]) {
		if (c->lost < 3)
			printf("lost before: %.120s\n", line);
		c->lost += seq - c->next[client];
	}
	if (seq >= c->next[client])
		c->next[client] = seq + 1;
	if (stamp < c->last)
		c->unordered++;
	else
		c->last = stamp;
}

int
log_check_file(struct log_check *c, const char *path)
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t room = 0;
	ssize_t n;

	if (f == NULL)
		return -errno;
	while ((n = getline(&line, &room, f)) > 0) {
		if (line[n - 1] != '\n' || memchr(line, 0, (size_t)n)) {
			printf("torn end in %s: %.200s\n", path, line);
			c->torn++;
			continue;
		}
		line[n - 1] = 0;
		judge(c, line);
	}
	free(line);
	fclose(f);
	return 0;
}

int
log_check_verdict(const struct log_check *c, const char *what)
{
	printf("%s: %llu lines, %llu lost, %llu twice, %llu torn, "
	       "%llu unordered, %llu of the server\n",
	    what, (unsigned long long)c->lines, (unsigned long long)c->lost,
	    (unsigned long long)c->twice, (unsigned long long)c->torn,
	    (unsigned long long)c->unordered, (unsigned long long)c->others);
	return c->lost != 0 || c->twice != 0 || c->torn != 0;
}

uint64_t
log_check_random(uint64_t *state)
{
	*state += UINT64_C(0x9e3779b97f4a7c15);
	uint64_t x = *state;
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}
