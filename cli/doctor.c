/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shunt.h>

#include "args.h"
#include "doctor.h"
#include "fail.h"
#include "out.h"

/* shunt doctor: the trouble, before it bites. */

#define COLUMNS 80
#define INDENT  23
#define OUT_RED "31"

static const struct group {
	const char *title;
	const struct doctor_check *checks;
} groups[] = {
    {DOCTOR_SHM, doctor_shm},
    {"Log-in", doctor_login},
    {"System V and message queues", doctor_ipc},
    {"Memory", doctor_memory},
    {"Kernel", doctor_kernel},
    {"Left behind", doctor_left},
    {"Peer", doctor_peer},
};
#define GROUPS (sizeof(groups) / sizeof(groups[0]))

static const char *const words[DOCTOR_VERDICTS] = {
    "ok", "warning", "trouble", "unknown"};

void
doctor_say(struct doctor *d, enum doctor_verdict verdict, const char *fmt, ...)
{
	char text[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	d->count[verdict]++;
	json_array_append_new(
	    d->list, json_pack("{s:s, s:s, s:s, s:o, s:n}", "group", d->group,
			 "check", d->check, "verdict", words[verdict], "text",
			 out_json_text(text), "fix"));
}

void
doctor_fix(struct doctor *d, const char *fmt, ...)
{
	size_t n = json_array_size(d->list);
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n > 0)
		json_object_set_new(
		    json_array_get(d->list, n - 1), "fix", out_json_text(text));
}

static void
examine(struct doctor *d)
{
	for (size_t g = 0; g < GROUPS; g++) {
		const struct doctor_check *c = groups[g].checks;

		if (c == doctor_peer && d->peer == 0)
			continue;
		d->group = groups[g].title;
		for (; c->name != NULL; c++) {
			d->check = c->name;
			c->run(d);
		}
	}
}

static void
put_text(const char *text)
{
	char *copy = strdup(text), *rest = copy, *word;
	int at = INDENT;

	if (copy == NULL)
		return;
	while ((word = strsep(&rest, " ")) != NULL) {
		int wide = out_width(word);

		if (*word == 0)
			continue;
		if (at > INDENT && at + 1 + wide > COLUMNS) {
			printf("\n%*s", INDENT, "");
			at = INDENT;
		}
		if (at > INDENT) {
			putchar(' ');
			at++;
		}
		fputs(word, stdout);
		at += wide;
	}
	free(copy);
	putchar('\n');
}

static const char *
field(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static void
print_one(const json_t *o)
{
	static const char *const colours[] = {
	    OUT_GREEN, OUT_YELLOW, OUT_RED, OUT_DIM};
	const char *verdict = field(o, "verdict"), *fix = field(o, "fix");
	int v = args_word(verdict, words, DOCTOR_VERDICTS);

	printf("  %s%-7s%s  ", out_colour(colours[v < 0 ? 0 : v]), verdict,
	    out_colour(OUT_RESET));
	out_cell(field(o, "check"), 12);
	put_text(field(o, "text"));
	if (fix != NULL)
		printf("%*s%s%s%s\n", 11, "", out_colour(OUT_BOLD), fix,
		    out_colour(OUT_RESET));
}

static void
print(const struct doctor *d)
{
	const char *group = "";
	const json_t *o;
	size_t i;

	json_array_foreach(d->list, i, o)
	{
		if (strcmp(group, field(o, "group")) != 0) {
			printf("%s%s%s%s\n", *group != 0 ? "\n" : "",
			    out_colour(OUT_BOLD), field(o, "group"),
			    out_colour(OUT_RESET));
			group = field(o, "group");
		}
		print_one(o);
	}
	printf("\n%u ok, %u warning%s, %u trouble%s, %u unknown\n",
	    d->count[DOCTOR_OK], d->count[DOCTOR_WARNING],
	    d->count[DOCTOR_WARNING] == 1 ? "" : "s", d->count[DOCTOR_TROUBLE],
	    d->count[DOCTOR_TROUBLE] == 1 ? "" : "s", d->count[DOCTOR_UNKNOWN]);
}

static int
print_json(const struct doctor *d)
{
	return out_json(
	    json_pack("{s:o, s:o, s:o, s:o, s:O}", "ok",
		out_json_int(d->count[DOCTOR_OK]), "warnings",
		out_json_int(d->count[DOCTOR_WARNING]), "troubles",
		out_json_int(d->count[DOCTOR_TROUBLE]), "unknown",
		out_json_int(d->count[DOCTOR_UNKNOWN]), "checks", d->list),
	    1);
}

/* CLI_DONE, or the exit code after telling why it is no process. */
static int
read_peer(const struct command *cmd, const char *text, long long *pid)
{
	char path[64], *end;

	if (text == NULL)
		return CLI_DONE;
	*pid = strtoll(text, &end, 10);
	if (end == text || *end != 0 || *pid <= 0)
		return args_usage(cmd,
		    "--peer wants the number of a process, not \"%s\"",
		    out_safe(text));
	snprintf(path, sizeof(path), "/proc/%lld", *pid);
	if (access(path, F_OK) != 0)
		return fail_say(cmd,
		    "there is no process %lld that can be seen here", *pid);
	return CLI_DONE;
}

static int
run(const struct command *cmd, int argc, char **argv)
{
	struct doctor d = {0};
	const char *peer = NULL;
	int json = 0;
	const struct arg table[] = {
	    {0, "peer", ARG_TEXT, &peer, NULL},
	    {0, "json", ARG_FLAG, &json, NULL},
	    {0},
	};
	const struct operands ops = {0, 0,
	    "no NAME; `shunt why NAME` takes "
	    "one"};
	int rc = args_read(cmd, table, &ops, &argc, &argv);

	if (rc < 0)
		rc = read_peer(cmd, peer, &d.peer);
	else
		return rc;
	if (rc != CLI_DONE)
		return rc;
	d.list = json_array();
	examine(&d);
	if (!json)
		print(&d);
	else if (print_json(&d) < 0)
		d.count[DOCTOR_TROUBLE]++;
	json_decref(d.list);
	return d.count[DOCTOR_TROUBLE] > 0 ? CLI_FAILED : CLI_DONE;
}

/* clang-format off */
static const char help[] =
"Looks for what makes shared memory fail later and far from its cause: a small\n"
"or full /dev/shm (SIGBUS), systemd's RemoveIPC (names that vanish at log-out),\n"
"limits of System V and of message queues, memory that no name explains,\n"
"leftovers, and a kernel or container that forbids what is needed.  Each check\n"
"is a sentence; where there is something to do, a line to paste follows it.\n"
"Nothing is changed: what has to be tried is tried on a file without a name.\n"
"\n"
"      --peer=PID    also: can this process and I share memory, and if not, why\n"
"      --json        one object with an array \"checks\"\n"
"\n"
"It exits with 1 if anything is in trouble, with 0 if there are warnings alone.\n"
"Unknown is what this user may not look at; root sees more.\n"
"\n"
"Examples:\n"
"  shunt doctor\n"
"  shunt doctor --peer=4711\n"
"  shunt doctor --json | jq -r '.checks[] | select(.fix) | .fix'\n";
/* clang-format on */

const struct command command_doctor = {
    .name = "doctor",
    .summary = "find the trouble before it bites, with its fix",
    .synopsis = "[--peer=PID] [--json]",
    .run = run,
    .help = help,
};
