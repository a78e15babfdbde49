/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

#include <shunt.h>

#include "args.h"
#include "fail.h"
#include "out.h"

/* shunt limits: how much there may be, how much there is, what to turn. */

#define SHM "/dev/shm"

/* Above this a limit is none: the kernel's defaults are near 2^64. */
#define NO_LIMIT (UINT64_MAX / 4)

struct limits {
	int sysv; /* 0, or why the system does not tell */
	struct shunt_sysv_limits most;
	struct shunt_sysv_usage now;
	int shm; /* likewise, of /dev/shm */
	struct statvfs fs;
	struct rlimit memlock;
	uint64_t huge_total, huge_free, huge_size; /* pages, pages, bytes */
};

/* The number behind "KEY:" in /proc/meminfo, 0 if there is none. */
static void
read_huge(struct limits *l)
{
	FILE *f = fopen("/proc/meminfo", "re");
	char line[128];
	uint64_t v;

	if (f == NULL)
		return;
	while (fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "HugePages_Total: %" SCNu64, &v) == 1)
			l->huge_total = v;
		else if (sscanf(line, "HugePages_Free: %" SCNu64, &v) == 1)
			l->huge_free = v;
		else if (sscanf(line, "Hugepagesize: %" SCNu64 " kB", &v) == 1)
			l->huge_size = v * 1024;
	}
	fclose(f);
}

static void
collect(struct limits *l)
{
	*l = (struct limits){
	    .most = {.sz = sizeof(l->most)}, .now = {.sz = sizeof(l->now)}};
	l->sysv = shunt_sysv_limits(&l->most);
	if (l->sysv == 0)
		l->sysv = shunt_sysv_usage(&l->now);
	l->shm = statvfs(SHM, &l->fs) == 0 ? 0 : -errno;
	getrlimit(RLIMIT_MEMLOCK, &l->memlock);
	read_huge(l);
}

static void row(const char *name, const char *value, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void
row(const char *name, const char *value, const char *fmt, ...)
{
	va_list ap;

	printf("  %-11s ", name);
	out_cell(value, -8);
	printf("  %s", out_colour(OUT_DIM));
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("%s\n", out_colour(OUT_RESET));
}

static void
title(const char *text)
{
	printf("%s%s%s\n", out_colour(OUT_BOLD), text, out_colour(OUT_RESET));
}

static const char *
number(uint64_t v)
{
	static char ring[4][24];
	static unsigned turn;
	char *to = ring[turn++ % 4];

	if (v > NO_LIMIT)
		return "no limit";
	snprintf(to, sizeof(ring[0]), "%" PRIu64, v);
	return to;
}

static const char *
bytes(uint64_t v)
{
	return v > NO_LIMIT ? "no limit" : out_size(v);
}

static void
print_sysv(const struct limits *l)
{
	const struct shunt_sysv_limits *m = &l->most;

	title("System V, this IPC namespace");
	if (l->sysv < 0) {
		printf("  %s\n", shunt_error_text(l->sysv));
		return;
	}
	row("SHMMAX", bytes(m->shmmax), "bytes of one segment (kernel.shmmax)");
	row("SHMMIN", number(m->shmmin), "bytes of one segment, at least");
	row("SHMMNI", number(m->shmmni), "segments in all (kernel.shmmni)");
	row("SHMALL", number(m->shmall),
	    "pages of %" PRIu64 " bytes in all (kernel.shmall)", m->page);
	row("SHMSEG", number(m->shmseg),
	    "segments of one process; Linux does not enforce it");
	row("segments", number(l->now.segments), "exist now");
	row("pages", number(l->now.pages), "they were made with, %s",
	    out_size(l->now.pages * m->page));
	row("resident", number(l->now.resident), "of these are in memory");
	row("swapped", number(l->now.swapped), "of these are in swap");
}

static void
print_shm(const struct limits *l)
{
	const struct statvfs *fs = &l->fs;

	title("POSIX, the file system " SHM);
	if (l->shm < 0) {
		printf("  %s\n", strerror(-l->shm));
		return;
	}
	/* A tmpfs that was mounted without a limit says 0. */
	row("size",
	    fs->f_blocks > 0 ? bytes(fs->f_blocks * fs->f_frsize) : "no limit",
	    "mount -o remount,size=...; docker --shm-size");
	if (fs->f_blocks > 0) {
		row("used",
		    out_size((fs->f_blocks - fs->f_bfree) * fs->f_frsize),
		    "see `shunt ls`");
		row("free", out_size(fs->f_bavail * fs->f_frsize),
		    "for new segments and growing ones");
	}
	if (fs->f_files > 0)
		row("names", number(fs->f_ffree), "more, of %" PRIu64,
		    (uint64_t)fs->f_files);
}

static uint64_t
rlimit(rlim_t v)
{
	return v == RLIM_INFINITY ? UINT64_MAX : (uint64_t)v;
}

static void
print(const struct limits *l)
{
	print_sysv(l);
	putchar('\n');
	print_shm(l);
	putchar('\n');
	title("Memory, this process");
	row("memlock", bytes(rlimit(l->memlock.rlim_cur)),
	    "kept out of swap by one user (ulimit -l; at most %s)",
	    bytes(rlimit(l->memlock.rlim_max)));
	row("huge pages", number(l->huge_total),
	    "of %s reserved, %" PRIu64 " free (vm.nr_hugepages)",
	    out_size(l->huge_size), l->huge_free);
}

/* No limit is null: a number would be one that no program knows. */
static json_t *
limit_json(uint64_t v)
{
	return v > NO_LIMIT ? json_null() : out_json_int(v);
}

static json_t *
sysv_json(const struct limits *l)
{
	json_t *o = json_object();

	if (l->sysv < 0)
		return json_decref(o), json_null();
	json_object_set_new(o, "shmmax", limit_json(l->most.shmmax));
	json_object_set_new(o, "shmmin", out_json_int(l->most.shmmin));
	json_object_set_new(o, "shmmni", out_json_int(l->most.shmmni));
	json_object_set_new(o, "shmseg", out_json_int(l->most.shmseg));
	json_object_set_new(o, "shmall", limit_json(l->most.shmall));
	json_object_set_new(o, "page", out_json_int(l->most.page));
	json_object_set_new(o, "segments", out_json_int(l->now.segments));
	json_object_set_new(o, "pages", out_json_int(l->now.pages));
	json_object_set_new(o, "resident", out_json_int(l->now.resident));
	json_object_set_new(o, "swapped", out_json_int(l->now.swapped));
	json_object_set_new(o, "highest_index", json_integer(l->now.highest));
	return o;
}

static json_t *
shm_json(const struct limits *l)
{
	const struct statvfs *fs = &l->fs;

	if (l->shm < 0)
		return json_null();
	return json_pack("{s:s, s:o, s:o, s:o, s:o}", "path", SHM, "size",
	    fs->f_blocks > 0 ? out_json_int(fs->f_blocks * fs->f_frsize)
			     : json_null(),
	    "free",
	    fs->f_blocks > 0 ? out_json_int(fs->f_bavail * fs->f_frsize)
			     : json_null(),
	    "names", out_json_int(fs->f_files), "names_free",
	    out_json_int(fs->f_ffree));
}

static int
print_json(const struct limits *l)
{
	json_t *o = json_pack("{s:o, s:o, s:o, s:o}", "sysv", sysv_json(l),
	    "posix", shm_json(l), "memlock",
	    json_pack("{s:o, s:o}", "soft",
		limit_json(rlimit(l->memlock.rlim_cur)), "hard",
		limit_json(rlimit(l->memlock.rlim_max))),
	    "huge_pages",
	    json_pack("{s:o, s:o, s:o}", "size", out_json_int(l->huge_size),
		"reserved", out_json_int(l->huge_total), "free",
		out_json_int(l->huge_free)));

	return o == NULL || out_json(o, 1) < 0 ? CLI_FAILED : CLI_DONE;
}

static int
run(const struct command *cmd, int argc, char **argv)
{
	struct limits l;
	int json = 0;
	const struct arg table[] = {
	    {0, "json", ARG_FLAG, &json, NULL},
	    {0},
	};
	const struct operands ops = {0, 0, "no NAME"};
	int rc = args_read(cmd, table, &ops, &argc, &argv);

	if (rc >= 0)
		return rc;
	collect(&l);
	if (json)
		return print_json(&l);
	print(&l);
	return CLI_DONE;
}

/* clang-format off */
static const char help[] =
"Tells what the machine allows of shared memory and what it has: System V's\n"
"limits and its usage, the room in /dev/shm, what may be locked in memory, and\n"
"the huge pages that are reserved.  In brackets stands what to turn: a name\n"
"with dots is for sysctl(8), as root.\n"
"\n"
"A segment that cannot be made meets one of these: SHMMAX (too large), SHMMNI\n"
"(too many), SHMALL (all of them too large) or the free room in /dev/shm.\n"
"\n"
"      --json        an object, sizes exact; without limit is null\n"
"\n"
"Examples:\n"
"  shunt limits\n"
"  shunt limits --json | jq .posix.free\n";
/* clang-format on */

const struct command command_limits = {
    .name = "limits",
    .summary = "what the machine allows, and what it has",
    .synopsis = "[--json]",
    .run = run,
    .help = help,
};
