/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/* The stream as its header page describes it, call by call. */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <shunt.h>

#include "channel/stream.h"
#include "lib/peers.h"

static const struct shunt_stream_options small = {
    .sz = sizeof(small), .lane_bytes = 4096};
static const struct shunt_send_options send_now = {
    .sz = sizeof(send_now), .wait_ns = SHUNT_NOWAIT};
static const struct shunt_recv_options recv_now = {
    .sz = sizeof(recv_now), .wait_ns = SHUNT_NOWAIT};
static const struct shunt_recv_options brief = {
    .sz = sizeof(brief), .wait_ns = 20 * (int64_t)MS};
/* For what comes for sure, however loaded the machine is. */
static const struct shunt_recv_options surely = {
    .sz = sizeof(surely), .wait_ns = 20000 * (int64_t)MS};

struct ends {
	const char *name;
	struct shunt_stream_writer *w;
	struct shunt_stream_reader *r;
};

static struct ends
fresh(void)
{
	struct ends s = {.name = test_name("stream")};

	assert_int_equal(shunt_stream_writer_open(&s.w, s.name, &small), 1);
	assert_int_equal(shunt_stream_reader_open(&s.r, s.name, NULL), 0);
	return s;
}

static void
done(struct ends *s)
{
	shunt_stream_writer_close(&s->w);
	shunt_stream_reader_close(&s->r);
	assert_null(s->w);
	assert_null(s->r);
	assert_false(test_there(s->name));
}

static void
put(struct ends *s, const char *text)
{
	size_t len = strlen(text);

	assert_int_equal(
	    shunt_stream_writer_write(s->w, text, len, &send_now), len);
}

static void
finish(struct ends *s)
{
	assert_int_equal(shunt_stream_writer_finish(s->w, &send_now), 0);
}

/* The next bytes are exactly these. */
static void
get(struct ends *s, const char *text)
{
	char buf[8192];
	size_t len = strlen(text);

	assert_int_equal(
	    shunt_stream_reader_read(s->r, buf, len, &recv_now), len);
	assert_memory_equal(buf, text, len);
}

static ssize_t
answer(struct ends *s)
{
	char buf[8192];

	return shunt_stream_reader_read(s->r, buf, sizeof(buf), &recv_now);
}

static void
new_writer(struct ends *s)
{
	assert_int_equal(shunt_stream_writer_open(&s->w, s->name, NULL), 0);
}

static void
new_reader(struct ends *s)
{
	shunt_stream_reader_close(&s->r);
	assert_int_equal(shunt_stream_reader_open(&s->r, s->name, NULL), 0);
}

static void
bytes_and_their_end(void **state)
{
	struct ends s = fresh();

	(void)state;
	assert_int_equal(answer(&s), -EAGAIN);
	put(&s, "one ");
	put(&s, "two ");
	put(&s, "three");
	get(&s, "one t");
	get(&s, "wo three"); /* over the borders of writes */
	assert_int_equal(answer(&s), -EAGAIN);
	finish(&s);
	assert_int_equal(answer(&s), 0);
	assert_int_equal(answer(&s), -EAGAIN); /* once */
	put(&s, "next");
	finish(&s);
	finish(&s); /* an empty one */
	get(&s, "next");
	assert_int_equal(answer(&s), 0);
	assert_int_equal(answer(&s), 0);
	assert_int_equal(answer(&s), -EAGAIN);
	done(&s);
}

static void
a_read_ends_where_the_stream_does(void **state)
{
	char buf[64];
	struct ends s = fresh();

	(void)state;
	put(&s, "first");
	finish(&s);
	put(&s, "second");
	assert_int_equal(shunt_stream_reader_read(s.r, buf, 64, NULL), 5);
	assert_int_equal(shunt_stream_reader_read(s.r, buf, 64, NULL), 0);
	assert_int_equal(shunt_stream_reader_read(s.r, buf, 64, NULL), 6);
	finish(&s);
	assert_int_equal(answer(&s), 0);
	done(&s);
}

/* Every length at every place of a small ring, by all ways in and out. */
static void
every_length_at_every_place(void **state)
{
	static unsigned char in[4096], out[4096];
	struct ends s = fresh();
	uint64_t seed = 7, written = 0, got = 0;

	(void)state;
	for (int i = 0; i < 60000; i++) {
		uint64_t x = test_random(&seed);
		size_t len = 1 + (x >> 8) % (x % 16 == 0 ? 4096 : 64);
		ssize_t n;

		for (size_t k = 0; k < len; k++)
			in[k] = (unsigned char)((written + k) * 7 >> 3);
		if (x >> 62 == 0) {
			void *at;
			n = shunt_stream_writer_reserve(
			    s.w, len, &at, &send_now);
			if (n > 0) {
				assert_in_range(n, 1, len);
				assert_int_equal((uintptr_t)at % 8, 0);
				n = (x >> 40) % 8 == 0
					? (ssize_t)((x >> 44) % (size_t)n)
					: n;
				memcpy(at, in, (size_t)n);
				assert_int_equal(
				    shunt_stream_writer_commit(s.w, (size_t)n),
				    0);
			}
		} else if (x >> 62 == 1) {
			const size_t a = len / 3, b = len / 2;
			const struct iovec v[] = {{in, a}, {NULL, 0},
			    {in + a, b - a}, {in + b, len - b}};
			n = shunt_stream_writer_writev(s.w, v, 4, &send_now);
		} else {
			n = shunt_stream_writer_write(s.w, in, len, &send_now);
		}
		assert_true(n >= 0 || n == -EAGAIN);
		written += n > 0 ? (size_t)n : 0;
		assert_in_range(written - got, 0, 4096 - 24);
		if ((x >> 24) % 3 == 0)
			continue;
		len = 1 + (x >> 32) % 500;
		if ((x >> 60) % 2 == 0) {
			const void *at;
			n = shunt_stream_reader_peek(s.r, &at, &recv_now);
			if (n > 0) {
				len = len < (size_t)n ? len : (size_t)n;
				memcpy(out, at, len);
				assert_int_equal(
				    shunt_stream_reader_release(s.r, len), 0);
				n = (ssize_t)len;
			}
		} else {
			n = shunt_stream_reader_read(s.r, out, len, &recv_now);
		}
		if (n < 0) {
			assert_int_equal(n, -EAGAIN);
			assert_int_equal(got, written);
			continue;
		}
		for (ssize_t k = 0; k < n; k++)
			assert_int_equal(out[k],
			    (unsigned char)((got + (size_t)k) * 7 >> 3));
		got += (size_t)n;
		if (i % 5000 == 0) /* goes on inside of a record */
			new_reader(&s);
	}
	assert_true(got > 100 * 4096);
	finish(&s);
	ssize_t n;
	while ((n = shunt_stream_reader_read(s.r, out, 4096, &recv_now)) > 0)
		got += (size_t)n;
	assert_int_equal(n, 0);
	assert_int_equal(got, written);
	done(&s);
}

static void
full_without_waiting(void **state)
{
	static char buf[8192];
	struct ends s = fresh();
	void *at;

	(void)state;
	/* A part of it, then nothing; but the end always has its room. */
	ssize_t n = shunt_stream_writer_write(s.w, buf, 8192, &send_now);
	assert_in_range(n, 3900, 4096 - 24);
	assert_int_equal(
	    shunt_stream_writer_write(s.w, buf, 1, &send_now), -EAGAIN);
	assert_int_equal(
	    shunt_stream_writer_reserve(s.w, 1, &at, &send_now), -EAGAIN);
	const struct shunt_send_options soon = {
	    .sz = sizeof(soon), .wait_ns = 10 * (int64_t)MS};
	assert_int_equal(
	    shunt_stream_writer_write(s.w, buf, 1, &soon), -ETIMEDOUT);
	finish(&s);
	assert_int_equal(answer(&s), n);
	assert_int_equal(answer(&s), 0);
	/* Ends only: these may find none. */
	int ends = 0, e;
	while ((e = shunt_stream_writer_finish(s.w, &send_now)) == 0)
		ends++;
	assert_int_equal(e, -EAGAIN);
	assert_int_equal(ends, 4096 / 8 - 1);
	assert_int_equal(shunt_stream_writer_finish(s.w, &soon), -ETIMEDOUT);
	for (int i = 0; i < ends; i++)
		assert_int_equal(answer(&s), 0);
	assert_int_equal(answer(&s), -EAGAIN);
	done(&s);
}

static void
calls_in_the_wrong_order(void **state)
{
	struct ends s = fresh();
	const void *bytes;
	char c;
	void *at;

	(void)state;
	assert_int_equal(shunt_stream_writer_commit(s.w, 0), -EINVAL);
	assert_int_equal(
	    shunt_stream_writer_reserve(s.w, 0, &at, NULL), -EINVAL);
	assert_int_equal(shunt_stream_writer_reserve(s.w, 9, &at, NULL), 9);
	assert_int_equal(
	    shunt_stream_writer_reserve(s.w, 9, &at, NULL), -EBUSY);
	assert_int_equal(shunt_stream_writer_write(s.w, "x", 1, NULL), -EBUSY);
	assert_int_equal(
	    shunt_stream_writer_writev(s.w, NULL, 0, NULL), -EBUSY);
	assert_int_equal(shunt_stream_writer_finish(s.w, NULL), -EBUSY);
	assert_int_equal(shunt_stream_writer_commit(s.w, 10), -EINVAL);
	assert_int_equal(shunt_stream_writer_commit(s.w, 0), 0);
	assert_int_equal(shunt_stream_writer_commit(s.w, 0), -EINVAL);
	assert_int_equal(shunt_stream_writer_write(s.w, NULL, 0, NULL), 0);
	assert_int_equal(
	    shunt_stream_writer_writev(s.w, NULL, -1, NULL), -EINVAL);
	assert_int_equal(
	    shunt_stream_writer_write(s.w, &c, SIZE_MAX, NULL), -EINVAL);
	assert_int_equal(answer(&s), -EAGAIN);
	assert_int_equal(shunt_stream_reader_release(s.r, 0), -EINVAL);
	put(&s, "abc");
	assert_int_equal(shunt_stream_reader_read(s.r, &c, 0, NULL), -EINVAL);
	assert_int_equal(shunt_stream_reader_release(s.r, 1), -EINVAL);
	assert_int_equal(shunt_stream_reader_peek(s.r, &bytes, NULL), 3);
	assert_int_equal(shunt_stream_reader_release(s.r, 4), -EINVAL);
	assert_int_equal(shunt_stream_reader_release(s.r, 0), 0);
	assert_int_equal(shunt_stream_reader_release(s.r, 1), 0);
	assert_int_equal(shunt_stream_reader_release(s.r, 1), 0);
	assert_int_equal(shunt_stream_reader_release(s.r, 2), -EINVAL);
	get(&s, "c");
	assert_int_equal(shunt_stream_reader_release(s.r, 1), -EINVAL);
	assert_int_equal(
	    shunt_stream_writer_write(NULL, "x", 1, NULL), -EINVAL);
	assert_int_equal(shunt_stream_reader_read(NULL, &c, 1, NULL), -EINVAL);
	assert_int_equal(shunt_stream_reader_release(NULL, 0), -EINVAL);
	finish(&s);
	/* Neither taken for the end, nor waited for. */
	assert_int_equal(shunt_stream_reader_read(s.r, &c, 0, NULL), -EINVAL);
	assert_int_equal(answer(&s), 0);
	assert_int_equal(shunt_stream_reader_read(s.r, &c, 0, NULL), -EINVAL);
	done(&s);
}

static void
an_end_that_was_peeked_stays(void **state)
{
	struct ends s = fresh();
	const void *bytes;

	(void)state;
	put(&s, "x");
	finish(&s);
	get(&s, "x");
	assert_int_equal(shunt_stream_reader_peek(s.r, &bytes, NULL), 0);
	assert_int_equal(shunt_stream_reader_peek(s.r, &bytes, NULL), 0);
	new_reader(&s); /* as if it had been killed before it acted on it */
	assert_int_equal(shunt_stream_reader_peek(s.r, &bytes, NULL), 0);
	assert_int_equal(shunt_stream_reader_release(s.r, 1), -EINVAL);
	assert_int_equal(shunt_stream_reader_release(s.r, 0), 0);
	assert_int_equal(
	    shunt_stream_reader_peek(s.r, &bytes, &recv_now), -EAGAIN);
	done(&s);
}

static void
one_writer_and_one_reader(void **state)
{
	struct ends s = fresh(), t = {.name = s.name};
	char pid[32];

	(void)state;
	snprintf(pid, sizeof(pid), "process %d ", (int)getpid());
	assert_int_equal(shunt_stream_writer_open(&t.w, s.name, NULL), -EBUSY);
	assert_null(t.w);
	assert_detail("one writer at a time");
	assert_detail(pid);
	assert_int_equal(shunt_stream_reader_open(&t.r, s.name, NULL), -EBUSY);
	assert_null(t.r);
	assert_detail("one reader at a time");
	assert_detail(pid);
	put(&s, "still");
	get(&s, "still");
	finish(&s);
	assert_int_equal(answer(&s), 0);
	done(&s);
}

/* The next reader begins at the byte behind the last one that was read. */
static void
a_reader_goes_on_at_the_byte(void **state)
{
	struct ends s = fresh();

	(void)state;
	put(&s, "0123456789");
	put(&s, "abc");
	get(&s, "0123");
	new_reader(&s);
	get(&s, "45");
	new_reader(&s);
	new_reader(&s);
	get(&s, "6789");
	new_reader(&s);
	get(&s, "abc");
	new_reader(&s);
	assert_int_equal(answer(&s), -EAGAIN);
	put(&s, "z");
	new_reader(&s);
	get(&s, "z");
	finish(&s);
	new_reader(&s);
	assert_int_equal(answer(&s), 0);
	done(&s);
}

static void
closed_without_its_end_it_is_broken(void **state)
{
	const struct shunt_stream_options stays = {.sz = sizeof(stays),
	    .lane_bytes = 4096,
	    .flags = SHUNT_STREAM_PERSISTENT};
	struct ends s = {.name = test_name("stream")};
	const void *bytes;

	(void)state;
	assert_int_equal(shunt_stream_writer_open(&s.w, s.name, &stays), 1);
	assert_int_equal(shunt_stream_reader_open(&s.r, s.name, NULL), 0);
	put(&s, "half");
	shunt_stream_writer_close(&s.w);
	get(&s, "half"); /* all of it first */
	assert_int_equal(
	    shunt_stream_reader_peek(s.r, &bytes, NULL), SHUNT_E_BROKEN);
	new_reader(&s); /* nobody has acted on it */
	assert_int_equal(answer(&s), SHUNT_E_BROKEN);
	assert_int_equal(answer(&s), -EAGAIN); /* once */
	new_reader(&s);
	assert_int_equal(answer(&s), -EAGAIN);
	new_writer(&s);
	assert_int_equal(answer(&s), -EAGAIN);
	put(&s, "anew");
	get(&s, "anew");
	finish(&s);
	assert_int_equal(answer(&s), 0);
	shunt_stream_writer_close(&s.w);
	shunt_stream_reader_close(&s.r);
	assert_int_equal(shunt_remove(s.name, NULL), 0);
}

/* The break is told though a new writer is there when the reader comes. */
static void
a_new_writer_tells_of_the_break(void **state)
{
	struct ends s = fresh();

	(void)state;
	put(&s, "half");
	shunt_stream_writer_close(&s.w);
	new_writer(&s);
	put(&s, "anew");
	finish(&s);
	get(&s, "half");
	assert_int_equal(answer(&s), SHUNT_E_BROKEN);
	get(&s, "anew");
	assert_int_equal(answer(&s), 0);
	/* And where the reader was there in time, but not in the middle. */
	put(&s, "x");
	get(&s, "x");
	shunt_stream_writer_close(&s.w);
	new_writer(&s);
	assert_int_equal(answer(&s), SHUNT_E_BROKEN);
	assert_int_equal(answer(&s), -EAGAIN);
	/* Who wrote nothing has broken nothing off. */
	shunt_stream_writer_close(&s.w);
	assert_int_equal(answer(&s), -EAGAIN);
	new_writer(&s);
	assert_int_equal(answer(&s), -EAGAIN);
	done(&s);
}

/* It is kept for whom it concerns, then it goes. */
static void
what_keeps_an_ephemeral_stream(void **state)
{
	struct ends s = fresh();

	(void)state;
	put(&s, "x");
	get(&s, "x");
	shunt_stream_writer_close(&s.w);
	shunt_stream_reader_close(&s.r);
	assert_true(test_there(s.name)); /* the break */
	assert_int_equal(shunt_stream_reader_open(&s.r, s.name, NULL), 0);
	assert_int_equal(answer(&s), SHUNT_E_BROKEN);
	shunt_stream_reader_close(&s.r);
	assert_false(test_there(s.name));
	assert_int_equal(shunt_stream_writer_open(&s.w, s.name, NULL), 1);
	finish(&s);
	shunt_stream_writer_close(&s.w);
	assert_true(test_there(s.name)); /* the end of an empty one */
	assert_int_equal(shunt_stream_reader_open(&s.r, s.name, NULL), 0);
	assert_int_equal(answer(&s), 0);
	done(&s);
}

/* ---- with others ---- */

struct pair {
	char name[64];
	struct step step;
	_Atomic uint64_t count;
};

static struct pair *
pair_of(const char *name)
{
	struct pair *p = test_shared(sizeof(*p));

	snprintf(p->name, sizeof(p->name), "%s", name);
	return p;
}

static int
write_and_stand(void *arg)
{
	struct pair *p = arg;
	struct shunt_stream_writer *w;

	NEED(shunt_stream_writer_open(&w, p->name, NULL) >= 0);
	NEED(shunt_stream_writer_write(w, "begun", 5, NULL) == 5);
	step_to(&p->step, 1);
	pause();
	return 0;
}

static void
a_killed_writer_is_noticed(void **state)
{
	struct ends s = fresh();
	struct pair *p = pair_of(s.name);

	(void)state;
	shunt_stream_writer_close(&s.w);
	for (int i = 0; i < 2; i++) {
		p->step.n = 0;
		pid_t pid = peer_start(write_and_stand, p);
		step_wait(&p->step, 1);
		get(&s, "begun");
		assert_int_equal(answer(&s), -EAGAIN);
		char c;
		/* It lives: a break would be a lie. */
		assert_int_equal(
		    shunt_stream_reader_read(s.r, &c, 1, &brief), -ETIMEDOUT);
		peer_kill(pid);
		assert_int_equal(shunt_stream_reader_read(s.r, &c, 1, &surely),
		    SHUNT_E_BROKEN);
		assert_int_equal(
		    shunt_stream_reader_read(s.r, &c, 1, &brief), -ETIMEDOUT);
	}
	shunt_stream_reader_close(&s.r);
	assert_false(test_there(s.name));
}

static int
take_reader(void *arg)
{
	struct ends *s = arg;

	return shunt_stream_reader_open(&s->r, s->name, NULL);
}

static int
read_one_and_stand(void *arg)
{
	struct pair *p = arg;
	struct ends s = {.name = p->name};
	char c[3];

	NEED(peer_succeed(take_reader, &s) == 0);
	NEED(shunt_stream_reader_read(s.r, c, 3, NULL) == 3);
	step_to(&p->step, 1);
	pause();
	return 0;
}

static void
a_killed_reader_loses_nothing(void **state)
{
	struct ends s = fresh();
	struct pair *p = pair_of(s.name);

	(void)state;
	shunt_stream_reader_close(&s.r);
	put(&s, "abcdefghi");
	for (int i = 0; i < 2; i++) {
		p->step.n = 0;
		pid_t pid = peer_start(read_one_and_stand, p);
		step_wait(&p->step, 1);
		peer_kill(pid);
	}
	assert_int_equal(peer_succeed(take_reader, &s), 0);
	get(&s, "ghi");
	finish(&s);
	assert_int_equal(answer(&s), 0);
	done(&s);
}

/* Sleepers on both sides are woken, by all that is worth waking for. */
static int
answer_back(void *arg)
{
	struct pair *p = arg;
	struct shunt_stream_reader *r;
	char buf[512];
	ssize_t n;

	NEED(shunt_stream_reader_open(&r, p->name, NULL) == 0);
	step_to(&p->step, 1);
	while ((n = shunt_stream_reader_read(r, buf, sizeof(buf), NULL)) > 0)
		p->count += (uint64_t)n;
	NEED(n == 0);
	n = shunt_stream_reader_read(r, buf, sizeof(buf), NULL);
	NEED(n == SHUNT_E_BROKEN || n > 0);
	while (n > 0)
		n = shunt_stream_reader_read(r, buf, sizeof(buf), NULL);
	NEED(n == SHUNT_E_BROKEN);
	shunt_stream_reader_close(&r);
	return 0;
}

static void
sleepers_are_woken(void **state)
{
	static char buf[100000];
	struct ends s = fresh();
	struct pair *p = pair_of(s.name);

	(void)state;
	shunt_stream_reader_close(&s.r);
	pid_t pid = peer_start(answer_back, p);
	step_wait(&p->step, 1);
	for (int i = 0; i < 20; i++)
		assert_int_equal(
		    shunt_stream_writer_write(s.w, buf, sizeof(buf), NULL),
		    sizeof(buf));
	assert_int_equal(shunt_stream_writer_finish(s.w, NULL), 0);
	assert_int_equal(shunt_stream_writer_write(s.w, buf, 10, NULL), 10);
	shunt_stream_writer_close(&s.w);
	assert_int_equal(peer_end(pid), 0);
	assert_int_equal(p->count, 20 * sizeof(buf));
	assert_false(test_there(s.name));
}

static void *
close_for_good(void *arg)
{
	struct ends *s = arg;
	struct shunt__lane_lay *ctl = shunt__object_lane(s->r->obj, 0);

	/* Not before the writer sleeps. */
	while (!(shunt__load32(&ctl->ln_waiting) & SHUNT__BELL_ASLEEP))
		usleep(100);
	shunt_stream_reader_close(&s->r);
	return NULL;
}

static void
the_last_reader_closes_for_good(void **state)
{
	const struct shunt_stream_options last = {
	    .sz = sizeof(last), .flags = SHUNT_STREAM_LAST};
	static char buf[8192];
	struct ends s = fresh();
	pthread_t thread;
	uint64_t begin;

	(void)state;
	shunt_stream_reader_close(&s.r);
	assert_int_equal(shunt_stream_reader_open(&s.r, s.name, &last), 0);
	begin = test_now();
	assert_int_equal(pthread_create(&thread, NULL, close_for_good, &s), 0);
	/* A part went before it; the next call tells. */
	assert_in_range(
	    shunt_stream_writer_write(s.w, buf, 8192, NULL), 1, 8191);
	assert_int_equal(
	    shunt_stream_writer_write(s.w, buf, 1, NULL), SHUNT_E_CLOSED);
	assert_in_range(test_now() - begin, 0, 5000 * MS);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(shunt_stream_writer_finish(s.w, NULL), SHUNT_E_CLOSED);
	/* Another reader comes all the same: then it goes on. */
	assert_int_equal(shunt_stream_reader_open(&s.r, s.name, &last), 0);
	assert_true(answer(&s) > 0);
	put(&s, "more");
	get(&s, "more");
	put(&s, "unread");
	shunt_stream_reader_close(&s.r);
	shunt_stream_writer_close(&s.w);
	assert_false(test_there(s.name)); /* nobody will read it */
	assert_int_equal(
	    shunt_stream_writer_open(&s.w, s.name, &last), -EINVAL);
	assert_detail("reader's end");
}

static void
options_are_checked(void **state)
{
	struct shunt_stream_options o = {.sz = sizeof(o)};
	const char *name = test_name("stream");
	struct shunt_stream_writer *w;
	struct shunt_stream_reader *r;
	struct stat st;

	(void)state;
	o.flags = SHUNT_STREAM_EXISTING;
	assert_int_equal(shunt_stream_writer_open(&w, name, &o), -ENOENT);
	o.flags = 1u << 20;
	assert_int_equal(shunt_stream_writer_open(&w, name, &o), -EINVAL);
	assert_int_equal(shunt_stream_reader_open(&r, name, &o), -EINVAL);
	o.flags = 0;
	o.lane_bytes = 5000;
	assert_int_equal(shunt_stream_reader_open(&r, name, &o), -EINVAL);
	assert_false(test_there(name));
	o.lane_bytes = 8192;
	o.mode = 0640;
	o.type = "pictures";
	o.schema = 7;
	o.flags = SHUNT_STREAM_PERSISTENT | SHUNT_STREAM_EXCLUSIVE;
	assert_int_equal(shunt_stream_reader_open(&r, name, &o), 1);
	assert_int_equal(stat(test_path(name), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(shunt_stream_writer_open(&w, name, &o), -EEXIST);
	o.flags = 0;
	o.type = "sounds";
	assert_int_equal(shunt_stream_writer_open(&w, name, &o), SHUNT_E_TYPE);
	o.type = "pictures";
	o.schema = 8;
	assert_int_equal(shunt_stream_writer_open(&w, name, &o), SHUNT_E_TYPE);
	assert_int_equal(shunt_stream_writer_open(&w, name, NULL), 0);
	shunt_stream_writer_close(&w);
	shunt_stream_reader_close(&r);
	assert_true(test_there(name));
	struct shunt_queue *q;
	assert_int_equal(shunt_queue_open(&q, name, NULL), SHUNT_E_KIND);
	assert_int_equal(shunt_remove(name, NULL), 0);
}

static void
removed_by_force(void **state)
{
	const struct shunt_remove_options force = {
	    .sz = sizeof(force), .flags = SHUNT_REMOVE_FORCE};
	struct ends s = fresh();

	(void)state;
	put(&s, "left");
	assert_int_equal(shunt_remove(s.name, &force), 0);
	assert_int_equal(
	    shunt_stream_writer_write(s.w, "x", 1, NULL), SHUNT_E_REMOVED);
	get(&s, "left");
	assert_int_equal(answer(&s), SHUNT_E_REMOVED);
	done(&s);
}

static void
a_child_has_no_handle(void **state)
{
	struct ends s = fresh();
	int status;

	(void)state;
	put(&s, "parent");
	pid_t pid = fork();
	if (pid == 0) {
		char c;
		const void *at;
		int ok =
		    shunt_stream_writer_write(s.w, "x", 1, NULL) ==
			SHUNT_E_FORKED &&
		    shunt_stream_writer_finish(s.w, NULL) == SHUNT_E_FORKED &&
		    shunt_stream_writer_commit(s.w, 0) == SHUNT_E_FORKED &&
		    shunt_stream_reader_read(s.r, &c, 1, NULL) ==
			SHUNT_E_FORKED &&
		    shunt_stream_reader_peek(s.r, &at, NULL) ==
			SHUNT_E_FORKED &&
		    shunt_stream_reader_release(s.r, 0) == SHUNT_E_FORKED;
		shunt_stream_writer_close(&s.w);
		shunt_stream_reader_close(&s.r);
		_exit(ok ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	struct ends t;
	assert_int_equal(shunt_stream_writer_open(&t.w, s.name, NULL), -EBUSY);
	get(&s, "parent");
	finish(&s);
	assert_int_equal(answer(&s), 0);
	done(&s);
}

/* ---- in poll, and among others ---- */

static int
readable(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, ms);
}

static void
a_descriptor_for_poll(void **state)
{
	struct ends s = fresh();
	struct pair *p = pair_of(s.name);
	int fd = shunt_stream_reader_fd(s.r);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(shunt_stream_reader_fd(s.r), fd);
	assert_int_equal(readable(fd, 0), 1); /* look first */
	assert_int_equal(answer(&s), -EAGAIN);
	assert_int_equal(readable(fd, 0), 0);
	put(&s, "x");
	assert_int_equal(readable(fd, 0), 1);
	get(&s, "x");
	assert_int_equal(answer(&s), -EAGAIN);
	assert_int_equal(readable(fd, 0), 0);
	finish(&s);
	assert_int_equal(readable(fd, 0), 1);
	assert_int_equal(answer(&s), 0);
	assert_int_equal(answer(&s), -EAGAIN);
	put(&s, "y");
	get(&s, "y");
	assert_int_equal(answer(&s), -EAGAIN);
	shunt_stream_writer_close(&s.w); /* a break */
	assert_int_equal(readable(fd, 20000), 1);
	assert_int_equal(answer(&s), SHUNT_E_BROKEN);
	assert_int_equal(answer(&s), -EAGAIN);
	/* Behind a death it may be readable for nothing once more. */
	for (int i = 0; i < 30; i++) {
		p->step.n = 0;
		pid_t pid = peer_start(write_and_stand, p);
		step_wait(&p->step, 1);
		get(&s, "begun");
		assert_int_equal(answer(&s), -EAGAIN);
		kill(pid, SIGKILL);
		ssize_t n = -EAGAIN;
		/* However often it wakes: the break is seen at last. */
		while (n == -EAGAIN) {
			assert_int_equal(readable(fd, 20000), 1);
			n = answer(&s);
		}
		assert_int_equal(n, SHUNT_E_BROKEN);
		assert_int_equal(answer(&s), -EAGAIN);
		assert_int_equal(peer_end(pid), -SIGKILL);
	}
	assert_int_equal(shunt_stream_reader_fd(NULL), -EINVAL);
	shunt_stream_reader_close(&s.r);
	assert_false(test_there(s.name));
}

static void
one_of_several_ends(void **state)
{
	struct ends s = fresh(), t = fresh();
	struct shunt_wait_item items[] = {{.end = shunt_stream_reader_end(s.r)},
	    {.end = shunt_stream_reader_end(t.r)}};

	(void)state;
	assert_int_equal(shunt_wait(items, 2, SHUNT_NOWAIT), -EAGAIN);
	put(&t, "x");
	assert_int_equal(shunt_wait(items, 2, SHUNT_FOREVER), 1);
	assert_int_equal(items[0].ready, 0);
	assert_int_equal(items[1].ready, 1);
	get(&t, "x");
	assert_int_equal(shunt_wait(items, 2, 5 * (int64_t)MS), -ETIMEDOUT);
	shunt_stream_writer_close(&t.w);
	finish(&s);
	assert_int_equal(shunt_wait(items, 1, SHUNT_FOREVER), 1);
	assert_int_equal(answer(&s), 0);
	assert_int_equal(shunt_wait(items, 2, SHUNT_FOREVER), 1);
	assert_int_equal(items[1].ready, 1);
	assert_int_equal(shunt_stream_reader_read(t.r, &(char){0}, 1, &surely),
	    SHUNT_E_BROKEN);
	assert_null(shunt_stream_reader_end(NULL));
	done(&s);
	done(&t);
}

/* ---- words that lie ---- */

static void
words_that_lie(void **state)
{
	(void)state;
	for (int i = 0; i < 6; i++) {
		struct ends s = fresh();
		struct shunt__object *obj = s.r->obj;
		struct shunt__u64 *first = (void *)(s.w->tx.ring);
		char buf[8192] = {0};

		put(&s, "0123456789");
		if (i == 0) /* no bytes */
			shunt__store64(first, SHUNT__LANE_REC);
		if (i == 1) /* no such tag */
			shunt__store64(
			    first, SHUNT__LANE_REC | UINT64_C(7) << 32);
		if (i == 2) /* an end with bytes */
			shunt__store64(
			    first, SHUNT__LANE_REC | UINT64_C(1) << 32 | 8);
		if (i == 3) { /* shorter than what was read of it */
			get(&s, "01234");
			shunt__store64(first, SHUNT__LANE_REC | 4);
		}
		if (i == 4) { /* gone */
			get(&s, "01234");
			shunt__store64(first, 0);
		}
		if (i == 5) { /* the writer's side: a tail beyond the head */
			shunt__store64(
			    &shunt__object_lane(obj, 0)->ln_tail, 80000);
			assert_true(shunt_stream_writer_write(
					s.w, buf, 8192, &send_now) > 0);
			assert_int_equal(shunt_stream_writer_write(
					     s.w, buf, 8192, &send_now),
			    SHUNT_E_CORRUPT);
		} else {
			assert_int_equal(answer(&s), SHUNT_E_CORRUPT);
			assert_int_equal(answer(&s), SHUNT_E_CORRUPT);
		}
		shunt_stream_writer_close(&s.w);
		shunt_stream_reader_close(&s.r);
		unlink(test_path(s.name));
	}
	/* A place to go on at that cannot be: the record's beginning. */
	struct ends s = fresh();
	put(&s, "0123456789");
	get(&s, "01");
	for (uint64_t at = 0; at < 5; at++) {
		static const uint64_t lies[] = {0, 7, 8, 18, UINT64_C(1) << 63};
		shunt__store64(
		    &s.r->slot.lay->sl_word[SHUNT__STREAM_AT], lies[at]);
		shunt_stream_reader_close(&s.r);
		assert_int_equal(
		    shunt_stream_reader_open(&s.r, s.name, NULL), 0);
		get(&s, "01");
	}
	shunt_stream_writer_close(&s.w);
	shunt_stream_reader_close(&s.r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(bytes_and_their_end),
	    TEST(a_read_ends_where_the_stream_does),
	    TEST(every_length_at_every_place),
	    TEST(full_without_waiting),
	    TEST(calls_in_the_wrong_order),
	    TEST(an_end_that_was_peeked_stays),
	    TEST(one_writer_and_one_reader),
	    TEST(a_reader_goes_on_at_the_byte),
	    TEST(closed_without_its_end_it_is_broken),
	    TEST(a_new_writer_tells_of_the_break),
	    TEST(what_keeps_an_ephemeral_stream),
	    TEST(a_killed_writer_is_noticed),
	    TEST(a_killed_reader_loses_nothing),
	    TEST(sleepers_are_woken),
	    TEST(the_last_reader_closes_for_good),
	    TEST(options_are_checked),
	    TEST(removed_by_force),
	    TEST(a_child_has_no_handle),
	    TEST(a_descriptor_for_poll),
	    TEST(one_of_several_ends),
	    TEST(words_that_lie),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
