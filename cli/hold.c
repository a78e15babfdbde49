/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/shm.h>
#include <time.h>
#include <unistd.h>

#include <shunt.h>

#include "args.h"
#include "fail.h"
#include "huge.h"
#include "look.h"
#include "out.h"
#include "signals.h"

/* shunt hold: attaches, and stays until told to go. */

#define NS_PER_S INT64_C(1000000000)

struct hold {
	const struct command *cmd;
	const char *name;
	int readonly, exec, replace, round, memlock, huge, json;
	uint64_t address, from, bytes;
	int64_t limit_ns; /* WAIT_FOREVER, SHUNT_NOWAIT or nanoseconds */
	const char *owner;
};

static void
options(struct shunt_segment_options *o, const struct hold *h)
{
	*o = (struct shunt_segment_options){.sz = sizeof(*o),
	    .owner = h->owner,
	    .address = (void *)(uintptr_t)h->address,
	    .offset = h->from,
	    .length = (size_t)h->bytes};
	o->flags |= h->readonly ? SHUNT_SEGMENT_READONLY : 0;
	o->flags |= h->replace ? SHUNT_SEGMENT_REPLACE : 0;
	o->flags |= h->round ? SHUNT_SEGMENT_ROUND : 0;
	o->flags |= h->memlock ? SHUNT_SEGMENT_LOCKED : 0;
	o->flags |= h->huge ? SHUNT_SEGMENT_HUGE : 0;
	if (h->exec) {
		o->prot = SHUNT_PROT_READ | SHUNT_PROT_EXEC;
		o->prot |= h->readonly ? 0 : SHUNT_PROT_WRITE;
	}
}

/* The line that a script waits for, so it must not stay in a buffer. */
static int
tell(const struct hold *h, const struct shunt_segment *seg)
{
	uintptr_t at = (uintptr_t)shunt_segment_data(seg);
	size_t size = shunt_segment_size(seg);
	char address[24];
	json_t *o;

	snprintf(address, sizeof(address), "0x%" PRIxPTR, at);
	if (!h->json) {
		printf("%s: attached at %s, %zu bytes%s%s\n", out_safe(h->name),
		    address, size, h->readonly ? ", read-only" : "",
		    h->memlock ? ", locked in memory" : "");
	} else {
		o = json_pack("{s:o, s:s, s:o, s:b}", "name",
		    out_json_text(h->name), "address", address, "size",
		    out_json_int(size), "readonly", h->readonly);
		if (o == NULL || out_json(o, 0) < 0)
			return -ENOMEM;
	}
	return fflush(stdout) != 0 ? -errno : 0;
}

static int64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

/*
 * Sleeps until a signal asks to stop, or the time is over.  @open is what was
 * blocked before: the signals come in nowhere but inside of the wait, so that
 * none is missed between looking at the flag and sleeping.
 */
static void
stay(int64_t limit_ns, const sigset_t *open)
{
	int64_t end = now_ns(), left = 0;
	struct timespec ts;

	if (limit_ns == SHUNT_NOWAIT)
		return;
	end = limit_ns == WAIT_FOREVER ? INT64_MAX : end + limit_ns;
	while (!signals_stopped()) {
		if (limit_ns != WAIT_FOREVER) {
			left = end - now_ns();
			if (left <= 0)
				return;
			ts.tv_sec = left / NS_PER_S;
			ts.tv_nsec = left % NS_PER_S;
		}
		ppoll(NULL, 0, limit_ns == WAIT_FOREVER ? NULL : &ts, open);
	}
}

static int
hold(const struct hold *h)
{
	struct shunt_segment_options opts;
	struct shunt_segment *seg;
	sigset_t stops, open;
	int r;

	sigemptyset(&stops);
	sigaddset(&stops, SIGINT);
	sigaddset(&stops, SIGTERM);
	sigaddset(&stops, SIGHUP);
	options(&opts, h);
	r = shunt_segment_open(&seg, h->name, &opts);
	if (r < 0)
		return fail_cold(h->cmd, h->name, r);
	sigprocmask(SIG_BLOCK, &stops, &open);
	signals_catch_stop();
	signals_object(h->name);
	if (h->huge)
		huge_note(h->cmd, h->name, seg, 0);
	r = tell(h, seg);
	if (r == 0)
		stay(h->limit_ns, &open);
	shunt_segment_close(&seg);
	return r < 0 ? fail_output(h->cmd, r) : CLI_DONE;
}

/* What is below is rounded to 0. */
static uint64_t
lowest(const char *name)
{
	return look_sysv(name) ? (uint64_t)SHMLBA
			       : (uint64_t)sysconf(_SC_PAGESIZE);
}

static int
run(const struct command *cmd, int argc, char **argv)
{
	struct hold h = {.cmd = cmd, .limit_ns = WAIT_FOREVER};
	const struct arg table[] = {
	    {'r', "readonly", ARG_FLAG, &h.readonly, NULL},
	    {'x', "exec", ARG_FLAG, &h.exec, NULL},
	    {'a', "at", ARG_ADDRESS, &h.address, NULL},
	    {0, "round", ARG_FLAG, &h.round, NULL},
	    {0, "replace", ARG_FLAG, &h.replace, NULL},
	    {0, "from", ARG_SIZE, &h.from, NULL},
	    {'n', "bytes", ARG_SIZE, &h.bytes, NULL},
	    {0, "memlock", ARG_FLAG, &h.memlock, NULL},
	    {0, "huge", ARG_FLAG, &h.huge, NULL},
	    {'t', "timeout", ARG_SECONDS, &h.limit_ns, NULL},
	    {0, "owner", ARG_TEXT, &h.owner, NULL},
	    {0, "json", ARG_FLAG, &h.json, NULL},
	    {0},
	};
	const struct operands ops = {1, 1, "NAME"};
	int rc = args_read(cmd, table, &ops, &argc, &argv);

	if (rc >= 0)
		return rc;
	if (h.address == 0 && (h.round || h.replace))
		return args_usage(cmd, "--%s goes with --at=ADDR",
		    h.round ? "round" : "replace");
	h.name = argv[0];
	if (h.round && h.address < lowest(h.name))
		return fail_say(cmd,
		    "%s: --at=0x%" PRIx64 " is rounded to 0, which is no "
		    "address; the lowest is 0x%" PRIx64,
		    out_safe(h.name), h.address, lowest(h.name));
	return hold(&h);
}

/* clang-format off */
static const char help[] =
"Attaches a raw segment, prints one line with the address and the size, and\n"
"stays until SIGINT, SIGTERM or SIGHUP.  It touches none of the bytes.  While\n"
"it holds a segment that is removed, the memory stays: ls and stat show it as\n"
"live, System V as dest.\n"
"\n"
"  -r, --readonly    attach for reading only\n"
"  -x, --exec        and for executing\n"
"  -a, --at=ADDR     at this address, as 0x700000000000\n"
"      --round       ADDR may be any: rounded down to a page or SHMLBA\n"
"      --replace     over what is mapped at ADDR (SHM_REMAP, MAP_FIXED): what\n"
"                    was there is gone; without it that is refused\n"
"      --from=OFF    a window that begins at this byte\n"
"  -n, --bytes=LEN   and has so many bytes\n"
"      --memlock     keep these pages in memory while held (System V: for all\n"
"                    and for good, as `shunt pin`)\n"
"      --huge        map in huge pages where they can be had\n"
"  -t, --timeout=S   let go by itself after S seconds; that is exit 0 too\n"
"      --owner=USER  refuse the segment unless this user owns it\n"
"      --json        the line as an object: name, address, size, readonly\n"
"\n"
"Examples:\n"
"  shunt hold /table --readonly --timeout=0.2\n"
"  shunt create sysv:0x4c01 4K\n"
"  shunt hold sysv:0x4c01 --at=0x700000000123 --round --timeout=0.2\n";
/* clang-format on */

const struct command command_hold = {
    .name = "hold",
    .summary = "attach a raw segment and stay",
    .synopsis = "NAME [--readonly] [--at=ADDR] [OPTION...]",
    .run = run,
    .help = help,
};
