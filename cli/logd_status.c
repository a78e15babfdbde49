/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>

#include <shunt.h>

#include "fail.h"
#include "logd.h"
#include "look.h"
#include "out.h"

static void
count(const char *name, uint64_t n, const char *means)
{
	printf("  %s%-9s%s %" PRIu64 "%s%s\n", out_colour(OUT_DIM), name,
	    out_colour(OUT_RESET), n, *means != 0 ? "  " : "", means);
}

static void
print(const char *name, const struct shunt_logd_stat *s)
{
	printf("%s%s%s: ", out_colour(OUT_BOLD), out_safe(name),
	    out_colour(OUT_RESET));
	if (s->server_pid != 0)
		printf("served by %s for %s, to %s\n", look_receiver(name),
		    out_span(s->server_age_ns), out_safe(s->file));
	else if (s->file[0] != 0)
		printf(
		    "no server; the last one wrote to %s\n", out_safe(s->file));
	else
		printf("no server\n");
	if (s->disk_full)
		printf("  the disk is full: the server waits for room\n");
	count("lines", s->lines, "");
	count("bytes", s->bytes, "");
	count("batches", s->batches, "");
	count("syncs", s->syncs, "");
	count("clients", s->clients, "threads that log now");
	count("waiting", s->waiting, "bytes of records not yet written");
	count("late", s->late, "lines that a stopped client made late");
	count("skewed", s->skewed, "records whose time was impossible");
	count("dropped", s->dropped, "messages that clients gave up on");
	count("repeated", s->repeated,
	    "batches written again after a "
	    "server's death");
}

static int
print_json(const char *name, const struct shunt_logd_stat *s)
{
	json_t *o = json_pack(
	    "{s:o, s:I, s:I, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
	    "s:o, s:o, s:o}",
	    "name", out_json_text(name), "server_pid",
	    (json_int_t)s->server_pid, "server_age_ns",
	    (json_int_t)s->server_age_ns, "file", out_json_text(s->file),
	    "disk_full", (int)s->disk_full, "clients", out_json_int(s->clients),
	    "lines", out_json_int(s->lines), "bytes", out_json_int(s->bytes),
	    "batches", out_json_int(s->batches), "syncs",
	    out_json_int(s->syncs), "waiting", out_json_int(s->waiting), "late",
	    out_json_int(s->late), "skewed", out_json_int(s->skewed), "dropped",
	    out_json_int(s->dropped), "repeated", out_json_int(s->repeated));

	return o == NULL || out_json(o, 1) < 0 ? CLI_FAILED : CLI_DONE;
}

int
logd_status(
    const struct command *cmd, const char *name, const char *owner, int json)
{
	struct shunt_logd_stat stat = {.sz = sizeof(stat)};
	int r = shunt_logd_status(name, owner, &stat);

	if (r < 0)
		return fail_cold(cmd, name, r);
	if (json)
		return print_json(name, &stat);
	print(name, &stat);
	return CLI_DONE;
}
