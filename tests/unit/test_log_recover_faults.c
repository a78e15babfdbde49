/* SPDX-License-Identifier: MIT */
/*
 * A recovery on an ill machine: calls that are interrupted, disks that do not
 * read or cut, files that may not be opened.  What cannot be decided ends the
 * start with a code, and the next start decides it.
 */
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "lib/log_lines.h"
#include "lib/log_producer.h"
#include "lib/peers.h"
#include "log/drain.h"
#include "os/os.h"

static struct shunt__os real;
static const char *name, *path;
static char moved[280], said[512];
static struct shunt__source src;
static struct shunt__logfile file;
static struct shunt__format format;
static struct shunt__stage stage;
static struct producer p;
static int code, times;

static void
hear(void *arg, const char *line)
{
	(void)arg;
	snprintf(said, sizeof(said), "%s", line);
}

static const struct shunt__notice notice = {hear, NULL};

/* A log with two records, whose batch is on its way as far as the note. */
static int
setup(void **state)
{
	struct shunt__object *obj;
	struct shunt__spec spec;

	(void)state;
	real = shunt__os;
	name = test_name("recover");
	path = log_path("recover");
	snprintf(moved, sizeof(moved), "%s.1", path);
	said[0] = 0;
	times = 0;
	shunt__log_spec(&spec, 4, 16384);
	assert_int_equal(shunt__object_attach(&obj, name, &spec), 1);
	assert_int_equal(shunt__source_init(&src, obj), 0);
	assert_int_equal(shunt__stage_init(&stage), 0);
	assert_int_equal(shunt__file_open(&file, path), 0);
	assert_int_equal(producer_open(&p, name, &spec), 0);
	shunt__format_init(&format, SHUNT_FORMAT_ISO);
	assert_int_equal(producer_put(&p, "one", 3), 0);
	assert_int_equal(producer_put(&p, "two", 3), 0);
	shunt__order_fill(&src, shunt__order_horizon(&src), &format, &stage);
	assert_int_equal(stage.lines, 2);
	shunt__note_fill(&src, &file, &stage);
	shunt__note_state(&src, SHUNT__NOTE_INTENT);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	shunt__os = real;
	producer_close(&p);
	shunt__object_detach(src.obj, NULL);
	shunt__source_fini(&src);
	shunt__file_close(&file);
	free(stage.buf);
	unlink(test_path(name));
	unlink(moved);
	return 0;
}

/* The batch's bytes, or the first of them. */
static void
write_batch(size_t n)
{
	assert_int_equal(pwrite(file.fd, stage.buf, n, 0), n);
}

/* As the successor, with no memory of what was. */
static int
recover(int sync)
{
	struct shunt__object *obj = src.obj;

	shunt__source_fini(&src);
	assert_int_equal(shunt__source_init(&src, obj), 0);
	times = 0;
	return shunt__recover(&src, &file, sync, &notice);
}

static uint64_t
tail(void)
{
	return shunt__load64(&p.ctl->ln_tail);
}

static unsigned
note_state(void)
{
	return shunt__load64(&src.note->nt_state) & 3;
}

static ssize_t
ill_pread(int fd, void *buf, size_t n, off_t off)
{
	return times++ == 0 ? code : real.pread(fd, buf, n, off);
}

static ssize_t
ill_pwrite(int fd, const void *buf, size_t n, off_t off)
{
	return times++ == 0 ? code : real.pwrite(fd, buf, n, off);
}

static int
ill_ftruncate(int fd, off_t size)
{
	return times++ == 0 ? code : real.ftruncate(fd, size);
}

static int
ill_fdatasync(int fd)
{
	return times++ == 0 ? code : real.fdatasync(fd);
}

static void
set_ill(int i)
{
	shunt__os = real;
	if (i == 0)
		shunt__os.pread = ill_pread;
	else if (i == 1)
		shunt__os.pwrite = ill_pwrite;
	else
		shunt__os.fdatasync = ill_fdatasync;
}

static void
an_interruption_decides_nothing(void **state)
{
	(void)state;
	write_batch(stage.len);
	for (int i = 0; i < 3; i++) {
		set_ill(i);
		code = -EINTR;
		shunt__note_state(&src, SHUNT__NOTE_INTENT);
		shunt__store64(&p.ctl->ln_tail, 0);
		assert_int_equal(recover(1), 0);
		assert_true(times > 1);
		assert_int_equal(tail(), p.tx.head);
	}
	shunt__os = real;
	shunt__note_state(&src, SHUNT__NOTE_INTENT);
	shunt__store64(&p.ctl->ln_tail, 0);
	assert_int_equal(ftruncate(file.fd, 5), 0);
	shunt__os.ftruncate = ill_ftruncate;
	assert_int_equal(recover(1), 0);
	assert_int_equal(times, 2);
	assert_int_equal(file.size, 0);
	assert_int_equal(tail(), 0);
}

static void
an_ill_disk_leaves_the_decision_to_the_next_start(void **state)
{
	(void)state;
	write_batch(stage.len);
	code = -EIO;
	for (int i = 0; i < 3; i++) {
		set_ill(i);
		assert_int_equal(recover(1), -EIO);
		assert_detail("cannot be put right");
		assert_int_equal(note_state(), SHUNT__NOTE_INTENT);
		assert_int_equal(tail(), 0);
	}
	/* A write of nothing is no write. */
	set_ill(1);
	code = 0;
	assert_int_equal(recover(1), -EIO);
	assert_int_equal(note_state(), SHUNT__NOTE_INTENT);
	/* Bytes that are gone while they are read are somebody's doing. */
	set_ill(0);
	assert_int_equal(recover(0), 0);
	assert_non_null(strstr(said, "somebody else wrote"));
	shunt__note_state(&src, SHUNT__NOTE_INTENT);
	/* Half a batch that cannot be cut back. */
	shunt__os = real;
	assert_int_equal(ftruncate(file.fd, 5), 0);
	shunt__os.ftruncate = ill_ftruncate;
	code = -EIO;
	assert_int_equal(recover(0), -EIO);
	assert_int_equal(note_state(), SHUNT__NOTE_INTENT);
	shunt__os = real;
	assert_int_equal(recover(0), 0);
	assert_int_equal(note_state(), SHUNT__NOTE_IDLE);
	assert_int_equal(file.size, 0);
}

static void
a_batch_beyond_the_end_of_all_files_is_repeated(void **state)
{
	struct shunt__logfile lie = file;

	(void)state;
	lie.size = UINT64_MAX - 3;
	shunt__note_fill(&src, &lie, &stage);
	shunt__note_state(&src, SHUNT__NOTE_INTENT);
	assert_int_equal(recover(0), 0);
	assert_non_null(strstr(said, "batch repeated"));
	assert_int_equal(tail(), 0);
}

static int
refuse_open(const char *of, int flags, mode_t mode)
{
	return flags & O_NOFOLLOW ? code : real.open(of, flags, mode);
}

static void
open_another(void)
{
	assert_int_equal(rename(path, moved), 0);
	shunt__file_close(&file);
	assert_int_equal(shunt__file_open(&file, path), 0);
}

static void
a_file_that_may_not_be_opened_any_more_is_repeated(void **state)
{
	static const int never[] = {-EACCES, -EPERM, -EROFS};

	(void)state;
	write_batch(stage.len);
	open_another();
	shunt__os.open = refuse_open;
	for (int i = 0; i < 3; i++) {
		code = never[i];
		said[0] = 0;
		shunt__note_state(&src, SHUNT__NOTE_INTENT);
		assert_int_equal(recover(0), 0);
		assert_non_null(strstr(said, "not in this directory"));
		assert_int_equal(tail(), 0);
	}
	/* What may pass is no reason to write it twice. */
	code = -EMFILE;
	shunt__note_state(&src, SHUNT__NOTE_INTENT);
	assert_int_equal(recover(0), -EMFILE);
	shunt__os.open = real.open;
	assert_int_equal(recover(0), 0);
	assert_int_equal(tail(), p.tx.head);
}

static void
a_server_that_writes_a_pipe_now_looks_for_no_file(void **state)
{
	int ends[2];

	(void)state;
	write_batch(stage.len);
	shunt__file_close(&file);
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	file.fd = ends[1];
	file.shown = strdup("standard output");
	file.regular = 0;
	assert_int_equal(recover(0), 0);
	assert_non_null(strstr(said, "batch repeated"));
	assert_int_equal(tail(), 0);
}

static void
a_lane_that_was_scribbled_over_keeps_its_tail(void **state)
{
	(void)state;
	write_batch(stage.len);
	shunt__store64(&p.ctl->ln_tail, UINT64_C(1) << 50);
	assert_int_equal(recover(0), 0);
	assert_int_equal(tail(), UINT64_C(1) << 50);
	assert_int_equal(note_state(), SHUNT__NOTE_IDLE);
}

/* All is written, by whomever; nothing tells of it but the tails. */
static void
what_no_note_tells_of_is_synced_in_our_file(void **state)
{
	(void)state;
	write_batch(stage.len);
	shunt__store64(&p.ctl->ln_tail, p.tx.head);
	src.note->nt_sum ^= 1; /* damaged, and nothing was on its way */
	shunt__note_state(&src, SHUNT__NOTE_IDLE);
	shunt__os.fdatasync = ill_fdatasync;
	code = -EIO;
	assert_int_equal(recover(0), -EIO);
	assert_detail("cannot be synced");
	assert_int_equal(shunt__load64(&p.ctl->ln_durable), 0);
	shunt__os.fdatasync = real.fdatasync;
	assert_int_equal(recover(0), 0);
	assert_string_equal(said, "");
	assert_int_equal(shunt__load64(&p.ctl->ln_durable), p.tx.head);
	/* The same of a log that no server ever wrote a batch of. */
	shunt__store64(&p.ctl->ln_durable, 0);
	struct shunt__logfile none = {.regular = 1};
	struct shunt__stage nothing = {.buf = stage.buf};
	shunt__note_fill(&src, &none, &nothing);
	shunt__note_state(&src, SHUNT__NOTE_IDLE);
	assert_int_equal(recover(0), 0);
	assert_int_equal(shunt__load64(&p.ctl->ln_durable), p.tx.head);
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    CASE(an_interruption_decides_nothing),
	    CASE(an_ill_disk_leaves_the_decision_to_the_next_start),
	    CASE(a_batch_beyond_the_end_of_all_files_is_repeated),
	    CASE(a_file_that_may_not_be_opened_any_more_is_repeated),
	    CASE(a_server_that_writes_a_pipe_now_looks_for_no_file),
	    CASE(a_lane_that_was_scribbled_over_keeps_its_tail),
	    CASE(what_no_note_tells_of_is_synced_in_our_file),
	};

	alarm(50);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
