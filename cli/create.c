/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <shunt.h>

#include "args.h"
#include "create.h"
#include "fail.h"
#include "huge.h"
#include "look.h"
#include "out.h"

/* shunt create: a raw segment, or an object that stays until removed. */

#define MOST_PERMITS 65536 /* of a semaphore, see <shunt/semaphore.h> */
#define WORDS        "raw queue log lock semaphore event topic stream service"

/* A System V segment as it stands, and the name that always finds it. */
struct made {
	char name[40];
	struct shunt_sysv_info info;
};

static uint64_t
round_up(uint64_t bytes)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	return (bytes + page - 1) / page * page;
}

void
create_mode_note(
    const struct command *cmd, const char *name, uint32_t want, uint32_t have)
{
	have &= 07777;
	if (want != 0 && have != want)
		fail_say(cmd,
		    "%s: exists with mode %04" PRIo32 ", not %04" PRIo32
		    "; shunt chmod changes it",
		    out_safe(name), have, want);
}

int
create_fail(const struct command *cmd, const char *name, int excl, int code)
{
	if (code != -EEXIST || !excl)
		return fail_cold(cmd, name, code);
	return fail_say(cmd,
	    "%s: it exists already; without --excl it is used as it is, and "
	    "`shunt rm` removes it",
	    out_safe(name));
}

json_t *
create_mode_json(uint32_t mode)
{
	char text[8];

	snprintf(text, sizeof(text), "%04" PRIo32, mode & 07777);
	return json_string(text);
}

/* The mode that was asked for; 0: none. */
static uint32_t
wanted(const struct create *c)
{
	mode_t mask;

	if (!c->umask)
		return c->mode;
	mask = umask(0);
	umask(mask);
	return c->mode & ~mask;
}

static int
tell_json(
    const struct create *c, const struct made *sysv, int made, json_t *mode)
{
	json_t *o = json_pack("{s:o, s:s, s:b, s:o}", "name",
	    out_json_text(
		strcmp(c->name, "sysv:private") == 0 ? sysv->name : c->name),
	    "kind", "raw", "made", made, "size", out_json_int(c->size));

	if (o == NULL) {
		json_decref(mode);
		return CLI_FAILED;
	}
	json_object_set_new(o, "rounded",
	    out_json_int(
		sysv != NULL ? sysv->info.rounded : round_up(c->size)));
	if (sysv != NULL) {
		json_object_set_new(o, "id", json_integer(sysv->info.id));
		json_object_set_new(
		    o, "key", json_string(look_key(sysv->info.key)));
	}
	json_object_set_new(o, "mode", mode);
	return out_json(o, 1) < 0 ? CLI_FAILED : CLI_DONE;
}

/*
 * One without a key can be found by its identifier alone: that is what a
 * script wants on standard output, and nothing else.
 */
static void
tell_sysv(const struct create *c, const struct made *sysv)
{
	int keyless = strcmp(c->name, "sysv:private") == 0;

	if (keyless)
		puts(sysv->name);
	if (sysv->info.size != sysv->info.rounded)
		fprintf(keyless ? stderr : stdout,
		    "%s: %" PRIu64 " bytes asked for; it takes %" PRIu64
		    ", whole pages\n",
		    keyless ? sysv->name : out_safe(c->name), sysv->info.size,
		    sysv->info.rounded);
}

/* Its mode may forbid even its maker to look: then what was asked for. */
static void
look(struct made *sysv, const struct create *c, const struct shunt_segment *seg)
{
	int id = shunt_sysv_id(seg);

	*sysv = (struct made){.info = {.sz = sizeof(sysv->info)}};
	snprintf(sysv->name, sizeof(sysv->name), "sysv:id=%d", id);
	if (shunt_sysv_stat(sysv->name, &sysv->info) >= 0)
		return;
	sysv->info.id = id;
	sysv->info.size = c->size;
	sysv->info.rounded = round_up(c->size);
}

static int
tell(const struct create *c, const struct shunt_segment *seg, int made)
{
	struct shunt_segment_info info = {.sz = sizeof(info)};
	int sysv = look_sysv(c->name);
	struct made segment;
	int known;

	if (sysv)
		look(&segment, c, seg);
	known = shunt_segment_stat(
		    sysv ? segment.name : c->name, &info, NULL, 0) >= 0;
	if (!made && known)
		create_mode_note(c->cmd, c->name, wanted(c), info.mode);
	if (c->json)
		return tell_json(c, sysv ? &segment : NULL, made,
		    known ? create_mode_json(info.mode) : json_null());
	if (sysv)
		tell_sysv(c, &segment);
	return CLI_DONE;
}

static int
create_raw(const struct create *c)
{
	struct shunt_segment_options opts = {.sz = sizeof(opts),
	    .mode = c->mode,
	    .group = c->group,
	    .owner = c->owner};
	struct shunt_segment *seg;
	int r;

	opts.flags |= c->excl ? SHUNT_SEGMENT_EXCLUSIVE : 0;
	opts.flags |= c->truncate ? SHUNT_SEGMENT_TRUNCATE : 0;
	opts.flags |= c->umask ? SHUNT_SEGMENT_UMASK : 0;
	opts.flags |= c->huge ? SHUNT_SEGMENT_HUGE : 0;
	r = shunt_segment_create(&seg, c->name, c->size, &opts);
	if (r < 0)
		return create_fail(c->cmd, c->name, c->excl, r);
	if (c->huge && r == 0)
		huge_note(c->cmd, c->name, seg, 1);
	r = tell(c, seg, r == 0);
	shunt_segment_close(&seg);
	return r;
}

/* What does not go with the kind, or -1. */
static int
refuse(const struct create *c)
{
	const char *kind = look_kind(c->kind);

	if (c->kind != SHUNT_KIND_RAW && (c->truncate || c->umask || c->huge))
		return args_usage(c->cmd, "%s is for raw segments%s",
		    c->truncate ? "--truncate"
		    : c->umask  ? "--umask"
				: "--huge",
		    c->truncate ? "; remove an object with `shunt rm`" : "");
	if ((c->type != NULL || c->schema != 0) &&
	    (!look_has_lanes(c->kind) || c->kind == SHUNT_KIND_LOG))
		return args_usage(c->cmd,
		    "%s is for queues, topics, streams and services",
		    c->type != NULL ? "--type" : "--schema");
	if (c->kind != SHUNT_KIND_TOPIC && c->policy != 0)
		return args_usage(c->cmd, "--policy is for topics");
	if (c->kind != SHUNT_KIND_SEMAPHORE && c->max != 0)
		return args_usage(c->cmd, "--max is for semaphores");
	if ((c->kind == SHUNT_KIND_LOCK || c->kind == SHUNT_KIND_EVENT) &&
	    c->sized)
		return args_usage(c->cmd, "%s %s has no SIZE",
		    c->kind == SHUNT_KIND_EVENT ? "an" : "a", kind);
	if ((c->kind == SHUNT_KIND_RAW || look_has_lanes(c->kind)) && !c->sized)
		return args_usage(c->cmd, "it wants NAME and SIZE");
	if (c->kind == SHUNT_KIND_SEMAPHORE &&
	    (c->size > MOST_PERMITS || c->max > MOST_PERMITS))
		return fail_say(c->cmd,
		    "%s: a semaphore has at most %d permits", out_safe(c->name),
		    MOST_PERMITS);
	if (c->max != 0 && c->size > c->max)
		return fail_say(c->cmd,
		    "%s: %" PRIu64
		    " permits at first are more than --max=%" PRIu64,
		    out_safe(c->name), c->size, c->max);
	if (c->kind != SHUNT_KIND_SEMAPHORE && c->sized && c->size == 0)
		return fail_say(c->cmd,
		    "%s: a size of 0 holds nothing; give at least 1 byte",
		    out_safe(c->name));
	return -1;
}

static int
run(const struct command *cmd, int argc, char **argv)
{
	struct create c = {.cmd = cmd};
	const struct arg table[] = {
	    {'m', "mode", ARG_MODE, &c.mode, NULL},
	    {'u', "umask", ARG_FLAG, &c.umask, NULL},
	    {'g', "group", ARG_TEXT, &c.group, NULL},
	    {'x', "excl", ARG_FLAG, &c.excl, NULL},
	    {0, "truncate", ARG_FLAG, &c.truncate, NULL},
	    {0, "huge", ARG_FLAG, &c.huge, NULL},
	    {'k', "kind", ARG_CHOICE, &c.kind, WORDS},
	    {0, "max", ARG_COUNT, &c.max, NULL},
	    {'p', "policy", ARG_CHOICE, &c.policy, "any " TOPIC_POLICIES},
	    {0, "type", ARG_TEXT, &c.type, NULL},
	    {0, "schema", ARG_COUNT, &c.schema, NULL},
	    {0, "owner", ARG_TEXT, &c.owner, NULL},
	    {0, "json", ARG_FLAG, &c.json, NULL},
	    {0},
	};
	const struct operands ops = {1, 2, "NAME and SIZE"};
	int rc = args_read(cmd, table, &ops, &argc, &argv);

	if (rc >= 0)
		return rc;
	c.name = argv[0];
	c.sized = argc == 2;
	if (c.sized && args_bytes(argv[1], &c.size) < 0)
		return args_usage(cmd,
		    "\"%s\" is no SIZE; write a number of bytes such as "
		    "4096, 64K, 1M or 0x1000",
		    out_safe(argv[1]));
	rc = refuse(&c);
	if (rc >= 0)
		return rc;
	return c.kind == SHUNT_KIND_RAW ? create_raw(&c) : create_object(&c);
}

/* clang-format off */
static const char help[] =
"Makes a raw segment of SIZE bytes, zeroed and with all its memory reserved.\n"
"It stays until removed.  If it exists with that size it is left untouched;\n"
"with another size that is an error.\n"
"\n"
"NAME is /name (or name), seen as /dev/shm/name; file:PATH; or System V:\n"
"  sysv:0x1234        the segment with that key, as shmget(2) takes it\n"
"  sysv:ftok=PATH,N   with the key of ftok(PATH, N)\n"
"  sysv:private       a new one without a key: the name by which to find it,\n"
"                     sysv:id=N, is printed\n"
"SIZE is bytes, or with K, M, G, T for powers of 1024, or hex as 0x1000.\n"
"System V takes whole pages: what it takes is printed where that is more.\n"
"\n"
"  -m, --mode=MODE   permission bits in octal, exactly these (0600); what\n"
"                    exists keeps its own\n"
"  -u, --umask       without the bits that the umask takes, as shm_open(3)\n"
"  -g, --group=GROUP the group that owns it\n"
"  -x, --excl        fail if the name exists\n"
"      --truncate    cut what exists to SIZE and zero it (raw POSIX only)\n"
"      --huge        huge pages where they can be had, see `shunt limits`\n"
"  -k, --kind=KIND   raw (the default), or an object that stays until removed:\n"
"                    queue, topic, stream, service, log: SIZE is that of each\n"
"                    lane, a power of two from 4K to 1G; lock, event: no\n"
"                    SIZE; semaphore: SIZE is its permits (1), 0 for none\n"
"                    until somebody posts\n"
"  -p, --policy=P    topic: what becomes of slow subscribers: lossy, block,\n"
"                    drop or evict, see `shunt pub`\n"
"      --type=NAME   what its messages hold, at most 31 bytes: who opens it\n"
"                    with another name for it is refused\n"
"      --schema=N    likewise, a number such as a hash of their layout\n"
"      --max=N       semaphore: permits there may ever be (SIZE; 1024 for 0)\n"
"      --owner=USER  accept an existing segment of this user\n"
"      --json        an object: name, kind, made, size, rounded, mode\n"
"\n"
"Examples:\n"
"  shunt create /table 1M --mode=0640\n"
"  shunt create sysv:0x1234 5000\n"
"  shunt create /jobs 128K --kind=queue\n"
"  shunt create /build --kind=lock\n"
"  shunt create file:/tmp/state 4096\n";
/* clang-format on */

const struct command command_create = {
    .name = "create",
    .summary = "make a raw segment, or an object that stays",
    .synopsis = "NAME SIZE [OPTION...]",
    .run = run,
    .help = help,
};
