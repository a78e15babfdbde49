/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>

#include <shunt.h>

#include "args.h"
#include "fail.h"
#include "look.h"
#include "out.h"

/* shunt create: a raw segment, or an object that stays until removed. */

struct create {
	const struct command *cmd;
	const char *name;
	uint64_t size;
	uint32_t mode, kind;
	int excl, truncate;
	const char *group, *owner;
};

static int
create_raw(const struct create *c)
{
	struct shunt_segment_options opts = {.sz = sizeof(opts),
	    .mode = c->mode,
	    .group = c->group,
	    .owner = c->owner};
	struct shunt_segment *seg;
	int r;

	if (c->excl)
		opts.flags |= SHUNT_SEGMENT_EXCLUSIVE;
	if (c->truncate)
		opts.flags |= SHUNT_SEGMENT_TRUNCATE;
	r = shunt_segment_create(&seg, c->name, c->size, &opts);
	if (r < 0)
		return fail_cold(c->cmd, c->name, r);
	shunt_segment_close(&seg);
	return CLI_DONE;
}

/*
 * Opens the object, making it if it is missing, and lets go of it: 1 made, 0
 * it was there, or a code.  One that was there is told in *@info, as it was
 * while we had it attached.
 */
static int
open_object(const struct create *c, int excl, struct shunt_segment_info *info)
{
	struct shunt_queue_options qo = {.sz = sizeof(qo),
	    .mode = c->mode,
	    .group = c->group,
	    .owner = c->owner,
	    .lane_bytes = c->size,
	    .flags = SHUNT_QUEUE_PERSISTENT};
	struct shunt_log_options lo = {.sz = sizeof(lo),
	    .mode = c->mode,
	    .group = c->group,
	    .owner = c->owner,
	    .lane_bytes = c->size,
	    .flags = SHUNT_LOG_PERSISTENT};
	struct shunt_queue *queue = NULL;
	struct shunt_log *log = NULL;
	int r, e;

	if (excl) {
		qo.flags |= SHUNT_QUEUE_EXCLUSIVE;
		lo.flags |= SHUNT_LOG_EXCLUSIVE;
	}
	r = c->kind == SHUNT_KIND_QUEUE ? shunt_queue_open(&queue, c->name, &qo)
					: shunt_log_open(&log, c->name, &lo);
	if (r == 0) {
		*info = (struct shunt_segment_info){.sz = sizeof(*info)};
		e = shunt_segment_stat(c->name, info, NULL, 0);
		if (e < 0)
			r = e;
	}
	shunt_queue_close(&queue);
	shunt_log_close(&log);
	return r;
}

static int
create_object(const struct create *c)
{
	struct shunt_segment_info info;
	const char *kind = look_kind(c->kind);
	int r = open_object(c, c->excl, &info);

	/* An ephemeral one that nobody needed went as we let go of it. */
	if (r == 0 && !info.persistent) {
		r = open_object(c, 1, &info);
		if (r == -EEXIST)
			return fail_say(c->cmd,
			    "%s: an ephemeral %s of that name is in use, it "
			    "goes when it is done with; end its users, or "
			    "remove it with `shunt rm --force`",
			    out_safe(c->name), kind);
	}
	if (r < 0)
		return fail_cold(c->cmd, c->name, r);
	if (r == 0 && info.lane_bytes != c->size)
		return fail_say(c->cmd,
		    "%s: this %s exists with lanes of %" PRIu64
		    " bytes, not %" PRIu64 "; remove it with `shunt rm` first",
		    out_safe(c->name), kind, info.lane_bytes, c->size);
	return CLI_DONE;
}

static int
run(const struct command *cmd, int argc, char **argv)
{
	struct create c = {.cmd = cmd};
	const struct arg table[] = {
	    {'m', "mode", ARG_MODE, &c.mode, NULL},
	    {'g', "group", ARG_TEXT, &c.group, NULL},
	    {'x', "excl", ARG_FLAG, &c.excl, NULL},
	    {0, "truncate", ARG_FLAG, &c.truncate, NULL},
	    {'k', "kind", ARG_CHOICE, &c.kind, "raw queue log"},
	    {0, "owner", ARG_TEXT, &c.owner, NULL},
	    {0},
	};
	const struct operands ops = {2, 2, "NAME and SIZE"};
	int rc = args_read(cmd, table, &ops, &argc, &argv);

	if (rc >= 0)
		return rc;
	c.name = argv[0];
	if (args_bytes(argv[1], &c.size) < 0)
		return args_usage(cmd,
		    "\"%s\" is no SIZE; write a number of bytes such as "
		    "4096, 64K, 1M or 0x1000",
		    out_safe(argv[1]));
	if (c.size == 0)
		return fail_say(cmd,
		    "%s: a size of 0 holds nothing; give at least 1 byte",
		    out_safe(c.name));
	if (c.kind == SHUNT_KIND_RAW)
		return create_raw(&c);
	if (c.truncate)
		return args_usage(cmd,
		    "--truncate is for raw segments; remove an object with "
		    "`shunt rm`");
	return create_object(&c);
}

/* clang-format off */
static const char help[] =
"Makes a raw segment of SIZE bytes, zeroed and with all its memory reserved.\n"
"It stays until removed.  If it exists with that size it is left untouched;\n"
"with another size that is an error.\n"
"\n"
"NAME is /name (or name), seen as /dev/shm/name, or file:PATH.\n"
"SIZE is bytes, or with K, M, G, T for powers of 1024, or hex as 0x1000.\n"
"\n"
"  -m, --mode=MODE   permission bits in octal, exactly these (0600)\n"
"  -g, --group=GROUP the group that owns it\n"
"  -x, --excl        fail if the name exists\n"
"      --truncate    cut what exists to SIZE and zero it (raw only)\n"
"  -k, --kind=KIND   raw (the default), queue or log: a queue or log that\n"
"                    stays until removed; SIZE is then that of each lane, a\n"
"                    power of two from 4K to 1G\n"
"      --owner=USER  accept an existing segment of this user\n"
"\n"
"Examples:\n"
"  shunt create /table 1M --mode=0640\n"
"  shunt create /jobs 128K --kind=queue\n"
"  shunt create file:/tmp/state 4096\n";
/* clang-format on */

const struct command command_create = {
    .name = "create",
    .summary = "make a raw segment, a queue or a log",
    .synopsis = "NAME SIZE [OPTION...]",
    .run = run,
    .help = help,
};
