/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/* Looking at segments: what is told, and that nothing moves by it. */
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cmocka.h>

#include <shunt/inspect.h>
#include <shunt/log.h>
#include <shunt/queue.h>
#include <shunt/segment.h>

#include "lib/log_lines.h"
#include "lib/peers.h"
#include "log/spec.h"
#include "ring/lane_layout.h"
#include "segment/object_layout.h"

static struct shunt_segment_info
look(const char *name)
{
	struct shunt_segment_info info = {.sz = sizeof(info)};

	if (shunt_segment_stat(name, &info, NULL, 0) < 0)
		fail_msg("%s", shunt_error_detail());
	return info;
}

static int
scan_finds(const char *name, struct shunt_segment_info *found)
{
	struct shunt_scan *scan;
	struct shunt_segment_info info = {.sz = sizeof(info)};
	char last[sizeof(info.name)] = "";
	int n = 0, e;

	assert_int_equal(shunt_scan_open(&scan, NULL), 0);
	while ((e = shunt_scan_next(scan, &info)) == 1) {
		/* Other people's System V segments are in another order. */
		assert_true(info.sysv_id >= 0 || strcmp(last, info.name) < 0);
		memcpy(last, info.name, sizeof(last));
		if (strcmp(info.name, name) == 0) {
			*found = info;
			n++;
		}
	}
	assert_int_equal(e, 0);
	shunt_scan_close(&scan);
	assert_null(scan);
	return n;
}

static void
make_raw(const char *name, size_t size)
{
	struct shunt_segment *seg;

	assert_int_equal(shunt_segment_create(&seg, name, size, NULL), 0);
	shunt_segment_close(&seg);
}

static void
a_raw_segment_is_idle_until_somebody_has_it(void **state)
{
	const char *name = test_name("scan");
	struct shunt_segment_info info;
	int64_t pid;

	(void)state;
	make_raw(name, 5000);
	info = look(name);
	assert_int_equal(info.kind, SHUNT_KIND_RAW);
	assert_int_equal(info.state, SHUNT_STATE_IDLE);
	assert_int_equal(info.size, 5000);
	assert_int_equal(info.used, 8192);
	assert_int_equal(info.mode, 0600);
	assert_int_equal(info.uid, geteuid());
	assert_string_equal(info.name, name);
	assert_int_equal(scan_finds(name, &info), 1);
	assert_int_equal(shunt_segment_mappers(name, &pid, 1), 0);
	/* Mapped for reading, the descriptor closed: still somebody. */
	int fd = open(test_path(name), O_RDONLY | O_CLOEXEC);
	void *at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	assert_true(at != MAP_FAILED);
	assert_int_equal(look(name).state, SHUNT_STATE_LIVE);
	assert_int_equal(shunt_segment_mappers(name, &pid, 1), 1);
	assert_int_equal(pid, getpid());
	munmap(at, 4096);
	assert_int_equal(look(name).state, SHUNT_STATE_IDLE);
}

static int
map_and_wait(void *arg)
{
	struct shunt_segment *seg;
	struct step *step = arg;

	NEED(shunt_segment_open(&seg, (char *)(step + 1), NULL) == 0);
	step_to(step, 1);
	step_wait(step, 2);
	return 0;
}

static void
mappers_of_other_processes_are_seen_until_they_die(void **state)
{
	const char *name = test_name("scan");
	struct step *step = test_shared(4096);
	int64_t pid;

	(void)state;
	make_raw(name, 4096);
	strcpy((char *)(step + 1), name);
	pid_t child = peer_start(map_and_wait, step);
	step_wait(step, 1);
	assert_int_equal(shunt_segment_mappers(name, &pid, 1), 1);
	assert_int_equal(pid, child);
	assert_int_equal(shunt_segment_mappers(name, NULL, 0), 1);
	assert_int_equal(look(name).state, SHUNT_STATE_LIVE);
	peer_kill(child);
	assert_int_equal(shunt_segment_mappers(name, &pid, 1), 0);
	assert_int_equal(look(name).state, SHUNT_STATE_IDLE);
}

static void
an_object_tells_its_users_and_its_unread(void **state)
{
	const char *name = test_name("scan");
	struct shunt_segment_info info = {.sz = sizeof(info)};
	struct shunt_queue_options o = {
	    .sz = sizeof(o), .lane_bytes = 8192, .lanes = 5};
	struct shunt_participant who[4];
	struct shunt_queue *queue;
	char buf[16];

	(void)state;
	assert_int_equal(shunt_queue_open(&queue, name, &o), 1);
	info = look(name);
	assert_int_equal(info.kind, SHUNT_KIND_QUEUE);
	assert_int_equal(info.state, SHUNT_STATE_LIVE);
	assert_int_equal(info.lanes, 5);
	assert_int_equal(info.lane_bytes, 8192);
	assert_int_equal(info.lanes_used, 0);
	assert_int_equal(info.persistent, 0);
	assert_int_equal(info.layout, SHUNT__LAYOUT);
	assert_int_equal(info.creator_pid, getpid());
	assert_true(info.created_ns > 0);
	assert_int_equal(shunt_queue_send(queue, "abc", 3, NULL), 0);
	assert_int_equal(shunt_queue_send(queue, "abcdefghi", 9, NULL), 0);
	assert_int_equal(shunt_segment_stat(name, &info, who, 4), 1);
	assert_int_equal(info.unread, 16 + 24);
	assert_int_equal(info.senders, 1);
	assert_int_equal(info.receiver, 0);
	assert_int_equal(who[0].lane, 0);
	assert_int_equal(who[0].alive, 1);
	assert_int_equal(who[0].pid, getpid());
	assert_int_equal(who[0].unread, 40);
	assert_string_equal(who[0].comm, program_invocation_short_name);
	assert_int_equal(shunt_queue_recv(queue, buf, 16, NULL, NULL), 3);
	assert_int_equal(shunt_segment_stat(name, &info, who, 1), 2);
	assert_int_equal(info.unread, 24);
	assert_int_equal(info.receiver, 1);
	assert_int_equal(info.receiver_pid, getpid());
	assert_int_equal(who[0].lane, UINT32_MAX);
	shunt_queue_close(&queue);
	/* Something in it is unread: it may be meant to stay. */
	assert_int_equal(shunt_segment_stat(name, &info, who, 4), 1);
	assert_int_equal(info.state, SHUNT_STATE_IDLE);
	assert_int_equal(who[0].alive, 0);
}

/* Dies with everything read. */
static int
use_and_die(void *arg)
{
	struct shunt_queue *queue;
	char buf[4];

	NEED(shunt_queue_open(&queue, arg, NULL) == 1);
	NEED(shunt_queue_send(queue, "abc", 3, NULL) == 0);
	NEED(shunt_queue_recv(queue, buf, 4, NULL, NULL) == 3);
	raise(SIGKILL);
	return 1;
}

static void
what_the_dead_left_empty_is_an_orphan(void **state)
{
	const char *name = test_name("scan");
	struct shunt_segment_info info;
	struct shunt_queue_options keep = {
	    .sz = sizeof(keep), .flags = SHUNT_QUEUE_PERSISTENT};
	struct shunt_queue *queue;

	(void)state;
	assert_int_equal(
	    peer_end(peer_start(use_and_die, (void *)(uintptr_t)name)),
	    -SIGKILL);
	assert_int_equal(scan_finds(name, &info), 1);
	assert_int_equal(info.state, SHUNT_STATE_ORPHAN);
	assert_int_equal(info.lanes_used, 1);
	name = test_name("scan");
	assert_int_equal(shunt_queue_open(&queue, name, &keep), 1);
	shunt_queue_close(&queue);
	info = look(name);
	assert_int_equal(info.state, SHUNT_STATE_IDLE);
	assert_int_equal(info.persistent, 1);
}

static void
same_time_and_blocks(const struct stat *a, const struct stat *b)
{
	assert_int_equal(a->st_blocks, b->st_blocks);
	assert_int_equal(a->st_atim.tv_sec, b->st_atim.tv_sec);
	assert_int_equal(a->st_atim.tv_nsec, b->st_atim.tv_nsec);
	assert_int_equal(a->st_mtim.tv_nsec, b->st_mtim.tv_nsec);
	assert_int_equal(a->st_ctim.tv_nsec, b->st_ctim.tv_nsec);
}

static void
looking_leaves_no_trace(void **state)
{
	const char *name = test_name("scan"), *raw = test_name("scan");
	const char *names[2] = {name, raw};
	struct shunt_segment_info info;
	struct shunt_tail *tail;
	struct shunt_log *log;
	struct stat before[2], after;
	const char *line;

	(void)state;
	assert_int_equal(shunt_log_open(&log, name, NULL), 1);
	assert_int_equal(shunt_log_write(log, 6, "x", 1), 0);
	shunt_log_close(&log);
	make_raw(raw, 100000);
	/* A count of lanes that lies leads into holes. */
	uint32_t many = 1024;
	int fd = open(test_path(name), O_RDWR | O_CLOEXEC);
	assert_int_equal(pwrite(fd, &many, 4, SHUNT__CONTROL_OFF + 128), 4);
	close(fd);
	for (int i = 0; i < 2; i++) {
		/* Old times: with relatime a read would move the first. */
		struct timespec old[2] = {{1000000000, 1}, {1000000001, 2}};
		utimensat(AT_FDCWD, test_path(names[i]), old, 0);
		assert_int_equal(stat(test_path(names[i]), &before[i]), 0);
	}
	for (int i = 0; i < 2; i++) {
		assert_int_equal(scan_finds(names[i], &info), 1);
		look(names[i]);
	}
	assert_int_equal(
	    shunt_tail_open(&tail, name, NULL, SHUNT_FORMAT_CLASSIC), 0);
	assert_true(shunt_tail_next(tail, &line) > 0);
	assert_int_equal(shunt_tail_next(tail, &line), 0);
	shunt_tail_close(&tail);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(stat(test_path(names[i]), &after), 0);
		same_time_and_blocks(&before[i], &after);
	}
}

static void
what_is_not_understood_is_listed_as_other(void **state)
{
	const char *name = test_name("scan");
	struct shunt_segment_info info;
	struct shunt_queue_options keep = {
	    .sz = sizeof(keep), .flags = SHUNT_QUEUE_PERSISTENT};
	struct shunt_queue *queue;
	uint32_t layout = 0x7001;

	(void)state;
	assert_int_equal(shunt_queue_open(&queue, name, &keep), 1);
	shunt_queue_close(&queue);
	int fd = open(test_path(name), O_RDWR | O_CLOEXEC);
	assert_int_equal(pwrite(fd, &layout, 4, 8), 4);
	assert_int_equal(scan_finds(name, &info), 1);
	assert_int_equal(info.kind, SHUNT_KIND_OTHER);
	assert_int_equal(info.state, SHUNT_STATE_UNKNOWN);
	assert_int_equal(info.layout, 0x7001);
	/* Cut to less than its header says. */
	layout = SHUNT__LAYOUT;
	assert_int_equal(pwrite(fd, &layout, 4, 8), 4);
	assert_int_equal(ftruncate(fd, 6000), 0);
	assert_int_equal(scan_finds(name, &info), 1);
	assert_int_equal(info.size, 6000);
	close(fd);
}

static void
directories_are_entered_and_fifos_passed_over(void **state)
{
	const char *name = test_name("scan"), *fifo = test_name("scan");
	struct shunt_segment_info info;
	char path[300], full[320];

	(void)state;
	assert_int_equal(mkdir(test_path(name), 0700), 0);
	snprintf(path, sizeof(path), "%s/inside\n", test_path(name));
	int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "abc", 3), 3);
	close(fd);
	assert_int_equal(mkfifo(test_path(fifo), 0600), 0);
	snprintf(full, sizeof(full), "file:%s", path);
	int n = scan_finds(full, &info);
	int m = scan_finds(fifo, &info);
	assert_int_equal(look(full).size, 3);
	unlink(path);
	rmdir(test_path(name));
	assert_int_equal(n, 1);
	assert_int_equal(m, 0);
}

static void
wrong_names_have_a_sentence(void **state)
{
	struct shunt_segment_info info = {.sz = sizeof(info)};
	struct shunt_tail *tail;
	const char *raw = test_name("scan"), *queue = test_name("scan");
	struct shunt_queue *q;
	int64_t pid;

	(void)state;
	assert_int_equal(
	    shunt_segment_stat("/no such", &info, NULL, 0), -ENOENT);
	assert_detail("no such");
	assert_int_equal(
	    shunt_segment_stat("a/b", &info, NULL, 0), SHUNT_E_NAME);
	assert_int_equal(shunt_segment_mappers("/no such", &pid, 1), -ENOENT);
	assert_int_equal(shunt_tail_open(&tail, "/no such", NULL, 0), -ENOENT);
	assert_null(tail);
	make_raw(raw, 10);
	assert_int_equal(shunt_tail_open(&tail, raw, NULL, 0), SHUNT_E_KIND);
	assert_detail("raw");
	assert_int_equal(shunt_queue_open(&q, queue, NULL), 1);
	assert_int_equal(shunt_tail_open(&tail, queue, NULL, 0), SHUNT_E_KIND);
	assert_detail("queue");
	assert_int_equal(shunt_tail_open(&tail, raw, NULL, 3), -EINVAL);
	shunt_queue_close(&q);
}

static void
a_tail_merges_lanes_and_survives_a_lying_one(void **state)
{
	const char *name = test_name("scan");
	struct shunt_tail *tail;
	struct shunt_log *log;
	const char *line;
	ssize_t n;
	int i = 0;

	(void)state;
	assert_int_equal(shunt_log_open(&log, name, NULL), 1);
	while (i < 20) {
		assert_int_equal(shunt_log_printf(log, 6, "n%d.", i++), 0);
		/* Another process has another lane. */
		pid_t pid = fork();
		if (pid == 0)
			_exit(shunt_log_printf(log, 6, "n%d.", i) != 0);
		assert_int_equal(peer_end(pid), 0);
		i++;
	}
	assert_int_equal(look(name).lanes_used, 2);
	assert_int_equal(shunt_tail_open(&tail, name, NULL, 0), 0);
	assert_string_equal(shunt_tail_file(tail), "");
	for (i = 0; (n = shunt_tail_next(tail, &line)) > 0; i++) {
		char want[16];
		snprintf(want, sizeof(want), " n%d.\n", i);
		assert_non_null(strstr(line, want));
		assert_int_equal(strlen(line), n);
	}
	assert_int_equal(n, 0);
	assert_int_equal(i, 20);
	shunt_tail_close(&tail);
	/* Rubbish over the second lane: the first is shown, then the fault. */
	uint64_t bad = 0x123456789;
	struct shunt_segment_info info = look(name);
	off_t ring = (off_t)(info.size - (1024 - 1) * info.lane_bytes);
	int fd = open(test_path(name), O_RDWR | O_CLOEXEC);
	assert_int_equal(pwrite(fd, &bad, 8, ring), 8);
	close(fd);
	assert_int_equal(shunt_tail_open(&tail, name, NULL, 2), 0);
	for (i = 0; (n = shunt_tail_next(tail, &line)) > 0; i++)
		assert_int_equal(line[0], '{');
	assert_int_equal(n, SHUNT_E_CORRUPT);
	assert_detail("cannot be read");
	assert_int_equal(i, 10);
	assert_int_equal(shunt_tail_next(tail, &line), 0);
	shunt_tail_close(&tail);
	shunt_log_close(&log);
}

static void
a_tail_names_the_servers_file(void **state)
{
	const char *name = test_name("scan"), *path = log_path("scan");
	struct log_server server;
	struct shunt_tail *tail;
	struct shunt_log *log;
	const char *line;

	(void)state;
	assert_int_equal(shunt_log_open(&log, name, NULL), 1);
	log_server_start(&server, name, path, 0);
	assert_int_equal(shunt_log_write(log, 6, "x", 1), 0);
	assert_int_equal(shunt_log_flush(log, 10000000000), 0);
	assert_int_equal(shunt_tail_open(&tail, name, NULL, 0), 0);
	assert_string_equal(shunt_tail_file(tail), path);
	assert_int_equal(shunt_tail_next(tail, &line), 0);
	shunt_tail_close(&tail);
	assert_int_equal(look(name).receiver, 1);
	log_server_stop(&server);
	shunt_log_close(&log);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_raw_segment_is_idle_until_somebody_has_it),
	    TEST(mappers_of_other_processes_are_seen_until_they_die),
	    TEST(an_object_tells_its_users_and_its_unread),
	    TEST(what_the_dead_left_empty_is_an_orphan),
	    TEST(looking_leaves_no_trace),
	    TEST(what_is_not_understood_is_listed_as_other),
	    TEST(directories_are_entered_and_fifos_passed_over),
	    TEST(wrong_names_have_a_sentence),
	    TEST(a_tail_merges_lanes_and_survives_a_lying_one),
	    TEST(a_tail_names_the_servers_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
