/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/* A client of a log by itself: what its calls answer and leave behind. */
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include <shunt/inspect.h>
#include <shunt/log.h>
#include <shunt/segment.h>

#include "lib/log_lines.h"
#include "lib/log_producer.h"
#include "lib/peers.h"
#include "log/client.h"
#include "os/os.h"

static const struct shunt_log_options small = {
    .sz = sizeof(small), .lane_bytes = 4096, .lanes = 8, .tag = "test"};

static struct shunt_log *
open_log(const char *name, const struct shunt_log_options *opts)
{
	struct shunt_log *log;

	if (shunt_log_open(&log, name, opts) < 0)
		fail_msg("%s", shunt_error_detail());
	return log;
}

static void
a_record_says_who_and_what(void **state)
{
	const char *name = test_name("client");
	struct shunt_log *log = open_log(name, &small);
	char line[256], want[256];

	(void)state;
	assert_int_equal(shunt_log_write(log, SHUNT_LOG_ERR, "a\0b", 3), 0);
	assert_int_equal(log_lines_unread(name, line, sizeof(line)), 1);
	snprintf(want, sizeof(want), " err %d.%d test: a\\x00b\n", getpid(),
	    gettid());
	assert_string_equal(line + 35, want);
	assert_int_equal(shunt_log_printf(log, 6, "%d and %s", 7, "x"), 0);
	log_lines_unread(name, line, sizeof(line));
	assert_non_null(strstr(line, " info "));
	assert_non_null(strstr(line, "test: 7 and x\n"));
	assert_int_equal(shunt_log_write(log, 0, NULL, 0), 0);
	log_lines_unread(name, line, sizeof(line));
	assert_non_null(strstr(line, "test: \n"));
	shunt_log_close(&log);
	assert_null(log);
}

static void
an_undrained_log_stays_and_an_empty_one_goes(void **state)
{
	const char *name = test_name("client");
	struct shunt_log *log = open_log(name, &small);

	(void)state;
	shunt_log_close(&log);
	assert_false(test_there(name));
	log = open_log(name, &small);
	assert_int_equal(shunt_log_write(log, 6, "x", 1), 0);
	shunt_log_close(&log);
	assert_true(test_there(name));
	assert_int_equal(log_lines_unread(name, NULL, 0), 1);
}

static void
bad_options_are_refused(void **state)
{
	struct shunt_log *log;
	struct shunt_log_options o = small;
	const char *name = test_name("client");

	(void)state;
	o.tag = "123456789012345678901234567890123";
	assert_int_equal(shunt_log_open(&log, name, &o), -EINVAL);
	assert_detail("tag");
	o = small;
	o.full = 3;
	assert_int_equal(shunt_log_open(&log, name, &o), -EINVAL);
	o = small;
	o.max_level = 8;
	assert_int_equal(shunt_log_open(&log, name, &o), -EINVAL);
	o = small;
	o.flags = 1u << 30;
	assert_int_equal(shunt_log_open(&log, name, &o), -EINVAL);
	o = small;
	o.reserved = 1;
	assert_int_equal(shunt_log_open(&log, name, &o), -EINVAL);
	o = small;
	o.lane_bytes = 5000;
	assert_int_equal(shunt_log_open(&log, name, &o), -EINVAL);
	o = small;
	o.flags = SHUNT_LOG_EXISTING;
	assert_int_equal(shunt_log_open(&log, name, &o), -ENOENT);
	assert_null(log);
	assert_false(test_there(name));
	assert_int_equal(shunt_log_write(NULL, 6, "x", 1), -EINVAL);
	assert_int_equal(shunt_log_flush(NULL, 0), -EINVAL);
	assert_int_equal(shunt_log_max(NULL), 0);
	shunt_log_close(NULL);
	shunt_log_close(&log);
}

static void
levels_filter_here_and_for_all(void **state)
{
	const char *name = test_name("client");
	struct shunt_log_options strict = small;
	struct shunt_log *a = open_log(name, &small), *b;

	(void)state;
	strict.max_level = SHUNT_LOG_WARNING;
	b = open_log(name, &strict);
	assert_int_equal(shunt_log_level(a), SHUNT_LOG_DEBUG);
	assert_int_equal(shunt_log_level(b), SHUNT_LOG_WARNING);
	assert_int_equal(shunt_log_write(b, SHUNT_LOG_NOTICE, "x", 1), 0);
	assert_int_equal(log_lines_unread(name, NULL, 0), 0);
	assert_int_equal(shunt_log_write(b, SHUNT_LOG_WARNING, "x", 1), 0);
	assert_int_equal(log_lines_unread(name, NULL, 0), 1);
	assert_int_equal(shunt_log_write(b, SHUNT_LOG_NOTICE, "x", 1), 0);
	assert_int_equal(log_lines_unread(name, NULL, 0), 1);
	assert_int_equal(shunt_log_set_level(b, SHUNT_LOG_CRIT), 0);
	assert_int_equal(shunt_log_level(a), SHUNT_LOG_CRIT);
	assert_int_equal(shunt_log_write(a, SHUNT_LOG_ERR, "x", 1), 0);
	assert_int_equal(shunt_log_printf(a, SHUNT_LOG_ERR, "x"), 0);
	assert_int_equal(log_lines_unread(name, NULL, 0), 1);
	assert_int_equal(shunt_log_write(a, SHUNT_LOG_CRIT, "x", 1), 0);
	assert_int_equal(log_lines_unread(name, NULL, 0), 2);
	/* Also when the thread has its lane at hand. */
	assert_int_equal(shunt_log_write(a, SHUNT_LOG_ERR, "x", 1), 0);
	assert_int_equal(log_lines_unread(name, NULL, 0), 2);
	assert_int_equal(shunt_log_set_level(a, SHUNT_LOG_ERR), 0);
	assert_int_equal(shunt_log_write(a, SHUNT_LOG_ERR, "x", 1), 0);
	assert_int_equal(log_lines_unread(name, NULL, 0), 3);
	assert_int_equal(shunt_log_write(a, 8, "x", 1), -EINVAL);
	assert_int_equal(shunt_log_write(a, -1, "x", 1), -EINVAL);
	assert_int_equal(shunt_log_set_level(a, 8), -EINVAL);
	shunt_log_close(&a);
	shunt_log_close(&b);
}

static void
the_longest_message_fits_and_one_more_is_refused(void **state)
{
	const char *name = test_name("client");
	struct shunt_log_options o = small;
	char *msg, *line;
	size_t max;

	(void)state;
	o.tag = "12345678901234567890123456789012";
	o.full = SHUNT_LOG_FULL_DROP;
	struct shunt_log *log = open_log(name, &o);
	max = shunt_log_max(log);
	assert_true(max > 1900 && max < 2048);
	msg = malloc(max + 2);
	line = malloc(max + 256);
	memset(msg, 'm', max + 1);
	msg[max + 1] = 0;
	assert_int_equal(shunt_log_write(log, 6, msg, max + 1), -EMSGSIZE);
	assert_int_equal(shunt_log_write(log, 6, msg, SIZE_MAX - 7), -EMSGSIZE);
	assert_int_equal(shunt_log_printf(log, 6, "%s", msg), -EMSGSIZE);
	assert_int_equal(log_lines_unread(name, NULL, 0), 0);
	assert_int_equal(shunt_log_write(log, 6, msg, max), 0);
	log_lines_unread(name, line, max + 256);
	assert_int_equal(strlen(strstr(line, ": ") + 2), max + 1);
	shunt_log_close(&log);
	unlink(test_path(name));
	/* The same through printf, which formats a long one in the lane. */
	log = open_log(name, &o);
	assert_int_equal(shunt_log_printf(log, 6, "%.*s", (int)max, msg), 0);
	log_lines_unread(name, line, max + 256);
	assert_int_equal(strlen(strstr(line, ": ") + 2), max + 1);
	shunt_log_close(&log);
	free(msg);
	free(line);
}

static void
printf_is_exact_around_its_buffer(void **state)
{
	const char *name = test_name("client");
	struct shunt_log *log = open_log(name, NULL);
	char line[4096], msg[2048];

	(void)state;
	for (int len = 1020; len < 1028; len++) {
		memset(msg, 'a' + len % 26, sizeof(msg));
		assert_int_equal(shunt_log_printf(log, 6, "%.*s", len, msg), 0);
		log_lines_unread(name, line, sizeof(line));
		const char *got = strstr(line, ": ") + 2;
		assert_int_equal(strlen(got), len + 1);
		assert_memory_equal(got, msg, (size_t)len);
	}
	shunt_log_close(&log);
}

static size_t
fill(struct shunt_log *log, int *code)
{
	size_t n = 0;

	while ((*code = shunt_log_write(log, 6, "0123456789", 10)) == 0)
		n++;
	return n;
}

static struct shunt_segment_info
info_of(const char *name, struct shunt_participant *list, size_t cap)
{
	struct shunt_segment_info info = {.sz = sizeof(info)};

	assert_true(shunt_segment_stat(name, &info, list, cap) >= 0);
	return info;
}

static uint32_t
look_lanes(const char *name)
{
	return info_of(name, NULL, 0).lanes_used;
}

static void
a_full_lane_without_a_server_costs_one_second_in_all(void **state)
{
	const char *name = test_name("client");
	const char *path = log_path("client");
	struct shunt_log *log = open_log(name, &small);
	struct shunt_participant who[4];
	struct log_server server;
	struct log_lines lines;
	int e;

	(void)state;
	uint64_t begun = test_now();
	size_t kept = fill(log, &e);
	uint64_t first = test_now() - begun;
	assert_int_equal(e, SHUNT_E_DROPPED);
	assert_true(kept > 50);
	assert_in_range(first, 990 * MS, 1500 * MS);
	begun = test_now();
	for (int i = 0; i < 99; i++)
		assert_int_equal(
		    shunt_log_write(log, 6, "x", 1), SHUNT_E_DROPPED);
	assert_true(test_now() - begun < 100 * MS);
	info_of(name, who, 4);
	assert_int_equal(who[0].dropped, 100);
	/* A server comes: there is room again, and patience anew. */
	log_server_start(&server, name, path, 0);
	while (shunt_log_write(log, 6, "again", 5) != 0)
		;
	assert_int_equal(shunt_log_flush(log, 10000000000), 0);
	log_server_stop(&server);
	log_lines_read(&lines, path);
	assert_int_equal(log_lines_count(&lines, "0123456789"), kept);
	assert_int_equal(log_lines_count(&lines, "again"), 1);
	size_t told = 0;
	for (size_t i = 0; i < lines.n; i++)
		told += strcmp(lines.line[i].tag, "shunt") == 0;
	assert_true(told >= 1);
	log_lines_free(&lines);
	begun = test_now();
	fill(log, &e);
	assert_int_equal(e, SHUNT_E_DROPPED);
	assert_in_range(test_now() - begun, 990 * MS, 1500 * MS);
	shunt_log_close(&log);
}

static void
drop_never_waits_and_wait_never_drops(void **state)
{
	const char *name = test_name("client");
	const char *path = log_path("client");
	struct shunt_log_options o = small;
	struct shunt_log *log;
	struct log_server server;
	struct log_lines lines;
	int e;

	(void)state;
	o.full = SHUNT_LOG_FULL_DROP;
	log = open_log(name, &o);
	uint64_t begun = test_now();
	size_t kept = fill(log, &e);
	assert_int_equal(e, SHUNT_E_DROPPED);
	assert_true(test_now() - begun < 100 * MS);
	shunt_log_close(&log);
	/* The lane is taken over, full as it is; the call waits for a server,
	 * also longer than a second. */
	o.full = SHUNT_LOG_FULL_WAIT;
	o.lanes = 0;
	log = open_log(name, &o);
	struct step *step = test_shared(sizeof(*step));
	pid_t pid = fork();
	if (pid == 0) {
		for (int i = 0; i < 1000; i++)
			if (shunt_log_write(log, 6, "waited", 6) != 0)
				_exit(1);
		step_to(step, 1);
		_exit(0);
	}
	uint64_t until = test_now() + 1300 * MS;
	while (test_now() < until)
		shunt__os.nanosleep(10000000);
	assert_int_equal(atomic_load(&step->n), 0);
	log_server_start(&server, name, path, 0);
	assert_int_equal(peer_end(pid), 0);
	log_server_stop(&server);
	log_lines_read(&lines, path);
	assert_int_equal(log_lines_count(&lines, "0123456789"), kept);
	assert_int_equal(log_lines_count(&lines, "waited"), 1000);
	log_lines_free(&lines);
	shunt_log_close(&log);
}

static void *
log_one(void *arg)
{
	return (void *)(intptr_t)shunt_log_write(arg, 6, "other", 5);
}

static void
flush_means_on_disk_for_all_threads(void **state)
{
	const char *name = test_name("client");
	struct shunt_log *log = open_log(name, &small);
	struct log_server server;
	struct log_lines lines;
	pthread_t t;
	void *e;
	static const int64_t syncs[] = {
	    SHUNT_SYNC_NEVER, SHUNT_SYNC_BATCH, 1000000000};

	(void)state;
	assert_int_equal(shunt_log_flush(log, SHUNT_NOWAIT), 0);
	assert_int_equal(shunt_log_write(log, 6, "mine", 4), 0);
	assert_int_equal(shunt_log_flush(log, 1000000000), SHUNT_E_NOSERVER);
	assert_int_equal(shunt_log_flush(log, SHUNT_NOWAIT), SHUNT_E_NOSERVER);
	for (int i = 0; i < 3; i++) {
		const char *path = log_path("client");
		/* A thread that has ended is counted too. */
		pthread_create(&t, NULL, log_one, log);
		pthread_join(t, &e);
		assert_null(e);
		assert_int_equal(shunt_log_write(log, 6, "mine", 4), 0);
		log_server_start(&server, name, path, syncs[i]);
		assert_int_equal(shunt_log_flush(log, 10000000000), 0);
		log_lines_read(&lines, path);
		assert_int_equal(log_lines_count(&lines, "other"), 1);
		assert_int_equal(
		    log_lines_count(&lines, "mine"), i == 0 ? 2 : 1);
		log_lines_free(&lines);
		struct shunt_logd_stat st = {.sz = sizeof(st)};
		assert_int_equal(shunt_logd_stat(server.logd, &st), 0);
		assert_true(st.syncs >= 1);
		log_server_stop(&server);
	}
	shunt_log_close(&log);
}

static void
a_stopped_server_makes_flush_time_out(void **state)
{
	const char *name = test_name("client");
	struct shunt_log *log = open_log(name, &small);
	struct shunt_logd *logd;
	struct shunt_logd_options o = {
	    .sz = sizeof(o), .file = log_path("client")};

	(void)state;
	assert_int_equal(shunt_logd_open(&logd, name, &o), 0);
	assert_int_equal(shunt_log_write(log, 6, "x", 1), 0);
	assert_int_equal(shunt_log_flush(log, SHUNT_NOWAIT), -EAGAIN);
	uint64_t begun = test_now();
	assert_int_equal(shunt_log_flush(log, 50000000), -ETIMEDOUT);
	assert_in_range(test_now() - begun, 50 * MS, 1000 * MS);
	while (shunt_logd_step(logd, SHUNT_NOWAIT) > 0)
		;
	shunt_logd_step(logd, SHUNT_NOWAIT);
	assert_int_equal(shunt_log_flush(log, SHUNT_NOWAIT), 0);
	shunt_logd_close(&logd);
	shunt_log_close(&log);
}

static void
a_call_on_top_of_a_call_is_busy(void **state)
{
	const char *name = test_name("client");
	struct shunt_log *log = open_log(name, &small);

	(void)state;
	assert_int_equal(shunt_log_write(log, 6, "x", 1), 0);
	struct shunt__seat *seat = shunt__seat_cached(shunt__load64(&log->id));
	assert_non_null(seat);
	seat->in_call = 1;
	assert_int_equal(shunt_log_write(log, 6, "x", 1), -EBUSY);
	assert_int_equal(shunt_log_printf(log, 6, "x"), -EBUSY);
	seat->in_call = 0;
	assert_int_equal(shunt_log_write(log, 6, "x", 1), 0);
	assert_int_equal(log_lines_unread(name, NULL, 0), 2);
	shunt_log_close(&log);
}

/* Dies in mid-call: busy is odd, nothing is committed. */
static int
die_busy(void *arg)
{
	struct shunt__spec spec;
	struct producer p;
	void *room;

	shunt__log_spec(&spec, 0, 0);
	NEED(producer_open(&p, arg, &spec) >= 0);
	NEED(producer_put(&p, "before", 6) == 0);
	NEED(producer_begin(&p, 6, &room) == 0);
	NEED(shunt__load32(&p.ctl->ln_busy) & 1);
	raise(SIGKILL);
	return 1;
}

static void
a_lane_left_in_mid_call_is_made_even_at_once(void **state)
{
	const char *name = test_name("client");
	struct shunt_log *log = open_log(name, NULL);

	(void)state;
	assert_int_equal(
	    peer_end(peer_start(die_busy, (void *)(uintptr_t)name)), -SIGKILL);
	struct shunt__log_at *at = atomic_load(&log->now);
	struct shunt__lane_lay *ctl = shunt__object_lane(at->obj, 0);
	uint32_t busy = shunt__load32(&ctl->ln_busy);
	assert_int_equal(busy & 1, 1);
	assert_int_equal(shunt_log_write(log, 6, "after", 5), 0);
	/* Made even, then a call. */
	assert_int_equal(shunt__load32(&ctl->ln_busy), busy + 3);
	assert_int_equal(log_lines_unread(name, NULL, 0), 2);
	shunt_log_close(&log);
}

static void
what_was_removed_by_force_says_so(void **state)
{
	const char *name = test_name("client");
	struct shunt_log *log = open_log(name, &small);
	struct shunt_remove_options force = {
	    .sz = sizeof(force), .flags = SHUNT_REMOVE_FORCE};

	(void)state;
	assert_int_equal(shunt_log_write(log, 6, "x", 1), 0);
	assert_int_equal(shunt_remove(name, NULL), -EBUSY);
	assert_int_equal(shunt_remove(name, &force), 0);
	assert_int_equal(shunt_log_write(log, 6, "x", 1), SHUNT_E_REMOVED);
	assert_int_equal(shunt_log_printf(log, 6, "x"), SHUNT_E_REMOVED);
	assert_int_equal(shunt_log_flush(log, 0), SHUNT_E_REMOVED);
	assert_int_equal(shunt_log_write(log, 6, "x", 1), SHUNT_E_REMOVED);
	assert_false(test_there(name));
	shunt_log_close(&log);
	assert_false(test_there(name));
}

/* Calls until the name is looked at again, that is for a second. */
static int
write_for(struct shunt_log *log, uint64_t ns, const char *msg, size_t *n)
{
	uint64_t until = test_now() + ns;

	while (test_now() < until) {
		int e = shunt_log_write(log, 6, msg, strlen(msg));
		if (e != 0)
			return e;
		(*n)++;
		shunt__os.nanosleep(1000000);
	}
	return 0;
}

static void
a_truncated_log_ends_the_calls_not_the_process(void **state)
{
	const char *name = test_name("client");
	struct shunt_log *log = open_log(name, NULL);
	struct stat st;
	size_t n = 0;

	(void)state;
	assert_int_equal(shunt_log_write(log, 6, "x", 1), 0);
	/* Unused lanes are cut off: what is in use stays. */
	assert_int_equal(stat(test_path(name), &st), 0);
	assert_int_equal(truncate(test_path(name), st.st_size / 2), 0);
	assert_int_equal(write_for(log, 3000 * MS, "x", &n), SHUNT_E_TRUNCATED);
	assert_int_equal(shunt_log_write(log, 6, "x", 1), SHUNT_E_TRUNCATED);
	/* Put right, it is used again, at the latest after a second. */
	unlink(test_path(name));
	uint64_t until = test_now() + 3000 * MS;
	while (shunt_log_write(log, 6, "y", 1) != 0 && test_now() < until)
		shunt__os.nanosleep(10000000);
	assert_int_equal(log_lines_unread(name, NULL, 0), 1);
	shunt_log_close(&log);
}

static void
a_scribbled_lane_is_left_for_another(void **state)
{
	const char *name = test_name("client");
	struct shunt_log *log = open_log(name, NULL);
	struct shunt_log_options o = small;
	int e = 0;

	(void)state;
	shunt_log_close(&log);
	o.full = SHUNT_LOG_FULL_DROP;
	log = open_log(name, &o);
	assert_int_equal(shunt_log_write(log, 6, "x", 1), 0);
	struct shunt__object *obj = atomic_load(&log->now)->obj;
	shunt__store64(&shunt__object_lane(obj, 0)->ln_tail, UINT64_C(1) << 60);
	while (e == 0)
		e = shunt_log_write(log, 6, "x", 1);
	assert_int_equal(e, SHUNT_E_CORRUPT);
	assert_int_equal(shunt_log_write(log, 6, "y", 1), 0);
	assert_int_equal(shunt__object_high(obj), 2);
	shunt_log_close(&log);
}

/* Logs and dies; its lane is left. */
static int
log_and_die(void *arg)
{
	struct shunt_log *log;

	NEED(shunt_log_open(&log, arg, &small) == 0);
	for (int i = 0; i < 10; i++)
		NEED(shunt_log_printf(log, 6, "dead %d", i) == 0);
	raise(SIGKILL);
	return 1;
}

static void
count_lines(
    const char *name, size_t dead, size_t before, size_t after, size_t told)
{
	const char *path = log_path("client");
	struct log_server server;
	struct log_lines lines;
	size_t n[4] = {0};

	assert_int_equal(
	    log_lines_unread(name, NULL, 0), dead + before + after);
	log_server_start(&server, name, path, 0);
	log_server_stop(&server);
	log_lines_read(&lines, path);
	for (size_t i = 0; i < lines.n; i++) {
		n[0] += strncmp(lines.line[i].msg, "dead ", 5) == 0;
		n[1] += strcmp(lines.line[i].msg, "before") == 0;
		n[2] += strcmp(lines.line[i].msg, "after") == 0;
		n[3] += strcmp(lines.line[i].tag, "shunt") == 0;
	}
	assert_int_equal(lines.n, dead + before + after + told);
	assert_int_equal(n[0], dead);
	assert_int_equal(n[1], before);
	assert_int_equal(n[2], after);
	assert_int_equal(n[3], told);
	assert_true(log_lines_in_order(&lines));
	log_lines_free(&lines);
}

static void
a_vanished_log_without_a_server_is_carried_to_the_new_one(void **state)
{
	const char *name = test_name("client");
	struct shunt_log *log = open_log(name, &small);
	size_t before = 0, after = 0;
	struct stat st;

	(void)state;
	assert_int_equal(
	    peer_end(peer_start(log_and_die, (void *)(uintptr_t)name)),
	    -SIGKILL);
	for (; before < 20; before++)
		assert_int_equal(shunt_log_write(log, 6, "before", 6), 0);
	assert_int_equal(unlink(test_path(name)), 0);
	/* One call notices, within a second; the next one is in the new log,
	 * and so is all that came before. */
	uint64_t until = test_now() + 5000 * MS;
	while (stat(test_path(name), &st) != 0 && test_now() < until) {
		assert_int_equal(shunt_log_write(log, 6, "after", 5), 0);
		after++;
		shunt__os.nanosleep(50000000);
	}
	assert_int_equal(shunt_log_write(log, 6, "after", 5), 0);
	assert_null(atomic_load(&log->old));
	shunt_log_close(&log);
	count_lines(name, 10, before, after + 1, 0);
}

static void *
fill_before(void *arg)
{
	uintptr_t n = 0;

	while (shunt_log_write(arg, 6, "before", 6) == 0)
		n++;
	return (void *)n;
}

static void
a_log_that_vanished_just_before_the_close_is_carried(void **state)
{
	const char *name = test_name("client");
	struct shunt_log_options o = small;
	struct shunt_log *log;
	pthread_t t;
	void *other;

	(void)state;
	/* Two lanes full: more than one of the new log holds. */
	o.full = SHUNT_LOG_FULL_DROP;
	log = open_log(name, &o);
	assert_int_equal(
	    peer_end(peer_start(log_and_die, (void *)(uintptr_t)name)),
	    -SIGKILL);
	size_t n = (uintptr_t)fill_before(log);
	pthread_create(&t, NULL, fill_before, log);
	pthread_join(t, &other);
	n += (uintptr_t)other;
	assert_int_equal(unlink(test_path(name)), 0);
	shunt_log_close(&log);
	assert_int_equal(look_lanes(name), 2);
	struct shunt_participant who[4];
	info_of(name, who, 4);
	/* The one that did not fit, twice. */
	assert_int_equal(who[0].dropped + who[1].dropped, 2);
	count_lines(name, 10, n, 0, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_record_says_who_and_what),
	    TEST(an_undrained_log_stays_and_an_empty_one_goes),
	    TEST(bad_options_are_refused),
	    TEST(levels_filter_here_and_for_all),
	    TEST(the_longest_message_fits_and_one_more_is_refused),
	    TEST(printf_is_exact_around_its_buffer),
	    TEST(a_full_lane_without_a_server_costs_one_second_in_all),
	    TEST(drop_never_waits_and_wait_never_drops),
	    TEST(flush_means_on_disk_for_all_threads),
	    TEST(a_stopped_server_makes_flush_time_out),
	    TEST(a_call_on_top_of_a_call_is_busy),
	    TEST(a_lane_left_in_mid_call_is_made_even_at_once),
	    TEST(what_was_removed_by_force_says_so),
	    TEST(a_truncated_log_ends_the_calls_not_the_process),
	    TEST(a_scribbled_lane_is_left_for_another),
	    TEST(a_vanished_log_without_a_server_is_carried_to_the_new_one),
	    TEST(a_log_that_vanished_just_before_the_close_is_carried),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
