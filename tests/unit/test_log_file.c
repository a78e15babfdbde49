/* SPDX-License-Identifier: MIT */
/*
 * The file that a server writes, and what file systems answer: locks that
 * they do not have, names that change while one looks, writes of nothing.
 */
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cmocka.h>

#include <shunt/error.h>

#include "log/file.h"
#include "os/os.h"

static struct shunt__os real;
static char path[220], other[240];
static struct shunt__logfile file;
static int code, times;

static int
setup(void **state)
{
	const char *dir = getenv("TMPDIR");

	(void)state;
	real = shunt__os;
	snprintf(path, sizeof(path), "%s/shunt-test-file-%d",
	    dir != NULL ? dir : "/tmp", getpid());
	snprintf(other, sizeof(other), "%s.1", path);
	unlink(path);
	unlink(other);
	times = 0;
	file.fd = -1;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	shunt__os = real;
	shunt__file_close(&file);
	unlink(path);
	unlink(other);
	return 0;
}

static void
touch(const char *what)
{
	close(open(what, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static int
answer_lock(int fd, int cmd, struct flock *fl)
{
	(void)fd;
	(void)cmd;
	(void)fl;
	return code;
}

static void
a_file_system_without_locks_is_written_all_the_same(void **state)
{
	static const int without[] = {-ENOLCK, -EOPNOTSUPP, -ENOSYS};

	(void)state;
	shunt__os.lock = answer_lock;
	for (int i = 0; i < 3; i++) {
		code = without[i];
		assert_int_equal(shunt__file_open(&file, path), 0);
		assert_int_equal(shunt__file_append(&file, "x\n", 2), 0);
		shunt__file_close(&file);
	}
	code = -EACCES; /* as some say that it is locked */
	assert_int_equal(shunt__file_open(&file, path), -EBUSY);
	assert_detail("another log");
	code = -EIO;
	assert_int_equal(shunt__file_open(&file, path), -EIO);
	assert_detail(path);
	assert_int_equal(file.fd, -1);
}

/* The file is locked; meanwhile its name goes elsewhere. */
static int
rename_behind(int fd, int cmd, struct flock *fl)
{
	int e = real.lock(fd, cmd, fl);

	if (times++ == 0)
		assert_int_equal(rename(path, other), 0);
	return e;
}

static int
replace_behind(int fd, int cmd, struct flock *fl)
{
	int e = real.lock(fd, cmd, fl);

	if (times++ == 0) {
		assert_int_equal(rename(path, other), 0);
		touch(path);
	}
	return e;
}

static int
replace_always(int fd, int cmd, struct flock *fl)
{
	assert_int_equal(unlink(path), 0);
	times++;
	return real.lock(fd, cmd, fl);
}

static void
a_name_that_moves_while_it_is_opened_is_followed(void **state)
{
	struct stat st;

	(void)state;
	shunt__os.lock = rename_behind;
	assert_int_equal(shunt__file_open(&file, path), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(file.id.ino, st.st_ino);
	shunt__file_close(&file);
	times = 0;
	shunt__os.lock = replace_behind;
	assert_int_equal(shunt__file_open(&file, path), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(file.id.ino, st.st_ino);
	shunt__file_close(&file);
	times = 0;
	shunt__os.lock = replace_always;
	assert_int_equal(shunt__file_open(&file, path), -EBUSY);
	assert_detail("renamed faster");
	assert_true(times >= 10);
}

static int
no_look(const char *p, int flags, mode_t mode)
{
	return flags & O_PATH ? -EACCES : real.open(p, flags, mode);
}

static int
no_second_fstat(int fd, struct stat *st)
{
	return ++times == 2 ? -EIO : real.fstat(fd, st);
}

static int
another_device(int fd, struct stat *st)
{
	int e = real.fstat(fd, st);

	/* As if a file system came between: the first look behind the open. */
	if (++times == 2)
		st->st_dev++;
	return e;
}

static void
a_name_that_cannot_be_looked_at_is_an_error(void **state)
{
	(void)state;
	shunt__os.open = no_look;
	assert_int_equal(shunt__file_open(&file, path), -EACCES);
	assert_detail(path);
	shunt__os.open = real.open;
	shunt__os.fstat = no_second_fstat;
	assert_int_equal(shunt__file_open(&file, path), -EIO);
	times = 0;
	shunt__os.fstat = another_device;
	assert_int_equal(shunt__file_open(&file, path), 0);
	assert_int_equal(times, 4); /* it was opened twice */
}

static int
answer_dup(int fd)
{
	(void)fd;
	return -EMFILE;
}

static void
standard_output_is_never_another_file(void **state)
{
	struct shunt__logfile again;

	(void)state;
	shunt__os.dup = answer_dup;
	assert_int_equal(shunt__file_open(&file, NULL), -EMFILE);
	assert_detail("standard output");
	shunt__os.dup = real.dup;
	assert_int_equal(shunt__file_open(&file, NULL), 0);
	assert_int_equal(shunt__file_reopen(&again, &file), 1);
	assert_int_equal(again.fd, -1);
	/* There is no directory where it could be found again. */
	assert_int_equal(shunt__file_find(&file, &file.id), -ENOENT);
}

static ssize_t
nothing(int fd, const void *buf, size_t n, off_t off)
{
	(void)fd;
	(void)buf;
	(void)n;
	(void)off;
	return 0;
}

static ssize_t
interrupted_pwrite(int fd, const void *buf, size_t n, off_t off)
{
	return times++ == 0 ? -EINTR : real.pwrite(fd, buf, n, off);
}

static int
interrupted_ftruncate(int fd, off_t size)
{
	return times++ == 0 ? -EINTR : real.ftruncate(fd, size);
}

static ssize_t
interrupted_write(int fd, const void *buf, size_t n)
{
	return times++ == 0 ? -EINTR : real.write(fd, buf, n);
}

static void
a_signal_does_not_end_a_write_to_a_file_but_one_to_a_pipe(void **state)
{
	char text[8] = "";
	int ends[2];

	(void)state;
	assert_int_equal(shunt__file_open(&file, path), 0);
	shunt__os.pwrite = interrupted_pwrite;
	assert_int_equal(shunt__file_append(&file, "a\n", 2), 0);
	assert_int_equal(times, 2);
	assert_int_equal(file.size, 2);
	shunt__os.pwrite = nothing;
	assert_int_equal(shunt__file_append(&file, "b\n", 2), -ENOSPC);
	assert_int_equal(file.size, 2);
	times = 0;
	shunt__os.ftruncate = interrupted_ftruncate;
	assert_int_equal(shunt__file_cut(&file), 0);
	assert_int_equal(times, 2);
	shunt__file_close(&file);
	/* A pipe that nobody reads would hold the server for ever. */
	assert_int_equal(pipe(ends), 0);
	file = (struct shunt__logfile){.fd = ends[1]};
	times = 0;
	shunt__os.write = interrupted_write;
	assert_int_equal(shunt__file_append(&file, "c\n", 2), -EINTR);
	assert_int_equal(shunt__file_append(&file, "d\n", 2), 0);
	assert_int_equal(read(ends[0], text, sizeof(text)), 2);
	assert_string_equal(text, "d\n");
	close(ends[0]);
}

static void
a_number_that_is_used_again_is_another_file(void **state)
{
	const struct shunt__inode a = {1, 2, 3};
	struct shunt__inode b = a;

	(void)state;
	assert_true(shunt__inode_same(&a, &b));
	b.btime_ns = 4;
	assert_false(shunt__inode_same(&a, &b));
	b.btime_ns = 0; /* not known: then number and device must do */
	assert_true(shunt__inode_same(&a, &b));
	assert_true(shunt__inode_same(&b, &a));
	b.ino = 5;
	assert_false(shunt__inode_same(&a, &b));
	b = a;
	b.dev = 5;
	assert_false(shunt__inode_same(&a, &b));
	assert_true(shunt__file_full(-EDQUOT) && shunt__file_full(-EFBIG) &&
		    shunt__file_full(-ENOMEM));
	assert_false(shunt__file_full(-EBADF));
}

static int
answer_open(const char *p, int flags, mode_t mode)
{
	return flags & O_NOFOLLOW ? code : real.open(p, flags, mode);
}

static int
no_fstat(int fd, struct stat *st)
{
	(void)fd;
	(void)st;
	return -EIO;
}

static void
a_renamed_file_is_found_and_nothing_else_is_taken_for_it(void **state)
{
	static const int no_file[] = {-EISDIR, -ELOOP, -ENXIO};

	(void)state;
	assert_int_equal(shunt__file_open(&file, path), 0);
	assert_int_equal(rename(path, other), 0);
	int fd = shunt__file_find(&file, &file.id);
	assert_true(fd >= 0);
	close(fd);
	shunt__os.open = answer_open;
	for (int i = 0; i < 3; i++) {
		code = no_file[i];
		assert_int_equal(shunt__file_find(&file, &file.id), -ENOENT);
	}
	code = -EMFILE;
	assert_int_equal(shunt__file_find(&file, &file.id), -EMFILE);
	shunt__os.open = real.open;
	shunt__os.fstat = no_fstat;
	assert_int_equal(shunt__file_find(&file, &file.id), -EIO);
	shunt__os.fstat = real.fstat;
	/* The same number, but of another file. */
	struct shunt__inode id = file.id;
	id.dev++;
	assert_int_equal(shunt__file_find(&file, &id), -ENOENT);
}

static void
paths_without_and_with_one_slash_have_a_directory_too(void **state)
{
	char relative[] = "shunt-test-file", root[] = "/shunt-test-file";
	struct shunt__logfile f = {.fd = -1, .path = relative};
	struct stat st;
	uint64_t size;

	(void)state;
	assert_int_equal(shunt__file_open(&file, path), 0);
	char *slash = strrchr(path, '/');
	*slash = 0;
	char *before = getcwd(NULL, 0);
	int e = chdir(path);
	*slash = '/';
	assert_int_equal(e, 0);
	int fd = shunt__file_find(&f, &file.id);
	assert_int_equal(chdir(before), 0);
	free(before);
	assert_true(fd >= 0);
	assert_int_equal(
	    shunt__inode_of(fd, &(struct shunt__inode){0}, &size), 1);
	close(fd);
	f.path = root;
	assert_int_equal(stat("/", &st), 0);
	struct shunt__inode id = {st.st_dev, st.st_ino, 0};
	/* "/." has that number, and is a directory. */
	assert_int_equal(shunt__file_find(&f, &id), -ENOENT);
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    CASE(a_file_system_without_locks_is_written_all_the_same),
	    CASE(a_name_that_moves_while_it_is_opened_is_followed),
	    CASE(a_name_that_cannot_be_looked_at_is_an_error),
	    CASE(standard_output_is_never_another_file),
	    CASE(a_signal_does_not_end_a_write_to_a_file_but_one_to_a_pipe),
	    CASE(a_number_that_is_used_again_is_another_file),
	    CASE(a_renamed_file_is_found_and_nothing_else_is_taken_for_it),
	    CASE(paths_without_and_with_one_slash_have_a_directory_too),
	};

	alarm(50);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
