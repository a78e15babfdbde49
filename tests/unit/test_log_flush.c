/* SPDX-License-Identifier: MIT */
/*
 * Waiting for the disk, and what may happen meanwhile: the naps between two
 * looks are the moment in which servers write, end, or never were.
 */
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cmocka.h>

#include <shunt/log.h>

#include "lib/log_producer.h"
#include "lib/peers.h"
#include "log/client.h"
#include "os/os.h"

static struct shunt__os real;
static const char *name;
static struct shunt_log *log_;
static struct shunt__object *server;
static struct producer other;
static void (*meanwhile)(void);
static int naps;

static int
nap(int64_t ns)
{
	(void)ns;
	if (++naps == 3)
		meanwhile();
	return 0;
}

/* A log with a record in the second of two lanes, and a server that has it. */
static int
setup(void **state)
{
	struct shunt_log_options o = {
	    .sz = sizeof(o), .lanes = 4, .lane_bytes = 4096};
	struct shunt__spec spec;

	(void)state;
	real = shunt__os;
	name = test_name("flush");
	naps = 0;
	assert_int_equal(shunt_log_open(&log_, name, &o), 1);
	shunt__log_spec(&spec, 0, 0);
	assert_int_equal(producer_open(&other, name, &spec), 0);
	assert_int_equal(producer_put(&other, "x", 1), 0);
	assert_int_equal(shunt_log_write(log_, 6, "x", 1), 0);
	assert_int_equal(shunt__object_attach(&server, name, &spec), 0);
	assert_int_equal(shunt__object_lock(server, SHUNT__BYTE_RECEIVER), 0);
	shunt__os.nanosleep = nap;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	shunt__os = real;
	producer_close(&other);
	shunt_log_close(&log_);
	shunt__object_detach(server, NULL);
	unlink(test_path(name));
	return 0;
}

static void
write_ours(void)
{
	struct shunt__log_at *at = atomic_load(&log_->now);
	uint64_t head = shunt__load64(&at->heads[1].pos);

	assert_true(head > 0);
	shunt__release64(&shunt__object_lane(at->obj, 1)->ln_durable, head);
}

static void
only_what_this_process_logged_is_waited_for(void **state)
{
	struct shunt__object *obj = atomic_load(&log_->now)->obj;

	(void)state;
	meanwhile = write_ours;
	assert_int_equal(shunt_log_flush(log_, SHUNT_FOREVER), 0);
	assert_int_equal(naps, 3);
	assert_int_equal(
	    shunt__load64(&shunt__object_lane(obj, 0)->ln_flush), 0);
	assert_true(shunt__load64(&shunt__object_lane(obj, 1)->ln_flush) > 0);
	assert_int_equal(shunt_log_flush(log_, SHUNT_NOWAIT), 0);
	assert_int_equal(naps, 3);
}

static void
mark_removed(void)
{
	shunt__store32(&server->control->ct_removed, 1);
}

static void
cut_the_last_lane(void)
{
	struct stat st;

	assert_int_equal(stat(test_path(name), &st), 0);
	assert_int_equal(truncate(test_path(name), st.st_size - 4096), 0);
}

static void
a_log_that_goes_ends_the_wait(void **state)
{
	(void)state;
	meanwhile = mark_removed;
	assert_int_equal(shunt_log_flush(log_, SHUNT_FOREVER), SHUNT_E_REMOVED);
	assert_int_equal(naps, 3);
	teardown(NULL);
	setup(NULL);
	meanwhile = cut_the_last_lane;
	assert_int_equal(
	    shunt_log_flush(log_, SHUNT_FOREVER), SHUNT_E_TRUNCATED);
	assert_int_equal(naps, 3);
	/* Nor does a wait begin. */
	assert_int_equal(
	    shunt_log_flush(log_, SHUNT_FOREVER), SHUNT_E_TRUNCATED);
	assert_int_equal(naps, 3);
}

static void
leave(void)
{
	shunt__object_unlock(server, SHUNT__BYTE_RECEIVER);
}

/* The server writes, and is gone when it is asked for. */
static int
write_and_leave(int fd, int cmd, struct flock *fl)
{
	if (cmd == F_OFD_GETLK && fl->l_start == SHUNT__BYTE_RECEIVER &&
	    naps == 0) {
		naps = 10;
		write_ours();
		leave();
	}
	return real.lock(fd, cmd, fl);
}

static void
what_a_server_wrote_before_it_left_counts(void **state)
{
	(void)state;
	shunt__os.lock = write_and_leave;
	assert_int_equal(shunt_log_flush(log_, SHUNT_FOREVER), 0);
	assert_int_equal(naps, 10);
	shunt__os.lock = real.lock;
	assert_int_equal(shunt_log_write(log_, 6, "x", 1), 0);
	assert_int_equal(
	    shunt_log_flush(log_, SHUNT_FOREVER), SHUNT_E_NOSERVER);
	assert_int_equal(shunt_log_flush(log_, -2), -EINVAL);
}

static void
a_server_that_leaves_ends_the_wait(void **state)
{
	(void)state;
	meanwhile = leave;
	assert_int_equal(
	    shunt_log_flush(log_, SHUNT_FOREVER), SHUNT_E_NOSERVER);
	assert_int_equal(naps, 3);
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    CASE(only_what_this_process_logged_is_waited_for),
	    CASE(a_log_that_goes_ends_the_wait),
	    CASE(what_a_server_wrote_before_it_left_counts),
	    CASE(a_server_that_leaves_ends_the_wait),
	};

	alarm(50);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
