/* SPDX-License-Identifier: MIT */
/*
 * What a killed server left of its last batch.  The server's byte is held; a
 * kill anywhere in here leaves what another recovery puts right the same way.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/checksum.h"
#include "base/error.h"
#include "log/drain.h"
#include "os/os.h"

static void
idle(struct shunt__source *s)
{
	shunt__note_state(s, SHUNT__NOTE_IDLE);
}

/* The batch will be written again: if a copy of it is somewhere, twice. */
static void
repeat(struct shunt__source *s, const struct shunt__notice *to,
    const char *shown, const char *why)
{
	s->server->sv_count.lc_repeated++;
	shunt__notice(to, "%s: batch repeated: %s", shown, why);
	idle(s);
}

/* R2.  Killed in here: DONE again, and the same stores. */
static void
publish(struct shunt__source *s, const struct shunt__note_copy *n)
{
	for (uint32_t i = 0; i < n->head.nt_lanes; i++) {
		struct shunt__lane_lay *ctl = shunt__object_lane(s->obj, i);
		uint64_t tail = shunt__load64(&ctl->ln_tail);
		/* Of a lane that was scribbled over we believe neither. */
		if (n->tails[i] - tail <= s->obj->geo.lane_bytes)
			shunt__release64(&ctl->ln_tail, n->tails[i]);
		shunt__release64(&ctl->ln_told, n->tolds[i]);
	}
	s->server->sv_count = n->head.nt_count;
	idle(s);
}

static int
sync_fd(int fd)
{
	int e;

	do
		e = shunt__os.fdatasync(fd);
	while (e == -EINTR);
	return e;
}

/* The bytes that are there, once more. */
static int
rewrite(int fd, const char *buf, const struct shunt__log_note_lay *n)
{
	uint64_t done = 0;

	while (done < n->nt_len) {
		ssize_t w = shunt__os.pwrite(fd, buf + done, n->nt_len - done,
		    (off_t)(n->nt_off + done));
		if (w == -EINTR)
			continue;
		if (w <= 0)
			return w < 0 ? (int)w : -EIO;
		done += (uint64_t)w;
	}
	return 0;
}

/*
 * Are the batch's bytes there, every one?  1, 0 or -errno.  With @again they
 * are written over themselves: if the predecessor's sync failed before it was
 * killed, their pages count as clean, and a sync of ours would prove nothing.
 */
static int
complete(int fd, const struct shunt__log_note_lay *n, int again)
{
	char *buf = malloc(n->nt_len + 1);
	uint64_t done = 0;
	int e = 1;

	if (buf == NULL)
		return -ENOMEM;
	while (e == 1 && done < n->nt_len) {
		ssize_t r = shunt__os.pread(fd, buf + done, n->nt_len - done,
		    (off_t)(n->nt_off + done));
		if (r == -EINTR)
			continue;
		if (r <= 0)
			e = r < 0 ? (int)r : 0;
		else
			done += (uint64_t)r;
	}
	if (e == 1)
		e = shunt__checksum(buf, n->nt_len) == n->nt_sum;
	if (e == 1 && again) {
		int w = rewrite(fd, buf, n);
		e = w < 0 ? w : 1;
	}
	free(buf);
	return e;
}

static int
cut(int fd, uint64_t size)
{
	int e;

	do
		e = shunt__os.ftruncate(fd, (off_t)size);
	while (e == -EINTR);
	return e;
}

/* R3: the note says INTENT; what did the file get of it?  0 or -errno. */
static int
decide(struct shunt__source *s, int fd, const struct shunt__note_copy *n,
    int sync, const char *shown, const struct shunt__notice *to)
{
	uint64_t off = n->head.nt_off, end = off + n->head.nt_len, size;
	struct shunt__inode id;
	int e = shunt__inode_of(fd, &id, &size);

	if (e < 0)
		return e;
	if (end < off || size < off) {
		repeat(s, to, shown, "somebody cut the file");
		return 0;
	}
	if (size < end) {
		/* Killed between: size equals off, only the word is left. */
		e = size > off ? cut(fd, off) : 0;
		if (e == 0)
			idle(s);
		return e;
	}
	e = complete(fd, &n->head, sync);
	if (e < 0)
		return e;
	if (e == 0) {
		repeat(s, to, shown, "somebody else wrote to the file");
		return 0;
	}
	/* The predecessor may have died between write and sync; a flush that
	 * rests on it must not lie. */
	e = sync ? sync_fd(fd) : 0;
	if (e < 0)
		return e;
	shunt__note_state(s, SHUNT__NOTE_DONE);
	publish(s, n);
	return 0;
}

/* The file that the note is about: @f itself, or found by its inode in the
 * same directory, where rotation leaves it.  *@mine: to be closed. */
static int
note_file(
    const struct shunt__logfile *f, const struct shunt__note_copy *n, int *mine)
{
	*mine = 0;
	if (f->regular && shunt__inode_same(&f->id, &n->id))
		return f->fd;
	int fd = shunt__file_find(f, &n->id);
	*mine = fd >= 0;
	return fd;
}

static int
resolve(struct shunt__source *s, struct shunt__logfile *f,
    const struct shunt__note_copy *n, int sync, const struct shunt__notice *to)
{
	int mine, fd = note_file(f, n, &mine), e;

	/* What may pass is waited out by whoever starts us: a batch that is
	 * written again cannot be taken back. */
	if (fd < 0 && fd != -ENOENT && fd != -EACCES && fd != -EPERM &&
	    fd != -EROFS)
		return fd;
	if (fd < 0) {
		repeat(s, to, f->shown,
		    "the file that it went to is not in this directory");
		return 0;
	}
	e = decide(s, fd, n, sync, f->shown, to);
	if (mine)
		shunt__os.close(fd);
	return e;
}

/* R1 to R3. */
static int
settle(struct shunt__source *s, struct shunt__logfile *f,
    const struct shunt__note_copy *n, int sync, const struct shunt__notice *to)
{
	int e = 0;

	if (n->state == SHUNT__NOTE_DONE)
		publish(s, n);
	else if (n->state == SHUNT__NOTE_INTENT)
		e = resolve(s, f, n, sync, to);
	if (e < 0)
		return shunt__fail(e,
		    "%s: what the last server left unfinished there cannot "
		    "be put right: %s",
		    f->shown, shunt__why(e));
	return 0;
}

static int
undurable(struct shunt__source *s)
{
	for (uint32_t i = 0; i < s->known; i++)
		if (s->lanes[i].durable != s->lanes[i].tail)
			return 1;
	return 0;
}

/*
 * R4: what the predecessors wrote and did not sync.  A file is synced before
 * it is left, so at most the note's can hold such bytes beside ours.
 */
static int
make_durable(struct shunt__source *s, struct shunt__logfile *f,
    const struct shunt__note_copy *n)
{
	int mine = 0, fd = -ENOENT, e = 0;

	shunt__source_scan(s);
	if (!undurable(s))
		return 0;
	if (n != NULL && n->head.nt_ino != 0)
		fd = note_file(f, n, &mine);
	if (mine) {
		e = sync_fd(fd);
		shunt__os.close(fd);
	}
	f->dirty = 1;
	if (e == 0)
		e = shunt__file_sync(f);
	if (e < 0)
		return shunt__fail(
		    e, "%s: it cannot be synced: %s", f->shown, shunt__why(e));
	shunt__publish_durable(s);
	return 0;
}

int
shunt__recover(struct shunt__source *s, struct shunt__logfile *f, int sync,
    const struct shunt__notice *to)
{
	struct shunt__note_copy n;
	int e = shunt__note_read(s, &n), valid = e == 0;

	/* R0: shared memory was scribbled over.  The tails are the truth. */
	if (e == -EINVAL) {
		if (n.state != SHUNT__NOTE_IDLE)
			repeat(s, to, f->shown,
			    "the last server's note is damaged");
		e = 0;
	} else if (e == 0) {
		e = settle(s, f, &n, sync, to);
	}
	s->done = s->server->sv_count;
	/* The size has changed, if something was cut. */
	struct shunt__inode id;
	int kind = shunt__inode_of(f->fd, &id, &f->size);
	if (e == 0 && kind < 0)
		e = kind;
	if (e == 0)
		e = make_durable(s, f, valid ? &n : NULL);
	shunt__note_free(&n);
	return e;
}
