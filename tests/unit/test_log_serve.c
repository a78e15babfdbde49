/* SPDX-License-Identifier: MIT */
/*
 * A server whose log loses its name: the new bearer is served too, or said not
 * to be; the old one is served until nobody is left in it.
 */
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include <shunt/log.h>
#include <shunt/queue.h>
#include <shunt/segment.h>

#include "lib/log_lines.h"
#include "lib/peers.h"
#include "log/client.h"
#include "log/server.h"
#include "os/os.h"

static struct shunt__os real;
static const char *name, *path;
static struct shunt_log *clients[6];
static struct shunt_logd *logd;
static struct shunt_queue *queue;
static char said[512];
static int notices;

static void
hear(void *arg, const char *line)
{
	(void)arg;
	notices++;
	snprintf(said, sizeof(said), "%s", line);
}

/* Another client, of whatever has the name, or made here. */
static void
client(int i)
{
	struct shunt_log_options o = {
	    .sz = sizeof(o), .lanes = 4, .lane_bytes = 16384, .tag = "test"};

	if (shunt_log_open(&clients[i], name, &o) < 0)
		fail_msg("%s", shunt_error_detail());
}

static void
say(int i, const char *text)
{
	assert_int_equal(
	    shunt_log_write(clients[i], SHUNT_LOG_INFO, text, strlen(text)), 0);
}

static int
setup(void **state)
{
	struct shunt_logd_options o = {.sz = sizeof(o),
	    .format = SHUNT_FORMAT_ISO,
	    .notice = hear,
	    .sync_ns = SHUNT_SYNC_BATCH};

	(void)state;
	real = shunt__os;
	name = test_name("serve");
	path = log_path("serve");
	o.file = path;
	notices = 0;
	said[0] = 0;
	client(0);
	assert_int_equal(shunt_logd_open(&logd, name, &o), 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	shunt__os = real;
	for (int i = 0; i < 6; i++)
		shunt_log_close(&clients[i]);
	shunt_logd_close(&logd);
	shunt_queue_close(&queue);
	unlink(test_path(name));
	return 0;
}

static int64_t
step(void)
{
	return shunt_logd_step(logd, SHUNT_NOWAIT);
}

/* A pass that looks at the names first. */
static int64_t
look(void)
{
	logd->checked = 0;
	return step();
}

static void
take_the_name_away(void)
{
	assert_int_equal(unlink(test_path(name)), 0);
}

static size_t
lines(const char *msg)
{
	struct log_lines l;

	log_lines_read(&l, path);
	size_t n = log_lines_count(&l, msg);
	log_lines_free(&l);
	return n;
}

static void
both_logs_are_served_until_the_old_one_is_empty(void **state)
{
	(void)state;
	take_the_name_away();
	assert_int_equal(look(), 0);
	assert_int_equal(logd->count, 2);
	assert_non_null(strstr(said, "its name is gone"));
	assert_true(test_there(name));
	client(1);
	say(0, "old");
	say(1, "new");
	assert_int_equal(look(), 2);
	assert_int_equal(notices, 1);
	assert_int_equal(logd->count, 2);
	assert_int_equal(lines("old"), 1);
	assert_int_equal(lines("new"), 1);
	/* Its last client goes, and leaves a line there. */
	say(0, "last");
	shunt_log_close(&clients[0]);
	assert_int_equal(look(), 1);
	assert_int_equal(look(), 0);
	assert_int_equal(logd->count, 1);
	assert_int_equal(lines("last"), 1);
	say(1, "new");
	assert_int_equal(step(), 1);
}

static void
a_removal_by_force_is_told_as_that(void **state)
{
	struct shunt_remove_options force = {
	    .sz = sizeof(force), .flags = SHUNT_REMOVE_FORCE};

	(void)state;
	assert_int_equal(shunt_remove(name, &force), 0);
	assert_int_equal(look(), 0);
	assert_int_equal(logd->count, 2);
	assert_non_null(strstr(said, "removed by force"));
}

static void
more_than_four_logs_of_a_name_wait_for_their_turn(void **state)
{
	(void)state;
	for (int i = 1; i < 4; i++) {
		take_the_name_away();
		assert_int_equal(look(), 0);
		client(i);
	}
	assert_int_equal(logd->count, 4);
	take_the_name_away();
	client(4);
	notices = 0;
	assert_int_equal(look(), 0);
	assert_int_equal(notices, 1); /* of the one that lost its name */
	assert_int_equal(look(), 0);
	assert_int_equal(notices, 1);
	say(4, "fifth");
	assert_int_equal(look(), 0);
	/* A place comes free. */
	shunt_log_close(&clients[1]);
	look();
	look();
	say(4, "fifth");
	step();
	assert_int_equal(lines("fifth"), 2);
	assert_int_equal(logd->count, 4);
}

static void
what_has_the_name_and_is_no_log_is_told_of_once(void **state)
{
	(void)state;
	take_the_name_away();
	assert_int_equal(shunt_queue_open(&queue, name, NULL), 1);
	assert_int_equal(look(), 0);
	assert_non_null(strstr(said, "it is a queue"));
	assert_int_equal(notices, 2);
	say(0, "still");
	assert_int_equal(look(), 1);
	assert_int_equal(notices, 2);
	assert_int_equal(logd->count, 1);
	assert_int_equal(lines("still"), 1);
	/* Nobody is left who could log anything. */
	shunt_log_close(&clients[0]);
	assert_int_equal(look(), SHUNT_E_REMOVED);
	assert_detail("cannot be served");
}

static int
no_fdatasync(int fd)
{
	(void)fd;
	return -EIO;
}

static void
a_new_log_that_cannot_be_recovered_leaves_the_old_one(void **state)
{
	(void)state;
	take_the_name_away();
	client(1);
	say(1, "written");
	/* Its server wrote that, and ended before a sync. */
	struct shunt__log_at *at = atomic_load(&clients[1]->now);
	shunt__store64(&shunt__object_lane(at->obj, 0)->ln_tail,
	    shunt__load64(&at->heads[0].pos));
	shunt__os.fdatasync = no_fdatasync;
	assert_int_equal(look(), 0);
	assert_int_equal(logd->count, 1);
	assert_non_null(strstr(said, "cannot be synced"));
	/* A stop still reaches it, by the bell of the old one. */
	struct shunt__u32 *bell = &logd->sources[0]->obj->control->ct_bell;
	assert_ptr_equal(atomic_load(&logd->bell), bell);
	shunt__os.fdatasync = real.fdatasync;
	say(0, "old");
	assert_int_equal(look(), 1);
	assert_int_equal(logd->count, 2);
	assert_int_equal(lines("old"), 1);
}

static ssize_t
no_room(int fd, const void *buf, size_t n, off_t off)
{
	(void)fd;
	(void)buf;
	(void)n;
	(void)off;
	return -ENOSPC;
}

static int
no_cut(int fd, off_t size)
{
	(void)fd;
	(void)size;
	return -EIO;
}

static void
an_old_log_stays_until_its_half_batch_is_taken_back(void **state)
{
	(void)state;
	take_the_name_away();
	assert_int_equal(look(), 0);
	say(0, "old");
	shunt__os.pwrite = no_room;
	shunt__os.ftruncate = no_cut;
	assert_int_equal(look(), 0);
	struct shunt__source *old = logd->sources[1];
	assert_true(old->stuck);
	/* It could have been read, and nobody is in it; but half of it may be
	 * in the file. */
	shunt_log_close(&clients[0]);
	old->lanes[0].state = SHUNT__CURSOR_CORRUPT;
	assert_int_equal(look(), 0);
	assert_int_equal(logd->count, 2);
	old->lanes[0].state = SHUNT__CURSOR_READ;
	shunt__os = real;
	logd->retry = 0;
	assert_int_equal(look(), 1);
	assert_int_equal(look(), 0);
	assert_int_equal(logd->count, 1);
	assert_int_equal(lines("old"), 1);
}

static int answers;

static int
no_fstat(int fd, struct stat *st)
{
	/* The question about mode and group, behind the names' two. */
	return ++answers == 2 ? -EIO : real.fstat(fd, st);
}

static void
a_log_whose_mode_is_not_known_gets_the_usual_one(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(chmod(test_path(name), 0640), 0);
	take_the_name_away();
	answers = 0;
	shunt__os.fstat = no_fstat;
	assert_int_equal(look(), 0);
	assert_int_equal(logd->count, 2);
	assert_int_equal(stat(test_path(name), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	shunt__os.fstat = real.fstat;
	/* As it is known, it is kept. */
	assert_int_equal(chmod(test_path(name), 0640), 0);
	take_the_name_away();
	assert_int_equal(look(), 0);
	assert_int_equal(stat(test_path(name), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
}

/* ---- what ends it ---- */

static void
an_old_log_that_was_cut_is_not_touched_any_more(void **state)
{
	char self[64];
	struct stat st;

	(void)state;
	struct shunt__object *obj = logd->sources[0]->obj;
	take_the_name_away();
	assert_int_equal(look(), 0);
	assert_int_equal(logd->count, 2);
	assert_int_equal(fstat(obj->fd, &st), 0);
	snprintf(self, sizeof(self), "/proc/self/fd/%d", obj->fd);
	assert_int_equal(truncate(self, 4096), 0);
	assert_int_equal(look(), SHUNT_E_TRUNCATED);
	assert_int_equal(step(), SHUNT_E_TRUNCATED);
	assert_int_equal(shunt_logd_run(logd), SHUNT_E_TRUNCATED);
	assert_int_equal(truncate(self, st.st_size), 0);
}

static void
a_child_has_no_server(void **state)
{
	struct shunt_logd_stat st = {.sz = sizeof(st)};

	(void)state;
	pid_t pid = fork();
	if (pid == 0) {
		int ok = shunt_logd_step(logd, 0) == SHUNT_E_FORKED &&
			 shunt_logd_run(logd) == SHUNT_E_FORKED &&
			 shunt_logd_stat(logd, &st) == SHUNT_E_FORKED;
		shunt_logd_close(&logd);
		_exit(!ok);
	}
	assert_int_equal(peer_end(pid), 0);
	say(0, "parent");
	assert_int_equal(step(), 1);
	assert_int_equal(lines("parent"), 1);
}

static struct shunt_logd *closing;

static int
stop_meanwhile(void *at, size_t size)
{
	/* As a handler of a signal that comes just then. */
	shunt_logd_stop(closing);
	shunt_logd_reopen(closing);
	return real.munmap(at, size);
}

static void
a_signal_while_it_closes_does_no_harm(void **state)
{
	(void)state;
	closing = logd;
	shunt__os.munmap = stop_meanwhile;
	shunt_logd_close(&logd);
	shunt__os.munmap = real.munmap;
	shunt_logd_stop(NULL);
	shunt_logd_reopen(NULL);
	say(0, "kept");
	assert_int_equal(log_lines_unread(name, NULL, 0), 1);
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    CASE(both_logs_are_served_until_the_old_one_is_empty),
	    CASE(a_removal_by_force_is_told_as_that),
	    CASE(more_than_four_logs_of_a_name_wait_for_their_turn),
	    CASE(what_has_the_name_and_is_no_log_is_told_of_once),
	    CASE(a_new_log_that_cannot_be_recovered_leaves_the_old_one),
	    CASE(an_old_log_stays_until_its_half_batch_is_taken_back),
	    CASE(a_log_whose_mode_is_not_known_gets_the_usual_one),
	    CASE(an_old_log_that_was_cut_is_not_touched_any_more),
	    CASE(a_child_has_no_server),
	    CASE(a_signal_while_it_closes_does_no_harm),
	};

	alarm(50);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
