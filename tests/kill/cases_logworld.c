/* SPDX-License-Identifier: MIT */
/* A log with small lanes and a folder for its file; made, put back, removed. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cases_log.h"
#include "ring/lane_layout.h"
#include "segment/object_layout.h"

#define LANE 4096

static const uint32_t sizes[LOG_TEXTS] = {
    40, 0, 200, 8, 300, 100, 17, 120, 0, 300, 5, 1040};
static char texts[LOG_TEXTS][1500];

/* Letters, the number first.  By the first setup, in the harness. */
static void
fill_texts(void)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz";

	if (texts[0][0] != 0)
		return;
	for (uint32_t i = 0; i < LOG_TEXTS; i++) {
		for (uint32_t k = 0; k < sizes[i]; k++)
			texts[i][k] = letters[(i * 5 + k) % 26];
		if (sizes[i] > 2)
			texts[i][0] = (char)('A' + i);
	}
}

const char *
log_text(uint32_t i)
{
	return texts[i % LOG_TEXTS];
}

size_t
log_text_len(uint32_t i)
{
	return sizes[i % LOG_TEXTS];
}

int
log_send(struct shunt_log *log, uint32_t i)
{
	return shunt_log_write(
	    log, SHUNT_LOG_INFO, log_text(i), log_text_len(i));
}

struct shunt_log *
log_client(const struct log_world *lw, uint32_t flags, enum shunt_log_full full)
{
	struct shunt_log *log = NULL;
	struct shunt_log_options o = {.sz = sizeof(o),
	    .flags = flags,
	    .lane_bytes = LANE,
	    .lanes = lw->lanes,
	    .full = full,
	    .tag = "kill"};

	if (shunt_log_open(&log, lw->w->name, &o) < 0)
		printf("%s\n", shunt_error_detail());
	return log;
}

static void
hear(void *arg, const char *line)
{
	(void)arg;
	(void)line;
}

struct shunt_logd *
log_server(const struct log_world *lw, int64_t sync_ns, uint32_t format)
{
	struct shunt_logd *l = NULL;
	struct shunt_logd_options o = {.sz = sizeof(o),
	    .file = lw->file,
	    .format = format,
	    .sync_ns = sync_ns,
	    .notice = hear};

	if (shunt_logd_open(&l, lw->w->name, &o) < 0)
		printf("%s\n", shunt_error_detail());
	return l;
}

/* ---- making it ---- */

static int
make_folder(struct log_world *lw)
{
	snprintf(lw->dir, sizeof(lw->dir), "%s.d", lw->w->path);
	snprintf(lw->file, sizeof(lw->file), "%s/log", lw->dir);
	snprintf(lw->moved, sizeof(lw->moved), "%s/log.1", lw->dir);
	unlink(lw->file);
	unlink(lw->moved);
	rmdir(lw->dir);
	return mkdir(lw->dir, 0700);
}

/* Rings come 550 bytes before their ends: messages, written and forgotten. */
static int
advance(struct log_world *lw, struct shunt_log *log[2])
{
	struct shunt_logd *l = log_server(lw, SHUNT_SYNC_NEVER, 0);
	struct shunt_logd_stat st = {.sz = sizeof(st)};

	if (l == NULL)
		return -1;
	for (uint32_t i = 0; i < 8; i++)
		if (log_send(log[i % 2], i < 6 ? LOG_LONG : 9) != 0 ||
		    shunt_logd_step(l, SHUNT_NOWAIT) != 1)
			return -1;
	if (shunt_logd_stat(l, &st) != 0)
		return -1;
	lw->before = st.lines;
	shunt_logd_close(&l);
	return truncate(lw->file, 0);
}

static int
put_messages(struct log_world *lw, const struct log_plan *plan)
{
	struct shunt_log *log[2];

	log[0] = log_client(lw, plan->flags, SHUNT_LOG_FULL_DROP);
	log[1] =
	    plan->lanes > 1 ? log_client(lw, 0, SHUNT_LOG_FULL_DROP) : log[0];
	if (log[0] == NULL || log[1] == NULL || advance(lw, log) != 0)
		return -1;
	for (uint32_t i = 0; i < plan->unread; i++)
		if (log_send(log[i % 2], i) != 0)
			return -1;
	for (uint32_t i = plan->unread; i < plan->fill; i++)
		if (log_send(log[0], i) != 0)
			return -1;
	for (uint32_t i = 0; i < plan->drops; i++)
		if (log_send(log[0], LOG_LONG) != SHUNT_E_DROPPED)
			return -1;
	if (log[1] != log[0])
		shunt_log_close(&log[1]);
	shunt_log_close(&log[0]);
	return plan->file ? 0 : unlink(lw->file);
}

static off_t
lane_at(int fd, uint32_t i)
{
	struct shunt__header_lay h;

	if (pread(fd, &h, sizeof(h), 0) != sizeof(h))
		abort();
	return (off_t)SHUNT__AREA_OFF + h.hd_area_bytes +
	       (off_t)i * SHUNT__LANE_BLOCK;
}

/* What a client killed between C2 and C6 leaves. */
static int
make_odd(struct log_world *lw)
{
	int fd = open(lw->w->path, O_RDWR | O_CLOEXEC);
	uint32_t busy;
	off_t at;

	if (fd < 0)
		return -1;
	at = lane_at(fd, 0) + (off_t)offsetof(struct shunt__lane_lay, ln_busy);
	if (pread(fd, &busy, sizeof(busy), at) != sizeof(busy))
		return -1;
	busy |= 1;
	if (pwrite(fd, &busy, sizeof(busy), at) != sizeof(busy))
		return -1;
	return close(fd);
}

struct log_world *
log_world_make(const struct log_plan *plan)
{
	struct log_world *lw = calloc(1, sizeof(*lw));

	fill_texts();
	if (lw == NULL || (lw->w = world_make(plan->stem)) == NULL)
		return NULL;
	lw->lanes = plan->lanes;
	if (make_folder(lw) != 0)
		return NULL;
	if (plan->flags == SHUNT_LOG_EXISTING) /* victims make it */
		return lw;
	if (put_messages(lw, plan) != 0 || (plan->odd && make_odd(lw) != 0)) {
		fprintf(stderr, "%s\n", shunt_error_detail());
		log_world_free(lw);
		return NULL;
	}
	world_keep(lw->w);
	return lw;
}

int
log_world_rearm(void *ctx)
{
	struct log_world *lw = ctx;

	/* The note names an inode: it is the same again. */
	if (access(lw->moved, F_OK) == 0 && rename(lw->moved, lw->file) != 0)
		return -1;
	if (truncate(lw->file, 0) != 0)
		return -1;
	return world_rearm(lw->w);
}

void
log_world_free(void *ctx)
{
	struct log_world *lw = ctx;

	unlink(lw->file);
	unlink(lw->moved);
	rmdir(lw->dir);
	world_free(lw->w);
	free(lw);
}

uint64_t
log_world_image(void *ctx)
{
	struct log_world *lw = ctx;
	uint64_t h = world_image(lw->w);

	h = sweep_hash_path(h, lw->file);
	return sweep_hash_path(h, lw->moved);
}

int
log_world_exists(const struct log_world *lw)
{
	return access(lw->w->path, F_OK) == 0;
}

int
log_words_even(const struct log_world *lw)
{
	int fd = open(lw->w->path, O_RDONLY | O_CLOEXEC), even = 1;
	struct shunt__lane_lay lane;

	for (uint32_t i = 0; fd >= 0 && i < lw->lanes; i++) {
		if (pread(fd, &lane, sizeof(lane), lane_at(fd, i)) !=
		    sizeof(lane))
			even = 0;
		else if (shunt__load32(&lane.ln_pid) == (uint32_t)getpid())
			even &= (shunt__load32(&lane.ln_busy) & 1) == 0;
	}
	if (fd >= 0)
		close(fd);
	return fd >= 0 && even;
}
