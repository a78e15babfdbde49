/* SPDX-License-Identifier: MIT */
/* Attaching and detaching: who is in, and who turns the light off. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <shunt/version.h>

#include "base/error.h"
#include "os/os.h"
#include "segment/lockbyte.h"
#include "segment/object.h"
#include "sync/bell.h"

/* A child that was made past the atfork handlers shares the description: by
 * its descriptor our bytes would stay taken after we close ours. */
void
shunt__object_drop(struct shunt__object *obj)
{
	if (obj->fd < 0)
		return;
	shunt__byte_lock(obj->fd, F_UNLCK, SHUNT__BYTE_ATTACHED);
	shunt__byte_lock(obj->fd, F_UNLCK, SHUNT__BYTE_REMOVING);
	shunt__fork_hold();
	shunt__os.close(obj->fd);
	obj->fd = -1;
	shunt__fork_let_go();
}

/* Read lock on the removing byte: a remover holds it for microseconds. */
static int
lock_out_removers(int fd, const struct shunt__name *name)
{
	uint64_t end = shunt__now() + 1000000000;
	int e;

	while ((e = shunt__byte_lock(fd, F_RDLCK, SHUNT__BYTE_REMOVING)) ==
	       -EBUSY) {
		if (shunt__now() > end)
			return shunt__fail(-EBUSY,
			    "%s: somebody has been removing it for a second",
			    shunt__quote(name->shown));
		shunt__os.nanosleep(100000);
	}
	if (e < 0)
		return shunt__fail(e, "%s: its lock bytes cannot be had: %s",
		    shunt__quote(name->shown), shunt__why(e));
	return 0;
}

/* Does the name still lead to this file?  1, 0 or -errno. */
int
shunt__is_named(const struct shunt__name *name, dev_t dev, ino_t ino)
{
	struct stat st;
	int e;

	if (name->backend == SHUNT__FD)
		return 1;
	e = shunt__os.lstat(name->path, &st);
	if (e == -ENOENT || e == -ENOTDIR)
		return 0;
	return e < 0 ? e : st.st_dev == dev && st.st_ino == ino;
}

static int
right_kind(const struct shunt__object *obj, const struct shunt__spec *spec,
    int raw, const struct stat *st)
{
	const char *shown = shunt__quote(obj->name.shown);

	if (raw)
		return shunt__fail(SHUNT_E_KIND,
		    "%s: it is a raw segment, not %s; choose another name, "
		    "or remove it (shunt rm)",
		    shown, shunt__kind_name(spec->kind));
	if (obj->geo.kind != spec->kind)
		return shunt__fail(SHUNT_E_KIND, "%s: it is %s, not %s", shown,
		    shunt__kind_name(obj->geo.kind),
		    shunt__kind_name(spec->kind));
	if (obj->header.hd_fingerprint != shunt__fingerprint(spec->print))
		return shunt__fail(SHUNT_E_LAYOUT,
		    "%s: it was made by a build of layout %#x whose structs "
		    "differ from those of this shunt %s, layout %#x; use that "
		    "build, or remove it",
		    shown, obj->header.hd_layout, SHUNT_VERSION, SHUNT__LAYOUT);
	if ((uint64_t)st->st_size < obj->geo.size)
		return shunt__fail(SHUNT_E_TRUNCATED,
		    "%s: %lld of its %llu bytes are left; somebody truncated "
		    "it: remove it (shunt rm --force)",
		    shown, (long long)st->st_size,
		    (unsigned long long)obj->geo.size);
	return 0;
}

/* Whoever names a type or a schema wants no other; who names none takes any. */
static int
right_type(const struct shunt__object *obj, const struct shunt__spec *spec)
{
	const struct shunt__header_lay *h = &obj->header;
	const char *wanted = spec->type != NULL ? spec->type : "";
	char type[sizeof(h->hd_type) + 1] = {0};

	memcpy(type, h->hd_type, sizeof(h->hd_type));
	if (*wanted != 0 && *type == 0)
		return shunt__fail(SHUNT_E_TYPE,
		    "%s: its messages have no type, not type '%s'; whoever "
		    "makes it gives it one",
		    shunt__quote(obj->name.shown), shunt__quote(wanted));
	if (*wanted != 0 && strcmp(wanted, type) != 0)
		return shunt__fail(SHUNT_E_TYPE,
		    "%s: its messages are of type '%s', not of type '%s'",
		    shunt__quote(obj->name.shown), shunt__quote(type),
		    shunt__quote(wanted));
	if (spec->schema != 0 && spec->schema != h->hd_schema)
		return shunt__fail(SHUNT_E_TYPE,
		    "%s: its messages are of schema %#llx, not %#llx; it was "
		    "made by another version of the program",
		    shunt__quote(obj->name.shown),
		    (unsigned long long)h->hd_schema,
		    (unsigned long long)spec->schema);
	return 0;
}

/*
 * Opens it and holds its attached byte.  0; -ENOENT; -ESTALE: it was removed
 * while we came, start again; or a code.
 */
static int
join(struct shunt__object *obj, const struct shunt__spec *spec)
{
	struct stat st;
	int e, fd, named;

	shunt__fork_hold();
	fd = shunt__open_checked(&obj->name, spec->readonly ? O_RDONLY : O_RDWR,
	    spec->owner, 0, &st);
	obj->fd = fd < 0 ? -1 : fd;
	shunt__fork_let_go();
	if (fd < 0)
		return fd;
	e = shunt__header_read(fd, &obj->header, &obj->geo, obj->name.shown);
	if (e >= 0)
		e = right_kind(obj, spec, e, &st);
	if (e == 0)
		e = right_type(obj, spec);
	if (e == 0)
		e = lock_out_removers(fd, &obj->name);
	if (e == 0) {
		e = shunt__byte_lock(fd, F_RDLCK, SHUNT__BYTE_ATTACHED);
		named = shunt__is_named(&obj->name, st.st_dev, st.st_ino);
		if (e == 0 && named <= 0)
			e = named < 0 ? named : -ESTALE;
		shunt__byte_lock(fd, F_UNLCK, SHUNT__BYTE_REMOVING);
		if (e < 0 && e != -ESTALE)
			shunt__fail(e, "%s: it cannot be attached: %s",
			    shunt__quote(obj->name.shown), shunt__why(e));
	}
	if (e < 0)
		shunt__object_drop(obj);
	return e;
}

/*
 * Our lock bytes are those of a description, and a mapping keeps the one that
 * it was made from.  Memory can outlive its process: while somebody reads its
 * smaps, or while a child made by vfork has it.  So it is mapped through a
 * description of its own, which has no bytes: ours ends with the descriptor.
 * Where that cannot be had, as without /proc, ours has to do.
 */
static int
map_pages(struct shunt__object *obj, void **at)
{
	char self[32];
	int e, own;

	snprintf(self, sizeof(self), "/proc/self/fd/%d", obj->fd);
	shunt__fork_hold();
	own = shunt__os.open(
	    self, (obj->readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC, 0);
	e = shunt__os.mmap(at, obj->geo.size,
	    obj->readonly ? PROT_READ : PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_NORESERVE, own < 0 ? obj->fd : own);
	if (own >= 0)
		shunt__os.close(own);
	shunt__fork_let_go();
	return e;
}

static int
map(struct shunt__object *obj)
{
	struct stat st;
	void *at;
	int e = shunt__os.fstat(obj->fd, &st);

	/* Made by a peer of 64 bits; a part of it would be no object. */
	if (obj->geo.size > SIZE_MAX)
		return shunt__fail(-ENOMEM,
		    "%s: %llu bytes are more than a process of 32 bits can "
		    "map; use it from one of 64",
		    shunt__quote(obj->name.shown),
		    (unsigned long long)obj->geo.size);
	if (e == 0)
		e = map_pages(obj, &at);
	if (e < 0)
		return shunt__fail(e, "%s: %llu bytes cannot be mapped: %s",
		    shunt__quote(obj->name.shown),
		    (unsigned long long)obj->geo.size, shunt__why(e));
	shunt__os.madvise(at, obj->geo.size, MADV_DONTFORK);
	obj->base = at;
	obj->control = (void *)(obj->base + SHUNT__CONTROL_OFF);
	obj->area = obj->base + SHUNT__AREA_OFF;
	obj->dev = st.st_dev;
	obj->ino = st.st_ino;
	return 0;
}

/* Opens or makes, whichever it takes.  0 or 1 as attach, or a code. */
static int
find(struct shunt__object *obj, const struct shunt__spec *spec)
{
	for (int i = 0; i < 1000; i++) {
		int e = join(obj, spec);
		if (e == -ESTALE)
			continue;
		if (e == 0 && spec->exclusive) {
			shunt__object_drop(obj);
			return shunt__fail(-EEXIST, "%s: it exists already",
			    shunt__quote(obj->name.shown));
		}
		if (e != -ENOENT || spec->existing || spec->readonly ||
		    obj->name.backend == SHUNT__FD)
			return e;
		e = shunt__object_make(obj, spec);
		if (e != -EEXIST)
			return e == 0 ? 1 : e;
	}
	return shunt__fail(-EBUSY, "%s: it comes and goes too fast",
	    shunt__quote(obj->name.shown));
}

/* Did anybody ever claim a lane?  Asked by pread: nothing is mapped here. */
static int
was_used(int fd)
{
	uint32_t high = 1;

	if (shunt__os.pread(fd, &high, sizeof(high),
		SHUNT__CONTROL_OFF + offsetof(struct shunt__control_lay,
					 ct_high)) != sizeof(high))
		return 1;
	return high != 0;
}

/* What was just made and cannot be used goes, unless others came already, be
 * it that they sent something and left. */
static void
withdraw(struct shunt__object *obj)
{
	struct stat st;

	if (shunt__byte_lock(obj->fd, F_WRLCK, SHUNT__BYTE_REMOVING) == 0 &&
	    shunt__byte_held(obj->fd, F_WRLCK, SHUNT__BYTE_ATTACHED) == 0 &&
	    !was_used(obj->fd) && shunt__os.fstat(obj->fd, &st) == 0 &&
	    shunt__is_named(&obj->name, st.st_dev, st.st_ino) == 1)
		shunt__os.unlink(obj->name.path);
}

int
shunt__object_attach(struct shunt__object **out, const char *name,
    const struct shunt__spec *spec)
{
	struct shunt__object *obj = calloc(1, sizeof(*obj));
	int e, made;

	*out = NULL;
	if (obj == NULL)
		return shunt__fail(-ENOMEM, "out of memory");
	obj->fd = -1;
	obj->readonly = spec->readonly;
	/* Before it has a descriptor. */
	shunt__fork_enlist(obj);
	e = shunt__name_parse(&obj->name, name);
	if (e == 0 && (obj->fork_mark = shunt__fork_mark()) == 0)
		e = shunt__fail(-ENOMEM, "out of memory");
	made = e;
	if (e == 0)
		made = e = find(obj, spec);
	if (e >= 0)
		e = map(obj);
	if (e < 0) {
		if (made == 1)
			withdraw(obj);
		shunt__object_drop(obj);
		shunt__fork_delist(obj);
		free(obj);
		return e;
	}
	pthread_mutex_init(&obj->mutex, NULL);
	obj->fence = !shunt__bell_register();
	*out = obj;
	return made;
}

/*
 * The last user of an ephemeral object takes it away.  Under the removing
 * byte nobody attaches; killed anywhere in here, the name stays whole or is
 * gone, and the next opener adopts what is there.
 */
static void
remove_if_done(struct shunt__object *obj, int (*unread)(struct shunt__object *))
{
	uint64_t end = shunt__now() + 100000000;

	/*
	 * From here on we do not count.  Whoever is attached now will do this
	 * when he goes; of two that go at once, the second sees nobody.
	 */
	shunt__byte_lock(obj->fd, F_UNLCK, SHUNT__BYTE_ATTACHED);
	if (shunt__byte_held(obj->fd, F_WRLCK, SHUNT__BYTE_ATTACHED) != 0)
		return;
	/* Held for microseconds by another who goes, or by one who comes and
	 * may turn back: the last one must not go without a look. */
	while (shunt__byte_lock(obj->fd, F_WRLCK, SHUNT__BYTE_REMOVING) ==
	       -EBUSY) {
		if (shunt__now() > end)
			return;
		shunt__os.nanosleep(100000);
	}
	if (shunt__byte_held(obj->fd, F_WRLCK, SHUNT__BYTE_ATTACHED) == 0 &&
	    unread(obj) == 0 &&
	    shunt__is_named(&obj->name, obj->dev, obj->ino) == 1)
		shunt__os.unlink(obj->name.path);
}

void
shunt__object_detach(
    struct shunt__object *obj, int (*unread)(struct shunt__object *))
{
	if (obj == NULL)
		return;
	if (!shunt__object_forked(obj)) {
		if (unread != NULL && !obj->readonly &&
		    obj->geo.lifetime == SHUNT__EPHEMERAL &&
		    shunt__object_check(obj) == 0)
			remove_if_done(obj, unread);
		shunt__os.munmap(obj->base, obj->geo.size);
		shunt__object_drop(obj);
		shunt__fork_delist(obj);
		pthread_mutex_destroy(&obj->mutex);
	} else if (obj->fd >= 0) { /* no atfork handler ran */
		shunt__fork_delist(obj);
		shunt__os.close(obj->fd);
	}
	free(obj);
}
