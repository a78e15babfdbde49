/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/* System V segments: made, found and opened by each of their names. */
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/stat.h>

#include <cmocka.h>

#include <shunt.h>

#include "lib/peers.h"
#include "unit/sysv.h"

static void
what_is_made_is_zeroed_and_found_again(void **state)
{
	const char *name = sysv_name(sysv_key());
	struct shunt_segment *a, *b;
	struct shunt_sysv_info info;
	char text[40];

	(void)state;
	assert_int_equal(shunt_segment_create(&a, name, 5000, NULL), 0);
	assert_int_equal(shunt_segment_size(a), 5000);
	for (int i = 0; i < 5000; i++)
		assert_int_equal(((char *)shunt_segment_data(a))[i], 0);
	strcpy(shunt_segment_data(a), "kept");
	assert_int_equal(shunt_segment_open(&b, name, NULL), 0);
	assert_string_equal(shunt_segment_data(b), "kept");
	assert_ptr_not_equal(shunt_segment_data(a), shunt_segment_data(b));
	assert_int_equal(shunt_sysv_id(a), shunt_sysv_id(b));
	assert_int_equal(shunt_segment_fd(a), -ENOTSUP);
	shunt_segment_close(&b);
	/* There already: opened untouched. */
	assert_int_equal(shunt_segment_create(&b, name, 5000, NULL), 1);
	assert_string_equal(shunt_segment_data(b), "kept");
	shunt_segment_close(&b);
	/* By its identifier. */
	snprintf(text, sizeof(text), "sysv:id=%d", shunt_sysv_id(a));
	assert_int_equal(shunt_segment_open(&b, text, NULL), 0);
	assert_string_equal(shunt_segment_data(b), "kept");
	shunt_segment_close(&b);
	info = sysv_stat(name);
	assert_int_equal(info.size, 5000);
	assert_int_equal(info.rounded, 8192);
	assert_int_equal(info.attached, 1);
	shunt_segment_close(&a);
	assert_null(a);
	assert_int_equal(sysv_stat(name).attached, 0);
	assert_int_equal(shunt_remove(name, NULL), 0);
	assert_int_equal(shunt_segment_open(&a, name, NULL), -ENOENT);
	assert_null(a);
	assert_detail(name);
	assert_int_equal(shunt_segment_open(&a, text, NULL), -ENOENT);
	assert_detail(text);
	assert_int_equal(shunt_sysv_id(NULL), -EINVAL);
}

static void
programs_of_others_see_the_same(void **state)
{
	key_t ours = sysv_key(), theirs = sysv_key();
	struct shunt_segment *seg;
	struct shmid_ds ds;

	(void)state;
	assert_int_equal(
	    shunt_segment_create(&seg, sysv_name(ours), 3000, NULL), 0);
	strcpy(shunt_segment_data(seg), "from shunt");
	int id = shmget(ours, 3000, 0600);
	assert_int_equal(id, shunt_sysv_id(seg));
	char *at = shmat(id, NULL, 0);
	assert_string_equal(at, "from shunt");
	strcpy(at, "and back");
	assert_string_equal(shunt_segment_data(seg), "and back");
	assert_int_equal(shmctl(id, IPC_STAT, &ds), 0);
	assert_int_equal(ds.shm_nattch, 2);
	assert_int_equal(ds.shm_segsz, 3000);
	shmdt(at);
	shunt_segment_close(&seg);
	assert_int_equal(shunt_remove(sysv_name(ours), NULL), 0);
	assert_int_equal(shmget(ours, 0, 0), -1);

	id = sysv_plain(theirs, 100, 0600);
	at = shmat(id, NULL, 0);
	strcpy(at, "from shmget");
	assert_int_equal(shunt_segment_open(&seg, sysv_name(theirs), NULL), 0);
	assert_int_equal(shunt_segment_size(seg), 100);
	assert_string_equal(shunt_segment_data(seg), "from shmget");
	shmctl(id, IPC_RMID, NULL);
	/* Marked: its key is gone, we keep it. */
	assert_string_equal(shunt_segment_data(seg), "from shmget");
	shunt_segment_close(&seg);
	shmdt(at);
}

static void
same_key(const char *path, const char *project, int number)
{
	char name[400];
	struct shunt_segment *seg;
	key_t key = ftok(path, number);

	assert_true(key != -1);
	snprintf(name, sizeof(name), "sysv:ftok=%s,%s", path, project);
	assert_int_equal(shunt_segment_create(&seg, name, 10, NULL), 0);
	assert_int_equal(shmget(key, 0, 0), shunt_sysv_id(seg));
	assert_int_equal((key_t)sysv_stat(name).key, key);
	shunt_segment_close(&seg);
	assert_int_equal(shunt_remove(name, NULL), 0);
	assert_int_equal(shmget(key, 0, 0), -1);
}

static void
the_key_of_ftok_is_that_of_libc(void **state)
{
	const char *dir = getenv("TMPDIR");
	char path[300], link[320], name[340];
	struct shunt_segment *seg;

	(void)state;
	snprintf(path, sizeof(path), "%s/sysv,%d", dir != NULL ? dir : "/tmp",
	    (int)getpid());
	snprintf(link, sizeof(link), "%s-link", path);
	int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(symlink(path, link), 0);
	same_key(path, "1", 1);
	same_key(path, "255", 255);
	same_key(path, "R", 'R');
	same_key(path, "7", 7);
	same_key(link, "7", 7);              /* ftok follows it */
	same_key("/proc/version", "R", 'R'); /* and devices differ */
	same_key("/dev/null", "R", 'R');
	unlink(link);
	unlink(path);
	snprintf(name, sizeof(name), "sysv:ftok=%s,1", path);
	assert_int_equal(shunt_segment_create(&seg, name, 10, NULL), -ENOENT);
	assert_null(seg);
	assert_detail(path);
	assert_detail("its key is made from the file");
	assert_int_equal(shunt_segment_open(&seg, name, NULL), -ENOENT);
	assert_detail("its key is made from the file");
}

static int
answer(void *arg)
{
	struct shunt_segment *own, *inherited = arg;
	char name[40], *text = shunt_segment_data(inherited);

	NEED(strcmp(text, "question") == 0);
	snprintf(name, sizeof(name), "sysv:id=%d", shunt_sysv_id(inherited));
	NEED(shunt_segment_open(&own, name, NULL) == 0);
	strcpy((char *)shunt_segment_data(own) + 100, "answer");
	shunt_segment_close(&own);
	shunt_segment_close(&inherited);
	return 0;
}

static void
a_private_one_is_for_parent_and_child(void **state)
{
	struct shunt_segment *a, *b;
	char name[40];

	(void)state;
	assert_int_equal(
	    shunt_segment_create(&a, "sysv:private", 200, NULL), 0);
	/* Each is a new one, whose name is its identifier. */
	assert_int_equal(
	    shunt_segment_create(&b, "sysv:private", 200, NULL), 0);
	assert_int_not_equal(shunt_sysv_id(a), shunt_sysv_id(b));
	snprintf(name, sizeof(name), "sysv:id=%d", shunt_sysv_id(b));
	assert_int_equal(sysv_stat(name).key, 0);
	shunt_segment_close(&b);
	assert_int_equal(shunt_remove(name, NULL), 0);

	strcpy(shunt_segment_data(a), "question");
	snprintf(name, sizeof(name), "sysv:id=%d", shunt_sysv_id(a));
	pid_t pid = peer_start(answer, a);
	/* Removed at once, as one does with it: it lives while it is used. */
	assert_int_equal(peer_end(pid), 0);
	assert_int_equal(shunt_remove(name, NULL), 0);
	assert_string_equal((char *)shunt_segment_data(a) + 100, "answer");
	assert_int_equal(sysv_stat(name).flags, SHUNT_SYSV_DEST);
	shunt_segment_close(&a);
	assert_int_equal(shunt_segment_open(&a, name, NULL), -ENOENT);

	assert_int_equal(
	    shunt_segment_open(&a, "sysv:private", NULL), SHUNT_E_NAME);
	assert_null(a);
	assert_detail("sysv:id=N");
	assert_int_equal(shunt_remove("sysv:private", NULL), SHUNT_E_NAME);
	assert_int_equal(
	    shunt_segment_read("sysv:private", 0, name, 1, NULL), SHUNT_E_NAME);
}

static void
what_is_there_in_another_form_is_explained(void **state)
{
	struct shunt_segment_options excl = {
	    .sz = sizeof(excl), .flags = SHUNT_SEGMENT_EXCLUSIVE};
	struct shunt_segment *seg;
	const char *name = sysv_name(sysv_key());

	(void)state;
	assert_int_equal(shunt_segment_create(&seg, name, 5000, &excl), 0);
	shunt_segment_close(&seg);
	assert_int_equal(
	    shunt_segment_create(&seg, name, 5000, &excl), -EEXIST);
	assert_detail("it exists already");
	for (size_t size = 4999; size <= 5001; size += 2) {
		assert_int_equal(
		    shunt_segment_create(&seg, name, size, NULL), -EEXIST);
		assert_null(seg);
		assert_detail("it exists with 5000 bytes");
		assert_detail("remove it");
	}
	assert_int_equal(sysv_stat(name).attached, 0);
	assert_int_equal(shunt_remove(name, NULL), 0);
}

static int
is_refused(void *arg)
{
	struct shunt_segment_options ro = {
	    .sz = sizeof(ro), .flags = SHUNT_SEGMENT_READONLY};
	struct shunt_segment *seg;
	const char *name = arg;
	char byte;

	sysv_nobody();
	NEED(shunt_segment_create(&seg, name, 5000, NULL) == -EACCES);
	NEED(seg == NULL);
	NEED(strstr(shunt_error_detail(), "you may not write it") != NULL);
	NEED(strstr(shunt_error_detail(), "its mode is 0604") != NULL);
	NEED(strstr(shunt_error_detail(), "user 0") != NULL);
	NEED(shunt_segment_open(&seg, name, NULL) == -EACCES);
	NEED(shunt_segment_write(name, 0, "x", 1, NULL) == -EACCES);
	NEED(shunt_segment_open(&seg, name, &ro) == 0);
	shunt_segment_close(&seg);
	NEED(shunt_segment_read(name, 0, &byte, 1, NULL) == 1);
	ro.prot = SHUNT_PROT_READ | SHUNT_PROT_EXEC;
	NEED(shunt_segment_open(&seg, name, &ro) == -EACCES);
	NEED(strstr(shunt_error_detail(), "read and execute it") != NULL);
	return 0;
}

static void
a_mode_that_keeps_us_out_is_explained(void **state)
{
	struct shunt_segment_options o = {.sz = sizeof(o), .mode = 0604};
	const char *name = sysv_name(sysv_key());
	struct shunt_segment *seg;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(shunt_segment_create(&seg, name, 5000, &o), 0);
	assert_int_equal(
	    peer_end(peer_start(is_refused, (void *)(uintptr_t)name)), 0);
	shunt_segment_close(&seg);
	o.owner = "65534";
	assert_int_equal(shunt_segment_open(&seg, name, &o), SHUNT_E_OWNER);
	assert_detail("belongs to user 0, not to user 65534");
	struct shunt_remove_options r = {.sz = sizeof(r), .owner = "65534"};
	assert_int_equal(shunt_remove(name, &r), SHUNT_E_OWNER);
	r.owner = "root";
	assert_int_equal(shunt_remove(name, &r), 0);
}

static void
modes_are_exact(void **state)
{
	const uint32_t modes[] = {0, 0600, 0666, 0640, 0777, 0400};
	struct shunt_segment_options o = {.sz = sizeof(o)};
	const char *name = sysv_name(sysv_key());
	struct shunt_segment *seg;
	mode_t old = umask(0077);

	(void)state;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		o.mode = modes[i];
		o.flags = modes[i] == 0400 ? SHUNT_SEGMENT_READONLY : 0;
		assert_int_equal(shunt_segment_create(&seg, name, 10, &o), 0);
		assert_int_equal(
		    sysv_stat(name).mode, modes[i] == 0 ? 0600 : modes[i]);
		shunt_segment_close(&seg);
		assert_int_equal(shunt_remove(name, NULL), 0);
	}
	umask(old);
	o.mode = 01600; /* IPC_CREAT has the value of the sticky bit */
	assert_int_equal(shunt_segment_create(&seg, name, 10, &o), -EINVAL);
	assert_detail("up to 0777");
	o.mode = 0660;
	o.flags = SHUNT_SEGMENT_UMASK;
	assert_int_equal(shunt_segment_create(&seg, name, 10, &o), -ENOTSUP);
	assert_detail("umask");
	assert_false(sysv_there((key_t)strtoul(name + 5, NULL, 16)));
}

static void
bad_requests_have_a_sentence(void **state)
{
	struct shunt_segment_options o = {.sz = sizeof(o)};
	const char *name = sysv_name(sysv_key());
	struct shunt_queue *queue;
	struct shunt_segment *seg;
	struct shunt_tail *tail;
	struct shunt_log *log;

	(void)state;
	assert_int_equal(shunt_segment_create(&seg, name, 0, NULL), -EINVAL);
	assert_int_equal(
	    shunt_segment_create(&seg, "sysv:id=5", 10, NULL), -EINVAL);
	assert_detail("the kernel gives identifiers");
	o.flags = SHUNT_SEGMENT_TRUNCATE;
	assert_int_equal(shunt_segment_create(&seg, name, 10, &o), -ENOTSUP);
	assert_detail("remove it and make it anew");
	o.flags = SHUNT_SEGMENT_INHERIT;
	assert_int_equal(shunt_segment_create(&seg, name, 10, &o), -ENOTSUP);
	assert_false(sysv_there((key_t)strtoul(name + 5, NULL, 16)));
	assert_int_equal(shunt_segment_create(&seg, name, 10, NULL), 0);
	shunt_segment_close(&seg);
	assert_int_equal(shunt_segment_open(&seg, name, &o), -ENOTSUP);
	assert_detail("no descriptor");
	o.flags = SHUNT_SEGMENT_SEALED;
	assert_int_equal(shunt_segment_open(&seg, name, &o), SHUNT_E_KIND);
	assert_detail("no seals");
	/* Objects have lock bytes, which need a file. */
	assert_int_equal(shunt_queue_open(&queue, name, NULL), SHUNT_E_KIND);
	assert_detail("posix:/name");
	assert_int_equal(shunt_log_open(&log, name, NULL), SHUNT_E_KIND);
	assert_detail("posix:/name");
	assert_int_equal(shunt_tail_open(&tail, name, NULL, 0), SHUNT_E_KIND);
	assert_int_equal(shunt_remove(name, NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_is_made_is_zeroed_and_found_again),
	    TEST(programs_of_others_see_the_same),
	    TEST(the_key_of_ftok_is_that_of_libc),
	    TEST(a_private_one_is_for_parent_and_child),
	    TEST(what_is_there_in_another_form_is_explained),
	    TEST(a_mode_that_keeps_us_out_is_explained),
	    TEST(modes_are_exact),
	    TEST(bad_requests_have_a_sentence),
	};

	return cmocka_run_group_tests(tests, sysv_setup, NULL);
}
