/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shunt.h>

#include "args.h"
#include "fail.h"
#include "out.h"
#include "why.h"

/* shunt why: one segment, in sentences. */

#define COLUMNS 80
#define INDENT  10

static const struct place {
	const char *prefix; /* of the name */
	const char *key;    /* for programs */
	int (*tell)(struct why *w);
} places[] = {
    {"sem:", "sem", why_sem},
    {"semset:", "semset", why_semset},
    {"sysv:", "sysv", why_sysv},
    {"msg:", "msg", why_msg},
    {"mq:", "mq", why_mq},
    {"memfd:", "memfd", why_memfd},
    {"unlinked:", "unlinked", why_unlinked},
    {"file:", "file", why_segment},
    {"fd:", "file", why_segment},
    {"", "posix", why_segment},
};

static const char *const titles[WHY_TITLES] = {
    "made", "used", "inside", "state", "remove", "lost", "known"};

static const char *const safe_words[] = {"unknown", "yes", "ask", "no"};

void
why_say(struct why *w, enum why_title title, const char *fmt, ...)
{
	char text[6000];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_array_append_new(w->told[title], out_json_text(text));
}

/* Characters that mean themselves to every shell. */
static int
plain(const char *text)
{
	static const char others[] = "_./:=@%+,-";

	for (; *text != 0; text++)
		if (!(*text >= 'a' && *text <= 'z') &&
		    !(*text >= 'A' && *text <= 'Z') &&
		    !(*text >= '0' && *text <= '9') &&
		    strchr(others, *text) == NULL)
			return 0;
	return 1;
}

const char *
why_quote(const char *text)
{
	static char word[2200];
	const char *safe = out_safe(text);
	int escaped = strcmp(safe, text) != 0;
	size_t at = 0;

	if (!escaped && plain(text))
		return text;
	/* $'...' alone can say bytes that a terminal must not get. */
	at += (size_t)snprintf(word, sizeof(word), "%s'", escaped ? "$" : "");
	for (; *safe != 0 && at < sizeof(word) - 8; safe++) {
		const char *put = (char[]){*safe, 0};

		if (*safe == '\'')
			put = escaped ? "\\'" : "'\\''";
		at += (size_t)snprintf(word + at, sizeof(word) - at, "%s", put);
	}
	snprintf(word + at, sizeof(word) - at, "'");
	return word;
}

void
why_command(struct why *w, const char *before, const char *name)
{
	snprintf(w->remove, sizeof(w->remove), "%s%s", before, why_quote(name));
}

static const char *
state_word(uint32_t state)
{
	return state == SHUNT_STATE_HELD ? "unlinked-held" : look_state(state);
}

/* One word, after a line break where it would stand over the edge. */
static void
put_word(const char *word, int *at)
{
	int wide = out_width(word);

	if (*at + 1 + wide > COLUMNS && *at > INDENT) {
		printf("\n%*s", INDENT, "");
		*at = INDENT;
	} else if (*at > INDENT) {
		putchar(' ');
		++*at;
	}
	fputs(word, stdout);
	*at += wide;
}

static void
put_sentence(const char *text, int *at)
{
	char *copy = strdup(text), *rest = copy, *word;

	if (copy == NULL)
		return;
	while ((word = strsep(&rest, " ")) != NULL)
		if (*word != 0)
			put_word(word, at);
	free(copy);
}

static void
print_title(const struct why *w, int t)
{
	size_t n = json_array_size(w->told[t]);
	int at = INDENT;

	if (n == 0)
		return;
	printf("  %s%-*s%s", out_colour(OUT_CYAN), INDENT - 2, titles[t],
	    out_colour(OUT_RESET));
	for (size_t i = 0; i < n; i++)
		put_sentence(
		    json_string_value(json_array_get(w->told[t], i)), &at);
	putchar('\n');
	if (t == WHY_REMOVE && w->remove[0] != 0)
		printf("%*s%s%s%s\n", INDENT + 2, "", out_colour(OUT_BOLD),
		    w->remove, out_colour(OUT_RESET));
}

static int
print_json(const struct why *w)
{
	json_t *told = json_object();
	json_t *o = json_pack("{s:o, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:b}",
	    "name", out_json_text(w->name), "place", w->place, "what", w->what,
	    "state", state_word(w->state), "safe_to_remove",
	    safe_words[w->safe], "remove_with",
	    w->remove[0] != 0 ? out_json_text(w->remove) : json_null(), "users",
	    look_users_json(&w->users), "not_looked_into",
	    out_json_int(w->hidden.processes), "hidden",
	    why_users_hidden(&w->hidden));

	if (o == NULL)
		return CLI_FAILED;
	for (int t = 0; t < WHY_TITLES; t++)
		json_object_set(told, titles[t], w->told[t]);
	json_object_set_new(o, "sentences", told);
	return out_json(o, 1) < 0 ? CLI_FAILED : CLI_DONE;
}

static int
print(const struct why *w)
{
	printf("%s%s%s: %s, %s\n", out_colour(OUT_BOLD), out_safe(w->name),
	    out_colour(OUT_RESET), w->what, state_word(w->state));
	for (int t = 0; t < WHY_TITLES; t++)
		print_title(w, t);
	return CLI_DONE;
}

static const struct place *
place_of(const char *name)
{
	const struct place *p = places;

	while (strncmp(name, p->prefix, strlen(p->prefix)) != 0)
		p++;
	return p;
}

static int
run(const struct command *cmd, int argc, char **argv)
{
	struct why w = {.cmd = cmd};
	int json = 0;
	const struct arg table[] = {
	    {0, "json", ARG_FLAG, &json, NULL},
	    {0},
	};
	const struct operands ops = {1, 1, "NAME"};
	int rc = args_read(cmd, table, &ops, &argc, &argv);

	if (rc >= 0)
		return rc;
	w.name = argv[0];
	w.place = place_of(w.name)->key;
	for (int t = 0; t < WHY_TITLES; t++)
		w.told[t] = json_array();
	rc = place_of(w.name)->tell(&w);
	if (rc == CLI_DONE)
		rc = json ? print_json(&w) : print(&w);
	for (int t = 0; t < WHY_TITLES; t++)
		json_decref(w.told[t]);
	look_users_free(&w.users);
	return rc;
}

/* clang-format off */
static const char help[] =
"Tells in sentences who made a piece of shared memory, who has it open or\n"
"mapped, what lies in it, whether it is safe to remove, how, what would be\n"
"lost, and how all that is known.  Nothing is touched.\n"
"\n"
"NAME, besides those that every command takes:\n"
"  sem:/name                    a named semaphore of POSIX\n"
"  semset:0x12, semset:id=7     a semaphore set of System V\n"
"  msg:0x12, msg:id=7           a message queue of System V\n"
"  mq:/name                     a message queue of POSIX\n"
"  memfd:NAME@PID/FD            a memfd, by a descriptor of a process\n"
"  unlinked:/name@INODE         without a name any more, and held still\n"
"\n"
"That somebody uses it is proved by the kernel: by lock bytes (objects of\n"
"ours), by a lease that is refused (files of yours, any namespace), by a count\n"
"(System V).  Which processes these are, /proc tells, as far as it may be\n"
"read; what it hides is told as unknown, and never taken for nobody.\n"
"\n"
"      --json        one object; safe_to_remove is yes, no, ask or unknown\n"
"\n"
"Examples:\n"
"  shunt why /jobs\n"
"  shunt why sysv:0x1234\n"
"  shunt why sem:/turns --json | jq -r .safe_to_remove\n";
/* clang-format on */

const struct command command_why = {
    .name = "why",
    .summary = "who made it, who has it, may it be removed",
    .synopsis = "NAME [--json]",
    .run = run,
    .help = help,
};
