/* SPDX-License-Identifier: MIT */

/*
 * What a log costs when little or nothing happens: the time until a lone line
 * is in the file, and what an idle server wakes up for.
 */

#include "suite.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shunt/error.h>
#include <shunt/log.h>

#define MESSAGE 100

/* ---- the delay of a lone line ---- */

struct trickle {
	char log[NAME_ROOM], file[PATH_ROOM];
	int lines;
};

/* From the call to the file's growing, seen by looking all the time. */
static int
one_delay(struct shunt_log *log, const struct trickle *job, double *ms)
{
	char text[MESSAGE];
	int64_t size = file_size(job->file);
	uint64_t start = clock_ns();
	int r;

	memset(text, 'x', sizeof text);
	r = shunt_log_write(log, SHUNT_LOG_INFO, text, MESSAGE);
	if (r != 0)
		return fail("log: %s", shunt_error_name(r));
	while (file_size(job->file) <= size)
		if (clock_ns() - start > 5000000000u)
			return fail("a line is not in the file after 5 s");
	*ms = (double)(clock_ns() - start) / 1e6;
	return 0;
}

static int
trickler(struct mail *mail, int seat, void *arg)
{
	const struct trickle *job = arg;
	double *figure = mail->seat[seat].figure, *ms;
	uint64_t next;
	struct shunt_log *log;
	int bad = 0;

	ms = calloc((size_t)job->lines, sizeof *ms);
	if (ms == NULL || shunt_log_open(&log, job->log, NULL) < 0)
		return fail("%s: %s", job->log, shunt_error_detail());
	crew_ready(mail);
	next = clock_ns();
	for (int i = 0; i < job->lines && !bad; i++) {
		next += 50000000 + (uint64_t)(i * 7919 % 1000) * 1000;
		if (clock_ns() < next)
			sleep_ns(next - clock_ns());
		bad = one_delay(log, job, &ms[i]);
	}
	shunt_log_close(&log);
	sort_figures(ms, (size_t)job->lines);
	figure[0] = percentile(ms, (size_t)job->lines, 0.99);
	figure[1] = percentile(ms, (size_t)job->lines, 0.5);
	figure[2] = ms[job->lines - 1];
	free(ms);
	return bad;
}

static int
delay(const struct bench *b, struct sample *s)
{
	struct trickle job = {.lines = quick_run ? 40 : 200};
	struct server server = {0};
	struct crew crew = {0};
	int bad, where;

	(void)b;
	cpus();
	where = nth_cpu(1);
	fresh_name(job.log, "delay");
	scratch_path(job.file, "delay.log");
	if (server_start(&server, job.log, job.file, "never", nth_cpu(0)) < 0)
		return -1;
	bad = crew_start(&crew, 1, &where, trickler, &job);
	if (!bad) {
		crew_go(&crew);
		bad = crew_finish(&crew, 60);
		s->value = crew.mail->seat[0].figure[0];
		s->extra[0] = crew.mail->seat[0].figure[1];
		s->extra[1] = crew.mail->seat[0].figure[2];
	}
	crew_free(&crew);
	if (bad)
		server_kill(&server);
	else
		bad = server_stop(&server);
	unlink(job.file);
	return bad;
}

/* ---- the idle server ---- */

struct usage {
	double switches; /* voluntary: it went to sleep and was woken */
	double cpu_ms;
};

static void
add_thread(const char *folder, const char *tid, struct usage *u)
{
	char path[PATH_ROOM], line[256];
	unsigned long long n;
	FILE *f;

	snprintf(path, sizeof path, "%s/%.32s/status", folder, tid);
	f = fopen(path, "r");
	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, "voluntary_ctxt_switches: %llu", &n) == 1)
			u->switches += (double)n;
	if (f != NULL)
		fclose(f);
	snprintf(path, sizeof path, "%s/%.32s/schedstat", folder, tid);
	f = fopen(path, "r");
	if (f != NULL && fscanf(f, "%llu", &n) == 1)
		u->cpu_ms += (double)n / 1e6;
	if (f != NULL)
		fclose(f);
}

static int
usage_of(pid_t pid, struct usage *u)
{
	char folder[64];
	struct dirent *e;
	DIR *dir;

	memset(u, 0, sizeof *u);
	snprintf(folder, sizeof folder, "/proc/%ld/task", (long)pid);
	dir = opendir(folder);
	if (dir == NULL)
		return fail("%s: %s", folder, strerror(errno));
	while ((e = readdir(dir)) != NULL)
		if (e->d_name[0] != '.')
			add_thread(folder, e->d_name, u);
	closedir(dir);
	return 0;
}

/* One client is attached and has logged a line; then nothing happens. */
static int
watch_idle(const char *log, pid_t pid, struct usage *spent, double seconds)
{
	struct shunt_log *client;
	struct usage before, after;
	int bad;

	if (shunt_log_open(&client, log, NULL) < 0 ||
	    shunt_log_printf(client, SHUNT_LOG_INFO, "one line") < 0)
		return fail("%s: %s", log, shunt_error_detail());
	sleep_ns(2000000000u);
	bad = usage_of(pid, &before);
	sleep_ns((uint64_t)(seconds * 1e9));
	bad = bad || usage_of(pid, &after);
	shunt_log_close(&client);
	if (bad)
		return -1;
	spent->switches = (after.switches - before.switches) / seconds;
	spent->cpu_ms = (after.cpu_ms - before.cpu_ms) * 10 / seconds;
	return 0;
}

/* Both figures come from the same ten seconds. */
static int
idle(struct usage *out)
{
	static struct usage known;
	static int is_known;
	char log[NAME_ROOM], file[PATH_ROOM];
	struct server server = {0};
	int bad;

	if (!is_known) {
		fresh_name(log, "idle");
		scratch_path(file, "idle.log");
		if (server_start(&server, log, file, "never", ANY_CPU) < 0)
			return -1;
		bad = watch_idle(log, server.pid, &known, quick_run ? 3 : 10);
		if (bad)
			server_kill(&server);
		else
			bad = server_stop(&server);
		unlink(file);
		if (bad)
			return -1;
		is_known = 1;
	}
	*out = known;
	return 0;
}

static int
idle_wakeups(const struct bench *b, struct sample *s)
{
	struct usage u;

	(void)b;
	if (idle(&u) < 0)
		return -1;
	s->value = u.switches;
	return 0;
}

static int
idle_cpu(const struct bench *b, struct sample *s)
{
	struct usage u;

	(void)b;
	if (idle(&u) < 0)
		return -1;
	s->value = u.cpu_ms;
	return 0;
}

const struct bench quiet_benches[] = {
    {
	.name = "log.delay",
	.unit = "ms",
	.what = "from the call to the file, 20 lines a second, 99 of 100",
	.bar = 5,
	.pairs = 1,
	.quick = 1,
	.measure = delay,
	.extra = {"p50", "max"},
    },
    {
	.name = "log.idle.wakeups",
	.unit = "1/s",
	.what = "an idle server's voluntary context switches",
	.bar = 2,
	.pairs = 1,
	.quick = 1,
	.measure = idle_wakeups,
    },
    {
	.name = "log.idle.cpu",
	.unit = "ms",
	.what = "an idle server's processor time in 10 s",
	.bar = 10,
	.pairs = 1,
	.quick = 1,
	.measure = idle_cpu,
    },
    {.name = NULL},
};
