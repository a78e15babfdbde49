/* SPDX-License-Identifier: MIT */
/* What a server finds that its predecessor left, case by case. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/log_producer.h"
#include "log/drain.h"
#include "os/os.h"

static char name[64], path[200], other[220], said[512];
static struct shunt__source src;
static struct shunt__logfile file;
static struct shunt__format format;
static struct shunt__stage stage;
static struct producer p;
static int syncs;
static size_t rewritten; /* bytes, before the first sync */
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);

static void
hear(void *arg, const char *line)
{
	(void)arg;
	snprintf(said, sizeof(said), "%s", line);
}

static const struct shunt__notice notice = {hear, NULL};

static void
put(const char *msg)
{
	assert_int_equal(producer_put(&p, msg, strlen(msg)), 0);
}

static void
write_to(const char *to, const void *bytes, size_t len)
{
	int fd = open(to, O_WRONLY | O_CREAT | O_APPEND, 0600);

	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

static off_t
size_of(const char *of)
{
	struct stat st;

	return stat(of, &st) == 0 ? st.st_size : -1;
}

/* A file with one line, a log with two records, and the batch of those on its
 * way as far as the note. */
static int
setup(void **state)
{
	const char *dir = getenv("TMPDIR");
	struct shunt__object *obj;
	struct shunt__spec spec;

	(void)state;
	snprintf(name, sizeof(name), "/shunt-test-recover-%d", getpid());
	snprintf(path, sizeof(path), "%s/shunt-test-recover-%d",
	    dir != NULL ? dir : "/tmp", getpid());
	snprintf(other, sizeof(other), "%s.1", path);
	unlink(path);
	unlink(other);
	write_to(path, "before\n", 7);
	shunt__log_spec(&spec, 4, 16384);
	assert_int_equal(shunt__object_attach(&obj, name, &spec), 1);
	assert_int_equal(shunt__source_init(&src, obj), 0);
	assert_int_equal(shunt__stage_init(&stage), 0);
	assert_int_equal(shunt__file_open(&file, path), 0);
	assert_int_equal(producer_open(&p, name, &spec), 0);
	shunt__format_init(&format, SHUNT_FORMAT_CLASSIC);
	put("one");
	put("two");
	shunt__order_fill(&src, shunt__order_horizon(&src), &format, &stage);
	assert_int_equal(stage.lines, 2);
	shunt__note_fill(&src, &file, &stage);
	shunt__note_state(&src, SHUNT__NOTE_INTENT);
	said[0] = 0;
	syncs = 0;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	producer_close(&p);
	shunt__object_detach(src.obj, shunt__log_unread);
	shunt__source_fini(&src);
	shunt__file_close(&file);
	free(stage.buf);
	char shm[100];
	snprintf(shm, sizeof(shm), "/dev/shm%s", name);
	unlink(shm);
	unlink(path);
	unlink(other);
	return 0;
}

static int
count_sync(int fd)
{
	syncs++;
	return fdatasync(fd) < 0 ? -errno : 0;
}

static ssize_t
count_pwrite(int fd, const void *buf, size_t n, off_t off)
{
	ssize_t w = real_pwrite(fd, buf, n, off);

	if (w > 0 && syncs == 0)
		rewritten += (size_t)w;
	return w;
}

/* As the successor: with no memory of what was. */
static void
recover(int sync)
{
	struct shunt__object *obj = src.obj;
	int (*real)(int) = shunt__os.fdatasync;

	shunt__source_fini(&src);
	shunt__file_close(&file);
	assert_int_equal(shunt__source_init(&src, obj), 0);
	assert_int_equal(shunt__file_open(&file, path), 0);
	rewritten = 0;
	real_pwrite = shunt__os.pwrite;
	shunt__os.pwrite = count_pwrite;
	shunt__os.fdatasync = count_sync;
	assert_int_equal(shunt__recover(&src, &file, sync, &notice), 0);
	shunt__os.fdatasync = real;
	shunt__os.pwrite = real_pwrite;
	assert_int_equal(shunt__load64(&src.note->nt_state) & 3, 0);
	assert_int_equal(file.size, size_of(path));
}

static uint64_t
tail(void)
{
	return shunt__load64(&p.ctl->ln_tail);
}

static uint64_t
repeated(void)
{
	return src.server->sv_count.lc_repeated;
}

static void
nothing_was_written(void **state)
{
	(void)state;
	recover(0);
	assert_int_equal(size_of(path), 7);
	assert_int_equal(tail(), 0);
	assert_int_equal(repeated(), 0);
	assert_string_equal(said, "");
}

static void
a_part_was_written(void **state)
{
	(void)state;
	for (size_t n = 1; n < stage.len; n += 7) {
		write_to(path, stage.buf, n);
		recover(0);
		assert_int_equal(size_of(path), 7);
		assert_int_equal(tail(), 0);
		shunt__note_state(&src, SHUNT__NOTE_INTENT);
	}
	assert_int_equal(repeated(), 0);
}

static void
all_was_written(void **state)
{
	(void)state;
	write_to(path, stage.buf, stage.len);
	recover(1);
	assert_int_equal(size_of(path), 7 + stage.len);
	assert_int_equal(tail(), p.tx.head);
	assert_int_equal(src.done.lc_lines, 2);
	assert_int_equal(src.done.lc_batches, 1);
	assert_true(src.done.lc_last > 0);
	/* Once for the batch, once for what is not known to be durable. */
	assert_int_equal(syncs, 2);
	assert_int_equal(shunt__load64(&p.ctl->ln_durable), p.tx.head);
	assert_int_equal(repeated(), 0);
}

static void
all_was_written_and_renamed(void **state)
{
	(void)state;
	write_to(path, stage.buf, stage.len);
	assert_int_equal(rename(path, other), 0);
	recover(0);
	assert_int_equal(size_of(path), 0);
	assert_int_equal(size_of(other), 7 + stage.len);
	assert_int_equal(tail(), p.tx.head);
	/* The old file, then the new one. */
	assert_int_equal(syncs, 2);
	assert_int_equal(repeated(), 0);
}

static void
a_part_was_written_and_renamed(void **state)
{
	(void)state;
	write_to(path, stage.buf, stage.len - 1);
	assert_int_equal(rename(path, other), 0);
	recover(0);
	assert_int_equal(size_of(other), 7);
	assert_int_equal(tail(), 0);
	assert_int_equal(repeated(), 0);
}

static void
the_file_is_gone(void **state)
{
	(void)state;
	write_to(path, stage.buf, stage.len);
	assert_int_equal(unlink(path), 0);
	recover(0);
	assert_int_equal(tail(), 0);
	assert_int_equal(repeated(), 1);
	assert_non_null(strstr(said, "batch repeated"));
}

static void
somebody_cut_the_file(void **state)
{
	(void)state;
	assert_int_equal(truncate(path, 3), 0);
	recover(0);
	assert_int_equal(size_of(path), 3);
	assert_int_equal(tail(), 0);
	assert_int_equal(repeated(), 1);
}

static void
somebody_wrote_behind_the_batch(void **state)
{
	(void)state;
	write_to(path, stage.buf, stage.len);
	write_to(path, "stranger\n", 9);
	recover(0);
	assert_int_equal(size_of(path), 7 + stage.len + 9);
	assert_int_equal(tail(), p.tx.head);
	assert_int_equal(repeated(), 0);
}

static void
somebody_wrote_over_the_batch(void **state)
{
	(void)state;
	stage.buf[3] ^= 1;
	write_to(path, stage.buf, stage.len);
	recover(0);
	/* His bytes are his: they stay. */
	assert_int_equal(size_of(path), 7 + stage.len);
	assert_int_equal(tail(), 0);
	assert_int_equal(repeated(), 1);
}

static void
it_was_history_already(void **state)
{
	(void)state;
	write_to(path, stage.buf, stage.len);
	shunt__note_state(&src, SHUNT__NOTE_DONE);
	recover(0);
	assert_int_equal(tail(), p.tx.head);
	assert_int_equal(src.done.lc_lines, 2);
	/* Again, as if killed before the last word. */
	shunt__note_state(&src, SHUNT__NOTE_DONE);
	recover(0);
	assert_int_equal(tail(), p.tx.head);
	assert_int_equal(src.done.lc_lines, 2);
}

/* Each byte of the note, turned over: never believed, never a crash. */
static void
the_note_was_scribbled_over(void **state)
{
	unsigned char *note = (unsigned char *)src.note;
	unsigned n = 0;

	(void)state;
	for (size_t i = 8; i < sizeof(*src.note); i++) {
		note[i] ^= 0xa5;
		shunt__note_state(&src, SHUNT__NOTE_DONE);
		recover(0);
		note = (unsigned char *)src.note;
		note[i] ^= 0xa5;
		assert_int_equal(tail(), 0);
		assert_int_equal(repeated(), ++n);
	}
	shunt__log_tails(src.obj)[0] += 8;
	shunt__note_state(&src, SHUNT__NOTE_DONE);
	recover(0);
	assert_int_equal(tail(), 0);
	shunt__release64(&src.note->nt_state, 7);
	recover(0);
	assert_int_equal(tail(), 0);
	assert_int_equal(size_of(path), 7);
}

static void
what_was_not_synced_is(void **state)
{
	(void)state;
	write_to(path, stage.buf, stage.len);
	shunt__publish_lanes(&src, 0);
	shunt__note_state(&src, SHUNT__NOTE_IDLE);
	recover(0);
	assert_int_equal(syncs, 1);
	assert_int_equal(shunt__load64(&p.ctl->ln_durable), p.tx.head);
	recover(0);
	assert_int_equal(syncs, 1);
}

/* The predecessor's sync may have failed, and its pages count as clean: only
 * bytes that are written again are on disk after a sync of ours. */
static void
a_batch_that_is_to_be_synced_is_written_over_itself(void **state)
{
	(void)state;
	write_to(path, stage.buf, stage.len);
	recover(1);
	assert_int_equal(rewritten, stage.len);
	assert_true(syncs > 0);
	assert_int_equal(size_of(path), 7 + (off_t)stage.len);
}

static void
a_batch_that_nobody_syncs_is_left_as_it_is(void **state)
{
	(void)state;
	write_to(path, stage.buf, stage.len);
	recover(0);
	assert_int_equal(rewritten, 0);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(nothing_was_written),
	    TEST(a_part_was_written),
	    TEST(all_was_written),
	    TEST(all_was_written_and_renamed),
	    TEST(a_part_was_written_and_renamed),
	    TEST(the_file_is_gone),
	    TEST(somebody_cut_the_file),
	    TEST(somebody_wrote_behind_the_batch),
	    TEST(somebody_wrote_over_the_batch),
	    TEST(it_was_history_already),
	    TEST(the_note_was_scribbled_over),
	    TEST(what_was_not_synced_is),
	    TEST(a_batch_that_is_to_be_synced_is_written_over_itself),
	    TEST(a_batch_that_nobody_syncs_is_left_as_it_is),
	};

	alarm(50);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
