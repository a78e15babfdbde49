/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE

/* What a sweep says: places with names, the table, the line for machines. */

#include <dlfcn.h>
#include <elf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sweep_int.h"

static const char *argv0 = "sweep";

void
report_program(const char *name)
{
	argv0 = name;
}

const char *
report_argv0(void)
{
	return argv0;
}

/* ---- places ---- */

/* Function and line by addr2line, if this machine has it and knows more. */
static bool
ask_addr2line(char *buf, size_t len, const char *object, uint64_t off)
{
	char cmd[512], *nl;
	bool known = false;
	FILE *f;

	if (strchr(object, '\'') != NULL)
		return false;
	snprintf(cmd, sizeof(cmd), "addr2line -Cspfe '%s' %#lx 2>/dev/null",
	    object, (unsigned long)off);
	f = popen(cmd, "re");
	if (f == NULL)
		return false;
	if (fgets(buf, (int)len, f) != NULL && buf[0] != '?') {
		nl = strchr(buf, '\n');
		if (nl != NULL)
			*nl = '\0';
		known = true;
	}
	pclose(f);
	return known;
}

void
report_pc(char *buf, size_t len, uint64_t pc)
{
	const Elf64_Ehdr *eh;
	const char *object;
	char self[64];
	Dl_info di;

	snprintf(buf, len, "?");
	if (dladdr((void *)(uintptr_t)pc, &di) == 0 || di.dli_fname == NULL)
		return;
	eh = di.dli_fbase;
	object = di.dli_fname;
	if (strchr(object, '/') == NULL || access(object, R_OK) != 0) {
		/* The program itself, by the name it was called with. */
		snprintf(self, sizeof(self), "/proc/%d/exe", (int)getpid());
		object = self;
	}
	if (strstr(di.dli_fname, "vdso") == NULL &&
	    ask_addr2line(buf, len, object,
		eh->e_type == ET_DYN ? pc - (uint64_t)(uintptr_t)di.dli_fbase
				     : pc))
		return;
	if (di.dli_sname != NULL)
		snprintf(buf, len, "%s+%#lx", di.dli_sname,
		    (unsigned long)(pc - (uint64_t)(uintptr_t)di.dli_saddr));
	else
		snprintf(buf, len, "%s+%#lx", di.dli_fname,
		    (unsigned long)(pc - (uint64_t)(uintptr_t)di.dli_fbase));
}

/* How often this pc has come by, counting this time: for people. */
static unsigned long
occurrence(const struct trace *tr, uint32_t insn)
{
	unsigned long n = 0;
	uint32_t i;

	for (i = 0; i <= insn; i++)
		n += tr->insn[i].pc == tr->insn[insn].pc;
	return n;
}

void
report_place(char *buf, size_t len, const struct trace *tr, unsigned long point)
{
	static const char *const stages[] = {
	    "before",
	    "at system call entry,",
	    "inside system call,",
	    "at system call exit,",
	};
	const struct point *p = &tr->point[point];
	const struct insn *in = &tr->insn[p->insn];
	char name[160];

	if (p->insn == tr->n) {
		snprintf(buf, len, "at the end of the operation");
		return;
	}
	report_pc(name, sizeof(name), in->pc);
	snprintf(buf, len, "%s instruction %u of %zu, pc %#lx, %s, time %lu",
	    stages[p->stage], p->insn, tr->n, (unsigned long)in->pc, name,
	    occurrence(tr, p->insn));
}

/* ---- summaries ---- */

static double
rate(const struct sweep_report *r)
{
	return r->seconds > 0 ? (double)r->kills / r->seconds : 0;
}

static const char *
verdict(const struct sweep_report *r)
{
	if (r->skipped)
		return "skipped";
	if (r->failures > 0)
		return "FAILED";
	return r->cut || r->taken < r->points ? "ok, cut" : "ok";
}

void
report_table(const struct sweep_report *r, size_t n)
{
	size_t i;

	printf("%-24s %8s %5s %7s %7s %8s %6s %5s %5s %6s %6s  %s\n", "case",
	    "insns", "calls", "changes", "points", "kills", "missed", "block",
	    "fail", "secs", "per s", "");
	for (i = 0; i < n; i++) {
		printf("%-24s %8lu %5lu %7lu %7lu %8lu %6lu %5lu %5lu %6.2f "
		       "%6.0f  %s\n",
		    r[i].name, r[i].instructions, r[i].syscalls, r[i].changes,
		    r[i].points, r[i].kills, r[i].missed, r[i].blocked,
		    r[i].failures, r[i].seconds, rate(&r[i]), verdict(&r[i]));
		if (r[i].why[0] != '\0')
			printf("    %s\n", r[i].why);
	}
}

static void
json_string(const char *s)
{
	putchar('"');
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			putchar('\\');
		if ((unsigned char)*s >= 0x20)
			putchar(*s);
	}
	putchar('"');
}

static void
json_point(const char *name, unsigned long point)
{
	if (point != SWEEP_NO_POINT)
		printf(",\"%s\":%lu", name, point);
}

void
report_json(const struct sweep_report *r, uint64_t seed)
{
	printf("{\"case\":");
	json_string(r->name);
	printf(",\"result\":\"%s\",\"cut\":%s",
	    r->skipped        ? "skipped"
	    : r->failures > 0 ? "failed"
			      : "passed",
	    r->cut ? "true" : "false");
	printf(",\"seed\":%llu,\"method\":\"%s\"", (unsigned long long)seed,
	    r->method != NULL ? r->method : "none");
	printf(",\"instructions\":%lu,\"syscalls\":%lu,\"changes\":%lu",
	    r->instructions, r->syscalls, r->changes);
	printf(",\"points\":%lu,\"taken\":%lu,\"kills\":%lu,\"missed\":%lu",
	    r->points, r->taken, r->kills, r->missed);
	printf(",\"blocked\":%lu,\"failures\":%lu,\"hung\":%lu", r->blocked,
	    r->failures, r->hung);
	printf(
	    ",\"seconds\":%.3f,\"kills_per_second\":%.0f", r->seconds, rate(r));
	json_point("point", r->point);
	json_point("second", r->second);
	if (r->why[0] != '\0') {
		printf(",\"why\":");
		json_string(r->why);
	}
	printf("}\n");
}
