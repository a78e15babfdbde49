/* SPDX-License-Identifier: MIT */
/* The server through its interface, step by step, in one process. */
#include "unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include <shunt/inspect.h>
#include <shunt/log.h>
#include <shunt/logd.h>
#include <shunt/segment.h>

#include "log/server.h"
#include "os/os.h"

static char name[64], path[220], other[240], said[512];
static struct shunt_log *client;
static struct shunt_logd *logd;
static struct shunt__os real;

static void
hear(void *arg, const char *line)
{
	(void)arg;
	snprintf(said, sizeof(said), "%s", line);
}

static int
serve(int64_t sync_ns)
{
	struct shunt_logd_options o = {
	    .sz = sizeof(o), .file = path, .notice = hear, .sync_ns = sync_ns};

	return shunt_logd_open(&logd, name, &o);
}

static int
setup(void **state)
{
	const char *dir = getenv("TMPDIR");
	struct shunt_log_options o = {
	    .sz = sizeof(o), .lanes = 8, .lane_bytes = 65536};

	(void)state;
	real = shunt__os;
	snprintf(name, sizeof(name), "/shunt-test-logd-%d", getpid());
	snprintf(path, sizeof(path), "%s/shunt-test-logd-%d",
	    dir != NULL ? dir : "/tmp", getpid());
	snprintf(other, sizeof(other), "%s.1", path);
	said[0] = 0;
	unlink(path);
	unlink(other);
	assert_int_equal(shunt_log_open(&client, name, &o), 1);
	return 0;
}

static int
teardown(void **state)
{
	struct shunt_remove_options force = {
	    .sz = sizeof(force), .flags = SHUNT_REMOVE_FORCE};

	(void)state;
	shunt__os = real;
	shunt_logd_close(&logd);
	shunt_log_close(&client);
	shunt_remove(name, &force);
	unlink(path);
	unlink(other);
	return 0;
}

static void
say(const char *text)
{
	assert_int_equal(
	    shunt_log_write(client, SHUNT_LOG_INFO, text, strlen(text)), 0);
}

/* Messages of a file, each with a blank behind it; "?" for a torn end. */
static const char *
messages(const char *of)
{
	static char out[2000];
	char line[1000];
	FILE *f = fopen(of, "r");
	size_t n = 0;

	out[0] = 0;
	if (f == NULL)
		return "none";
	while (fgets(line, sizeof(line), f) != NULL) {
		char *end = strchr(line, '\n'), *colon = strstr(line, ": ");
		if (end != NULL)
			*end = 0;
		const char *text =
		    colon != NULL && strlen(colon) > 27 ? colon + 27 : line;
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%s ", text,
		    end != NULL ? "" : "?");
	}
	fclose(f);
	return out;
}

static void
step(int64_t expect)
{
	assert_int_equal(shunt_logd_step(logd, SHUNT_NOWAIT), expect);
}

static void
lines_reach_the_file_in_order(void **state)
{
	(void)state;
	say("before");
	assert_int_equal(serve(0), 0);
	say("then");
	step(2);
	step(0);
	say("after");
	step(1);
	assert_string_equal(messages(path), "before then after ");
	struct shunt_logd_stat st = {.sz = sizeof(st)};
	assert_int_equal(shunt_logd_stat(logd, &st), 0);
	assert_int_equal(st.lines, 3);
	assert_int_equal(st.batches, 2);
	assert_int_equal(st.waiting, 0);
	assert_int_equal(st.clients, 1);
	assert_int_equal(st.server_pid, getpid());
	assert_string_equal(st.file, path);
}

static void
a_second_server_is_refused_by_the_pid_of_the_first(void **state)
{
	struct shunt_logd_options o = {.sz = sizeof(o), .file = other};
	struct shunt_logd *second;
	char pid[20];

	(void)state;
	assert_int_equal(serve(0), 0);
	assert_int_equal(shunt_logd_open(&second, name, &o), -EBUSY);
	assert_null(second);
	snprintf(pid, sizeof(pid), "%d", getpid());
	assert_detail(pid);
	/* It never came to its file. */
	assert_int_equal(access(other, F_OK), -1);
}

static void
two_logs_with_one_file_are_refused(void **state)
{
	struct shunt_logd_options o = {.sz = sizeof(o), .file = path};
	struct shunt_logd *second;
	char second_name[80];

	(void)state;
	snprintf(second_name, sizeof(second_name), "%s-2", name);
	assert_int_equal(serve(0), 0);
	assert_int_equal(shunt_logd_open(&second, second_name, &o), -EBUSY);
	assert_detail("another log");
	/* And the log that was made for it is gone again. */
	struct shunt_logd_stat st = {.sz = sizeof(st)};
	assert_int_equal(shunt_logd_status(second_name, NULL, &st), -ENOENT);
}

static void
a_file_that_cannot_be_is_an_error(void **state)
{
	struct shunt_logd_options o = {.sz = sizeof(o)};

	(void)state;
	o.file = "/";
	assert_int_equal(shunt_logd_open(&logd, name, &o), -EISDIR);
	o.file = "/nowhere/at/all";
	assert_int_equal(shunt_logd_open(&logd, name, &o), -ENOENT);
	assert_detail("/nowhere/at/all");
	o.file = path;
	o.format = 3;
	assert_int_equal(shunt_logd_open(&logd, name, &o), -EINVAL);
	o.format = 0;
	o.flags = 1;
	assert_int_equal(shunt_logd_open(&logd, name, &o), -EINVAL);
	o.flags = 0;
	o.sync_ns = -2;
	assert_int_equal(shunt_logd_open(&logd, name, &o), -EINVAL);
	assert_null(logd);
}

static void
a_line_of_others_is_ended(void **state)
{
	(void)state;
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, "half", 4), 4);
	assert_int_equal(serve(0), 0);
	say("ours");
	step(1);
	assert_string_equal(messages(path), "half ours ");
	/* While it is served, too. */
	assert_int_equal(pwrite(fd, "theirs", 6, lseek(fd, 0, SEEK_END)), 6);
	say("next");
	step(1);
	assert_string_equal(messages(path), "half ours theirs next ");
	assert_non_null(strstr(said, "somebody else"));
	/* Cut to nothing, as some rotate. */
	assert_int_equal(ftruncate(fd, 0), 0);
	say("anew");
	step(1);
	assert_string_equal(messages(path), "anew ");
	close(fd);
}

static void
rotation_by_rename(void **state)
{
	(void)state;
	assert_int_equal(serve(0), 0);
	say("one");
	step(1);
	assert_int_equal(rename(path, other), 0);
	say("two");
	step(1);
	shunt_logd_reopen(logd);
	say("three");
	step(1);
	assert_string_equal(messages(other), "one two ");
	assert_string_equal(messages(path), "three ");
	shunt_logd_reopen(logd); /* nobody renamed it */
	say("four");
	step(1);
	assert_string_equal(messages(path), "three four ");
	struct shunt_logd_stat st = {.sz = sizeof(st)};
	shunt_logd_stat(logd, &st);
	assert_true(st.syncs >= 1);
}

static void
a_deleted_file_is_begun_anew(void **state)
{
	(void)state;
	assert_int_equal(serve(0), 0);
	say("one");
	step(1);
	assert_int_equal(unlink(path), 0);
	say("two");
	step(0);
	step(1);
	assert_string_equal(messages(path), "two ");
	assert_non_null(strstr(said, "deleted"));
}

static void
a_reopen_that_fails_keeps_the_old_file(void **state)
{
	(void)state;
	assert_int_equal(serve(0), 0);
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	shunt_logd_reopen(logd);
	say("one");
	step(1);
	assert_int_equal(rmdir(path), 0);
	assert_string_equal(messages(other), "one ");
	assert_non_null(strstr(said, "old file"));
}

/* ---- a disk that refuses ---- */

static int fail_write, fail_cut, fail_sync;

static ssize_t
bad_pwrite(int fd, const void *buf, size_t n, off_t off)
{
	if (fail_write == 0)
		return real.pwrite(fd, buf, n, off);
	/* Half of it gets there first. */
	if (n > 1 && fail_write == 1) {
		fail_write = 2;
		return real.pwrite(fd, buf, n / 2, off);
	}
	return -ENOSPC;
}

static int
bad_ftruncate(int fd, off_t size)
{
	return fail_cut ? -EIO : real.ftruncate(fd, size);
}

static int
bad_fdatasync(int fd)
{
	return fail_sync ? -EIO : real.fdatasync(fd);
}

static void
break_disk(void)
{
	fail_write = fail_cut = fail_sync = 0;
	shunt__os.pwrite = bad_pwrite;
	shunt__os.ftruncate = bad_ftruncate;
	shunt__os.fdatasync = bad_fdatasync;
}

static void
later(void)
{
	logd->retry = 0;
}

static void
a_full_disk_keeps_the_records(void **state)
{
	struct shunt_logd_stat st = {.sz = sizeof(st)};

	(void)state;
	assert_int_equal(serve(0), 0);
	break_disk();
	say("one");
	step(1);
	fail_write = 1;
	say("two");
	step(0);
	assert_string_equal(messages(path), "one ");
	assert_non_null(strstr(said, "the records stay"));
	said[0] = 0;
	shunt_logd_stat(logd, &st);
	assert_int_equal(st.disk_full, 1);
	assert_true(st.waiting > 0);
	later();
	step(0);
	assert_string_equal(said, ""); /* once is enough */
	say("three");
	fail_write = 0;
	step(0); /* not yet */
	later();
	step(2);
	assert_string_equal(messages(path), "one two three ");
	assert_non_null(strstr(said, "written again"));
	shunt_logd_stat(logd, &st);
	assert_int_equal(st.disk_full, 0);
	assert_int_equal(st.lines, 3);
	assert_int_equal(st.late + st.skewed, 0);
}

static void
what_cannot_be_cut_back_is_not_gone_on_behind(void **state)
{
	(void)state;
	assert_int_equal(serve(0), 0);
	break_disk();
	fail_write = fail_cut = 1;
	say("one");
	step(0);
	fail_write = 0;
	later();
	step(0); /* the cut still fails: nothing is written behind it */
	fail_cut = 0;
	later();
	step(1);
	assert_string_equal(messages(path), "one ");
}

static void
a_failed_sync_of_a_batch_takes_it_back(void **state)
{
	(void)state;
	assert_int_equal(serve(SHUNT_SYNC_BATCH), 0);
	break_disk();
	fail_sync = 1;
	say("one");
	step(0);
	assert_string_equal(messages(path), "");
	assert_int_equal(shunt_log_flush(client, SHUNT_NOWAIT), -EAGAIN);
	fail_sync = 0;
	later();
	step(1);
	assert_string_equal(messages(path), "one ");
	assert_int_equal(shunt_log_flush(client, SHUNT_NOWAIT), 0);
}

static void
after_a_failed_sync_no_flush_is_answered(void **state)
{
	(void)state;
	assert_int_equal(serve(1), 0); /* an interval of 1 ns: always due */
	break_disk();
	fail_sync = 1;
	say("one");
	step(1);
	assert_non_null(strstr(said, "cannot be synced"));
	fail_sync = 0;
	step(0);
	assert_int_equal(shunt_log_flush(client, SHUNT_NOWAIT), -EAGAIN);
	/* Another file is another matter. */
	assert_int_equal(rename(path, other), 0);
	shunt_logd_reopen(logd);
	say("two");
	step(1);
	step(0);
	assert_int_equal(shunt_log_flush(client, SHUNT_NOWAIT), 0);
}

static void
a_stop_with_a_full_disk_leaves_the_records(void **state)
{
	(void)state;
	assert_int_equal(serve(0), 0);
	break_disk();
	fail_write = 1;
	say("one");
	shunt_logd_stop(logd);
	assert_int_equal(shunt_logd_run(logd), -ENOSPC);
	shunt_logd_close(&logd);
	fail_write = 0;
	assert_int_equal(serve(0), 0);
	step(1);
	assert_string_equal(messages(path), "one ");
}

/* ---- on its own thread ---- */

static void *
run(void *arg)
{
	(void)arg;
	return (void *)(intptr_t)shunt_logd_run(logd);
}

static void
flush_reaches_the_disk(int64_t sync_ns)
{
	pthread_t thread;
	void *e;
	struct shunt_logd_stat st = {.sz = sizeof(st)};

	assert_int_equal(serve(sync_ns), 0);
	assert_int_equal(pthread_create(&thread, NULL, run, NULL), 0);
	for (int i = 0; i < 20; i++) {
		say("x");
		assert_int_equal(
		    shunt_log_flush(client, INT64_C(5000000000)), 0);
		assert_int_equal(shunt_logd_status(name, NULL, &st), 0);
		assert_int_equal(st.lines, i + 1);
		assert_true(st.syncs > (uint64_t)i);
	}
	assert_int_equal(
	    shunt_logd_request_stop(name, NULL, SHUNT_NOWAIT), -EAGAIN);
	assert_int_equal(pthread_join(thread, &e), 0);
	assert_int_equal((intptr_t)e, 0);
	shunt_logd_close(&logd);
	assert_int_equal(
	    shunt_logd_request_stop(name, NULL, 1000000), SHUNT_E_NOSERVER);
}

static void
flush_with_each_policy(void **state)
{
	(void)state;
	flush_reaches_the_disk(SHUNT_SYNC_NEVER);
	teardown(NULL);
	setup(NULL);
	flush_reaches_the_disk(SHUNT_SYNC_BATCH);
	teardown(NULL);
	setup(NULL);
	flush_reaches_the_disk(INT64_C(3600000000000));
}

static _Atomic int sleeps;

static int
counted_wait(const void *word, uint32_t expect, int64_t ns)
{
	sleeps++;
	return real.futex_wait(word, expect, ns);
}

static void
an_idle_server_sleeps_long(void **state)
{
	pthread_t thread;
	void *e;

	(void)state;
	assert_int_equal(serve(0), 0);
	say("x");
	shunt__os.futex_wait = counted_wait;
	assert_int_equal(pthread_create(&thread, NULL, run, NULL), 0);
	/* A tenth of a second of naps after the last record, then 250 ms,
	 * 500 ms, 1 s, ...: this is time passing, not synchronisation. */
	real.nanosleep(500000000);
	sleeps = 0;
	uint64_t before = shunt__clock(CLOCK_PROCESS_CPUTIME_ID);
	real.nanosleep(3000000000);
	assert_in_range(sleeps, 1, 6);
	/* It does not spin either.  How little it is the bench tells: some
	 * hosts charge a millisecond and more for waking up. */
	assert_in_range(
	    shunt__clock(CLOCK_PROCESS_CPUTIME_ID) - before, 0, 100000000);
	shunt_logd_stop(logd);
	assert_int_equal(pthread_join(thread, &e), 0);
	assert_int_equal((intptr_t)e, 0);
}

/* ---- other outputs, other times ---- */

static void
a_pipe_is_written_at_least_once(void **state)
{
	char line[200] = "";

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	int fd = open(path, O_RDONLY | O_NONBLOCK);
	assert_int_equal(serve(SHUNT_SYNC_BATCH), 0);
	say("one");
	step(1);
	assert_true(read(fd, line, sizeof(line) - 1) > 0);
	assert_non_null(strstr(line, " one\n"));
	assert_int_equal(shunt_log_flush(client, SHUNT_NOWAIT), 0);
	close(fd);
}

/* The sanitizer sees where the difference of two clocks is none. */
static void
a_tail_does_not_believe_a_clock_that_was_scribbled_over(void **state)
{
	char year[16], now[8];
	time_t t = time(NULL);
	struct shunt_tail *tail;
	const char *line;

	(void)state;
	assert_int_equal(serve(0), 0);
	say("here");
	shunt__store64(
	    &logd->sources[0]->server->sv_wall, UINT64_C(0x8383838383838383));
	assert_int_equal(
	    shunt_tail_open(&tail, name, NULL, SHUNT_FORMAT_JSON), 0);
	assert_true(shunt_tail_next(tail, &line) > 0);
	assert_non_null(strstr(line, "here"));
	strftime(now, sizeof(now), "%Y-", gmtime(&t));
	snprintf(year, sizeof(year), "\"%s", now);
	assert_non_null(strstr(line, year));
	shunt_tail_close(&tail);
}

static void
records_of_another_boot_have_its_clock(void **state)
{
	struct shunt__log_server_lay *sv;
	char year[80];

	(void)state;
	assert_int_equal(serve(0), 0);
	sv = logd->sources[0]->server;
	say("then");
	/* As if that had been before a restart, in the year 2001. */
	memset(sv->sv_boot, 7, sizeof(sv->sv_boot));
	uint64_t wall = UINT64_C(1000000000000000000) - shunt__now();
	shunt_logd_close(&logd);
	struct shunt__object *obj;
	struct shunt__spec spec;
	shunt__log_spec(&spec, 0, 0);
	assert_int_equal(shunt__object_attach(&obj, name, &spec), 0);
	shunt__store64(&shunt__log_server(obj)->sv_wall, wall);
	shunt__object_detach(obj, NULL);
	assert_int_equal(serve(0), 0);
	step(1);
	say("now");
	step(1);
	FILE *f = fopen(path, "r");
	assert_non_null(fgets(year, sizeof(year), f));
	assert_non_null(strstr(year, " 2001 then"));
	assert_non_null(fgets(year, sizeof(year), f));
	assert_null(strstr(year, " 2001 "));
	fclose(f);
}

static void
an_empty_log_goes_with_its_last_user(void **state)
{
	struct shunt_logd_stat st = {.sz = sizeof(st)};

	(void)state;
	assert_int_equal(serve(0), 0);
	say("one");
	shunt_log_close(&client);
	step(1);
	shunt_logd_close(&logd);
	assert_int_equal(shunt_logd_status(name, NULL, &st), -ENOENT);
	assert_string_equal(messages(path), "one ");
}

static void
unread_records_keep_their_log(void **state)
{
	struct shunt_logd_stat st = {.sz = sizeof(st)};

	(void)state;
	say("one");
	shunt_log_close(&client);
	assert_int_equal(shunt_logd_status(name, NULL, &st), 0);
	assert_int_equal(st.server_pid, 0);
	assert_true(st.waiting > 0);
	assert_int_equal(serve(0), 0);
	step(1);
}

static void
a_truncated_log_is_an_error(void **state)
{
	char shm[100];

	(void)state;
	assert_int_equal(serve(0), 0);
	snprintf(shm, sizeof(shm), "/dev/shm%s", name);
	assert_int_equal(truncate(shm, 8192), 0);
	logd->checked = 0;
	assert_int_equal(
	    shunt_logd_step(logd, SHUNT_NOWAIT), SHUNT_E_TRUNCATED);
	assert_int_equal(
	    shunt_logd_step(logd, SHUNT_NOWAIT), SHUNT_E_TRUNCATED);
	struct shunt_logd_stat st = {.sz = sizeof(st)};
	assert_int_equal(shunt_logd_stat(logd, &st), SHUNT_E_TRUNCATED);
	shunt_logd_close(&logd);
	unlink(shm);
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    CASE(lines_reach_the_file_in_order),
	    CASE(a_second_server_is_refused_by_the_pid_of_the_first),
	    CASE(two_logs_with_one_file_are_refused),
	    CASE(a_file_that_cannot_be_is_an_error),
	    CASE(a_line_of_others_is_ended),
	    CASE(rotation_by_rename),
	    CASE(a_deleted_file_is_begun_anew),
	    CASE(a_reopen_that_fails_keeps_the_old_file),
	    CASE(a_full_disk_keeps_the_records),
	    CASE(what_cannot_be_cut_back_is_not_gone_on_behind),
	    CASE(a_failed_sync_of_a_batch_takes_it_back),
	    CASE(after_a_failed_sync_no_flush_is_answered),
	    CASE(a_stop_with_a_full_disk_leaves_the_records),
	    CASE(flush_with_each_policy),
	    CASE(an_idle_server_sleeps_long),
	    CASE(a_pipe_is_written_at_least_once),
	    CASE(a_tail_does_not_believe_a_clock_that_was_scribbled_over),
	    CASE(records_of_another_boot_have_its_clock),
	    CASE(an_empty_log_goes_with_its_last_user),
	    CASE(unread_records_keep_their_log),
	    CASE(a_truncated_log_is_an_error),
	};

	alarm(55);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
