/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/name.h"

static int
bad(const char *text, const char *why)
{
	return shunt__fail(SHUNT_E_NAME,
	    "\"%s\" is no name of a segment: %s; "
	    "write /name, file:PATH, fd:N or sysv:0x1234",
	    shunt__quote(text), why);
}

static int
bad_sysv(const char *text, const char *why)
{
	return shunt__fail(SHUNT_E_NAME,
	    "\"%s\" is no name of a System V segment: %s; write sysv:0x1234 "
	    "(its key), sysv:id=N, sysv:ftok=PATH,N or sysv:private",
	    shunt__quote(text), why);
}

static unsigned
digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (unsigned)(c - 'A') + 10;
	return UINT_MAX;
}

/* Digits alone, up to @max: 0, or -1. */
static int
number(const char *digits, unsigned base, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;

	if (*digits == 0)
		return -1;
	for (; *digits != 0; digits++) {
		if (digit(*digits) >= base)
			return -1;
		n = n * base + digit(*digits);
		if (n > max)
			return -1;
	}
	*out = n;
	return 0;
}

static int
parse_posix(struct shunt__name *out, const char *text, const char *rest)
{
	while (*rest == '/')
		rest++;
	size_t len = strlen(rest);
	if (len == 0)
		return bad(text, "it is empty");
	if (strcmp(rest, ".") == 0 || strcmp(rest, "..") == 0)
		return bad(text, "that is a directory");
	if (strchr(rest, '/') != NULL)
		return bad(text, "it has a slash inside");
	if (len > NAME_MAX)
		return bad(text, "it is longer than 255 bytes");
	out->backend = SHUNT__POSIX;
	out->fd = -1;
	snprintf(out->path, sizeof(out->path), SHUNT__SHM_DIR "/%s", rest);
	snprintf(out->shown, sizeof(out->shown), "/%s", rest);
	return 0;
}

static int
parse_file(struct shunt__name *out, const char *text, const char *path)
{
	if (*path == 0)
		return bad(text, "the path is empty");
	if (strlen(path) >= sizeof(out->path))
		return bad(text, "the path is too long");
	out->backend = SHUNT__FILE;
	out->fd = -1;
	snprintf(out->path, sizeof(out->path), "%s", path);
	snprintf(out->shown, sizeof(out->shown), "file:%s", path);
	return 0;
}

static int
parse_fd(struct shunt__name *out, const char *text, const char *digits)
{
	uint64_t fd;

	if (*digits == 0)
		return bad(text, "the number is missing");
	if (number(digits, 10, INT_MAX, &fd) < 0)
		return bad(text, "that is no descriptor number");
	out->backend = SHUNT__FD;
	out->fd = (int)fd;
	snprintf(out->path, sizeof(out->path), "/proc/self/fd/%d", out->fd);
	snprintf(out->shown, sizeof(out->shown), "fd:%d", out->fd);
	return 0;
}

/* A key has 32 bits and no sign that matters; programs write it in hex, in
 * decimal, and some, in whose int it was negative, with a minus. */
static int
parse_key(struct shunt__name *out, const char *text, const char *rest)
{
	uint64_t key;
	int e;

	if (rest[0] == '0' && (rest[1] | 32) == 'x')
		e = number(rest + 2, 16, UINT32_MAX, &key);
	else if (rest[0] == '-')
		e = number(rest + 1, 10, UINT64_C(1) << 31, &key);
	else
		e = number(rest, 10, UINT32_MAX, &key);
	if (e < 0)
		return bad_sysv(text, "that is no key of 32 bits");
	if (key == 0)
		return bad_sysv(text,
		    "key 0 is IPC_PRIVATE, which names no segment but makes a "
		    "new one each time, as sysv:private does");
	if (rest[0] == '-')
		key = (UINT64_C(1) << 32) - key;
	out->by = SHUNT__SYSV_KEY;
	out->number = (int32_t)(uint32_t)key;
	snprintf(out->shown, sizeof(out->shown), "sysv:0x%08x", (uint32_t)key);
	return 0;
}

static int
parse_id(struct shunt__name *out, const char *text, const char *digits)
{
	uint64_t id;

	if (number(digits, 10, INT32_MAX, &id) < 0)
		return bad_sysv(text, "that is no identifier");
	out->by = SHUNT__SYSV_ID;
	out->number = (int32_t)id;
	snprintf(out->shown, sizeof(out->shown), "sysv:id=%d", out->number);
	return 0;
}

/* "PATH,N": the last comma counts, for a path may have some of its own.  Digits
 * are a number, whatever else is one character, as ftok(path, 'A'). */
static int
parse_ftok(struct shunt__name *out, const char *text, const char *rest)
{
	const char *comma = strrchr(rest, ',');
	uint64_t project;

	if (comma == NULL)
		return bad_sysv(text, "ftok's project is missing");
	size_t len = (size_t)(comma - rest);
	if (len == 0)
		return bad_sysv(text, "ftok's path is empty");
	if (len >= sizeof(out->path))
		return bad_sysv(text, "ftok's path is too long");
	if (number(comma + 1, 10, 255, &project) < 0) {
		project = (unsigned char)comma[1];
		if (project == 0 || comma[2] != 0)
			return bad_sysv(text,
			    "ftok's project is 1 to 255 or one character");
	}
	if (project == 0)
		return bad_sysv(text, "ftok's project must not be 0");
	memcpy(out->path, rest, len);
	out->path[len] = 0;
	out->by = SHUNT__SYSV_FTOK;
	out->number = (int32_t)project;
	snprintf(out->shown, sizeof(out->shown), "sysv:ftok=%s,%d", out->path,
	    out->number);
	return 0;
}

static int
parse_sysv(struct shunt__name *out, const char *text, const char *rest)
{
	out->backend = SHUNT__SYSV;
	out->fd = -1;
	out->path[0] = 0;
	out->number = 0;
	if (*rest == 0)
		return bad_sysv(text, "the key is missing");
	if (strncmp(rest, "id=", 3) == 0)
		return parse_id(out, text, rest + 3);
	if (strncmp(rest, "ftok=", 5) == 0)
		return parse_ftok(out, text, rest + 5);
	if (strcmp(rest, "private") != 0)
		return parse_key(out, text, rest);
	out->by = SHUNT__SYSV_PRIVATE;
	snprintf(out->shown, sizeof(out->shown), "sysv:private");
	return 0;
}

int
shunt__name_parse(struct shunt__name *out, const char *text)
{
	if (text == NULL)
		return shunt__fail(SHUNT_E_NAME, "no name was given");
	if (strncmp(text, "file:", 5) == 0)
		return parse_file(out, text, text + 5);
	if (strncmp(text, "fd:", 3) == 0)
		return parse_fd(out, text, text + 3);
	if (strncmp(text, "posix:", 6) == 0)
		return parse_posix(out, text, text + 6);
	if (strncmp(text, "sysv:", 5) == 0)
		return parse_sysv(out, text, text + 5);
	return parse_posix(out, text, text);
}
