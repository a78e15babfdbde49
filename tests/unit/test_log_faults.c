/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/*
 * The k-th system call of a server's start, batch, reopen or end fails, for
 * every k until none does.  Whatever that start or step answers: nothing of
 * it leaks, and a server that comes after it writes every record once.
 */
#include "unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include <shunt/log.h>
#include <shunt/logd.h>
#include <shunt/segment.h>

#include "os/os.h"

static struct shunt__os real;
static unsigned calls, fail_at;
static int code;

static int
fails(void)
{
	return ++calls == fail_at;
}

/* Of calls that answer a number; those that cannot fail stay as they are. */
#define FAULT(type, call, params, args)                                        \
	static type fault_##call params                                        \
	{                                                                      \
		return fails() ? (type)code : real.call args;                  \
	}

FAULT(int, open, (const char *p, int f, mode_t m), (p, f, m))
FAULT(ssize_t, pread, (int fd, void *b, size_t n, off_t o), (fd, b, n, o))
FAULT(
    ssize_t, pwrite, (int fd, const void *b, size_t n, off_t o), (fd, b, n, o))
FAULT(int, ftruncate, (int fd, off_t n), (fd, n))
FAULT(int, fallocate, (int fd, int m, off_t o, off_t n), (fd, m, o, n))
FAULT(int, fstat, (int fd, struct stat *st), (fd, st))
FAULT(int, lstat, (const char *p, struct stat *st), (p, st))
FAULT(int, birth, (int fd, int64_t *ns), (fd, ns))
FAULT(int, fchmod, (int fd, mode_t m), (fd, m))
FAULT(int, link_fd, (int fd, const char *p), (fd, p))
FAULT(int, mmap, (void **o, size_t n, int p, int f, int fd), (o, n, p, f, fd))
FAULT(int, madvise, (void *a, size_t n, int v), (a, n, v))
FAULT(int, lock, (int fd, int c, struct flock *fl), (fd, c, fl))
FAULT(int, fdatasync, (int fd), (fd))
FAULT(int, futex_wait, (const void *w, uint32_t x, int64_t n), (w, x, n))
FAULT(int, futex_wake, (const void *w, int n), (w, n))
FAULT(int, membarrier, (int c), (c))
FAULT(int, opendir, (const char *p, DIR **d), (p, d))
FAULT(int, readdir, (DIR * d, struct dirent **e), (d, e))
FAULT(ssize_t, readlink, (const char *p, char *b, size_t n), (p, b, n))
FAULT(int, dup, (int fd), (fd))

static void
arm(unsigned k, int e)
{
	calls = 0;
	fail_at = k;
	code = e;
#define USE(call) shunt__os.call = fault_##call
	USE(open);
	USE(pread);
	USE(pwrite);
	USE(ftruncate);
	USE(fallocate);
	USE(fstat);
	USE(lstat);
	USE(birth);
	USE(fchmod);
	USE(link_fd);
	USE(mmap);
	USE(madvise);
	USE(lock);
	USE(fdatasync);
	USE(futex_wait);
	USE(futex_wake);
	USE(membarrier);
	USE(opendir);
	USE(readdir);
	USE(readlink);
	USE(dup);
}

static unsigned
descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

static char name[64], path[220], other[240];

static void
log_one(unsigned seq)
{
	struct shunt_log_options o = {
	    .sz = sizeof(o), .lanes = 4, .lane_bytes = 16384};
	struct shunt_log *log;
	char text[32];

	assert_true(shunt_log_open(&log, name, &o) >= 0);
	int n = snprintf(text, sizeof(text), "number %u", seq);
	assert_int_equal(
	    shunt_log_write(log, SHUNT_LOG_INFO, text, (size_t)n), 0);
	shunt_log_close(&log);
}

static int
serve(struct shunt_logd **logd)
{
	struct shunt_logd_options o = {
	    .sz = sizeof(o), .file = path, .sync_ns = SHUNT_SYNC_BATCH};

	return shunt_logd_open(logd, name, &o);
}

/* Every number once, in this order, over both files. */
static unsigned
read_back(const char *from, unsigned next)
{
	char line[200];
	FILE *f = fopen(from, "r");

	if (f == NULL)
		return next;
	while (fgets(line, sizeof(line), f) != NULL) {
		unsigned seq;
		const char *text = strstr(line, " number ");
		assert_non_null(text);
		assert_int_equal(sscanf(text, " number %u", &seq), 1);
		assert_int_equal(seq, next);
		next++;
	}
	fclose(f);
	return next;
}

static void
begin(const char *what)
{
	const char *dir = getenv("TMPDIR");

	snprintf(name, sizeof(name), "/shunt-test-%s-%d", what, getpid());
	snprintf(path, sizeof(path), "%s/shunt-test-%s-%d",
	    dir != NULL ? dir : "/tmp", what, getpid());
	snprintf(other, sizeof(other), "%s.1", path);
	unlink(path);
	unlink(other);
}

static int
log_there(void)
{
	char shm[100];

	snprintf(shm, sizeof(shm), "/dev/shm%s", name);
	return access(shm, F_OK) == 0;
}

/*
 * The client's own calls happen with the faults off; the reopen finds the
 * same file.  What the failing server did not write the next one does.
 */
static void
sweep(int e)
{
	struct shunt_logd *logd;
	unsigned k = 0, seq = 0, before = descriptors();

	begin("faults");
	do {
		k++;
		log_one(seq++);
		arm(k, e);
		struct shunt__os faulty = shunt__os;
		int opened = serve(&logd);
		if (opened == 0) {
			shunt_logd_step(logd, SHUNT_NOWAIT);
			shunt__os = real;
			log_one(seq++);
			shunt__os = faulty;
			shunt_logd_reopen(logd);
			shunt_logd_step(logd, SHUNT_NOWAIT);
			shunt_logd_close(&logd);
		} else {
			assert_null(logd);
		}
		shunt__os = real;
		assert_int_equal(descriptors(), before);
		/* A successor writes what is left, if anything is. */
		assert_int_equal(serve(&logd), 0);
		shunt_logd_step(logd, SHUNT_NOWAIT);
		shunt_logd_close(&logd);
		assert_int_equal(descriptors(), before);
		assert_false(log_there());
		assert_int_equal(read_back(path, 0), seq);
	} while (calls >= fail_at && k < 2000);
	assert_in_range(k, 20, 1999);
	unlink(path);
}

static void
each_call_fails_for_want_of_descriptors(void **state)
{
	(void)state;
	sweep(-EMFILE);
}

static void
each_call_fails_for_want_of_room(void **state)
{
	(void)state;
	sweep(-ENOSPC);
}

static void
each_call_is_interrupted(void **state)
{
	(void)state;
	sweep(-EINTR);
}

static void
each_call_fails_for_an_ill_disk(void **state)
{
	(void)state;
	sweep(-EIO);
}

static int
die(int fd)
{
	(void)fd;
	return kill(getpid(), SIGKILL);
}

/* And with a batch on its way that a dead server left in the renamed file. */
static void
each_call_of_a_recovery_fails(void **state)
{
	(void)state;
	begin("faults");
	struct shunt_logd *logd;
	unsigned k = 0, seq = 0;
	do {
		k++;
		/* Dies between write and DONE. */
		log_one(seq++);
		fflush(stdout);
		pid_t pid = fork();
		if (pid == 0) {
			arm(0, 0);
			if (serve(&logd) == 0) {
				/* The sync is the call behind the write. */
				shunt__os.fdatasync = die;
				shunt_logd_step(logd, SHUNT_NOWAIT);
			}
			_exit(0);
		}
		int status;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(rename(path, other), 0);
		arm(k, -EMFILE);
		if (serve(&logd) == 0) {
			shunt_logd_step(logd, SHUNT_NOWAIT);
			shunt_logd_close(&logd);
		}
		shunt__os = real;
		if (log_there()) {
			assert_int_equal(serve(&logd), 0);
			shunt_logd_step(logd, SHUNT_NOWAIT);
			shunt_logd_close(&logd);
		}
		assert_false(log_there());
		/* It stands in the renamed file, and nowhere else. */
		assert_int_equal(read_back(other, seq - 1), seq);
		assert_int_equal(read_back(path, seq), seq);
		unlink(path);
		unlink(other);
	} while (calls >= fail_at && k < 2000);
	assert_in_range(k, 20, 1999);
}

static int
restore(void **state)
{
	(void)state;
	shunt__os = real;
	unlink(path);
	unlink(other);
	return 0;
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_teardown(f, restore)
	const struct CMUnitTest tests[] = {
	    CASE(each_call_fails_for_want_of_descriptors),
	    CASE(each_call_fails_for_want_of_room),
	    CASE(each_call_is_interrupted),
	    CASE(each_call_fails_for_an_ill_disk),
	    CASE(each_call_of_a_recovery_fails),
	};

	real = shunt__os;
	alarm(55);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
