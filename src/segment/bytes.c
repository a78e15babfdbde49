/* SPDX-License-Identifier: MIT */
/*
 * Bytes of a named segment by pread and pwrite: no mapping, so nothing that
 * a peer truncates can end us, and a hole that is read stays a hole.
 */
#include <errno.h>
#include <fcntl.h>

#include <shunt/segment.h>

#include "base/error.h"
#include "base/options.h"
#include "os/os.h"
#include "segment/object.h"
#include "segment/raw.h"

/* Of the options the owner alone matters here. */
static int
prepare(const char *text, const struct shunt_segment_options *opts,
    struct shunt__name *name, const char **owner)
{
	struct shunt_segment_options o;
	int e = shunt__options_read(&o, sizeof(o), sizeof(o), opts);

	if (e < 0)
		return shunt__options_refuse(opts);
	*owner = o.owner;
	return shunt__name_parse(name, text);
}

ssize_t
shunt_segment_read(const char *text, uint64_t off, void *buf, size_t len,
    const struct shunt_segment_options *opts)
{
	struct shunt__name name;
	const char *owner = NULL;
	struct stat st;
	size_t done = 0;
	ssize_t n = 0;
	int fd = prepare(text, opts, &name, &owner);

	if (fd < 0)
		return fd;
	if (name.backend == SHUNT__SYSV)
		return shunt__sysv_read(&name, off, buf, len, owner);
	/* Who reads leaves no trace; only an owner may ask for that. */
	fd = shunt__open_checked(&name, O_RDONLY | O_NOATIME, owner, 1, &st);
	if (fd == -EPERM)
		fd = shunt__open_checked(&name, O_RDONLY, owner, 1, &st);
	if (fd < 0)
		return fd;
	while (done < len && off + done <= INT64_MAX) {
		n = shunt__os.pread(
		    fd, (char *)buf + done, len - done, (off_t)(off + done));
		if (n == -EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	shunt__os.close(fd);
	if (n < 0)
		return shunt__fail((int)n, "%s: it cannot be read: %s",
		    shunt__quote(name.shown), shunt__why((int)n));
	return (ssize_t)done;
}

static int
writable(int fd, const struct shunt__name *name, uint64_t size, uint64_t off,
    size_t len)
{
	struct shunt__header_lay header;
	struct shunt__geometry geo;

	int e = shunt__header_read(fd, &header, &geo, name->shown);

	if (e < 0 && e != SHUNT_E_LAYOUT && e != SHUNT_E_CORRUPT)
		return e;
	if (e != 1)
		return shunt__fail(SHUNT_E_KIND,
		    "%s: it is an object of shunt; writing into it would "
		    "break it (shunt send, shunt log)",
		    shunt__quote(name->shown));
	if (off > size || len > size - off)
		return shunt__fail(-ERANGE,
		    "%s: %zu bytes at %llu end past its %llu bytes; nothing "
		    "was written",
		    shunt__quote(name->shown), len, (unsigned long long)off,
		    (unsigned long long)size);
	return 0;
}

ssize_t
shunt_segment_write(const char *text, uint64_t off, const void *buf, size_t len,
    const struct shunt_segment_options *opts)
{
	struct shunt__name name;
	const char *owner = NULL;
	struct stat st;
	size_t done = 0;
	ssize_t n = 0;
	int fd, e = prepare(text, opts, &name, &owner);

	if (e < 0)
		return e;
	if (name.backend == SHUNT__SYSV)
		return shunt__sysv_write(&name, off, buf, len, owner);
	fd = shunt__open_checked(&name, O_RDWR, owner, 1, &st);
	if (fd < 0)
		return fd;
	e = writable(fd, &name, (uint64_t)st.st_size, off, len);
	while (e == 0 && done < len) {
		n = shunt__os.pwrite(fd, (const char *)buf + done, len - done,
		    (off_t)(off + done));
		if (n == -EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	shunt__os.close(fd);
	if (e < 0)
		return e;
	if (done < len)
		return shunt__fail(n < 0 ? (int)n : -EIO,
		    "%s: %zu of %zu bytes were written: %s",
		    shunt__quote(name.shown), done, len,
		    n < 0 ? shunt__why((int)n) : "the file system is full");
	return (ssize_t)done;
}
