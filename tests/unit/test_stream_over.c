/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/* Streams whose writer never waits: SHUNT_STREAM_OVERWRITE. */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

#include <shunt.h>

#include "channel/stream.h"
#include "lib/peers.h"

static const struct shunt_stream_options small = {
    .sz = sizeof(small), .lane_bytes = 4096, .flags = SHUNT_STREAM_OVERWRITE};
static const struct shunt_recv_options at_once = {
    .sz = sizeof(at_once), .wait_ns = SHUNT_NOWAIT};
static const struct shunt_recv_options surely = {
    .sz = sizeof(surely), .wait_ns = 20000 * (int64_t)MS};

struct ends {
	const char *name;
	struct shunt_stream_writer *w;
	struct shunt_stream_reader *r;
	uint64_t written;
};

static struct ends
fresh(void)
{
	struct ends s = {.name = test_name("over")};

	assert_int_equal(shunt_stream_writer_open(&s.w, s.name, &small), 1);
	assert_int_equal(shunt_stream_reader_open(&s.r, s.name, NULL), 0);
	return s;
}

static void
done(struct ends *s)
{
	shunt_stream_writer_close(&s->w);
	shunt_stream_reader_close(&s->r);
	assert_false(test_there(s->name));
}

/* The stream is numbers one behind the other, 8 bytes each: whatever is lost,
 * what comes tells its place. */
static unsigned char
byte_at(uint64_t k)
{
	uint64_t word = (k / 8) * UINT64_C(0x9e3779b97f4a7c15);

	return (unsigned char)(word >> (k % 8 * 8));
}

static void
put(struct ends *s, size_t len)
{
	static unsigned char buf[20000];

	for (size_t i = 0; i < len; i++)
		buf[i] = byte_at(s->written + i);
	assert_int_equal(shunt_stream_writer_write(s->w, buf, len, NULL), len);
	s->written += len;
}

static ssize_t
get(struct ends *s, unsigned char *buf, size_t cap)
{
	return shunt_stream_reader_read(s->r, buf, cap, &at_once);
}

static void
is_at(const unsigned char *buf, size_t len, uint64_t k)
{
	for (size_t i = 0; i < len; i++)
		assert_int_equal(buf[i], byte_at(k + i));
}

static void
new_reader(struct ends *s)
{
	shunt_stream_reader_close(&s->r);
	assert_int_equal(shunt_stream_reader_open(&s->r, s->name, NULL), 0);
}

static void
as_any_stream_while_it_is_read(void **state)
{
	unsigned char buf[4096];
	struct ends s = fresh();
	uint64_t seed = 5, got = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint64_t x = test_random(&seed);
		ssize_t n;

		if (s.written - got < 1500)
			put(&s, 1 + x % 300);
		n = get(&s, buf, 1 + (x >> 20) % 500);
		if (n < 0) {
			assert_int_equal(n, -EAGAIN);
			assert_int_equal(got, s.written);
			continue;
		}
		assert_true(n > 0);
		is_at(buf, (size_t)n, got);
		got += (size_t)n;
		if (i % 1000 == 0)
			new_reader(&s); /* inside of a record */
	}
	assert_true(got > 100 * 4096);
	assert_int_equal(shunt_stream_writer_finish(s.w, NULL), 0);
	ssize_t n;
	while ((n = get(&s, buf, sizeof(buf))) > 0)
		got += (size_t)n;
	assert_int_equal(n, 0);
	assert_int_equal(got, s.written);
	assert_int_equal(get(&s, buf, 1), -EAGAIN);
	done(&s);
}

static void
an_overrun_is_told_once(void **state)
{
	unsigned char buf[4096];
	struct ends s = fresh();
	ssize_t n;

	(void)state;
	put(&s, 100);
	assert_int_equal(get(&s, buf, 30), 30);
	for (int i = 0; i < 100; i++)
		put(&s, 120);
	for (int again = 0; again < 2; again++) {
		assert_int_equal(get(&s, buf, sizeof(buf)), SHUNT_E_OVERRUN);
		/* Newer bytes, whole and up to the last. */
		n = get(&s, buf, sizeof(buf));
		assert_true(n > 100);
		is_at(buf, (size_t)n, s.written - (uint64_t)n);
		assert_int_equal(get(&s, buf, 1), -EAGAIN);
		/* And in the middle of a piece, by the next reader. */
		put(&s, 120);
		assert_int_equal(get(&s, buf, 7), 7);
		put(&s, 9000);
		new_reader(&s);
	}
	shunt_stream_writer_close(&s.w);
	assert_int_equal(get(&s, buf, sizeof(buf)), SHUNT_E_OVERRUN);
	while ((n = get(&s, buf, sizeof(buf))) > 0)
		;
	assert_int_equal(n, SHUNT_E_BROKEN);
	done(&s);
}

static void
ends_and_breaks(void **state)
{
	unsigned char buf[64];
	struct ends s = fresh();

	(void)state;
	put(&s, 10);
	assert_int_equal(shunt_stream_writer_finish(s.w, NULL), 0);
	put(&s, 10);
	shunt_stream_writer_close(&s.w);
	assert_int_equal(get(&s, buf, 64), 10);
	assert_int_equal(get(&s, buf, 64), 0);
	assert_int_equal(get(&s, buf, 64), 10);
	assert_int_equal(get(&s, buf, 64), SHUNT_E_BROKEN);
	assert_int_equal(get(&s, buf, 64), -EAGAIN);
	assert_int_equal(shunt_stream_writer_open(&s.w, s.name, NULL), 0);
	put(&s, 10);
	assert_int_equal(get(&s, buf, 64), 10); /* that was told already */
	shunt_stream_writer_close(&s.w);
	assert_int_equal(shunt_stream_writer_open(&s.w, s.name, NULL), 0);
	assert_int_equal(get(&s, buf, 64), SHUNT_E_BROKEN);
	put(&s, 10);
	assert_int_equal(shunt_stream_writer_finish(s.w, NULL), 0);
	shunt_stream_writer_close(&s.w);
	shunt_stream_reader_close(&s.r);
	assert_true(test_there(s.name)); /* unread */
	assert_int_equal(shunt_stream_reader_open(&s.r, s.name, NULL), 0);
	assert_int_equal(get(&s, buf, 64), 10);
	assert_int_equal(get(&s, buf, 64), 0);
	done(&s);
}

static void
it_has_no_zero_copy(void **state)
{
	struct ends s = fresh();
	const void *bytes;
	void *at;

	(void)state;
	assert_int_equal(
	    shunt_stream_writer_reserve(s.w, 1, &at, NULL), -EOPNOTSUPP);
	assert_int_equal(
	    shunt_stream_reader_peek(s.r, &bytes, NULL), -EOPNOTSUPP);
	assert_int_equal(shunt_stream_writer_commit(s.w, 0), -EINVAL);
	assert_int_equal(shunt_stream_reader_release(s.r, 0), -EINVAL);
	struct iovec v[] = {{"ab", 2}, {NULL, 0}, {"cde", 3}};
	char buf[8];
	assert_int_equal(shunt_stream_writer_writev(s.w, v, 3, NULL), 5);
	assert_int_equal(
	    shunt_stream_reader_read(s.r, buf, sizeof(buf), NULL), 5);
	assert_memory_equal(buf, "abcde", 5);
	assert_int_equal(shunt_stream_writer_finish(s.w, NULL), 0);
	assert_int_equal(shunt_stream_reader_read(s.r, buf, 1, NULL), 0);
	done(&s);
}

/* Full speed in another process: what comes is never torn. */

/* The reader has seen enough; on a busy machine that takes its time. */
static struct step *enough;

static int
flood(void *arg)
{
	struct ends s = {.name = arg};
	uint64_t seed = 3, now = test_now(), end = now + 500 * MS;
	uint64_t at_last = now + 8000 * MS;

	NEED(shunt_stream_writer_open(&s.w, s.name, &small) >= 0);
	while ((now = test_now()) < end || (enough->n == 0 && now < at_last))
		put(&s, 8 * (1 + test_random(&seed) % 150));
	NEED(shunt_stream_writer_finish(s.w, NULL) == 0);
	shunt_stream_writer_close(&s.w);
	return 0;
}

/* Where these bytes are from: they begin at a number. */
static uint64_t
place_of(const unsigned char *buf)
{
	/* The inverse of byte_at()'s factor, modulo 2^64. */
	uint64_t word, inverse = UINT64_C(0x9e3779b97f4a7c15), x = inverse;

	for (int i = 0; i < 6; i++)
		x *= 2 - inverse * x;
	memcpy(&word, buf, 8);
	return word * x * 8;
}

static void
nothing_is_torn(void **state)
{
	struct ends s = {.name = test_name("over")};
	_Alignas(8) unsigned char buf[4096];
	uint64_t at = 0, overruns = 0, bytes = 0, seed = 9;
	int known = 1;
	ssize_t n;

	(void)state;
	enough = test_shared(sizeof(*enough));
	assert_int_equal(shunt_stream_reader_open(&s.r, s.name, &small), 1);
	pid_t pid = peer_start(flood, (void *)(uintptr_t)s.name);
	do {
		size_t want = 8 * (1 + test_random(&seed) % 500);
		n = shunt_stream_reader_read(s.r, buf, want, &surely);
		if (n == SHUNT_E_OVERRUN) {
			overruns++;
			known = 0;
			continue;
		}
		assert_true(n >= 0);
		if (n > 0 && !known)
			at = place_of(buf);
		is_at(buf, (size_t)n, at);
		at += (uint64_t)n;
		bytes += (uint64_t)n;
		known = 1;
		if (bytes > 10000 && overruns > 0)
			step_to(enough, 1);
	} while (n != 0);
	assert_int_equal(peer_end(pid), 0);
	assert_true(bytes > 10000 && overruns > 0);
	shunt_stream_reader_close(&s.r);
	assert_false(test_there(s.name));
}

/* The caller's second page may not be written at first: whoever writes there
 * stops in the middle of the copy, and the writer goes on meanwhile. */

static struct ends going;
static char *pages;

static void
go_round(int sig)
{
	(void)sig;
	if (mprotect(pages, 2 * 4096, PROT_READ | PROT_WRITE) != 0)
		_exit(99);
	for (int i = 0; i < 400; i++)
		if (shunt_stream_writer_write(going.w, "abcdefgh", 8, NULL) !=
		    8)
			_exit(98);
}

static void
what_is_overrun_while_it_is_copied_does_not_come(void **state)
{
	struct sigaction sa = {.sa_handler = go_round}, before;
	char buf[8];

	(void)state;
	for (int first = 0; first < 2; first++) {
		going = fresh();
		for (int i = 0; i < 2; i++)
			assert_int_equal(shunt_stream_writer_write(
					     going.w, "12345678", 8, NULL),
			    8);
		pages = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		assert_true(pages != MAP_FAILED);
		assert_int_equal(mprotect(pages + 4096, 4096, PROT_NONE), 0);
		assert_int_equal(sigaction(SIGSEGV, &sa, &before), 0);
		/* In the first record, or in the one behind it. */
		ssize_t n = shunt_stream_reader_read(
		    going.r, pages + 4096 - (first ? 0 : 8), 16, &surely);
		assert_int_equal(sigaction(SIGSEGV, &before, NULL), 0);
		if (!first) {
			assert_int_equal(n, 8);
			assert_memory_equal(pages + 4096 - 8, "12345678", 8);
			n = shunt_stream_reader_read(going.r, buf, 8, &surely);
		}
		assert_int_equal(n, SHUNT_E_OVERRUN);
		n = shunt_stream_reader_read(going.r, buf, 8, &surely);
		assert_int_equal(n, 8);
		assert_memory_equal(buf, "abcdefgh", 8);
		munmap(pages, 2 * 4096);
		shunt_stream_writer_close(&going.w);
		shunt_stream_reader_close(&going.r);
		unlink(test_path(going.name));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(as_any_stream_while_it_is_read),
	    TEST(an_overrun_is_told_once),
	    TEST(ends_and_breaks),
	    TEST(it_has_no_zero_copy),
	    TEST(nothing_is_torn),
	    TEST(what_is_overrun_while_it_is_copied_does_not_come),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
