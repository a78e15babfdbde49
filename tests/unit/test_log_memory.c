/* SPDX-License-Identifier: MIT */
/*
 * Large allocations of a log's server that fail, as under RLIMIT_AS: a line
 * longer than a batch, a record that is none, a batch to be read again.
 */
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmocka.h>

#include <shunt/log.h>

#include "lib/log_lines.h"
#include "lib/log_producer.h"
#include "lib/peers.h"
#include "log/drain.h"
#include "os/os.h"

#ifdef __has_feature
#define FEATURE(f) __has_feature(f)
#else
#define FEATURE(f) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||           \
    FEATURE(address_sanitizer) || FEATURE(thread_sanitizer)
#define UNDER_SANITIZER 1 /* its own memory is endless */
#else
#define UNDER_SANITIZER 0
#endif

#define LONG (UINT32_C(3) << 20)

static const char *name;
static struct shunt__source src;
static struct shunt__logfile file;
static struct shunt__format format;
static struct shunt__stage stage;
static struct producer p;
static char *text;

static int
setup(void **state)
{
	struct shunt__object *obj;
	struct shunt__spec spec;

	(void)state;
	name = test_name("memory");
	shunt__log_spec(&spec, 4, UINT64_C(8) << 20);
	assert_int_equal(shunt__object_attach(&obj, name, &spec), 1);
	assert_int_equal(shunt__source_init(&src, obj), 0);
	assert_int_equal(shunt__stage_init(&stage), 0);
	assert_int_equal(shunt__file_open(&file, log_path("memory")), 0);
	assert_int_equal(producer_open(&p, name, &spec), 0);
	shunt__format_init(&format, SHUNT_FORMAT_CLASSIC);
	text = malloc(LONG);
	memset(text, 't', LONG);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	free(text);
	producer_close(&p);
	shunt__object_detach(src.obj, NULL);
	shunt__source_fini(&src);
	shunt__file_close(&file);
	free(stage.buf);
	unlink(test_path(name));
	return 0;
}

static struct rlimit was;

/* No allocation that needs pages of its own succeeds any more. */
static void
run_out(void)
{
	struct rlimit none;

	assert_int_equal(getrlimit(RLIMIT_AS, &was), 0);
	none = was;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_AS, &none), 0);
}

static void
have_memory_again(void)
{
	assert_int_equal(setrlimit(RLIMIT_AS, &was), 0);
}

static int64_t
pass(void)
{
	return shunt__drain_pass(&src, &file, &format, &stage, 0);
}

static void
a_long_line_waits_for_memory_and_is_not_lost(void **state)
{
	(void)state;
	if (UNDER_SANITIZER)
		skip();
	assert_int_equal(producer_put(&p, text, LONG), 0);
	run_out();
	int64_t lines = pass();
	have_memory_again();
	assert_int_equal(lines, -ENOMEM);
	assert_int_equal(shunt__load64(&p.ctl->ln_tail), 0);
	assert_int_equal(pass(), 1);
	assert_true(file.size > LONG);
	assert_int_equal(shunt__load64(&p.ctl->ln_tail), p.tx.head);
}

static void
a_record_that_is_none_is_told_of_without_its_bytes(void **state)
{
	char line[200] = "";

	(void)state;
	if (UNDER_SANITIZER)
		skip();
	memcpy(text, &(uint64_t){10}, 8); /* a stamp, but no such level */
	assert_int_equal(producer_raw(&p, text, LONG, 99), 0);
	run_out();
	int64_t lines = pass();
	have_memory_again();
	assert_int_equal(lines, 1);
	assert_true(pread(file.fd, line, sizeof(line) - 1, 0) > 0);
	assert_non_null(strstr(line, "shunt: malformed record:"));
	assert_true(file.size < sizeof(line));
}

static void
a_batch_that_cannot_be_read_again_waits_for_the_next_start(void **state)
{
	(void)state;
	if (UNDER_SANITIZER)
		skip();
	assert_int_equal(producer_put(&p, text, LONG), 0);
	shunt__order_fill(&src, shunt__order_horizon(&src), &format, &stage);
	shunt__note_fill(&src, &file, &stage);
	shunt__note_state(&src, SHUNT__NOTE_INTENT);
	assert_int_equal(pwrite(file.fd, stage.buf, stage.len, 0), stage.len);
	const struct shunt__notice none = {NULL, NULL};
	run_out();
	int e = shunt__recover(&src, &file, 0, &none);
	have_memory_again();
	assert_int_equal(e, -ENOMEM);
	assert_int_equal(shunt__load64(&p.ctl->ln_tail), 0);
	assert_int_equal(shunt__recover(&src, &file, 0, &none), 0);
	assert_int_equal(shunt__load64(&p.ctl->ln_tail), p.tx.head);
}

static int
no_mmap(void **out, size_t n, int prot, int flags, int fd)
{
	(void)out;
	(void)n;
	(void)prot;
	(void)flags;
	(void)fd;
	return -ENOMEM;
}

/* In a child that has nothing of ours yet. */
static int
open_without_a_page(void *arg)
{
	struct shunt__os real = shunt__os;
	struct shunt_log *log = NULL;

	shunt__os.mmap = no_mmap;
	int e = shunt_log_open(&log, arg, NULL);
	shunt__os = real;
	NEED(e == -ENOMEM && log == NULL);
	NEED(shunt_log_open(&log, arg, NULL) == 1);
	shunt_log_close(&log);
	return 0;
}

static void
a_process_that_cannot_mark_itself_opens_no_log(void **state)
{
	(void)state;
	const char *fresh = test_name("memory");
	assert_int_equal(
	    peer_end(peer_start(open_without_a_page, (void *)(uintptr_t)fresh)),
	    0);
	assert_false(test_there(fresh));
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(a_process_that_cannot_mark_itself_opens_no_log), /* first */
	    CASE(a_long_line_waits_for_memory_and_is_not_lost),
	    CASE(a_record_that_is_none_is_told_of_without_its_bytes),
	    CASE(a_batch_that_cannot_be_read_again_waits_for_the_next_start),
	};

	alarm(50);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
