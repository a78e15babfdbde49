/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "out.h"
#include "signals.h"
#include "watch.h"

/* One look at the segment: is it still the same, what is in it now. */

#define TRIES    4
#define SLICE_NS INT64_C(200000000)

/* By stat(2): watching must not cost a lease or a walk through /proc. */
static int
identify_file(const char *name, struct watch_file *f)
{
	char path[4096 + 16];
	struct stat st;
	int r;

	if (strncmp(name, "fd:", 3) == 0)
		r = fstat((int)strtol(name + 3, NULL, 10), &st);
	else {
		if (strncmp(name, "file:", 5) == 0)
			snprintf(path, sizeof(path), "%s", name + 5);
		else {
			if (strncmp(name, "posix:", 6) == 0)
				name += 6;
			snprintf(path, sizeof(path), "/dev/shm/%s",
			    name + (*name == '/'));
		}
		r = stat(path, &st);
	}
	if (r < 0)
		return -errno;
	*f = (struct watch_file){1, st.st_dev, st.st_ino, (uint64_t)st.st_size};
	return 0;
}

static int
identify(const struct watch *w, struct watch_file *f)
{
	struct shunt_segment_info info = {.sz = sizeof(info)};
	int r;

	*f = (struct watch_file){0};
	if (!look_sysv(w->name))
		return identify_file(w->name, f);
	r = shunt_segment_stat(w->name, &info, NULL, 0);
	if (r < 0)
		return r;
	*f = (struct watch_file){1, 0, (uint64_t)info.sysv_id, info.size};
	return 0;
}

static int
same(const struct watch_file *a, const struct watch_file *b)
{
	return a->device == b->device && a->inode == b->inode;
}

/* The bytes and whose they are: 0 or a negative code. */
static int
read_one(struct watch *w, struct watch_file *f, size_t *n)
{
	struct watch_file after;
	int r = -EAGAIN;

	for (int i = 0; i < TRIES; i++) {
		ssize_t len;

		r = identify(w, f);
		if (r < 0)
			return r;
		len = view_read(&w->view, w->name, &w->opts);
		r = len < 0 ? (int)len : identify(w, &after);
		if (r < 0)
			return r;
		*n = (size_t)len;
		/* Replaced in between: whose the bytes are is not known. */
		if (same(f, &after))
			return 0;
	}
	return -EAGAIN;
}

enum watch_event
watch_look(struct watch *w, size_t *n, uint64_t *size)
{
	struct watch_file f, was = w->file;
	int r = read_one(w, &f, n);

	*size = was.size;
	if (r == -EAGAIN || r == -EMFILE || r == -ENFILE || r == -ENOMEM) {
		w->code = r;
		return WATCH_CANNOT;
	}
	if (r < 0) {
		w->file.there = 0;
		w->code = r;
		if (!was.there)
			return WATCH_SAME;
		w->since_ns = view_now();
		return WATCH_GONE;
	}
	w->file = f;
	if (was.there && same(&f, &was) && f.size == was.size)
		return WATCH_SAME;
	w->since_ns = view_now();
	if (was.there && same(&f, &was))
		return WATCH_RESIZED;
	view_forget(&w->view);
	w->seen++;
	return WATCH_NEW;
}

void
watch_who(struct watch *w)
{
	struct shunt_participant *list = NULL;

	w->info_code = look_stat(w->name, &w->info, &list);
	free(list);
	look_users_free(&w->users);
	if (w->info_code >= 0)
		w->info_code = look_users(&w->users, w->name);
}

const char *
watch_event_text(const struct watch *w, enum watch_event event, uint64_t size)
{
	static char text[1200];

	switch (event) {
	case WATCH_GONE:
		if (w->code == -ENOENT)
			return "removed";
		snprintf(text, sizeof(text), "it cannot be read any more: %s",
		    shunt_error_text(w->code));
		return text;
	case WATCH_NEW:
		snprintf(text, sizeof(text), "%s: %" PRIu64 " bytes",
		    w->seen > 1 ? "another one" : "there now", w->file.size);
		return text;
	case WATCH_RESIZED:
		snprintf(text, sizeof(text),
		    "resized: %" PRIu64 " -> %" PRIu64 " bytes", size,
		    w->file.size);
		return text;
	case WATCH_CANNOT:
		return shunt_error_text(w->code);
	case WATCH_SAME:
		break;
	}
	return "";
}

int
watch_cell(const struct watch *w, const struct layout_field *f, uint64_t i,
    size_t len, size_t *at)
{
	uint64_t off = w->at + layout_cell_at(f, i);

	if (off < w->view.at || off + layout_cell_bytes(f) > w->view.at + len)
		return 0;
	*at = (size_t)(off - w->view.at);
	return 1;
}

void
watch_pause(int64_t interval_ns, int64_t began_ns)
{
	int64_t now = view_now(), took = now - began_ns;
	int64_t end = began_ns + interval_ns;

	if (end < now + 9 * took)
		end = now + 9 * took;
	while (now < end && !signals_stopped()) {
		int64_t ns = end - now < SLICE_NS ? end - now : SLICE_NS;
		struct timespec ts = {.tv_nsec = ns};

		nanosleep(&ts, NULL);
		now = view_now();
	}
}
