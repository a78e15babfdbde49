/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE

/* main() of a sweep program: options, and how a budget is spread over cases. */

#include <fnmatch.h>
#include <getopt.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "sweep_int.h"

enum { MAX_CASES = 256, EXIT_SKIP = 77 };

struct plan {
	const struct sweep_case *cases[MAX_CASES]; /* those chosen */
	struct sweep_report *reports; /* of all harnesses, shared */
	unsigned jobs, job;           /* how many harnesses, and which */
	struct run runs[MAX_CASES];
	bool opened[MAX_CASES];
	size_t n;
	const char *pattern;
	struct sweep_options o;
	bool list, json;
};

static const char usage[] =
    "  --list            name the cases and end\n"
    "  --case PATTERN    only cases whose name matches (shell pattern)\n"
    "  --point N         only this point of the case\n"
    "  --second N        with it: this point of the recoverer or of B\n"
    "  --mode M          changed (default), all, sample=N\n"
    "  --kills TOTAL     spread over the cases; new samples until reached\n"
    "  --seconds LIMIT   stop then\n"
    "  --jobs N          harnesses side by side; the processors by default\n"
    "  --seed N          of all random choices; printed\n"
    "  --method M        auto (default), hw, int3, steps\n"
    "  --patience N      all time limits N times as long\n"
    "  --max-failures N  give a case up after so many (20)\n"
    "  --json            also a line of JSON for each case\n"
    "Exit status: 0 all passed, 1 a case failed, 2 bad options,\n"
    "77 all skipped, 130 interrupted.\n";

static bool
number(const char *s, unsigned long *out)
{
	char *end;

	if (*s < '0' || *s > '9')
		return false;
	*out = strtoul(s, &end, 0);
	return *end == '\0';
}

static bool
mode_option(struct sweep_options *o, const char *s)
{
	if (strcmp(s, "changed") == 0)
		o->mode = SWEEP_CHANGED;
	else if (strcmp(s, "all") == 0)
		o->mode = SWEEP_ALL;
	else if (strncmp(s, "sample=", 7) == 0)
		o->mode = SWEEP_SAMPLE;
	else
		return false;
	return o->mode != SWEEP_SAMPLE || number(s + 7, &o->sample);
}

static bool
method_option(struct sweep_options *o, const char *s)
{
	enum sweep_method m;

	for (m = SWEEP_AUTO; m <= SWEEP_STEPS; m++)
		if (strcmp(s, tracee_method_name(m)) == 0) {
			o->method = m;
			return true;
		}
	return false;
}

static bool
take_option(struct plan *p, int opt, const char *arg)
{
	unsigned long n = 0;
	char *end;

	if (strchr("kpDxSJP", opt) != NULL && !number(arg, &n))
		return false;
	switch (opt) {
	case 'l':
		p->list = true;
		break;
	case 'j':
		p->json = true;
		break;
	case 'c':
		p->pattern = arg;
		break;
	case 'k':
		p->o.kills = n;
		break;
	case 'p':
		p->o.point = n;
		p->o.one = true;
		break;
	case 'D':
		p->o.second = n;
		break;
	case 'x':
		p->o.max_failures = (unsigned)n;
		break;
	case 'S':
		p->o.seed = n;
		break;
	case 'P':
		deadline_patience((unsigned)n);
		return n > 0 && n <= 1000;
	case 'J':
		p->jobs = (unsigned)n;
		return n > 0;
	case 's':
		p->o.seconds = strtod(arg, &end);
		return *end == '\0' && p->o.seconds > 0;
	case 'm':
		return mode_option(&p->o, arg);
	case 'M':
		return method_option(&p->o, arg);
	default:
		return false;
	}
	return true;
}

/* 0 to go on; else the exit status plus one. */
static int
read_options(struct plan *p, int argc, char **argv)
{
	static const struct option longs[] = {
	    {"list", no_argument, NULL, 'l'},
	    {"case", required_argument, NULL, 'c'},
	    {"point", required_argument, NULL, 'p'},
	    {"second", required_argument, NULL, 'D'},
	    {"mode", required_argument, NULL, 'm'},
	    {"method", required_argument, NULL, 'M'},
	    {"kills", required_argument, NULL, 'k'},
	    {"seconds", required_argument, NULL, 's'},
	    {"seed", required_argument, NULL, 'S'},
	    {"jobs", required_argument, NULL, 'J'},
	    {"patience", required_argument, NULL, 'P'},
	    {"max-failures", required_argument, NULL, 'x'},
	    {"json", no_argument, NULL, 'j'},
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (opt == 'h') {
			printf("usage: %s [options]\n%s", argv[0], usage);
			return 1;
		}
		if (opt == '?' || !take_option(p, opt, optarg)) {
			fprintf(stderr, "%s: bad option %s; see --help\n",
			    argv[0], argv[optind - 1]);
			return 3;
		}
	}
	return 0;
}

static void
choose(struct plan *p, const struct sweep_case *cases, size_t n)
{
	size_t i;

	for (i = 0; i < n && p->n < MAX_CASES; i++)
		if (p->pattern == NULL ||
		    fnmatch(p->pattern, cases[i].name, 0) == 0)
			p->cases[p->n++] = &cases[i];
}

static void
list_cases(const struct plan *p)
{
	size_t i;

	for (i = 0; i < p->n; i++)
		printf("%s%s%s\n", p->cases[i]->name,
		    p->cases[i]->peer != NULL ? " (grid)" : "",
		    (p->cases[i]->flags & SWEEP_RECOVER) != 0 ? " (recover)"
							      : "");
}

/* A static program has none, and nothing to bind. */
#pragma weak _DYNAMIC

/*
 * Functions bound at their first call are bound in every victim anew: some
 * thousand instructions of the loader in each trace.
 */
static void
warn_lazy(void)
{
	const ElfW(Dyn) * d;

	if (_DYNAMIC == NULL)
		return;
	for (d = _DYNAMIC; d->d_tag != DT_NULL; d++)
		if ((d->d_tag == DT_FLAGS && d->d_un.d_val & DF_BIND_NOW) ||
		    (d->d_tag == DT_FLAGS_1 && d->d_un.d_val & DF_1_NOW) ||
		    d->d_tag == DT_BIND_NOW)
			return;
	if (getenv("LD_BIND_NOW") == NULL)
		fprintf(stderr, "sweep: linked without -Wl,-z,now: the loader "
				"will be in the traces\n");
}

static unsigned long
weight(const struct run *u)
{
	if (u->c->peer != NULL)
		return grid_size(u);
	return u->o->mode == SWEEP_CHANGED ? u->tr.keys : u->tr.points;
}

/* Cases go round among the harnesses. */
static bool
mine(const struct plan *p, size_t i)
{
	return i % p->jobs == p->job;
}

/* Those of all harnesses. */
static unsigned long
kills_so_far(const struct plan *p)
{
	unsigned long kills = 0;
	size_t i;

	for (i = 0; i < p->n; i++)
		kills += p->reports[i].kills;
	return kills;
}

/*
 * Slow cases are cut so that each gets its turn.  The time that quick ones
 * left over goes to all, and the kills that are missing are tried once more.
 * False: the total is reached, or there is no time, or nobody to kill.
 */
static bool
more_kills(struct plan *p, double until)
{
	unsigned long done = kills_so_far(p), all = 0, share;
	double left = until - now_s();
	size_t i, n = 0;
	struct run *u;

	for (i = 0; i < p->n; i++)
		if (p->opened[i] && p->reports[i].failures == 0) {
			all += weight(&p->runs[i]);
			n++;
		}
	if (done >= p->o.kills || left < 0.1 || all == 0)
		return false;
	for (i = 0; i < p->n && !sweep_stopping(); i++) {
		u = &p->runs[i];
		left = until - now_s();
		if (!p->opened[i] || p->reports[i].failures != 0 || left <= 0)
			continue;
		share = 1 + (unsigned long)((double)(p->o.kills - done) *
					    (double)weight(u) / (double)all);
		run_sweep(u, u->r->kills + share, left / (double)n--);
		u->r->cut = u->r->taken < u->r->points;
	}
	return !sweep_stopping() && kills_so_far(p) > done;
}

/* A case that its share of the time did not suffice for. */
static bool
unfinished(const struct plan *p, size_t i)
{
	const struct sweep_report *r = &p->reports[i];

	return p->opened[i] && r->failures == 0 && r->taken < r->points;
}

/* Without a number of kills, what quick cases left over goes to those cut. */
static bool
more_points(struct plan *p, double until)
{
	unsigned long done = kills_so_far(p);
	double left = until - now_s();
	size_t i, n = 0;

	for (i = 0; i < p->n; i++)
		n += unfinished(p, i);
	if (n == 0 || left < 0.1)
		return false;
	for (i = 0; i < p->n && !sweep_stopping(); i++) {
		left = until - now_s();
		if (unfinished(p, i) && left > 0)
			run_sweep(&p->runs[i], 0, left / (double)n--);
	}
	return !sweep_stopping() && kills_so_far(p) > done;
}

static void
run_all(struct plan *p)
{
	unsigned long all = 0, kills = 0, total = p->o.kills / p->jobs;
	double until = now_s() + p->o.seconds, left;
	size_t i, open = 0;

	for (i = 0; i < p->n && !sweep_stopping(); i++) {
		if (!mine(p, i))
			continue;
		p->opened[i] = run_open(&p->runs[i], p->cases[i], &p->o,
				   &p->reports[i]) == 0;
		all += p->opened[i] ? weight(&p->runs[i]) : 0;
		open += p->opened[i];
	}
	for (i = 0; i < p->n && !sweep_stopping(); i++) {
		if (!p->opened[i])
			continue;
		if (p->o.kills != 0)
			kills =
			    1 + (unsigned long)((double)total *
						(double)weight(&p->runs[i]) /
						(double)all);
		left = 0;
		if (p->o.seconds > 0) {
			left = (until - now_s()) / (double)open--;
			left = left > 0.001 ? left : 0.001;
		}
		run_sweep(&p->runs[i], kills, left);
	}
	while (p->o.seconds > 0 &&
	       (p->o.kills != 0 ? more_kills(p, until) : more_points(p, until)))
		;
	for (i = 0; i < p->n; i++)
		if (p->runs[i].c != NULL)
			run_close(&p->runs[i]);
}

static void
run_job(unsigned nth, void *arg)
{
	struct plan *p = arg;

	p->job = nth;
	run_all(p);
}

/* One case is one harness's work. */
static unsigned
run_jobs(struct plan *p)
{
	if (p->jobs > p->n)
		p->jobs = (unsigned)p->n;
	return jobs_run(p->jobs, run_job, p);
}

/* A point that is not there must not look like one that passed. */
static void
none_taken(struct plan *p, bool stopped)
{
	size_t i;

	for (i = 0; i < p->n; i++) {
		struct sweep_report *r = &p->reports[i];

		if (r->skipped || r->taken > 0 || r->failures > 0)
			continue;
		r->name = p->cases[i]->name;
		r->skipped = r->cut || stopped;
		r->failures += !r->skipped;
		snprintf(r->why, sizeof(r->why),
		    r->skipped ? "no time was left" : "there is no such point");
	}
}

static const char *
method_used(const struct plan *p)
{
	size_t i;

	for (i = 0; i < p->n; i++)
		if (p->reports[i].method != NULL)
			return p->reports[i].method;
	return "none";
}

static int
summary(struct plan *p)
{
	size_t i, passed = 0, failed = 0, skipped = 0;
	unsigned long kills = kills_so_far(p);
	bool stopped = jobs_told_to_end();

	none_taken(p, stopped);
	report_table(p->reports, p->n);
	for (i = 0; i < p->n; i++) {
		if (p->json)
			report_json(&p->reports[i], p->o.seed);
		if (p->reports[i].skipped)
			skipped++;
		else if (p->reports[i].failures > 0)
			failed++;
		else
			passed++;
	}
	printf("%lu kills, seed %llu, method %s%s\n", kills,
	    (unsigned long long)p->o.seed, method_used(p),
	    stopped ? ", interrupted" : "");
	printf(
	    "%zu passed, %zu failed, %zu skipped\n", passed, failed, skipped);
	if (stopped)
		return 130;
	if (failed > 0)
		return 1;
	return passed > 0 ? 0 : EXIT_SKIP;
}

int
sweep_main(int argc, char **argv, const struct sweep_case *cases, size_t n)
{
	static struct plan p;
	unsigned bad;
	int rc;

	memset(&p, 0, sizeof(p));
	p.o.second = SWEEP_NO_POINT;
	p.jobs = jobs_default();
	report_program(argv[0]);
	rc = read_options(&p, argc, argv);
	if (rc != 0)
		return rc - 1;
	choose(&p, cases, n);
	if (p.n == 0) {
		fprintf(stderr, "%s: no such case; see --list\n", argv[0]);
		return 2;
	}
	if (p.list) {
		list_cases(&p);
		return 0;
	}
	if (p.o.one && p.n > 1) {
		fprintf(stderr, "%s: --point needs --case\n", argv[0]);
		return 2;
	}
	if (p.o.seed == 0)
		p.o.seed = (uint64_t)time(NULL) * 1000003u % 1000000000u + 1;
	p.reports = mmap(NULL, MAX_CASES * sizeof(*p.reports),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p.reports == MAP_FAILED) {
		perror("sweep: memory for the reports");
		return 2;
	}
	warn_lazy();
	bad = run_jobs(&p);
	rc = summary(&p);
	if (bad == 0 || rc == 130)
		return rc;
	fprintf(stderr, "sweep: %u harnesses did not come to their end\n", bad);
	return 1;
}
