/* SPDX-License-Identifier: MIT */

/*
 * The benchmarks: each a number of pairs, control then ours, in freshly
 * forked pinned processes.  What decides is the median of the ratios of the
 * pairs: both halves of a pair saw the same moment of a shared machine.
 */

#include "suite/suite.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

int quick_run;

static const struct bench *const all[] = {lane_benches, call_benches,
    rate_benches, lock_benches, scan_benches, syscall_benches, quiet_benches};

static int json;
static int pairs_wanted;

static int
measure_pairs(const struct bench *b, struct outcome *o)
{
	int pairs = quick_run ? b->quick : b->pairs;

	if (pairs_wanted > 0)
		pairs = pairs_wanted;
	for (int i = 0; i < pairs; i++) {
		struct sample theirs = {.value = 0}, ours = {.value = 0};

		if (b->measure_control && b->measure_control(b, &theirs) < 0)
			return -1;
		if (b->measure(b, &ours) < 0)
			return -1;
		if (b->control && theirs.value <= 0)
			return fail("the control measured nothing");
		o->value[i] = ours.value;
		o->control[i] = theirs.value;
		o->ratio[i] = b->control ? ours.value / theirs.value : 0;
		for (int k = 0; k < EXTRAS; k++)
			o->extra[k][i] = ours.extra[k];
	}
	o->pairs = pairs;
	return 0;
}

/* 0 measured, 1 failed; a missed bar is a result, not a failure. */
static int
run_one(const struct bench *b, int *missed)
{
	static struct outcome o;
	const char *lacking = b->lacks ? b->lacks() : NULL;

	memset(&o, 0, sizeof o);
	if (!json)
		printf("%s: %s\n", b->name, b->what);
	fflush(stdout);
	if (lacking != NULL) {
		if (json)
			printf("{\"bench\":\"%s\",\"skipped\":\"%s\"}\n",
			    b->name, lacking);
		else
			printf("  skipped: %s\n\n", lacking);
		return 0;
	}
	if (measure_pairs(b, &o) < 0) {
		if (json)
			printf("{\"bench\":\"%s\",\"ok\":false,"
			       "\"failed\":true}\n",
			    b->name);
		fprintf(stderr, "%s: FAILED: %s\n", b->name, why());
		return 1;
	}
	judge(b, &o);
	*missed += !o.ok;
	if (json)
		print_json(b, &o);
	else
		print_text(b, &o);
	fflush(stdout);
	return 0;
}

static void
cpu_model(char *out, size_t room)
{
	FILE *f = fopen("/proc/cpuinfo", "r");
	char line[256], *colon;

	snprintf(out, room, "unknown processor");
	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, "model name", 10) == 0 &&
		    (colon = strchr(line, ':')) != NULL) {
			line[strcspn(line, "\n")] = '\0';
			snprintf(out, room, "%.*s", (int)room - 1, colon + 2);
			break;
		}
	if (f != NULL)
		fclose(f);
}

/* To standard error with --json, so that its output is JSON lines alone. */
static void
print_head(int argc, char **argv)
{
	FILE *out = json ? stderr : stdout;
	char model[200], date[64];
	struct utsname u;
	time_t now = time(NULL);

	cpu_model(model, sizeof model);
	uname(&u);
	strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S %z", localtime(&now));
	fprintf(out, "machine: %s, %d cores, %s\nkernel:  %s %s\ndate:    %s\n",
	    model, cpus(), u.machine, u.sysname, u.release, date);
	fprintf(out, "files:   %s\ncommand:", scratch_dir());
	for (int i = 0; i < argc; i++)
		fprintf(out, " %s", argv[i]);
	fprintf(out, "\n\n");
}

/* "log" means log.append.1 and all its siblings; no name means all. */
static int
chosen(const char *name, int n, char **names)
{
	for (int i = 0; i < n; i++) {
		size_t len = strlen(names[i]);

		if (strncmp(name, names[i], len) == 0 &&
		    (name[len] == '\0' || name[len] == '.'))
			return 1;
	}
	return n == 0;
}

static int
each(int n, char **names, int list, int *missed)
{
	int failed = 0, found = 0;

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		for (const struct bench *b = all[i]; b->name; b++) {
			if (!chosen(b->name, n, names))
				continue;
			found++;
			if (list)
				printf("%-18s %s\n", b->name, b->what);
			else
				failed += run_one(b, missed);
		}
	if (found == 0) {
		fprintf(stderr, "bench: no such benchmark; see --list\n");
		return -1;
	}
	return failed;
}

static int
usage(int status)
{
	fprintf(status ? stderr : stdout,
	    "usage: bench [--json] [--quick] [--pairs=N] [--list] [NAME...]\n"
	    "\n"
	    "Runs pairs, control then ours, and prints medians, spread and\n"
	    "the bar.  NAME may be a whole group: lane, log, log.append.\n"
	    "  --json     one JSON object a line\n"
	    "  --quick    fewer and shorter pairs; rough figures\n"
	    "  --pairs=N  this many pairs, 1 to %d\n"
	    "  --list     the names\n"
	    "Exit: 0 all measured (a missed bar is said, not an error),\n"
	    "1 something could not be measured, 2 usage.\n"
	    "Files go to $TMPDIR or /var/tmp; the server is $SHUNT or the\n"
	    "build's own.\n",
	    MOST_PAIRS);
	return status;
}

static int list_only;

static int
work(int argc, char **argv)
{
	int missed = 0, failed;

	if (list_only)
		return each(argc - optind, argv + optind, 1, &missed) < 0 ? 2
									  : 0;
	print_head(argc, argv);
	failed = each(argc - optind, argv + optind, 0, &missed);
	if (failed < 0)
		return 2;
	if (!json)
		printf("%d missed, %d failed\n", missed, failed);
	return failed > 0;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"json", no_argument, NULL, 'j'},
	    {"quick", no_argument, NULL, 'q'},
	    {"pairs", required_argument, NULL, 'p'},
	    {"list", no_argument, NULL, 'l'},
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	int c;

	if (argc > 1 && strcmp(argv[1], "--syscall-worker") == 0)
		return syscall_worker(argc - 2, argv + 2);
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (c) {
		case 'j':
			json = 1;
			break;
		case 'q':
			quick_run = 1;
			break;
		case 'p':
			pairs_wanted = atoi(optarg);
			if (pairs_wanted < 1 || pairs_wanted > MOST_PAIRS)
				return usage(2);
			break;
		case 'l':
			list_only = 1;
			break;
		case 'h':
			return usage(0);
		default:
			return usage(2);
		}
	return guarded("shunt-bench", work, argc, argv);
}
