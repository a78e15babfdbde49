/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/* A full file system, no descriptors left, a storm of signals. */
#include "unit/unit.h"
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <shunt.h>

#include "lib/peers.h"
#include "segment/object.h"

static const struct shunt_send_options send_now = {
    .sz = sizeof(send_now), .wait_ns = SHUNT_NOWAIT};
static const struct shunt_recv_options recv_now = {
    .sz = sizeof(recv_now), .wait_ns = SHUNT_NOWAIT};

/* In a child: a tmpfs of 64 KiB that nobody else sees, as its directory. */
static char dir[256];
static void
enter_small_tmpfs(void)
{
	NEED(unshare(CLONE_NEWNS) == 0);
	NEED(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	NEED(mount("none", dir, "tmpfs", 0, "size=64k") == 0);
	NEED(chdir(dir) == 0);
}

static int
entries(void)
{
	DIR *d = opendir(".");
	int n = 0;

	NEED(d != NULL);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n - 2;
}

static void
says(const char *part)
{
	if (strstr(shunt_error_detail(), part) != NULL)
		return;
	fprintf(
	    stderr, "\"%s\" does not say \"%s\"\n", shunt_error_detail(), part);
	_exit(99);
}

static int
make_too_much(void *arg)
{
	const struct shunt_queue_options wide = {
	    .sz = sizeof(wide), .lanes = 1024, .lane_bytes = 4096};
	struct shunt_segment *seg;
	struct shunt_queue *queue;

	(void)arg;
	enter_small_tmpfs();
	NEED(shunt_queue_open(&queue, "file:q", &wide) == -ENOSPC);
	says("file:q: its file system has 64 KiB free and 272 KiB are wanted");
	says("--shm-size");
	NEED(queue == NULL && entries() == 0);
	NEED(shunt_segment_create(&seg, "file:r", 65537, NULL) == -ENOSPC);
	says("64 KiB free and 65 KiB are wanted");
	NEED(seg == NULL && entries() == 0);
	/* To the last byte. */
	NEED(shunt_segment_create(&seg, "file:r", 65536, NULL) == 0);
	memset(shunt_segment_data(seg), 1, 65536);
	shunt_segment_close(&seg);
	NEED(shunt_queue_open(&queue, "file:q", &wide) == -ENOSPC);
	says("0 KiB free");
	NEED(entries() == 1);
	return 0;
}

/* Lanes of 16 KiB: three have room beside header and tables. */
#define LANES 6
static int
claim_too_much(void *arg)
{
	const struct shunt_queue_options o = {.sz = sizeof(o),
	    .lanes = LANES,
	    .lane_bytes = 16384,
	    .receivers = 1};
	struct shunt_queue *queue[LANES];
	char buf[8000] = {0};
	int sent = 0, got = 0;

	(void)arg;
	enter_small_tmpfs();
	for (int i = 0; i < LANES; i++)
		NEED(shunt_queue_open(&queue[i], "file:q", &o) == (i == 0));
	for (int i = 0; i < 3; i++) {
		NEED(shunt_queue_send(queue[i], buf, 8000, NULL) == 0);
		sent++;
	}
	for (int i = 3; i < LANES; i++) {
		NEED(shunt_queue_send(queue[i], "x", 1, NULL) == -ENOSPC);
		says("16 KiB are wanted");
	}
	/* Those who have a lane fill it up to the last byte. */
	for (int i = 0; i < 3; i++)
		while (shunt_queue_send(queue[i], buf, 1000, &send_now) == 0)
			sent++;
	/* Whose owner goes, another can have, although it is not empty. */
	shunt_queue_close(&queue[0]);
	NEED(shunt_queue_send(queue[4], "x", 1, &send_now) == 0);
	sent++;
	/* Somebody says that all lanes are in use: those that never had
	 * memory are passed over, without a SIGBUS. */
	int fd = open("q", O_RDWR | O_CLOEXEC);
	uint32_t high = LANES;
	NEED(pwrite(fd, &high, 4,
		 SHUNT__CONTROL_OFF +
		     offsetof(struct shunt__control_lay, ct_high)) == 4);
	close(fd);
	while (
	    shunt_queue_recv(queue[5], buf, sizeof(buf), NULL, &recv_now) >= 0)
		got++;
	NEED(got == sent);
	NEED(shunt_queue_send(queue[5], "x", 1, &send_now) == SHUNT_E_SLOTS);
	for (int i = 1; i < LANES; i++)
		shunt_queue_close(&queue[i]);
	return 0;
}

static void
in_small_tmpfs(int (*f)(void *))
{
	if (geteuid() != 0)
		skip();
	const char *tmp = getenv("TMPDIR");
	snprintf(dir, sizeof(dir), "%s/shunt-small-XXXXXX",
	    tmp != NULL ? tmp : "/tmp");
	assert_non_null(mkdtemp(dir));
	int e = peer_end(peer_start(f, NULL));
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(e, 0);
}

static void
a_full_file_system_at_create(void **state)
{
	(void)state;
	in_small_tmpfs(make_too_much);
}

static void
a_full_file_system_at_the_first_send(void **state)
{
	(void)state;
	in_small_tmpfs(claim_too_much);
}

/* ---- addresses -------------------------------------------------------------
 */

static void
what_has_more_bytes_than_addresses_is_told(void **state)
{
	/* 2^32 of rings, and a little before them. */
	const struct shunt_queue_options o = {
	    .sz = sizeof(o), .lanes = 4, .lane_bytes = 1u << 30};
	const char *name = test_name("wide");
	struct shunt_queue *queue;

	(void)state;
	int e = shunt_queue_open(&queue, name, &o);
	if (sizeof(size_t) > 4) {
		assert_true(e >= 0);
	} else {
		assert_int_equal(e, -ENOMEM);
		assert_detail("a process of 32 bits");
		assert_null(queue);
	}
	shunt_queue_close(&queue);
	assert_false(test_there(name));
}

/* ---- descriptors -----------------------------------------------------------
 */

static int
run_out_of_descriptors(void *name)
{
	const struct shunt_queue_options o = {
	    .sz = sizeof(o), .lanes = 4, .lane_bytes = 4096};
	struct shunt_queue *queue;
	struct shunt_segment *seg;
	struct rlimit all, few;
	int spare = 0, fds = test_fds(), e;

	NEED(getrlimit(RLIMIT_NOFILE, &all) == 0);
	for (;; spare++) {
		few = all;
		int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
		close(next);
		few.rlim_cur = (rlim_t)(next + spare);
		NEED(setrlimit(RLIMIT_NOFILE, &few) == 0);
		e = shunt_queue_open(&queue, name, &o);
		if (e >= 0)
			break;
		NEED(e == -EMFILE);
		says(shunt_error_text(-EMFILE));
		NEED(!test_there(name));
		NEED(shunt_segment_create(&seg, name, 10, NULL) == -EMFILE ||
		     spare > 0);
		shunt_segment_close(&seg);
		shunt_remove(name, NULL);
		NEED(setrlimit(RLIMIT_NOFILE, &all) == 0);
		NEED(test_fds() == fds);
	}
	NEED(spare >= 1);
	NEED(shunt_queue_send(queue, "x", 1, NULL) == 0);
	char buf[8];
	NEED(shunt_queue_recv(queue, buf, 8, NULL, NULL) == 1);
	shunt_queue_close(&queue);
	NEED(setrlimit(RLIMIT_NOFILE, &all) == 0);
	NEED(test_fds() == fds);
	NEED(!test_there(name));
	return 0;
}

static void
no_descriptors_left(void **state)
{
	const char *name = test_name("emfile");

	(void)state;
	assert_int_equal(
	    peer_end(peer_start(run_out_of_descriptors, (void *)name)), 0);
}

/* ---- signals ---------------------------------------------------------------
 */

static volatile sig_atomic_t signals;

static void
on_signal(int sig)
{
	(void)sig;
	signals = signals + 1;
}

static int
live_in_a_storm(void *name)
{
	const struct sigaction sa = {.sa_handler = on_signal};
	const struct itimerval often = {{0, 100}, {0, 100}};
	const struct shunt_recv_options soon = {
	    .sz = sizeof(soon), .wait_ns = 20 * (int64_t)MS};
	const struct shunt_queue_options o = {
	    .sz = sizeof(o), .lanes = 4, .lane_bytes = 65536};
	struct shunt_queue *queue;
	char buf[8];

	alarm(0); /* the storm comes from its timer; the runner has a limit */
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (int i = 0; i < 200; i++) {
		NEED(shunt_queue_open(&queue, name, &o) == 1);
		NEED(shunt_queue_send(queue, "x", 1, NULL) == 0);
		NEED(shunt_queue_recv(queue, buf, 8, NULL, NULL) == 1);
		if (i % 20 == 0) {
			uint64_t begin = test_now();
			NEED(shunt_queue_recv(queue, buf, 8, NULL, &soon) ==
			     -ETIMEDOUT);
			uint64_t took = test_now() - begin;
			NEED(took >= 20 * MS && took < 2000 * MS);
		}
		shunt_queue_close(&queue);
		NEED(!test_there(name));
	}
	NEED(signals > 100);
	return 0;
}

static void
a_storm_of_signals(void **state)
{
	const char *name = test_name("storm");

	(void)state;
	assert_int_equal(
	    peer_end(peer_start(live_in_a_storm, (void *)name)), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_full_file_system_at_create),
	    TEST(a_full_file_system_at_the_first_send),
	    TEST(what_has_more_bytes_than_addresses_is_told),
	    TEST(no_descriptors_left),
	    TEST(a_storm_of_signals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
