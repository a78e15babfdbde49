/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/name.h"

static int
bad(const char *text, const char *why)
{
	return shunt__fail(SHUNT_E_NAME,
	    "\"%s\" is no name of a segment: %s; "
	    "write /name, file:PATH or fd:N",
	    shunt__quote(text), why);
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
	int fd = 0;

	if (*digits == 0)
		return bad(text, "the number is missing");
	for (const char *p = digits; *p != 0; p++) {
		if (*p < '0' || *p > '9' || fd > 100000000)
			return bad(text, "that is no descriptor number");
		fd = fd * 10 + (*p - '0');
	}
	out->backend = SHUNT__FD;
	out->fd = fd;
	snprintf(out->path, sizeof(out->path), "/proc/self/fd/%d", fd);
	snprintf(out->shown, sizeof(out->shown), "fd:%d", fd);
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
		return bad(text, "System V segments are not served yet");
	return parse_posix(out, text, text);
}
