/* SPDX-License-Identifier: MIT */

/*
 * Throughput of the log: some clients log the same message of 100 bytes as
 * fast as they can, and the clock stops when the last byte is in the file
 * (in the page cache; or, for log.sync, on disk).
 */

#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <shunt/error.h>
#include <shunt/log.h>

#define MESSAGE 100

struct job {
	char log[NAME_ROOM], file[PATH_ROOM];
	int64_t lines; /* of each client */
	int flush;     /* end when all is on disk */
};

static const char *
message(void)
{
	static char text[MESSAGE];

	memset(text, 'x', sizeof text);
	return text;
}

static int64_t
lines_each(const struct bench *b)
{
	return (quick_run ? 200000 : 1000000) / b->clients;
}

/*
 * One client has a processor of its own beside the server's.  Several are
 * placed by the kernel, in the control too: two processors for all.
 */
static const int *
places(int clients)
{
	static int where[CREW_MAX];

	if (clients > 1)
		return NULL;
	cpus();
	where[0] = nth_cpu(1);
	return where;
}

static int
log_client(struct mail *mail, int seat, void *arg)
{
	const struct job *job = arg;
	struct seat *mine = &mail->seat[seat];
	const char *text = message();
	struct shunt_log *log;
	uint64_t cpu;
	int r;

	if (shunt_log_open(&log, job->log, NULL) < 0)
		return fail("%s: %s", job->log, shunt_error_detail());
	r = shunt_log_write(log, SHUNT_LOG_INFO, text, MESSAGE); /* warm up */
	crew_ready(mail);
	mine->begin_ns = clock_ns();
	cpu = cpu_ns();
	for (int64_t i = 0; i < job->lines && r == 0; i++)
		r = shunt_log_write(log, SHUNT_LOG_INFO, text, MESSAGE);
	mine->figure[0] = (double)(cpu_ns() - cpu) / (double)job->lines;
	if (r == 0 && job->flush)
		r = shunt_log_flush(log, INT64_C(30000000000));
	mine->end_ns = clock_ns();
	shunt_log_close(&log);
	return r == 0 ? 0 : fail("log: %s", shunt_error_name(r));
}

static int64_t
bytes_expected(const struct crew *crew, int64_t lines)
{
	int64_t sum = 0;

	for (int i = 0; i < crew->n; i++)
		sum += lines * (int64_t)classic_line(crew->pid[i], MESSAGE);
	return sum;
}

static double
mean_figure(const struct crew *crew, int figure)
{
	double sum = 0;

	for (int i = 0; i < crew->n; i++)
		sum += crew->mail->seat[i].figure[figure];
	return sum / crew->n;
}

/* The end is what the file shows, or what the flushing clients were told. */
static int
log_crew(const struct bench *b, const struct job *job, struct crew *crew,
    struct sample *s)
{
	int64_t all = (job->lines + 1) * b->clients, bytes, have;
	uint64_t end;

	if (crew_start(crew, b->clients, places(b->clients), log_client,
		(void *)job) < 0)
		return -1;
	bytes = bytes_expected(crew, job->lines + 1);
	memory_free("ours");
	if (crew_go(crew) == 0)
		return crew_finish(crew, 1) ? -1 : fail("no start");
	end = await_size(job->file, bytes, 60);
	if (crew_finish(crew, 60) < 0 || end == 0)
		return -1;
	if (job->flush)
		end = crew_end(crew);
	have = count_lines(job->file);
	if (have != all || file_size(job->file) != bytes)
		return fail("%lld lines logged, %lld in the file",
		    (long long)all, (long long)have);
	s->value = (double)(job->lines * b->clients) * 1e9 /
		   (double)(end - crew_begin(crew));
	s->extra[0] = mean_figure(crew, 0);
	return 0;
}

static int
log_rate(const struct bench *b, struct sample *s, const char *sync)
{
	struct job job = {
	    .lines = lines_each(b), .flush = strcmp(sync, "batch") == 0};
	struct server server = {0};
	struct crew crew = {0};
	int bad;

	cpus();
	fresh_name(job.log, "log");
	scratch_path(job.file, "shunt.log");
	if (server_start(&server, job.log, job.file, sync,
		b->clients == 1 ? nth_cpu(0) : ANY_CPU) < 0)
		return -1;
	bad = log_crew(b, &job, &crew, s);
	crew_free(&crew);
	if (bad)
		server_kill(&server);
	else
		bad = server_stop(&server);
	memory_hold(job.file, "ours");
	return bad;
}

static int
ours_cached(const struct bench *b, struct sample *s)
{
	return log_rate(b, s, "never");
}

static int
ours_synced(const struct bench *b, struct sample *s)
{
	return log_rate(b, s, "batch");
}

static int
append_client(struct mail *mail, int seat, void *arg)
{
	const struct job *job = arg;
	struct seat *mine = &mail->seat[seat];
	struct stamp stamp = {.len = 0};
	const char *text = message();
	pid_t pid = getpid();
	uint64_t cpu;
	int fd =
	    open(job->file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	int bad;

	if (fd < 0)
		return fail("%s: %s", job->file, strerror(errno));
	bad = append_line(fd, &stamp, pid, text, MESSAGE);
	crew_ready(mail);
	mine->begin_ns = clock_ns();
	cpu = cpu_ns();
	for (int64_t i = 0; i < job->lines && !bad; i++)
		bad = append_line(fd, &stamp, pid, text, MESSAGE);
	mine->figure[0] = (double)(cpu_ns() - cpu) / (double)job->lines;
	mine->end_ns = clock_ns();
	close(fd);
	return bad;
}

static int
append_rate(const struct bench *b, struct sample *s)
{
	struct job job = {.lines = lines_each(b)};
	struct crew crew = {0};
	int bad;

	scratch_path(job.file, "append.log");
	bad = crew_start(
	    &crew, b->clients, places(b->clients), append_client, &job);
	if (!bad) {
		memory_free("append");
		crew_go(&crew);
		bad = crew_finish(&crew, 60);
	}
	if (!bad) {
		s->value = (double)(job.lines * b->clients) * 1e9 /
			   (double)(crew_end(&crew) - crew_begin(&crew));
		s->extra[0] = mean_figure(&crew, 0);
	}
	crew_free(&crew);
	memory_hold(job.file, "append");
	return bad;
}

static int
textbook_cached(const struct bench *b, struct sample *s)
{
	return textbook_rate(
	    b->clients, quick_run ? 0.5 : 1, 0, NULL, &s->value, &s->extra[0]);
}

static int
textbook_synced(const struct bench *b, struct sample *s)
{
	return textbook_rate(
	    b->clients, quick_run ? 0.5 : 1, 1, NULL, &s->value, &s->extra[0]);
}

#define RATE(NAME, WHAT, CONTROL, BAR, THEIRS, OURS, CLIENTS)                  \
	{                                                                      \
		.name = NAME, .unit = "lines/s", .what = WHAT,                 \
		.control = CONTROL, .bar = BAR, .higher = 1, .pairs = 15,      \
		.quick = 3, .measure_control = THEIRS, .measure = OURS,        \
		.extra = {"client_cpu_ns"}, .clients = CLIENTS                 \
	}

const struct bench rate_benches[] = {
    RATE("log.append.1", "to the page cache, in order, 1 client", "O_APPEND", 5,
	append_rate, ours_cached, 1),
    RATE("log.append.4", "to the page cache, in order, 4 clients", "O_APPEND",
	7, append_rate, ours_cached, 4),
    RATE("log.textbook", "to the page cache, in order, 1 client", "textbook",
	20, textbook_cached, ours_cached, 1),
    RATE("log.textbook.4", "to the page cache, in order, 4 clients", "textbook",
	20, textbook_cached, ours_cached, 4),
    RATE("log.sync", "on disk, an fdatasync a batch, 1 client",
	"textbook O_SYNC", 500, textbook_synced, ours_synced, 1),
    RATE("log.sync.4", "on disk, an fdatasync a batch, 4 clients",
	"textbook O_SYNC", 500, textbook_synced, ours_synced, 4),
    {.name = NULL},
};
