/* SPDX-License-Identifier: MIT */
/*
 * A log from outside: which one is meant, whether it can be used here, its
 * figures where its words were scribbled over, and the request to stop.
 */
#include "unit/unit.h"

#include <errno.h>
#include <sys/mman.h>

#include <cmocka.h>

#include <shunt/log.h>
#include <shunt/logd.h>
#include <shunt/segment.h>

#include "lib/log_lines.h"
#include "lib/log_producer.h"
#include "lib/peers.h"
#include "log/client.h"
#include "os/os.h"

static struct shunt__os real;
static const char *name;
static struct shunt_log *client;
static struct shunt_logd *logd;
static struct shunt__object *server;
static struct shunt_logd_stat st;

static int
setup(void **state)
{
	struct shunt_log_options o = {
	    .sz = sizeof(o), .lanes = 4, .lane_bytes = 4096};

	(void)state;
	real = shunt__os;
	name = test_name("status");
	st = (struct shunt_logd_stat){.sz = sizeof(st)};
	assert_int_equal(shunt_log_open(&client, name, &o), 1);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	shunt__os = real;
	unsetenv("SHUNT_LOG");
	shunt_log_close(&client);
	shunt_logd_close(&logd);
	shunt__object_detach(server, NULL);
	server = NULL;
	unlink(test_path(name));
	return 0;
}

static uid_t
somebody(void)
{
	return 1234;
}

static uid_t
root(void)
{
	return 0;
}

static void
the_default_log_is_the_environments_or_the_users(void **state)
{
	char room[SHUNT__LOG_NAME_ROOM];

	(void)state;
	assert_string_equal(shunt__log_name("/x", room, sizeof(room)), "/x");
	setenv("SHUNT_LOG", "/mine", 1);
	assert_string_equal(shunt__log_name(NULL, room, sizeof(room)), "/mine");
	setenv("SHUNT_LOG", "", 1);
	shunt__os.geteuid = root;
	assert_string_equal(
	    shunt__log_name(NULL, room, sizeof(room)), "/shunt-log");
	unsetenv("SHUNT_LOG");
	shunt__os.geteuid = somebody;
	assert_string_equal(
	    shunt__log_name(NULL, room, sizeof(room)), "/shunt-log-1234");
}

static void
an_area_too_small_for_its_lanes_is_refused(void **state)
{
	struct shunt__object *obj;
	struct shunt__spec spec;
	struct shunt_log *log;
	const char *bad = test_name("status");

	(void)state;
	shunt__log_spec(&spec, 1000, 4096);
	spec.area_bytes = 4096;
	assert_int_equal(shunt__object_attach(&obj, bad, &spec), 1);
	assert_int_equal(shunt_log_open(&log, bad, NULL), SHUNT_E_LAYOUT);
	assert_detail("too small for 1000 lanes");
	assert_int_equal(shunt_logd_open(&logd, bad, NULL), SHUNT_E_LAYOUT);
	assert_int_equal(shunt_logd_status(bad, NULL, &st), SHUNT_E_LAYOUT);
	shunt__object_detach(obj, NULL);
	assert_int_equal(unlink(test_path(bad)), 0);
}

static int elsewhere;

static ssize_t
other_clock(const char *path, char *buf, size_t n)
{
	if (strstr(path, "/time") == NULL)
		return real.readlink(path, buf, n);
	if (!elsewhere)
		return -ENOENT;
	memcpy(buf, "time:[12345]", 12);
	return 12;
}

static void
a_log_of_another_clock_can_be_looked_at_and_not_used(void **state)
{
	struct shunt_log *log;

	(void)state;
	if (atomic_load(&client->now)->obj->header.hd_timens == 0)
		skip(); /* a kernel without them */
	shunt__os.readlink = other_clock;
	elsewhere = 1;
	assert_int_equal(shunt_log_open(&log, name, NULL), SHUNT_E_TIMENS);
	assert_detail(name);
	assert_int_equal(shunt_logd_status(name, NULL, &st), 0);
	assert_int_equal(
	    shunt_logd_request_stop(name, NULL, 0), SHUNT_E_TIMENS);
	/* Where nobody knows, it is taken to be the same. */
	elsewhere = 0;
	assert_int_equal(shunt_log_open(&log, name, NULL), 0);
	shunt_log_close(&log);
}

static void *hidden;
static size_t hidden_at;

/* The ring of one lane cannot be read, in whatever mapping. */
static int
hide(void *at, size_t n, int advice)
{
	if (advice == MADV_POPULATE_READ && hidden != NULL && n == 4096 &&
	    hidden_at-- == 0)
		return -EFAULT;
	return real.madvise(at, n, advice);
}

static void
lanes_that_cannot_be_read_are_not_counted(void **state)
{
	struct shunt__object *obj = atomic_load(&client->now)->obj;

	(void)state;
	assert_int_equal(shunt_log_write(client, 6, "x", 1), 0);
	assert_int_equal(shunt_logd_status(name, NULL, &st), 0);
	assert_true(st.waiting > 0);
	assert_int_equal(shunt__log_unread(obj), 1);
	shunt__os.madvise = hide;
	hidden = obj;
	hidden_at = 0;
	assert_int_equal(shunt_logd_status(name, NULL, &st), 0);
	assert_int_equal(st.waiting, 0);
	hidden_at = 0;
	assert_int_equal(shunt__log_unread(obj), 0);
	shunt__os.madvise = real.madvise;
	/* The server's mark: all that could be read was. */
	shunt__store64(&shunt__object_lane(obj, 0)->ln_tail, 1);
	assert_int_equal(shunt_logd_status(name, NULL, &st), 0);
	assert_int_equal(st.waiting, 0);
	assert_int_equal(shunt__log_unread(obj), 0);
}

static void
a_level_that_is_none_hides_nothing(void **state)
{
	struct shunt__object *obj = atomic_load(&client->now)->obj;

	(void)state;
	shunt__store32(&obj->control->ct_level, 4711);
	assert_int_equal(shunt_log_level(client), SHUNT_LOG_DEBUG);
	assert_int_equal(shunt_log_write(client, SHUNT_LOG_DEBUG, "x", 1), 0);
	assert_int_equal(log_lines_unread(name, NULL, 0), 1);
}

/* A server that has the byte and never ends. */
static void
serve(void)
{
	struct shunt__spec spec;

	shunt__log_spec(&spec, 0, 0);
	assert_int_equal(shunt__object_attach(&server, name, &spec), 0);
	assert_int_equal(shunt__object_lock(server, SHUNT__BYTE_RECEIVER), 0);
}

static void
a_start_in_the_future_is_no_age(void **state)
{
	(void)state;
	serve();
	shunt__store64(&server->control->ct_since, UINT64_MAX);
	assert_int_equal(shunt_logd_status(name, NULL, &st), 0);
	assert_int_equal(st.server_age_ns, 0);
	shunt__store64(&server->control->ct_since, 1);
	assert_int_equal(shunt_logd_status(name, NULL, &st), 0);
	assert_true(st.server_age_ns > 0);
}

static int64_t longest;
static int naps;

static int
nap(int64_t ns)
{
	longest = ns > longest ? ns : longest;
	if (++naps == 10)
		shunt__object_unlock(server, SHUNT__BYTE_RECEIVER);
	return 0;
}

static void
a_stop_is_waited_for_as_long_as_was_asked(void **state)
{
	(void)state;
	assert_int_equal(
	    shunt_logd_request_stop(name, NULL, 0), SHUNT_E_NOSERVER);
	assert_detail("no server");
	serve();
	assert_int_equal(
	    shunt_logd_request_stop(name, NULL, SHUNT_NOWAIT), -EAGAIN);
	assert_int_equal(shunt__load32(&shunt__log_server(server)->sv_stop), 1);
	assert_int_equal(shunt_logd_request_stop(name, NULL, MS), -ETIMEDOUT);
	assert_detail("has not stopped yet");
	shunt__os.nanosleep = nap;
	naps = 0;
	assert_int_equal(shunt_logd_request_stop(name, NULL, SHUNT_FOREVER), 0);
	assert_int_equal(naps, 10);
	assert_in_range(longest, 10 * MS, 20 * MS);
}

static void
figures_need_a_place_and_a_server(void **state)
{
	struct shunt_logd_options o = {
	    .sz = sizeof(o), .file = log_path("status")};
	char owner[20];

	(void)state;
	assert_int_equal(shunt_logd_stat(NULL, &st), -EINVAL);
	assert_int_equal(shunt_logd_status(name, NULL, NULL), -EINVAL);
	o.sz = 1;
	assert_int_equal(shunt_logd_open(&logd, name, &o), -EINVAL);
	assert_int_equal(shunt_logd_open(NULL, name, NULL), -EINVAL);
	struct shunt_log_options bad = {.sz = 1};
	struct shunt_log *none;
	assert_int_equal(shunt_log_open(&none, name, &bad), -EINVAL);
	assert_int_equal(shunt_log_open(NULL, name, NULL), -EINVAL);
	o.sz = sizeof(o);
	snprintf(owner, sizeof(owner), "%u", geteuid());
	o.owner = owner;
	assert_int_equal(shunt_logd_open(&logd, name, &o), 0);
	assert_int_equal(shunt_logd_stat(logd, NULL), -EINVAL);
	assert_int_equal(shunt_logd_stat(logd, &st), 0);
	assert_int_equal(st.server_pid, getpid());
	/* Without a file, or with "-": standard output. */
	for (int i = 0; i < 2; i++) {
		shunt_logd_close(&logd);
		o.file = i == 0 ? NULL : "-";
		assert_int_equal(shunt_logd_open(&logd, name, &o), 0);
		assert_int_equal(shunt_logd_stat(logd, &st), 0);
		assert_string_equal(st.file, "-");
	}
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    CASE(the_default_log_is_the_environments_or_the_users),
	    CASE(an_area_too_small_for_its_lanes_is_refused),
	    CASE(a_log_of_another_clock_can_be_looked_at_and_not_used),
	    CASE(lanes_that_cannot_be_read_are_not_counted),
	    CASE(a_level_that_is_none_hides_nothing),
	    CASE(a_start_in_the_future_is_no_age),
	    CASE(a_stop_is_waited_for_as_long_as_was_asked),
	    CASE(figures_need_a_place_and_a_server),
	};

	alarm(50);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
