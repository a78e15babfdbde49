/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#include <shunt.h>

#include "doctor.h"
#include "look.h"
#include "out.h"

/* Memory that no name explains, and names that nobody needs any more. */

#define SLACK (UINT64_C(1) << 20) /* less is not worth a warning */
#define DAY   (INT64_C(86400) * 1000000000)
#define PIDS  8

/* nftw() hands no argument to what it calls. */
static uint64_t named_bytes;
static dev_t named_device;

static int
add_named(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)path;
	(void)at;
	if (type != FTW_NS && st->st_dev == named_device)
		named_bytes += (uint64_t)st->st_blocks * 512;
	return 0;
}

/* The largest file without a name, and who has it. */
struct held {
	struct shunt_segment_info info;
	int64_t pids[PIDS];
	int users;
	uint64_t bytes; /* of all of them */
	unsigned count;
};

static int
find_held(struct held *h)
{
	const struct shunt_scan_options o = {.sz = sizeof(o),
	    .places = 1u << SHUNT_PLACE_UNLINKED,
	    .flags = SHUNT_SCAN_USERS};
	struct shunt_segment_info i = {.sz = sizeof(i)};
	struct shunt_scan *scan;
	int r = shunt_scan_open(&scan, &o);

	*h = (struct held){0};
	if (r < 0)
		return r;
	while ((r = shunt_scan_next(scan, &i)) == 1) {
		if (i.place != SHUNT_PLACE_UNLINKED)
			continue;
		h->count++;
		h->bytes += i.used;
		if (h->count == 1 || i.used > h->info.used) {
			h->info = i;
			h->users = shunt_scan_users(scan, h->pids, PIDS);
		}
	}
	shunt_scan_close(&scan);
	return r;
}

static void
tell_held(struct doctor *d, uint64_t bytes)
{
	struct held h;
	struct look_user list[PIDS];
	struct look_users users = {list, 0};

	if (find_held(&h) < 0 || h.count == 0) {
		doctor_say(d, DOCTOR_WARNING,
		    "%s of " DOCTOR_SHM " belong to no name: somebody who "
		    "cannot be seen from here has files whose names were "
		    "removed.  Root sees more.",
		    out_size(bytes));
		return;
	}
	for (int i = 0; i < h.users && i < PIDS; i++)
		list[users.count++] =
		    (struct look_user){.pid = h.pids[i], .self = h.pids[i]};
	doctor_say(d, DOCTOR_WARNING,
	    "%s of " DOCTOR_SHM " belong to no name: %u file%s whose name%s "
	    "removed, %s, still held.  The largest has %s, held by %s; it "
	    "comes free when they end.",
	    out_size(bytes), h.count, h.count == 1 ? "" : "s",
	    h.count == 1 ? " was" : "s were", out_size(h.bytes),
	    out_size(h.info.used),
	    users.count > 0 ? look_users_text(&users) : "processes unseen");
	doctor_fix(d, "shunt why '%s'", out_safe(h.info.name));
}

static void
nameless(struct doctor *d)
{
	struct statvfs fs;
	struct stat st;
	uint64_t used;

	if (statvfs(DOCTOR_SHM, &fs) < 0 || stat(DOCTOR_SHM, &st) < 0)
		return;
	if (fs.f_blocks == 0) {
		doctor_say(d, DOCTOR_UNKNOWN,
		    DOCTOR_SHM " has no limit, and so does not tell what it "
			       "uses.");
		return;
	}
	named_bytes = 0;
	named_device = st.st_dev;
	if (nftw(DOCTOR_SHM, add_named, 16, FTW_PHYS | FTW_MOUNT) < 0) {
		doctor_say(d, DOCTOR_UNKNOWN,
		    "Not all of " DOCTOR_SHM " may be looked at: %s.",
		    strerror(errno));
		return;
	}
	used = (uint64_t)(fs.f_blocks - fs.f_bfree) * fs.f_frsize;
	if (used > named_bytes + SLACK)
		tell_held(d, used - named_bytes);
	else
		doctor_say(d, DOCTOR_OK,
		    "Names explain all of the %s that are used.",
		    out_size(used));
}

struct left {
	uint64_t orphans, orphan_bytes;
	uint64_t idle, idle_bytes; /* raw, for more than a day */
	uint64_t sems;             /* likewise */
	char sem[288];             /* one of them */
};

static int64_t
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void
count(struct left *l, const struct shunt_segment_info *i)
{
	int sem =
	    i->place == SHUNT_PLACE_SEM || strncmp(i->name, "/sem.", 5) == 0;

	if (i->state == SHUNT_STATE_ORPHAN) {
		l->orphans++;
		l->orphan_bytes += i->used;
	} else if (i->state == SHUNT_STATE_IDLE && now() - i->mtime_ns > DAY) {
		if (sem) {
			l->sems++;
			snprintf(
			    l->sem, sizeof(l->sem), "sem:/%s", i->name + 5);
		} else if (!i->persistent) {
			l->idle++;
			l->idle_bytes += i->used;
		}
	}
}

static void
tell_left(struct doctor *d, const struct left *l)
{
	if (l->orphans > 0) {
		doctor_say(d, DOCTOR_WARNING,
		    "%" PRIu64 " orphan%s, provably nobody's, take%s %s.",
		    l->orphans, l->orphans == 1 ? "" : "s",
		    l->orphans == 1 ? "s" : "", out_size(l->orphan_bytes));
		doctor_fix(d, "shunt clean --yes");
	} else {
		doctor_say(d, DOCTOR_OK, "There are no orphans.");
	}
	if (l->idle > 0) {
		doctor_say(d, DOCTOR_WARNING,
		    "%" PRIu64 " segment%s nobody has open now %s not been "
		    "changed for over a day, and take%s %s; whether %s is "
		    "needed, the owner knows.",
		    l->idle, l->idle == 1 ? " that" : "s that",
		    l->idle == 1 ? "has" : "have", l->idle == 1 ? "s" : "",
		    out_size(l->idle_bytes), l->idle == 1 ? "it" : "each");
		doctor_fix(d, "shunt clean --idle --older=1d");
	}
	if (l->sems > 0) {
		doctor_say(d, DOCTOR_WARNING,
		    "%" PRIu64 " named semaphore%s %s not been used for over "
		    "a day, and nobody has %s open: if a holder died, whoever "
		    "comes next waits for ever.",
		    l->sems, l->sems == 1 ? "" : "s",
		    l->sems == 1 ? "has" : "have",
		    l->sems == 1 ? "it" : "them");
		doctor_fix(d, "shunt why '%s'", out_safe(l->sem));
	}
}

static void
stale(struct doctor *d)
{
	struct shunt_segment_info i = {.sz = sizeof(i)};
	struct shunt_scan *scan;
	struct left l = {0};
	int r;

	r = shunt_scan_open(&scan,
	    &(struct shunt_scan_options){
		.sz = sizeof(struct shunt_scan_options),
		.places = 1u << SHUNT_PLACE_POSIX | 1u << SHUNT_PLACE_SEM});
	if (r < 0)
		r = shunt_scan_open(&scan, NULL);
	if (r < 0) {
		doctor_say(d, DOCTOR_UNKNOWN, "%s cannot be listed: %s.",
		    DOCTOR_SHM, shunt_error_text(r));
		return;
	}
	while (shunt_scan_next(scan, &i) == 1)
		count(&l, &i);
	shunt_scan_close(&scan);
	tell_left(d, &l);
}

const struct doctor_check doctor_left[] = {
    {"nameless", nameless},
    {"stale", stale},
    {0},
};
