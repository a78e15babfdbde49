/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shunt.h>

#include "args.h"
#include "out.h"

#define TABLE_MAX 24
#define LONG_BASE 256 /* getopt_long() answers this + index in the table */

int
args_usage(const struct command *cmd, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "shunt %s: ", cmd->name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "; try `shunt %s --help`\n", cmd->name);
	return CLI_USAGE;
}

/* The power of two that a suffix stands for, or -1. */
static int
suffix_shift(const char *s)
{
	static const char letters[] = "kmgt";
	const char *at;

	if (*s == 0)
		return 0;
	at = strchr(letters, tolower((unsigned char)*s));
	if (at == NULL || (s[1] != 0 && strcmp(s + 1, "iB") != 0))
		return -1;
	return (int)(at - letters + 1) * 10;
}

int
args_bytes(const char *text, uint64_t *out)
{
	int hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *first = hex ? text + 2 : text;
	char *end;
	unsigned long long v;
	int shift;

	/* strtoull() itself would take blanks, signs and a second 0x. */
	if (!isxdigit((unsigned char)*first))
		return -1;
	errno = 0;
	v = strtoull(first, &end, hex ? 16 : 10);
	shift = suffix_shift(end);
	if (errno != 0 || end == first || shift < 0 ||
	    v > (UINT64_MAX >> shift))
		return -1;
	*out = (uint64_t)v << shift;
	return 0;
}

int
args_mode(const char *text, uint32_t *out)
{
	char *end;
	unsigned long v;

	if (*text < '0' || *text > '7')
		return -1;
	v = strtoul(text, &end, 8);
	if (*end != 0 || v > 0777)
		return -1;
	*out = (uint32_t)v;
	return 0;
}

static int
read_seconds(const char *text, int64_t *out)
{
	char *end;
	double s;

	if ((*text < '0' || *text > '9') && *text != '.')
		return -1;
	s = strtod(text, &end);
	if (end == text || *end != 0 || !isfinite(s) || s < 0 || s > 4e9)
		return -1;
	/* The library's zero means for ever; the user's means not at all. */
	*out = s > 0 ? (int64_t)ceil(s * 1e9) : SHUNT_NOWAIT;
	return 0;
}

int
args_word(const char *text, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(words[i], text) == 0)
			return (int)i;
	return -1;
}

static int
read_choice(const char *text, const char *words, uint32_t *out)
{
	size_t len = strlen(text);
	uint32_t n = 0;

	for (const char *p = words; *p != 0; n++) {
		size_t w = strcspn(p, " ");

		if (w == len && memcmp(p, text, w) == 0) {
			*out = n;
			return 0;
		}
		p += w;
		p += strspn(p, " ");
	}
	return -1;
}

/* 0, or -1 and *@want says what would have been right. */
static int
store(const struct arg *a, const char *text, const char **want)
{
	switch (a->type) {
	case ARG_FLAG:
		*(int *)a->value = 1;
		return 0;
	case ARG_TEXT:
		*(const char **)a->value = text;
		return 0;
	case ARG_SIZE:
		*want = "a number of bytes such as 4096, 64K, 1M or 0x1000";
		return args_bytes(text, a->value);
	case ARG_ADDRESS:
		*want = "an address such as 0x700000000000";
		return args_bytes(text, a->value);
	case ARG_COUNT:
		*want = "a number from 0 on";
		return args_bytes(text, a->value);
	case ARG_MODE:
		*want = "an octal mode from 0 to 777 such as 0640";
		return args_mode(text, a->value);
	case ARG_SECONDS:
		*want = "a number of seconds such as 5 or 0.25";
		return read_seconds(text, a->value);
	case ARG_CHOICE:
		*want = a->words;
		return read_choice(text, a->words, a->value);
	}
	return -1;
}

static int
bad_value(const struct command *cmd, const struct arg *a, const char *text,
    const char *want)
{
	char opt[40];

	if (a->name != NULL)
		snprintf(opt, sizeof(opt), "--%s", a->name);
	else
		snprintf(opt, sizeof(opt), "-%c", a->letter);
	return args_usage(cmd, "%s wants %s%s, not \"%s\"", opt,
	    a->type == ARG_CHOICE ? "one of: " : "", want, out_safe(text));
}

static int
bad_option(const struct command *cmd, int c, char **argv)
{
	const char *text = argv[optind - 1];

	if (c == ':')
		return args_usage(cmd, "%s wants a value", out_safe(text));
	if (optopt >= LONG_BASE)
		return args_usage(cmd, "%s takes no value", out_safe(text));
	if (optopt != 0)
		return args_usage(cmd,
		    "there is no option -%s (text that begins with a dash "
		    "goes behind --)",
		    out_safe((char[]){(char)optopt, 0}));
	return args_usage(cmd, "there is no option %s", out_safe(text));
}

/* The table in the form that getopt_long() wants; returns its length. */
static int
translate(const struct arg *table, char *shorts, struct option *longs)
{
	int n = 0, l = 0;

	*shorts++ = ':';
	*shorts++ = 'h';
	longs[l++] = (struct option){"help", no_argument, NULL, 'h'};
	for (; table[n].letter != 0 || table[n].name != NULL; n++) {
		int has =
		    table[n].type == ARG_FLAG ? no_argument : required_argument;

		if (n == TABLE_MAX)
			abort();
		if (table[n].letter != 0) {
			*shorts++ = (char)table[n].letter;
			if (has == required_argument)
				*shorts++ = ':';
		}
		if (table[n].name != NULL)
			longs[l++] = (struct option){
			    table[n].name, has, NULL, LONG_BASE + n};
	}
	*shorts = 0;
	longs[l] = (struct option){0};
	return n;
}

static const struct arg *
find(const struct arg *table, int n, int c)
{
	if (c >= LONG_BASE && c < LONG_BASE + n)
		return &table[c - LONG_BASE];
	for (int i = 0; i < n; i++)
		if (table[i].letter == c)
			return &table[i];
	return NULL;
}

static int
check_operands(const struct command *cmd, const struct operands *ops, int argc,
    char **argv)
{
	if (argc < ops->least)
		return args_usage(cmd, "it wants %s", ops->what);
	if (ops->most >= 0 && argc > ops->most)
		return args_usage(cmd, "\"%s\" is one too many: it wants %s",
		    out_safe(argv[ops->most]), ops->what);
	return -1;
}

int
args_read(const struct command *cmd, const struct arg *table,
    const struct operands *ops, int *argc, char ***argv)
{
	char shorts[TABLE_MAX * 2 + 3];
	struct option longs[TABLE_MAX + 2];
	int n = translate(table, shorts, longs);
	const char *want = "";
	int c;

	opterr = 0;
	while ((c = getopt_long(*argc, *argv, shorts, longs, NULL)) != -1) {
		const struct arg *a = find(table, n, c);

		if (c == 'h') {
			command_help(cmd);
			return CLI_DONE;
		}
		if (a == NULL)
			return bad_option(cmd, c, *argv);
		if (store(a, optarg, &want) < 0)
			return bad_value(cmd, a, optarg, want);
	}
	*argc -= optind;
	*argv += optind;
	return check_operands(cmd, ops, *argc, *argv);
}
