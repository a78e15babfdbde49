/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor.h"

/* Small files of the kernel. */

int
doctor_line(const char *path, char *to, size_t room)
{
	FILE *f = fopen(path, "re");
	int r = 0;

	*to = 0;
	if (f == NULL)
		return -errno;
	if (fgets(to, (int)room, f) == NULL)
		r = ferror(f) ? -EIO : 0;
	to[strcspn(to, "\n")] = 0;
	fclose(f);
	return r;
}

int
doctor_number(const char *path, uint64_t *to)
{
	char line[64], *end;
	int r = doctor_line(path, line, sizeof(line));

	if (r < 0)
		return r;
	if (strcmp(line, "max") == 0) {
		*to = UINT64_MAX;
		return 0;
	}
	*to = strtoull(line, &end, 10);
	return end == line ? -EINVAL : 0;
}

int64_t
doctor_count(const char *path, int skip)
{
	FILE *f = fopen(path, "re");
	int64_t n = -skip;
	int c;

	if (f == NULL)
		return -errno;
	while ((c = getc(f)) != EOF)
		n += c == '\n';
	fclose(f);
	return n > 0 ? n : 0;
}

unsigned
doctor_percent(uint64_t part, uint64_t whole)
{
	if (whole == 0)
		return 0;
	return (unsigned)((double)part * 100 / (double)whole);
}
