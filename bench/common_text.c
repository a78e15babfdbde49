/* SPDX-License-Identifier: MIT */

/* Real text that every Debian machine holds, line by line, for the demo. */

#include "common.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_BYTES (8u << 20)

/* A line ends here; never inside a character of several bytes. */
static size_t
fold(const char *p, size_t len)
{
	size_t n = LINE_MOST;

	if (len <= LINE_MOST)
		return len;
	while (n > LINE_MOST - 4 && ((unsigned char)p[n] & 0xc0) == 0x80)
		n--;
	return n;
}

static int
add_line(struct text *t, const char *p, size_t len)
{
	size_t piece;

	for (; len > 0; p += piece, len -= piece) {
		piece = fold(p, len);
		if (t->have + piece + 1 > MOST_BYTES)
			return 0;
		t->line[t->lines++] = t->bytes + t->have;
		memcpy(t->bytes + t->have, p, piece);
		t->bytes[t->have + piece] = '\0';
		t->have += piece + 1;
	}
	return 0;
}

/* Binary files and what cannot be read are left out without a word. */
static void
add_file(struct text *t, const char *path)
{
	static char block[2u << 20];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const char *p = block, *end, *line_end;
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return;
	n = fstat(fd, &st) == 0 && S_ISREG(st.st_mode)
		? read(fd, block, sizeof block)
		: 0;
	close(fd);
	if (n <= 0 || memchr(block, '\0', (size_t)n) != NULL)
		return;
	end = block + n;
	while ((line_end = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		add_line(t, p, (size_t)(line_end - p));
		p = line_end + 1;
	}
	t->files++;
}

static void
add_folder(struct text *t, const char *path)
{
	DIR *dir = opendir(path);
	char full[PATH_ROOM];
	struct dirent *e;

	if (dir == NULL)
		return;
	while ((e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(full, sizeof full, "%s/%s", path, e->d_name);
		add_file(t, full);
	}
	closedir(dir);
}

int
text_gather(struct text *t)
{
	memset(t, 0, sizeof *t);
	t->bytes = malloc(MOST_BYTES);
	t->line = malloc((MOST_BYTES / 2 + 1) * sizeof *t->line);
	if (t->bytes == NULL || t->line == NULL)
		return fail("no memory for the text");
	add_file(t, "/var/lib/dpkg/status");
	add_folder(t, "/usr/share/common-licenses");
	add_folder(t, "/var/log");
	t->line[t->lines] = t->bytes + t->have;
	if (t->lines > 0)
		return 0;
	return fail("no text: neither /var/lib/dpkg/status nor "
		    "/usr/share/common-licenses nor /var/log can be read");
}

static char *
put_digits(char *out, int width, uint64_t v)
{
	for (int i = width; i-- > 0; v /= 10)
		out[i] = (char)('0' + v % 10);
	out[width] = ' ';
	return out + width + 1;
}

size_t
message_make(
    char *out, const struct text *t, int client, int64_t seq, uint64_t ns)
{
	int64_t i = (seq + client * 4999) % t->lines;
	size_t len = (size_t)(t->line[i + 1] - t->line[i]) - 1;
	char *p = out;

	*p++ = 'c';
	p = put_digits(p, 1, (uint64_t)client);
	p = put_digits(p, 7, (uint64_t)seq);
	p = put_digits(p, 15, ns);
	memcpy(p, t->line[i], len);
	return (size_t)(p - out) + len;
}
