/* SPDX-License-Identifier: MIT */
/* File systems whose files are shared memory, or message queues, wherever
 * they are mounted. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inspect/places.h"
#include "os/lines.h"
#include "os/os.h"

#define SEEN 32 /* file systems of one type: more are not looked for */

struct search {
	struct shunt__files *files;
	struct shunt__users *users;
	char type[24]; /* " - TYPE " */
	char seen[SEEN][24];
	size_t nseen;
};

/* Blanks and others stand in it as \040. */
static void
copy_path(const char *from, char *to, size_t room)
{
	size_t n = 0;

	for (; *from != 0 && *from != ' ' && n + 1 < room; from++) {
		unsigned c = (unsigned char)*from;
		if (c == '\\' && sscanf(from + 1, "%3o", &c) == 1)
			from += 3;
		to[n++] = (char)c;
	}
	to[n] = 0;
}

/* The same file system may be mounted twice: "major:minor" tells. */
static int
seen_before(struct search *s, const char *dev)
{
	char text[24];

	snprintf(text, sizeof(text), "%.*s", (int)strcspn(dev, " "), dev);
	for (size_t i = 0; i < s->nseen; i++)
		if (strcmp(s->seen[i], text) == 0)
			return 1;
	if (s->nseen == SEEN)
		return 1;
	memcpy(s->seen[s->nseen++], text, sizeof(text));
	return 0;
}

/* "id parent major:minor root mountpoint options ... - type source options" */
static int
take_mount(const char *line, void *arg)
{
	struct search *s = arg;
	const char *dev, *at;
	char path[PATH_MAX];

	if (strstr(line, s->type) == NULL)
		return 0;
	dev = shunt__lines_next(shunt__lines_next(line));
	at = shunt__lines_next(shunt__lines_next(dev));
	if (seen_before(s, dev))
		return 0;
	copy_path(at, path, sizeof(path));
	return shunt__files_list(s->files, path, s->users) == -ENOMEM ? 1 : 0;
}

int
shunt__list_mounts(
    struct shunt__files *files, const char *type, struct shunt__users *users)
{
	struct search *s = calloc(1, sizeof(*s));
	int found;

	if (s == NULL)
		return -ENOMEM;
	s->files = files;
	s->users = users;
	snprintf(s->type, sizeof(s->type), " - %s ", type);
	found = shunt__lines_find("/proc/self/mountinfo", take_mount, s);
	free(s);
	shunt__files_sort(files);
	return found == 1 ? -ENOMEM : 0;
}
