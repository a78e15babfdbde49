/* SPDX-License-Identifier: MIT */
/*
 * Names that are left where somebody died: by a maker, who had not given its
 * file the wanted name yet (create.c), and by a remover, see remove_raw.c.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "os/os.h"
#include "segment/remove.h"

#define HIDDEN "/.shunt-removing."
#define NEW    "/.shunt-new-"
#define DIGITS 16 /* of the random number behind */

/* @s has @len bytes, more than DIGITS. */
static int
ends_in_digits(const char *s, size_t len)
{
	return strspn(s + len - DIGITS, "0123456789abcdef") == DIGITS;
}

int
shunt__is_unfinished(const struct shunt__name *name)
{
	const char *base = strrchr(name->path, '/');
	size_t n = strlen(NEW);

	return name->backend != SHUNT__SYSV && base != NULL &&
	       strncmp(base, NEW, n) == 0 && strlen(base) == n + DIGITS &&
	       ends_in_digits(base, n + DIGITS);
}

int
shunt__is_hidden(const struct shunt__name *name, struct shunt__name *own)
{
	const char *base = strrchr(name->path, '/');
	size_t n = strlen(HIDDEN), len, dir;
	int at;

	if (name->backend == SHUNT__SYSV || base == NULL)
		return 0;
	len = strlen(base);
	if (strncmp(base, HIDDEN, n) != 0 || len <= n + 1 + DIGITS ||
	    base[len - DIGITS - 1] != '.' || !ends_in_digits(base, len))
		return 0;
	dir = (size_t)(base - name->path);
	*own = *name;
	at = (int)(len - n - DIGITS - 1); /* bytes of its own name */
	snprintf(
	    own->path + dir, sizeof(own->path) - dir, "/%.*s", at, base + n);
	if (own->backend == SHUNT__POSIX)
		snprintf(own->shown, sizeof(own->shown), "/%.*s", at, base + n);
	else
		snprintf(own->shown, sizeof(own->shown), "file:%s", own->path);
	return 1;
}

int
shunt__put_back(const struct shunt__name *hidden)
{
	struct shunt__name own;
	int e;

	if (!shunt__is_hidden(hidden, &own))
		return -EINVAL;
	e = shunt__os.rename_new(hidden->path, own.path);
	/* Somebody else, or its remover itself, was quicker. */
	return e == -ENOENT ? 0 : e;
}

/* The file's directory, and what its name is in there. */
static const char *
split(const struct shunt__name *name, char *dir, size_t room)
{
	const char *slash = strrchr(name->path, '/');

	if (slash == NULL)
		snprintf(dir, room, ".");
	else
		snprintf(dir, room, "%.*s",
		    slash == name->path ? 1 : (int)(slash - name->path),
		    name->path);
	return slash == NULL ? name->path : slash + 1;
}

int
shunt__put_back_of(const struct shunt__name *name)
{
	struct shunt__name at = *name, own;
	char dir[PATH_MAX];
	struct dirent *entry;
	const char *base = split(name, dir, sizeof(dir));
	DIR *d;
	int n = 0;

	if (name->backend == SHUNT__FD || shunt__os.opendir(dir, &d) < 0)
		return 0;
	while (n == 0 && shunt__os.readdir(d, &entry) == 1) {
		int len = snprintf(
		    at.path, sizeof(at.path), "%s/%s", dir, entry->d_name);
		if ((size_t)len < sizeof(at.path) &&
		    shunt__is_hidden(&at, &own) &&
		    strcmp(strrchr(own.path, '/') + 1, base) == 0)
			n = shunt__put_back(&at) == 0;
	}
	shunt__os.closedir(d);
	return n;
}

int
shunt__hidden_name(const struct shunt__name *name, struct shunt__name *hidden)
{
	char dir[PATH_MAX];
	const char *base = split(name, dir, sizeof(dir));
	size_t room = sizeof(hidden->path), n = 0;
	uint64_t r = 0;
	int e = shunt__os.getrandom(&r, sizeof(r));

	*hidden = *name;
	if (e >= 0)
		n = (size_t)snprintf(hidden->path, room,
		    "%s" HIDDEN "%s.%016llx", dir, base, (unsigned long long)r);
	if (e >= 0 &&
	    (n >= room || strlen(base) + strlen(HIDDEN) + DIGITS > NAME_MAX))
		e = -ENAMETOOLONG;
	if (e < 0)
		return shunt__fail(-EBUSY,
		    "%s: it cannot be put aside under another name, to see who "
		    "has it (%s); shunt rm removes it unseen",
		    shunt__quote(name->shown), shunt__why(e));
	return 0;
}
