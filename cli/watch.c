/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "args.h"
#include "fail.h"
#include "out.h"
#include "screen.h"
#include "signals.h"
#include "watch.h"

/* shunt watch: bytes of a segment while they change. */

#define NS_PER_S INT64_C(1000000000)

static int
layout(struct watch *w, const char *as)
{
	char why[400];

	if (as == NULL)
		return -1;
	if (layout_parse(&w->layout, as, why, sizeof(why)) < 0)
		return args_usage(w->cmd, "--as: %s", why);
	if (w->layout.size > VIEW_MOST)
		return args_usage(w->cmd,
		    "--as: it takes %" PRIu64 " bytes, and %d MiB are watched "
		    "at most",
		    w->layout.size, (int)(VIEW_MOST >> 20));
	return -1;
}

/* A range that begins behind the end shows nothing, now at least. */
static int
check(const struct watch *w)
{
	struct shunt_segment_info info = {.sz = sizeof(info)};
	int r = shunt_segment_stat(w->name, &info, NULL, 0);

	if (r < 0)
		return w->waits && r == -ENOENT ? -1
						: fail_cold(w->cmd, w->name, r);
	if (w->at > info.size)
		return fail_say(w->cmd,
		    "%s: offset %" PRIu64 " is past its end at %" PRIu64,
		    out_safe(w->name), w->at, info.size);
	return -1;
}

/* Lines tell what they leave out; a screen can scroll there. */
static void
warn_of_rest(const struct watch *w, uint64_t asked)
{
	struct shunt_segment_info info = {.sz = sizeof(info)};
	uint64_t end;

	if (w->layout.count > 0 ||
	    shunt_segment_stat(w->name, &info, NULL, 0) < 0)
		return;
	end = info.size - w->at < asked ? info.size : w->at + asked;
	if (end > w->at + w->view.want)
		fail_say(w->cmd,
		    "%s: watching %s bytes of %s; --at and --bytes choose "
		    "others",
		    out_safe(w->name), out_size(w->view.want),
		    out_size(end - w->at));
}

static int
watch(struct watch *w, int plain, uint64_t bytes)
{
	int rc = check(w), lines = plain || w->json || w->once;

	if (rc >= 0)
		return rc;
	signals_catch_stop();
	if (!lines && screen_wanted()) {
		view_move(&w->view, 0, VIEW_MOST);
		rc = watch_screen(w);
		if (rc >= 0)
			return rc;
		fail_say(
		    w->cmd, "lines in place of a screen: %s", screen_why());
	}
	view_move(
	    &w->view, w->at, w->layout.count > 0 ? w->layout.size : bytes);
	warn_of_rest(w, bytes);
	return w->once ? watch_once(w) : watch_lines(w);
}

static int
run(const struct command *cmd, int argc, char **argv)
{
	struct watch w = {.cmd = cmd,
	    .opts = {.sz = sizeof(w.opts)},
	    .interval_ns = NS_PER_S / 10};
	uint64_t bytes = UINT64_MAX;
	const char *as = NULL;
	int plain = 0;
	const struct arg table[] = {
	    {'a', "at", ARG_SIZE, &w.at, NULL},
	    {'b', "bytes", ARG_SIZE, &bytes, NULL},
	    {0, "as", ARG_TEXT, &as, NULL},
	    {'i', "interval", ARG_SECONDS, &w.interval_ns, NULL},
	    {'n', "count", ARG_COUNT, &w.most, NULL},
	    {'t', "timeout", ARG_SECONDS, &w.timeout_ns, NULL},
	    {'1', "once", ARG_FLAG, &w.once, NULL},
	    {'p', "plain", ARG_FLAG, &plain, NULL},
	    {'w', "wait", ARG_FLAG, &w.waits, NULL},
	    {0, "json", ARG_FLAG, &w.json, NULL},
	    {0, "owner", ARG_TEXT, &w.opts.owner, NULL},
	    {0},
	};
	const struct operands ops = {1, 1, "NAME"};
	int rc = args_read(cmd, table, &ops, &argc, &argv);

	if (rc >= 0)
		return rc;
	if (w.interval_ns < NS_PER_S / 1000)
		w.interval_ns = NS_PER_S / 1000;
	w.name = argv[0];
	/* A count or a limit of time is for a script: it wants lines. */
	plain |= w.most > 0 || w.timeout_ns != 0;
	rc = layout(&w, as);
	if (rc < 0)
		rc = watch(&w, plain, bytes);
	layout_free(&w.layout);
	view_free(&w.view);
	look_users_free(&w.users);
	return rc;
}

/* clang-format off */
static const char help[] =
"Shows the bytes of a segment of any kind, or the fields of a layout, and\n"
"lights up what changes: a screen on a terminal, else a line for each change.\n"
"It reads and never maps or alters; for System V, which has no other way, it\n"
"attaches for the time of a copy.  The last state before each look counts:\n"
"what changes and changes back in between is not seen.\n"
"\n"
"      --as=LAYOUT   fields, as in C: i8 u8 i16 u16 i32 u32 i64 u64 f32 f64\n"
"                    char[N] hex[N], arrays of them, be_ before a type for\n"
"                    big-endian; aligned as C does, or first `packed;`; `_` is\n"
"                    a field that is not shown\n"
"  -a, --at=OFF      the layout, or what is watched, begins at this byte (0)\n"
"  -b, --bytes=LEN   so many bytes of it, for lines; at most 16M\n"
"  -i, --interval=S  look every S seconds (0.1)\n"
"  -1, --once        print the present values and end\n"
"  -p, --plain       lines on a terminal too\n"
"  -n, --count=N     end after N changes; lines\n"
"  -t, --timeout=S   end after so long with exit code 3; lines\n"
"  -w, --wait        for a segment that is not there, or no more: wait for it\n"
"      --json        a JSON object a line; with --once one with all fields\n"
"      --owner=USER  refuse the segment unless this user owns it\n"
"\n"
"Keys on the screen: arrows, PgUp, PgDn, Home, End scroll; g goes to an\n"
"offset, n to the next change, / to a text or 0x bytes; space pauses; ? tells\n"
"all; q ends.\n"
"\n"
"Examples:\n"
"  shunt watch /table\n"
"  shunt watch /state --as 'i32 count; i32 done; char buf[1024]'\n"
"  shunt watch /state --as 'i32 count' --once\n"
"  shunt watch /state --as 'i32 count; i32 done' -n 1 --timeout=5\n"
"  shunt watch sysv:0x1234 --plain --interval=1\n";
/* clang-format on */

const struct command command_watch = {
    .name = "watch",
    .summary = "show bytes or fields of a segment while they change",
    .synopsis = "NAME [--as=LAYOUT] [--once] [-n N]",
    .run = run,
    .help = help,
};
