/* SPDX-License-Identifier: MIT */
/* Bytes of a System V segment by name: attach, copy, detach. */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "os/os.h"
#include "segment/sysv.h"

/* A handle on the whole of it, for as long as one copy takes. */
static int
borrow(struct shunt_segment **out, const struct shunt__name *name,
    const char *owner, int readonly)
{
	const struct shunt_segment_options o = {.sz = sizeof(o),
	    .owner = owner,
	    .flags = readonly ? SHUNT_SEGMENT_READONLY : 0,
	    .prot = SHUNT_PROT_READ | (readonly ? 0 : SHUNT_PROT_WRITE)};

	return shunt__sysv_open(out, name, &o);
}

ssize_t
shunt__sysv_read(const struct shunt__name *name, uint64_t off, void *buf,
    size_t len, const char *owner)
{
	struct shunt_segment *seg;
	int e = borrow(&seg, name, owner, 1);

	if (e < 0)
		return e;
	if (off >= seg->size)
		len = 0;
	else if (len > seg->size - off)
		len = (size_t)(seg->size - off);
	if (len > 0)
		memcpy(buf, seg->data + off, len);
	shunt__sysv_drop(seg);
	return (ssize_t)len;
}

ssize_t
shunt__sysv_write(const struct shunt__name *name, uint64_t off, const void *buf,
    size_t len, const char *owner)
{
	struct shunt_segment *seg;
	ssize_t n = (ssize_t)len;
	int e = borrow(&seg, name, owner, 0);

	if (e < 0)
		return e;
	if (off > seg->size || len > seg->size - off)
		n = shunt__fail(-ERANGE,
		    "%s: %zu bytes at %llu end past its %llu bytes; nothing "
		    "was written",
		    shunt__quote(name->shown), len, (unsigned long long)off,
		    (unsigned long long)seg->size);
	else if (len > 0)
		memcpy(seg->data + off, buf, len);
	shunt__sysv_drop(seg);
	return n;
}
