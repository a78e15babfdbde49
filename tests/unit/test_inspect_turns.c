/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/*
 * What is read changes while it is looked at: from one fetch to the next an
 * object turns into something hostile, in one word or in all.  Each look ends
 * soon, in an answer that can be shown or in a code.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include <string.h>
#include <sys/stat.h>

#include "lib/peers.h"
#include "os/os.h"
#include "ring/lane_layout.h"
#include "segment/object_layout.h"
#include "unit/fakefs.h"
#include "unit/looks.h"

/* Words that lengths, positions, counts and states stumble over. */
static const uint64_t lies[] = {0, 1, 7, UINT64_C(1) << 40, UINT64_MAX,
    UINT64_C(1) << 63, 0xffffffff00000000, 0x00000001ffffffff,
    SHUNT__LANE_REC | 0xffffffff, SHUNT__LANE_REC | 2000,
    SHUNT__LANE_REC | SHUNT__LANE_PAD, 0x0101010101010101,
    SHUNT__LANE_REC | UINT64_C(0xff03) << 32 | 24};
#define LIES  (sizeof(lies) / sizeof(lies[0]))
#define WORDS 24 /* of a fetch, of which one turns */

static struct turn {
	unsigned from;  /* fetches before it keep to the truth */
	uint64_t lie;   /* each word is this, or differs by it */
	size_t word;    /* which one; WORDS: all of them */
	int by;         /* it is what there was, and the lie more */
	unsigned count; /* fetches so far */
	dev_t where;    /* of files there */
} turn;

static ssize_t (*pread_before)(int fd, void *buf, size_t n, off_t off);

static void
lie_in(unsigned char *at)
{
	uint64_t was;

	memcpy(&was, at, sizeof(was));
	was = turn.by ? was + turn.lie : turn.lie;
	memcpy(at, &was, sizeof(was));
}

static ssize_t
pread_lies(int fd, void *buf, size_t n, off_t off)
{
	ssize_t got = pread_before(fd, buf, n, off);
	struct stat st;

	/* A header that is not whole is refused at once, and has tests. */
	if (got < 8 || off < SHUNT__CONTROL_OFF || fstat(fd, &st) != 0 ||
	    st.st_dev != turn.where || ++turn.count < turn.from)
		return got;
	for (size_t w = 0; w < (size_t)got / 8; w++)
		if (turn.word == WORDS || turn.word == w)
			lie_in((unsigned char *)buf + 8 * w);
	return got;
}

static void
begin(const char *name)
{
	struct stat st;

	assert_int_equal(stat(test_path(name), &st), 0);
	turn.where = st.st_dev;
	/* No process is to be seen: to look at all takes a thousand times as
	 * long. */
	fake_on(NULL, 0);
	pread_before = shunt__os.pread;
	shunt__os.pread = pread_lies;
}

static void
end(void)
{
	shunt__os.pread = pread_before;
	fake_off();
}

/* At each fetch, and where there are very many, at some. */
static void
try_all(int (*what)(const char *), const char *name)
{
	int fds = test_fds();
	unsigned seen = 0;

	begin(looks.queue);
	for (unsigned k = 1;; k += 1 + k / 4) {
		for (size_t word = 0; word <= WORDS; word++)
			for (size_t i = 0; i < 2 * LIES; i++) {
				turn.from = k;
				turn.word = word;
				turn.lie = lies[i / 2];
				turn.by = i % 2;
				turn.count = 0;
				what(name);
				if (turn.count > seen)
					seen = turn.count;
			}
		if (k > seen)
			break;
	}
	end();
	assert_int_not_equal(seen, 0);
	assert_int_equal(test_fds(), fds);
	/* And the truth is told again. */
	assert_true(what(name) >= 0);
}

static void
each_kind_by_name(void **state)
{
	const char *const names[] = {looks.queue, looks.lock, looks.pool,
	    looks.event, looks.topic, looks.stream, looks.service, looks.log};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		try_all(look_at, names[i]);
}

static void
recoveries_of_a_lock(void **state)
{
	(void)state;
	try_all(look_recoveries, looks.lock);
	try_all(look_recoveries, looks.pool);
}

static void
records_of_a_log(void **state)
{
	(void)state;
	try_all(look_records, looks.log);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(each_kind_by_name),
	    TEST(recoveries_of_a_lock),
	    TEST(records_of_a_log),
	};
	return cmocka_run_group_tests(tests, looks_make, looks_drop);
}
