/* SPDX-License-Identifier: MIT */
/* limit: 20 */
/* A receiving end's descriptor where something is missing or in the way: the
 * name, /proc, the right to touch, a timer; and of ends of other kinds. */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <shunt.h>

#include "channel/queue.h"
#include "channel/subscriber.h"
#include "lib/peers.h"
#include "os/os.h"

static const struct shunt_queue_options small = {
    .sz = sizeof(small), .lane_bytes = 4096, .lanes = 4};
static const struct shunt_publisher_options few = {
    .sz = sizeof(few), .lane_bytes = 4096, .publishers = 4};
static const struct shunt_recv_options now = {
    .sz = sizeof(now), .wait_ns = SHUNT_NOWAIT};

#define ARMED (SHUNT__BELL_ASLEEP | SHUNT__BELL_POLL)

static const char *name, *topic;
static struct shunt_queue *to, *from;
static struct shunt_publisher *pub;
static struct shunt_subscriber *sub;
static struct shunt__os real;

static int
setup(void **state)
{
	(void)state;
	real = shunt__os;
	name = test_name("rare");
	topic = test_name("rare-topic");
	return shunt_queue_open(&to, name, &small) == 1 &&
		       shunt_queue_open(&from, name, &small) == 0 &&
		       shunt_publisher_open(&pub, topic, &few) == 1 &&
		       shunt_subscriber_open(&sub, topic, NULL) == 0
		   ? 0
		   : -1;
}

static int
teardown(void **state)
{
	(void)state;
	shunt__os = real;
	shunt_queue_close(&to);
	shunt_queue_close(&from);
	shunt_publisher_close(&pub);
	shunt_subscriber_close(&sub);
	unlink(test_path(name));
	unlink(test_path(topic));
	return 0;
}

static int
readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0);
}

static ssize_t
received(void)
{
	char buf[8];

	return shunt_queue_recv(from, buf, sizeof(buf), NULL, &now);
}

static ssize_t
heard(void)
{
	char buf[8];

	return shunt_subscriber_recv(sub, buf, sizeof(buf), NULL, &now);
}

static uint32_t
armed(const struct shunt_end *end)
{
	return shunt__load32(end->bell) & ARMED;
}

/* ---- refused -------------------------------------------------------------
 */

static int
no_proc(int in, const char *path, uint32_t mask)
{
	return strncmp(path, "/proc", 5) == 0
		   ? -ENOENT
		   : real.inotify_watch(in, path, mask);
}

static void
without_proc_and_without_a_name_it_is_refused(void **state)
{
	struct shunt_queue *queue;
	char what[32];
	int fd = open(test_path(name), O_RDWR | O_CLOEXEC);

	(void)state;
	snprintf(what, sizeof(what), "fd:%d", fd);
	assert_int_equal(shunt_queue_open(&queue, what, &small), 0);
	int before = test_fds();
	shunt__os.inotify_watch = no_proc;
	assert_int_equal(shunt_queue_fd(queue), -ENOENT);
	assert_detail("cannot be watched by inotify");
	assert_int_equal(test_fds(), before);
	shunt__os.inotify_watch = real.inotify_watch;
	assert_true(shunt_queue_fd(queue) >= 0);
	shunt_queue_close(&queue);
	close(fd);
}

static int
not_the_owner(int fd)
{
	(void)fd;
	return -EPERM;
}

static ssize_t
not_written(int fd, const void *buf, size_t n, off_t off)
{
	(void)fd;
	(void)buf;
	(void)n;
	(void)off;
	return -EBADF;
}

/* Nobody could wake who polls such a descriptor. */
static void
who_cannot_touch_the_file_gets_no_descriptor(void **state)
{
	int before = test_fds();

	(void)state;
	shunt__os.touch = not_the_owner;
	shunt__os.pwrite = not_written;
	assert_int_equal(shunt_queue_fd(from), -EPERM);
	assert_detail(name);
	assert_detail("cannot be touched");
	assert_int_equal(shunt_subscriber_fd(sub), -EPERM);
	assert_detail(topic);
	assert_int_equal(test_fds(), before);
	shunt__os = real;
	assert_true(shunt_queue_fd(from) >= 0);
	assert_true(shunt_subscriber_fd(sub) >= 0);
}

/* ---- events --------------------------------------------------------------
 */

static void
many_events_are_taken_out_by_one_look(void **state)
{
	int fd = shunt_queue_fd(from);
	int other = open(test_path(name), O_RDWR | O_CLOEXEC);
	char first;

	(void)state;
	assert_int_equal(received(), -EAGAIN);
	assert_int_equal(readable(fd), 0);
	assert_int_equal(pread(other, &first, 1, 0), 1);
	/* Two kinds, for the kernel joins those that are the same. */
	for (int i = 0; i < 80; i++) {
		assert_int_equal(fchmod(other, 0600), 0);
		assert_int_equal(pwrite(other, &first, 1, 0), 1);
	}
	assert_int_equal(readable(fd), 1);
	assert_int_equal(received(), -EAGAIN);
	assert_int_equal(readable(fd), 0);
	assert_int_equal(shunt_queue_send(to, "x", 1, NULL), 0);
	assert_int_equal(readable(fd), 1);
	assert_int_equal(received(), 1);
	close(other);
}

/* Somebody who does not touch files has taken them. */
static void
bits_that_are_gone_are_set_again(void **state)
{
	int fd = shunt_queue_fd(from);

	(void)state;
	assert_int_equal(received(), -EAGAIN);
	struct shunt_end *end = shunt_queue_end(from);
	assert_int_equal(armed(end), ARMED);
	shunt__bell_disarm(end->bell, SHUNT__BELL_POLL);
	assert_int_equal(received(), -EAGAIN);
	assert_int_equal(armed(end), ARMED);
	assert_int_equal(readable(fd), 0);
	assert_int_equal(shunt_queue_send(to, "x", 1, NULL), 0);
	assert_int_equal(readable(fd), 1);
	assert_int_equal(received(), 1);
}

static void
a_name_that_leads_elsewhere_is_removed(void **state)
{
	struct shunt_queue *other;
	int fd = shunt_queue_fd(from);

	(void)state;
	assert_int_equal(received(), -EAGAIN);
	assert_int_equal(unlink(test_path(name)), 0);
	assert_int_equal(shunt_queue_open(&other, name, &small), 1);
	assert_int_equal(readable(fd), 1);
	assert_int_equal(received(), SHUNT_E_REMOVED);
	shunt_queue_close(&other);
}

/* Cut behind all that is in use. */
static void
a_file_that_is_cut_is_told_by_its_event(void **state)
{
	struct stat st;
	int fd = shunt_queue_fd(from);

	(void)state;
	assert_int_equal(received(), -EAGAIN);
	assert_int_equal(stat(test_path(name), &st), 0);
	assert_int_equal(truncate(test_path(name), st.st_size - 4096), 0);
	assert_int_equal(readable(fd), 1);
	assert_int_equal(received(), SHUNT_E_TRUNCATED);
}

/* ---- others are at it, and no timer --------------------------------------
 */

static int
under_anothers_hands(void *arg)
{
	(void)arg;
	return -EBUSY;
}

static int
not_set(int fd, int64_t ns)
{
	(void)fd;
	(void)ns;
	return -EINVAL;
}

static void
what_others_are_at_is_looked_at_again_without_a_timer(void **state)
{
	struct shunt_end end;
	int before = test_fds();

	(void)state;
	shunt__end_init(&end, from->obj, &from->obj->control->ct_bell,
	    SHUNT__END_DEATHS, under_anothers_hands, NULL);
	assert_true(shunt__end_fd(&end) >= 0);
	assert_int_equal(shunt__end_empty(&end), -EAGAIN);
	struct pollfd p = {.fd = end.fd, .events = POLLIN};
	assert_int_equal(poll(&p, 1, 5000), 1);
	/* It is later; the next time cannot be set. */
	shunt__os.timer_set = not_set;
	assert_int_equal(shunt__end_empty(&end), -EAGAIN);
	assert_int_equal(end.timer, -1);
	assert_int_equal(readable(end.fd), 1);
	assert_int_equal(shunt__end_empty(&end), -EAGAIN);
	assert_int_equal(readable(end.fd), 1);
	shunt__os.timer_set = real.timer_set;
	assert_int_equal(shunt__end_empty(&end), -EAGAIN);
	assert_true(end.timer >= 0);
	shunt__end_fini(&end);
	assert_int_equal(test_fds(), before);
}

/* ---- a subscriber's ------------------------------------------------------
 */

static void
who_learns_of_no_deaths_sets_no_timer(void **state)
{
	struct shunt_publisher *other;
	int fd = shunt_subscriber_fd(sub);

	(void)state;
	assert_int_equal(heard(), -EAGAIN);
	assert_int_equal(readable(fd), 0);
	assert_int_equal(shunt_publisher_open(&other, topic, &few), 0);
	shunt_publisher_close(&other);
	assert_int_equal(readable(fd), 1);
	assert_int_equal(heard(), -EAGAIN);
	assert_int_equal(readable(fd), 0);
	assert_int_equal(sub->end.timer, -1);
	assert_int_equal(shunt_publisher_send(pub, "x", 1, NULL), 0);
	assert_int_equal(readable(fd), 1);
	assert_int_equal(heard(), 1);
}

/* ---- a reader's, whose bell nobody else sleeps on -------------------------
 */

static struct shunt_stream_reader *reader;

static int
close_it(void *arg)
{
	(void)arg;
	shunt_stream_reader_close(&reader);
	return 0;
}

static void
a_child_that_closes_it_takes_no_bits(void **state)
{
	const char *stream = test_name("rare-stream");
	struct shunt_stream_writer *writer;
	char buf[8];

	(void)state;
	assert_int_equal(shunt_stream_writer_open(&writer, stream, NULL), 1);
	assert_int_equal(shunt_stream_reader_open(&reader, stream, NULL), 0);
	struct shunt_end *end = shunt_stream_reader_end(reader);
	int fd = shunt_stream_reader_fd(reader);
	assert_int_equal(
	    shunt_stream_reader_read(reader, buf, 8, &now), -EAGAIN);
	assert_int_equal(armed(end), ARMED);
	assert_int_equal(peer_end(peer_start(close_it, NULL)), 0);
	assert_int_equal(armed(end), ARMED);
	assert_int_equal(shunt_stream_writer_write(writer, "x", 1, NULL), 1);
	assert_int_equal(readable(fd), 1);
	assert_int_equal(shunt_stream_reader_read(reader, buf, 8, &now), 1);
	/* And who closes it himself takes them with him. */
	assert_int_equal(
	    shunt_stream_reader_read(reader, buf, 8, &now), -EAGAIN);
	assert_int_equal(armed(end), ARMED);
	struct shunt__u32 *bell = end->bell;
	shunt__end_fini(end);
	assert_int_equal(shunt__load32(bell) & ARMED, 0);
	shunt_stream_reader_close(&reader);
	shunt_stream_writer_close(&writer);
	unlink(test_path(stream));
}

/* ---- shunt_wait ----------------------------------------------------------
 */

static void
ends_without_deaths_wait_as_others_do(void **state)
{
	struct shunt_wait_item one[] = {{.end = shunt_subscriber_end(sub)}};
	struct shunt_wait_item two[] = {
	    {.end = NULL}, {.end = shunt_subscriber_end(sub)}};
	struct shunt_end nothing = {.magic = 0};
	struct shunt_wait_item none[] = {{.end = &nothing}};

	(void)state;
	assert_int_equal(shunt_wait(none, 1, SHUNT_NOWAIT), -EINVAL);
	assert_int_equal(shunt_wait(one, 1, 2 * (int64_t)MS), -ETIMEDOUT);
	assert_int_equal(shunt_wait(two, 2, 2 * (int64_t)MS), -ETIMEDOUT);
	assert_int_equal(shunt_publisher_send(pub, "x", 1, NULL), 0);
	assert_int_equal(shunt_wait(two, 2, SHUNT_FOREVER), 1);
	assert_int_equal(two[0].ready, 0);
	assert_int_equal(two[1].ready, 1);
	assert_int_equal(heard(), 1);
	/* The name is gone: one that has no end is passed over. */
	assert_int_equal(unlink(test_path(topic)), 0);
	assert_int_equal(shunt_wait(two, 2, SHUNT_FOREVER), 1);
	assert_int_equal(two[1].ready, SHUNT_E_REMOVED);
}

/* Nobody can ring it: it looks now and then. */
static void
who_may_only_read_is_waited_for_by_looks(void **state)
{
	const struct shunt_subscriber_options reads = {
	    .sz = sizeof(reads), .flags = SHUNT_TOPIC_READONLY};
	struct shunt_subscriber *other;

	(void)state;
	assert_int_equal(shunt_subscriber_open(&other, topic, &reads), 0);
	struct shunt_wait_item items[] = {{.end = shunt_subscriber_end(other)},
	    {.end = shunt_queue_end(from)}};
	assert_int_equal(shunt_subscriber_fd(other), -EACCES);
	assert_detail("open for reading only");
	assert_int_equal(shunt_wait(items, 2, 3 * (int64_t)MS), -ETIMEDOUT);
	assert_int_equal(shunt_publisher_send(pub, "x", 1, NULL), 0);
	assert_int_equal(shunt_wait(items, 2, SHUNT_FOREVER), 1);
	assert_int_equal(items[0].ready, 1);
	shunt_subscriber_close(&other);
}

#define FRESH(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FRESH(without_proc_and_without_a_name_it_is_refused),
	    FRESH(who_cannot_touch_the_file_gets_no_descriptor),
	    FRESH(many_events_are_taken_out_by_one_look),
	    FRESH(bits_that_are_gone_are_set_again),
	    FRESH(a_name_that_leads_elsewhere_is_removed),
	    FRESH(a_file_that_is_cut_is_told_by_its_event),
	    FRESH(what_others_are_at_is_looked_at_again_without_a_timer),
	    FRESH(who_learns_of_no_deaths_sets_no_timer),
	    FRESH(a_child_that_closes_it_takes_no_bits),
	    FRESH(ends_without_deaths_wait_as_others_do),
	    FRESH(who_may_only_read_is_waited_for_by_looks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
