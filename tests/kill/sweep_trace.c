/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE

/*
 * The one slow pass: every instruction between the marks by single step, with
 * what it did to the shared image; from that the list of points, and for each
 * instruction the cheapest sure way to get there again.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>

#include "sweep_int.h"

enum {
	MAX_INSNS = 4 * 1000 * 1000,
	TRACE_MS = 120 * 1000,
};

/*
 * Tables live in mappings that fork does not copy: a trace of a million
 * instructions in the heap would make every later fork slower.
 */
static void *
table_grow(void *old, size_t old_len, size_t len)
{
	void *p;

	if (old != NULL)
		p = mremap(old, old_len, len, MREMAP_MAYMOVE);
	else
		p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED) {
		perror("sweep: memory for the trace");
		exit(2);
	}
	madvise(p, len, MADV_DONTFORK);
	return p;
}

static struct insn *
trace_push(struct trace *tr)
{
	size_t room = tr->room == 0 ? 4096 : tr->room * 2;

	if (tr->n + 1 >= tr->room) {
		tr->insn = table_grow(tr->insn, tr->room * sizeof(*tr->insn),
		    room * sizeof(*tr->insn));
		tr->room = room;
	}
	return &tr->insn[tr->n];
}

static void
vdso_range(uint64_t *lo, uint64_t *hi)
{
	static uint64_t from, to;
	char line[512];
	FILE *f;

	if (to == 0 && (f = fopen("/proc/self/maps", "r")) != NULL) {
		to = 1;
		while (fgets(line, sizeof(line), f) != NULL)
			if (strstr(line, "[vdso]") != NULL)
				sscanf(line, "%lx-%lx", &from, &to);
		fclose(f);
	}
	*lo = from;
	*hi = to;
}

/* One recorded step; true when it was the last. */
static enum event
record(
    struct trace *tr, struct tracee *t, const struct sweep_case *c, void *ctx)
{
	struct insn *in = trace_push(tr);
	uint64_t lo, hi;
	enum event ev;
	double t0;

	vdso_range(&lo, &hi);
	memset(in, 0, sizeof(*in));
	in->pc = arch_pc(t->pid);
	in->image = c->image == NULL ? 0 : c->image(ctx);
	if (in->pc == arch_marks()->end)
		return EV_TRAP;
	in->vdso = in->pc >= lo && in->pc < hi;
	in->kind = (uint8_t)arch_kind(
	    (uint64_t)ptrace(PTRACE_PEEKTEXT, t->pid, (void *)in->pc, NULL));
	tr->n++;
	t0 = in->kind == ARCH_SYSCALL ? now_s() : 0;
	ev = tracee_step(t);
	if (in->kind == ARCH_SYSCALL) {
		in->us = (uint32_t)((now_s() - t0) * 1e6);
		tr->syscalls++;
	}
	return ev;
}

/* ---- the way to each instruction ---- */

struct last {
	uint64_t pc;
	uint32_t next; /* the index behind its last occurrence, 0: none */
};

static struct last *
last_of(struct last *tab, size_t mask, uint64_t pc)
{
	size_t i = (size_t)((pc * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & mask;

	while (tab[i].pc != 0 && tab[i].pc != pc)
		i = (i + 1) & mask;
	tab[i].pc = pc;
	return &tab[i];
}

static bool
rep_goes_on(const struct trace *tr, size_t i)
{
	return i > 0 && tr->insn[i].kind == ARCH_REP &&
	       tr->insn[i - 1].pc == tr->insn[i].pc;
}

/* The first of the n ascending numbers that is not below `from`. */
static size_t
first_from(const uint32_t *v, size_t n, uint32_t from)
{
	size_t lo = 0, hi = n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (v[mid] < from)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/*
 * A way is a chain of stops: from any stop that lies not before the last
 * occurrence of a pc, a breakpoint brings us to its next one.  So the cheapest
 * way to instruction k is one stop more than that to the cheapest instruction
 * between the last occurrence of its pc and k; in nested loops that is a sum
 * of the rounds where a bare hit count would be their product.
 *
 * `low` holds the candidates: ascending numbers with ascending cost, each
 * cheaper than all that follow it.  Instructions of the vDSO are none, for it
 * reads the clock and takes a different number of them each time.
 */
static void
find_ways(struct trace *tr)
{
	size_t size = 1024, i, depth = 0, at;
	struct last *tab, *seen;
	struct insn *in;
	uint32_t *low;

	while (size < 2 * tr->n)
		size *= 2;
	tab = table_grow(NULL, 0, size * sizeof(*tab));
	low = table_grow(NULL, 0, (tr->n + 1) * sizeof(*low));
	for (i = 0; i <= tr->n; i++) {
		in = &tr->insn[i];
		seen = last_of(tab, size - 1, in->pc);
		at = first_from(low, depth, seen->next ? seen->next - 1 : 0);
		if (rep_goes_on(tr, i))
			in->from = (uint32_t)i - 1;
		else if (at < depth)
			in->from = low[at];
		else if (seen->next > 0)
			in->from = seen->next - 1;
		in->cost = i == 0 ? 0 : tr->insn[in->from].cost + 1;
		in->step = i > 0 && in->from == i - 1 && !in[-1].vdso;
		if (!rep_goes_on(tr, i))
			seen->next = (uint32_t)i + 1;
		if (in->vdso)
			continue;
		while (depth > 0 && tr->insn[low[depth - 1]].cost >= in->cost)
			depth--;
		low[depth++] = (uint32_t)i;
	}
	munmap(tab, size * sizeof(*tab));
	munmap(low, (tr->n + 1) * sizeof(*low));
}

/* ---- points ---- */

static void
add_point(struct trace *tr, size_t insn, enum stage stage, bool key)
{
	tr->point[tr->points].insn = (uint32_t)insn;
	tr->point[tr->points].stage = (uint8_t)stage;
	tr->point[tr->points].key = key || !tr->has_image;
	tr->keys += tr->point[tr->points].key;
	tr->points++;
}

static void
list_points(struct trace *tr)
{
	bool key = true;
	size_t i;

	tr->point = table_grow(
	    NULL, 0, (tr->n + 1 + 3 * tr->syscalls) * sizeof(*tr->point));
	for (i = 0; i < tr->n; i++) {
		bool sys = tr->insn[i].kind == ARCH_SYSCALL;
		bool changed = tr->insn[i].image != tr->insn[i + 1].image;

		add_point(tr, i, ST_BEFORE, key || sys);
		if (sys) {
			add_point(tr, i, ST_ENTRY, true);
			add_point(tr, i, ST_DURING, true);
			add_point(tr, i, ST_EXIT, true);
		}
		tr->changes += changed;
		key = sys || changed;
	}
	add_point(tr, tr->n, ST_BEFORE, true);
}

static const char *
trace_all(
    struct trace *tr, struct tracee *t, const struct sweep_case *c, void *ctx)
{
	enum event ev;

	do {
		if (tr->n >= MAX_INSNS)
			return "the operation takes too many instructions";
		ev = record(tr, t, c, ctx);
		if (ev == EV_HUNG)
			return "hung while it was traced";
		if (ev == EV_STOP)
			return "interrupted";
		if (ev == EV_DEAD)
			return "the victim ended before sweep_end()";
	} while (tr->insn[tr->n].pc != arch_marks()->end);
	return NULL;
}

const char *
trace_take(
    struct trace *tr, const struct sweep_case *c, void (*fn)(void *), void *ctx)
{
	const char *why = "the victim did not come to sweep_begin()";
	struct tracee t;

	memset(tr, 0, sizeof(*tr));
	tr->has_image = c->image != NULL;
	deadline_arm(TRACE_MS);
	if (tracee_start(&t, fn, ctx) == EV_TRAP)
		why = arch_pc(t.pid) == arch_marks()->begin
			  ? trace_all(tr, &t, c, ctx)
			  : "the victim trapped before sweep_begin()";
	tracee_kill(&t);
	deadline_off();
	if (why != NULL) {
		trace_free(tr);
		return why;
	}
	find_ways(tr);
	list_points(tr);
	return NULL;
}

void
trace_free(struct trace *tr)
{
	if (tr->insn != NULL)
		munmap(tr->insn, tr->room * sizeof(*tr->insn));
	if (tr->point != NULL)
		munmap(tr->point,
		    (tr->n + 1 + 3 * tr->syscalls) * sizeof(*tr->point));
	memset(tr, 0, sizeof(*tr));
}
