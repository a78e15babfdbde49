/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/*
 * What file systems and kernels answer to those who make and map segments of
 * files: each answer has its code and its sentence, and leaves nothing behind.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "unit/answers.h"
#include "unit/raw.h"

#define SIZE 5000u

ANSWER(int, fallocate, (int fd, int m, off_t o, off_t n), (fd, m, o, n))
ANSWER(
    ssize_t, pwrite, (int fd, const void *b, size_t n, off_t o), (fd, b, n, o))
ANSWER(int, ftruncate, (int fd, off_t s), (fd, s))
ANSWER(int, fchown, (int fd, uid_t u, gid_t g), (fd, u, g))
ANSWER(int, fstat, (int fd, struct stat *st), (fd, st))
ANSWER(int, lstat, (const char *p, struct stat *st), (p, st))
ANSWER(int, getrandom, (void *b, size_t n), (b, n))
ANSWER(int, rename_new, (const char *a, const char *b), (a, b))
ANSWER(int, mmap_at, (void **a, size_t n, int p, int f, int fd, off_t o),
    (a, n, p, f, fd, o))
ANSWER(int, mremap, (void **a, size_t o, size_t n, int f), (a, o, n, f))
ANSWER(int, mlock, (const void *a, size_t n), (a, n))
ANSWER(int, open, (const char *p, int f, mode_t m), (p, f, m))
ANSWER(int, fcntl, (int fd, int cmd, int arg), (fd, cmd, arg))

/* Makes a segment; 0 or the code, and then it is not there. */
static int
make(const char *name, const struct shunt_segment_options *o)
{
	struct shunt_segment *seg;
	int e = shunt_segment_create(&seg, name, SIZE, o);

	assert_true((e >= 0) == (seg != NULL));
	shunt_segment_close(&seg);
	if (e < 0) {
		assert_false(test_there(name));
		assert_detail(name);
	}
	return e;
}

static void
there_is_no_room(void **state)
{
	static const struct {
		int says, code;
		const char *why;
	} each[] = {
	    {-ENOSPC, -ENOSPC, "KiB free and 5 KiB are wanted"},
	    {-EDQUOT, -ENOSPC, "KiB free and 5 KiB are wanted"},
	    {-EFBIG, -EINVAL, "more than a file can have here"},
	    {-EINVAL, -EINVAL, "more than a file can have here"},
	    {-EIO, -EIO, "5000 bytes cannot be reserved"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
		SAY(fallocate, 0, 1, each[i].says);
		assert_refused(
		    make(test_name("room"), NULL), each[i].code, each[i].why);
	}
	assert_int_equal(make(test_name("room"), NULL), 0);
}

/* Where nothing can be reserved, zeros are written. */
static void
zeros_hold_the_place(void **state)
{
	const char *name = test_name("zeros");
	struct stat st;

	(void)state;
	SAY(fallocate, 0, FOR_EVER, -EOPNOTSUPP);
	SAY(pwrite, 0, 1, -EINTR);
	assert_int_equal(make(name, NULL), 0);
	assert_int_equal(stat(test_path(name), &st), 0);
	assert_int_equal(st.st_size, SIZE);
	assert_true(st.st_blocks * 512 >= SIZE);
	/* One that takes no byte and gives no reason. */
	SAY(pwrite, 0, 1, 0);
	assert_refused(
	    make(test_name("zeros"), NULL), -EIO, "cannot be reserved");
}

static void
a_write_that_comes_to_nothing(void **state)
{
	const char *name = test_name("nothing");

	(void)state;
	assert_int_equal(make(name, NULL), 0);
	SAY(pwrite, 0, 1, 0);
	assert_refused(shunt_segment_write(name, 0, "text", 4, NULL), -EIO,
	    "0 of 4 bytes were written: the file system is full");
	SAY(pwrite, 0, 1, -EIO);
	assert_int_equal(shunt_segment_write(name, 0, "text", 4, NULL), -EIO);
	struct shunt_segment_options o = {.sz = 3};
	assert_int_equal(shunt_segment_write(name, 0, "text", 4, &o), -EINVAL);
	assert_int_equal(shunt_segment_write(name, 0, "text", 4, NULL), 4);
}

static void
a_group_that_may_not_have_it(void **state)
{
	(void)state;
	SAY(fchown, 0, 1, -EPERM);
	assert_refused(make(test_name("group"), OPTIONS(.group = "0")), -EPERM,
	    "group \"0\"");
}

/* ---- without unnamed files --------------------------------------------------
 */

static char folder[64], file[128];

static int
begin_in_a_folder(void **state)
{
	snprintf(folder, sizeof(folder), "%s/answers-XXXXXX",
	    getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(file, sizeof(file), "file:%s/it", folder);
	return answers_begin(state);
}

static int
end_in_a_folder(void **state)
{
	answers_end(state);
	unlink(file + 5);
	rmdir(folder);
	return 0;
}

/* What open(2) says to O_TMPFILE, and to the names beside. */
static int no_tmpfile, temp_code, temp_times;

static int
open_old(const char *path, int flags, mode_t mode)
{
	if ((flags & O_TMPFILE) == O_TMPFILE)
		return no_tmpfile;
	if (strstr(path, "/.shunt-new-") != NULL && temp_times > 0) {
		temp_times--;
		return temp_code;
	}
	return real_os.open(path, flags, mode);
}

static void
beside(int tmpfile, int code, int times)
{
	no_tmpfile = tmpfile;
	temp_code = code;
	temp_times = times;
	shunt__os = real_os;
	shunt__os.open = open_old;
}

/* Nothing but what bears the name may be left: else the folder stays. */
static void
refused_and_gone(int code, const char *why)
{
	struct shunt_segment *seg;

	assert_refused(shunt_segment_create(&seg, file, SIZE, NULL), code, why);
	assert_null(seg);
	assert_int_equal(rmdir(folder), 0);
	assert_int_equal(mkdir(folder, 0700), 0);
}

static void
old_file_systems_have_no_unnamed_files(void **state)
{
	static const int codes[] = {-EOPNOTSUPP, -EISDIR, -EINVAL};
	struct shunt_segment *seg;

	(void)state;
	for (int i = 0; i < 3; i++) {
		/* Once its random name is taken. */
		beside(codes[i], -EEXIST, i);
		assert_int_equal(
		    shunt_segment_create(&seg, file, SIZE, NULL), 0);
		shunt_segment_close(&seg);
		assert_int_equal(shunt_remove(file, NULL), 0);
	}
}

static void
what_fails_there_leaves_nothing(void **state)
{
	(void)state;
	beside(-EOPNOTSUPP, -EEXIST, 100);
	refused_and_gone(-EEXIST, "cannot be made in");
	beside(-EOPNOTSUPP, -EROFS, 1);
	refused_and_gone(-EROFS, "cannot be made in");
	beside(-EACCES, 0, 0);
	refused_and_gone(-EACCES, "cannot be made in");
	beside(-EOPNOTSUPP, 0, 0);
	SAY(getrandom, 0, 1, -EIO);
	refused_and_gone(-EIO, "cannot be made in");
	beside(-EOPNOTSUPP, 0, 0);
	SAY(fallocate, 0, 1, -ENOSPC);
	refused_and_gone(-ENOSPC, "its file system has");
	beside(-EOPNOTSUPP, 0, 0);
	SAY(rename_new, 0, 1, -EIO);
	refused_and_gone(-EIO, "cannot be given its name");
	beside(-EOPNOTSUPP, 0, 0);
	SAY(mmap_at, 0, 1, -ENOMEM);
	refused_and_gone(-ENOMEM, "cannot be mapped");
}

static void
nor_does_an_object_that_cannot_be_made(void **state)
{
	struct shunt_queue *queue;

	(void)state;
	for (int i = 0; i < 2; i++) {
		shunt__os = real_os;
		if (i == 1)
			beside(-EOPNOTSUPP, 0, 0);
		SAY(pwrite, 0, 1, 0);
		assert_refused(shunt_queue_open(&queue, file, NULL), -EIO,
		    "cannot be made");
		assert_null(queue);
		assert_int_equal(rmdir(folder), 0);
		assert_int_equal(mkdir(folder, 0700), 0);
	}
}

static void
no_room_for_a_name_beside(void **state)
{
	char name[4096 + 16] = "file:/";
	struct shunt_segment *seg;

	(void)state;
	memset(name + 6, 'x', 4080);
	strcpy(name + 6 + 4080, "/y");
	beside(-EOPNOTSUPP, 0, 0);
	assert_refused(shunt_segment_create(&seg, name, SIZE, NULL),
	    -ENAMETOOLONG, "cannot be made in");
}

static void
in_the_root_directory(void **state)
{
	struct shunt_segment *seg;

	(void)state;
	beside(-EROFS, 0, 0);
	assert_refused(
	    shunt_segment_create(&seg, "file:/no-shunt-here", SIZE, NULL),
	    -EROFS, "cannot be made in /: ");
}

/* ---- names that come and go -------------------------------------------------
 */

static void
a_name_that_never_stays(void **state)
{
	const char *name = test_name("goes");
	struct shunt_segment *seg;

	(void)state;
	/* Found, and gone when it is opened: each time. */
	SAY(lstat, 0, FOR_EVER, 0);
	assert_refused(shunt_segment_create(&seg, name, SIZE, NULL), -ENOENT,
	    "there is no such segment");
	assert_null(seg);
	shunt__os = real_os;
	test_make(name, SIZE);
	/* Opened, and gone when it is looked at. */
	int fds = test_fds();
	SAY(lstat, 0, FOR_EVER, -ENOENT);
	assert_refused(shunt_segment_open(&seg, name, NULL), -EBUSY,
	    "it comes and goes too fast");
	assert_null(seg);
	assert_int_equal(test_fds(), fds);
	assert_int_equal(shunt_segment_set_size(name, 1), -EBUSY);
}

static void
truncated_anew(void **state)
{
	const char *name = test_name("anew");
	struct shunt_segment *seg;
	const struct shunt_segment_options *o =
	    OPTIONS(.flags = SHUNT_SEGMENT_TRUNCATE);

	(void)state;
	test_make(name, SIZE);
	SAY(ftruncate, 0, 1, -EINTR);
	assert_int_equal(shunt_segment_create(&seg, name, 100, o), 1);
	assert_int_equal(shunt_segment_size(seg), 100);
	assert_int_equal(*(char *)shunt_segment_data(seg), 0);
	shunt_segment_close(&seg);
	SAY(ftruncate, 0, 1, -EPERM);
	assert_refused(shunt_segment_create(&seg, name, 200, o), -EPERM,
	    "it cannot be cut");
	shunt__os = real_os;
	SAY(mmap_at, 0, 1, -ENOMEM);
	assert_refused(shunt_segment_create(&seg, name, 100, NULL), -ENOMEM,
	    "100 bytes cannot be mapped");
	assert_null(seg);
	assert_true(test_there(name)); /* it is others' */
}

/* ---- mapping ----------------------------------------------------------------
 */

static void
memory_that_may_not_be_run(void **state)
{
	const char *name = test_name("exec");
	struct shunt_segment *seg;
	const struct shunt_segment_options *run =
	    OPTIONS(.prot = SHUNT_PROT_READ | SHUNT_PROT_EXEC);

	(void)state;
	test_make(name, SIZE);
	SAY(mmap_at, 0, 1, -EPERM);
	assert_refused(
	    shunt_segment_open(&seg, name, run), -EPERM, "mounted noexec");
	SAY(mmap_at, 0, 1, -ENOMEM);
	assert_refused(
	    shunt_segment_open(&seg, name, run), -ENOMEM, "cannot be mapped");
	SAY(mmap_at, 0, 1, -EPERM);
	assert_refused(
	    shunt_segment_open(&seg, name, NULL), -EPERM, "cannot be mapped");
	assert_null(seg);
}

static uint64_t lock_limit;
static int
limit_of_locking(int what, uint64_t *bytes)
{
	assert_int_equal(what, RLIMIT_MEMLOCK);
	*bytes = lock_limit;
	return lock_limit == 0 ? -EPERM : 0;
}

static void
memory_that_may_not_be_locked(void **state)
{
	static const uint64_t limits[] = {0, UINT64_MAX, 65536};
	const char *name = test_name("locked");
	struct shunt_segment *seg;

	(void)state;
	test_make(name, SIZE);
	for (int i = 0; i < 3; i++) {
		lock_limit = limits[i];
		shunt__os.rlimit = limit_of_locking;
		SAY(mlock, 0, 1, -ENOMEM);
		assert_refused(shunt_segment_open(&seg, name,
				   OPTIONS(.flags = SHUNT_SEGMENT_LOCKED)),
		    -ENOMEM, "8192 bytes cannot be locked in memory");
		assert_null(seg);
		assert_int_equal(
		    strstr(shunt_error_detail(), "KiB in all") != NULL, i == 2);
	}
}

/* A machine that has huge pages in its pool, played. */
static int
memfd_of_huge_pages(const char *name, unsigned flags)
{
	return real_os.memfd(name, flags & ~4u);
}

static int
fs_of_huge_pages(int fd, struct statfs *sf)
{
	int e = real_os.fstatfs(fd, sf);

	sf->f_type = 0x958458f6;
	sf->f_bsize = 2 << 20;
	return e;
}

static void
huge_pages_make_whole_files_of_them(void **state)
{
	struct shunt_segment *seg;
	struct stat st;

	(void)state;
	shunt__os.memfd = memfd_of_huge_pages;
	shunt__os.fstatfs = fs_of_huge_pages;
	assert_int_equal(shunt_segment_anon(
			     &seg, SIZE, OPTIONS(.flags = SHUNT_SEGMENT_HUGE)),
	    0);
	assert_int_equal(shunt_segment_size(seg), SIZE);
	assert_int_equal(fstat(shunt_segment_fd(seg), &st), 0);
	assert_int_equal(st.st_size, 2 << 20);
	shunt_segment_close(&seg);
	/* And without a pool, what is smaller than one has small ones. */
	shunt__os = real_os;
	shunt__os.fstatfs = real_os.fstatfs;
	assert_int_equal(shunt_segment_anon(
			     &seg, SIZE, OPTIONS(.flags = SHUNT_SEGMENT_HUGE)),
	    0);
	assert_int_equal(shunt_segment_size(seg), SIZE);
	shunt_segment_close(&seg);
}

/* ---- another size -----------------------------------------------------------
 */

static void
what_cannot_be_mapped_larger_stays_as_it_was(void **state)
{
	const char *name = test_name("larger");
	struct shunt_segment *seg, *other;
	struct stat st;

	(void)state;
	test_make(name, SIZE);
	assert_int_equal(shunt_segment_open(&seg, name, NULL), 0);
	unsigned char *p = shunt_segment_data(seg);
	/* Neither moved nor mapped a second time. */
	SAY(mremap, 0, 1, -EINVAL);
	SAY(mmap_at, 0, 1, -ENOMEM);
	assert_refused(shunt_segment_resize(seg, 10 * SIZE), -ENOMEM,
	    "cannot be mapped with 50000 bytes");
	assert_ptr_equal(shunt_segment_data(seg), p);
	assert_int_equal(shunt_segment_size(seg), SIZE);
	assert_int_equal(p[SIZE - 1], test_byte(SIZE - 1));
	assert_int_equal(fstat(shunt_segment_fd(seg), &st), 0);
	assert_int_equal(st.st_size, SIZE);
	/* What another one made larger is not cut again by who fails. */
	assert_int_equal(shunt_segment_open(&other, name, NULL), 0);
	assert_int_equal(shunt_segment_resize(other, 10 * SIZE), 0);
	SAY(mremap, 0, 1, -ENOMEM);
	assert_int_equal(shunt_segment_resize(seg, 10 * SIZE), -ENOMEM);
	assert_int_equal(fstat(shunt_segment_fd(seg), &st), 0);
	assert_int_equal(st.st_size, 10 * SIZE);
	/* Nor is what was cut on the way made longer again, with holes. */
	SAY(mremap, 0, 1, -ENOMEM);
	assert_int_equal(shunt_segment_resize(seg, 5 * SIZE), -ENOMEM);
	assert_int_equal(fstat(shunt_segment_fd(seg), &st), 0);
	assert_int_equal(st.st_size, 5 * SIZE);
	shunt_segment_close(&other);
	assert_int_equal(shunt_segment_resize(seg, 10 * SIZE), 0);
	shunt_segment_close(&seg);
}

/* ---- seals ------------------------------------------------------------------
 */

static void
seals_that_cannot_be_read_or_set(void **state)
{
	struct shunt_segment *seg, *got;
	char name[32];

	(void)state;
	assert_int_equal(shunt_segment_anon(&seg, SIZE, NULL), 0);
	/* Its seals are read first, then one is added. */
	SAY(fcntl, 1, 1, -EIO);
	assert_refused(shunt_segment_seal(seg, SHUNT_SEAL_SHRINK), -EIO,
	    "it cannot be sealed");
	assert_int_equal(shunt_segment_seals(seg), 0);
	SAY(fcntl, 0, 1, -EIO);
	assert_refused(
	    shunt_segment_seals(seg), -EIO, "its seals cannot be read");
	shunt__os = real_os;
	assert_int_equal(shunt_segment_seal(seg, SHUNT_SEAL_SHRINK), 0);
	snprintf(name, sizeof(name), "fd:%d", shunt_segment_fd(seg));
	SAY(fcntl, 0, 1, -EIO);
	assert_refused(shunt_segment_open(
			   &got, name, OPTIONS(.flags = SHUNT_SEGMENT_SEALED)),
	    -EIO, "its seals cannot be read");
	int k = 0, e = -EIO;
	for (; e == -EIO && k < 10; k++) {
		shunt__os = real_os;
		SAY(fstat, k, 1, -EIO);
		e = shunt_segment_open(
		    &got, name, OPTIONS(.flags = SHUNT_SEGMENT_SEALED));
		if (e < 0)
			assert_detail(name);
	}
	assert_int_equal(e, 0);
	assert_true(k > 3); /* when opened, for its seals, for its size */
	shunt_segment_close(&got);
	shunt_segment_close(&seg);
}

/* ---- what may not be opened -------------------------------------------------
 */

static void
a_descriptor_that_may_not_be_opened_anew(void **state)
{
	struct shunt_segment *seg, *got;
	char name[32];

	(void)state;
	assert_int_equal(shunt_segment_anon(&seg, SIZE, NULL), 0);
	snprintf(name, sizeof(name), "fd:%d", shunt_segment_fd(seg));
	SAY(open, 0, 1, -EACCES);
	assert_refused(shunt_segment_open(&got, name, NULL), -EACCES,
	    "it cannot be opened");
	shunt_segment_close(&seg);
	/* A file that is forbidden and that nobody can look at. */
	const char *shm = test_name("closed");
	test_make(shm, SIZE);
	SAY(open, 0, 1, -EACCES);
	SAY(lstat, 0, 1, -EACCES);
	assert_refused(shunt_segment_open(&got, shm, NULL), -EACCES,
	    "it cannot be opened");
}

static mode_t played_type;
static int
fstat_of_a_type(int fd, struct stat *st)
{
	int e = real_os.fstat(fd, st);

	st->st_mode = played_type | 0600;
	return e;
}

static void
what_is_no_file_is_told_by_its_kind(void **state)
{
	static const struct {
		mode_t type;
		const char *what;
	} each[] = {{S_IFSOCK, "it is a socket"}, {S_IFBLK, "it is a device"},
	    {S_IFCHR, "it is a device"}, {S_IFDIR, "it is a directory"},
	    {S_IFIFO, "it is a FIFO"}, {0, "it is no regular file"}};
	const char *name = test_name("type");
	struct shunt_segment *seg;

	(void)state;
	test_make(name, SIZE);
	shunt__os.fstat = fstat_of_a_type;
	for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
		played_type = each[i].type;
		assert_refused(shunt_segment_open(&seg, name, NULL),
		    SHUNT_E_KIND, each[i].what);
	}
}

#define IN_A_FOLDER(f)                                                         \
	cmocka_unit_test_setup_teardown(f, begin_in_a_folder, end_in_a_folder)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    ANSWERED(there_is_no_room),
	    ANSWERED(zeros_hold_the_place),
	    ANSWERED(a_write_that_comes_to_nothing),
	    ANSWERED(a_group_that_may_not_have_it),
	    IN_A_FOLDER(old_file_systems_have_no_unnamed_files),
	    IN_A_FOLDER(what_fails_there_leaves_nothing),
	    IN_A_FOLDER(nor_does_an_object_that_cannot_be_made),
	    ANSWERED(no_room_for_a_name_beside),
	    ANSWERED(in_the_root_directory),
	    ANSWERED(a_name_that_never_stays),
	    ANSWERED(truncated_anew),
	    ANSWERED(memory_that_may_not_be_run),
	    ANSWERED(memory_that_may_not_be_locked),
	    ANSWERED(huge_pages_make_whole_files_of_them),
	    ANSWERED(what_cannot_be_mapped_larger_stays_as_it_was),
	    ANSWERED(seals_that_cannot_be_read_or_set),
	    ANSWERED(a_descriptor_that_may_not_be_opened_anew),
	    ANSWERED(what_is_no_file_is_told_by_its_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
