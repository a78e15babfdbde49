/* SPDX-License-Identifier: MIT */
/* What `shunt clean` may take, and why it is nobody's. */
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clean.h"
#include "look.h"
#include "out.h"

#define HIDDEN "/.shunt-removing."
#define NEW    "/.shunt-new-"
#define DIGITS 16 /* of the number behind */

static const char *
last(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash != NULL ? slash : name;
}

/* Its last part begins so, and ends in the digits of a random number. */
static int
left_over(const char *name, const char *prefix)
{
	const char *base = last(name);
	size_t len = strlen(base), n = strlen(prefix);

	return strncmp(base, prefix, n) == 0 && len >= n + DIGITS &&
	       strspn(base + len - DIGITS, "0123456789abcdef") == DIGITS;
}

int
clean_hidden(const char *name)
{
	return left_over(name, HIDDEN);
}

/* The name that it had before a removal hid it. */
static const char *
own_name(const char *name)
{
	static char own[sizeof(((struct shunt_segment_info *)0)->name)];
	size_t n = strlen(HIDDEN);

	if (!clean_hidden(name))
		return name;
	snprintf(own, sizeof(own), "%.*s/%s", (int)(last(name) - name), name,
	    last(name) + n);
	if (strlen(own) > DIGITS + 1)
		own[strlen(own) - DIGITS - 1] = 0;
	return own;
}

static int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Since the last that is known of it: made, changed, of System V also
 * attached or detached. */
static int64_t
age(const struct shunt_segment_info *info)
{
	struct shunt_sysv_info sysv = {.sz = sizeof(sysv)};
	int64_t last_ns = later(info->created_ns, info->mtime_ns);
	struct timespec now;

	if (look_sysv(info->name) && shunt_sysv_stat(info->name, &sysv) == 0)
		last_ns =
		    later(last_ns, later(sysv.atime, sysv.dtime) * 1000000000);
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec - last_ns;
}

static int
wanted(const struct clean_filter *f, const struct shunt_segment_info *info)
{
	const char *name = own_name(info->name);

	if (f->glob != NULL && fnmatch(f->glob, name, 0) != 0 &&
	    (*name != '/' || fnmatch(f->glob, name + 1, 0) != 0))
		return 0;
	if (f->owner != NULL && info->uid != f->uid)
		return 0;
	return f->older == NULL || age(info) >= f->age_ns;
}

static void
say_idle(char *why, size_t room, const struct shunt_segment_info *info)
{
	const char *stays = info->persistent ? "persistent, but " : "";

	if (look_sysv(info->name))
		snprintf(why, room, "attached 0 times");
	else if (info->kind == SHUNT_KIND_RAW)
		snprintf(why, room, "nobody has it open or mapped");
	else if (info->unread != 0)
		snprintf(why, room,
		    "%snobody has it attached; %s in it are unread", stays,
		    out_size(info->unread));
	else
		snprintf(why, room, "%snobody has it attached%s", stays,
		    info->unrepaired ? "; its last holder died with it" : "");
}

/* 1, and why, if it is of those that may go. */
static int
judge(char *why, size_t room, const struct clean_filter *f,
    const struct shunt_segment_info *info)
{
	if (left_over(info->name, NEW) && info->state != SHUNT_STATE_LIVE &&
	    info->state != SHUNT_STATE_UNKNOWN) {
		snprintf(why, room, "unfinished: its maker died");
		return 1;
	}
	if (info->state == SHUNT_STATE_ORPHAN) {
		snprintf(why, room,
		    "ephemeral, nobody has it attached, nothing in it");
		return 1;
	}
	/* Unknown is never counted as dead. */
	if (info->state != SHUNT_STATE_IDLE || !f->idle)
		return 0;
	say_idle(why, room, info);
	return 1;
}

static int
add(struct clean_list *list, const struct clean_item *item)
{
	struct clean_item *more =
	    realloc(list->items, (list->count + 1) * sizeof(*more));

	if (more == NULL)
		return -ENOMEM;
	list->items = more;
	more[list->count++] = *item;
	return 0;
}

/* In a sticky directory only its owner takes a name away. */
static void
whose(struct clean_item *item)
{
	size_t n = strlen(item->why);

	if (geteuid() == 0 || item->info.uid == geteuid())
		return;
	item->result = CLEAN_KEPT;
	snprintf(item->why + n, sizeof(item->why) - n,
	    "; it is %s's: only they or root can remove it",
	    out_user(item->info.uid));
}

int
clean_find(struct clean_list *list, const struct clean_filter *f, int hidden)
{
	const struct shunt_scan_options o = {
	    .sz = sizeof(o), .flags = SHUNT_SCAN_USERS};
	struct shunt_scan *scan;
	int r = shunt_scan_open(&scan, &o);

	while (r >= 0) {
		struct clean_item item = {.info.sz = sizeof(item.info)};

		r = shunt_scan_next(scan, &item.info);
		if (r <= 0)
			break;
		if (!wanted(f, &item.info) ||
		    clean_hidden(item.info.name) != hidden)
			continue;
		if (hidden) {
			item.result = CLEAN_WOULD_PUT_BACK;
			snprintf(item.why, sizeof(item.why),
			    "a removal was cut off: its name is put back");
		} else if (!judge(item.why, sizeof(item.why), f, &item.info)) {
			continue;
		}
		whose(&item);
		r = add(list, &item);
	}
	shunt_scan_close(&scan);
	return r;
}
