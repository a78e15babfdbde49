/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/* Huge pages, and pages that stay in memory. */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "unit/raw.h"

/* A number of kB of the mapping at @p, as smaps has it. */
static long
smaps(const void *p, const char *field)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	unsigned long from, to;
	char line[512];
	long n = -1;
	int here = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			here =
			    (unsigned long)p >= from && (unsigned long)p < to;
		else if (here && strncmp(line, field, strlen(field)) == 0)
			n = strtol(line + strlen(field) + 1, NULL, 10);
	}
	if (f != NULL)
		fclose(f);
	return n;
}

static void
huge_pages_are_a_wish(void **state)
{
	const size_t mb = 1 << 20;
	const char *name = test_name("huge");
	struct shunt_segment *seg;

	(void)state;
	assert_int_equal(shunt_segment_create(&seg, name, 8 * mb + 5,
			     OPTIONS(.flags = SHUNT_SEGMENT_HUGE)),
	    0);
	assert_int_equal(shunt_segment_size(seg), 8 * mb + 5);
	unsigned char *p = shunt_segment_data(seg);
	assert_int_equal((uintptr_t)p % (2 * mb), 0);
	/* Linux 6.1 and later do it even where the system's setting is not
	 * to; what others do is their own affair. */
	if (smaps(p, "ShmemPmdMapped:") != 8192)
		print_message("huge pages: %ld of 8192 kB\n",
		    smaps(p, "ShmemPmdMapped:"));
	for (size_t i = 0; i < 8 * mb + 5; i += 997)
		assert_int_equal(p[i], 0);
	memset(p, 7, 8 * mb + 5);
	shunt_segment_close(&seg);
	assert_false(test_mapped(p));
	assert_false(test_mapped(p + 8 * mb));
	/* A window that begins in the middle of a huge page. */
	assert_int_equal(
	    shunt_segment_open(&seg, name,
		OPTIONS(.offset = 3 * mb + 1, .flags = SHUNT_SEGMENT_HUGE)),
	    0);
	p = shunt_segment_data(seg);
	assert_int_equal((uintptr_t)p % (2 * mb), mb + 1);
	assert_int_equal(p[5 * mb + 3], 7);
	shunt_segment_close(&seg);
	/* One that is small. */
	assert_int_equal(
	    shunt_segment_open(&seg, name,
		OPTIONS(.length = 100, .flags = SHUNT_SEGMENT_HUGE)),
	    0);
	shunt_segment_close(&seg);
	assert_int_equal(shunt_remove(name, NULL), 0);
}

/* Anonymous memory asks for the pool first, and does without. */
static void
huge_pages_of_the_pool(void **state)
{
	const size_t mb = 1 << 20;
	struct shunt_segment *seg, *again;
	char name[32];
	struct stat st;

	(void)state;
	int fds = test_fds();
	assert_int_equal(shunt_segment_anon(&seg, 3 * mb,
			     OPTIONS(.flags = SHUNT_SEGMENT_HUGE)),
	    0);
	assert_int_equal(test_fds(), fds + 1);
	assert_int_equal(shunt_segment_size(seg), 3 * mb);
	assert_int_equal(fstat(shunt_segment_fd(seg), &st), 0);
	assert_true((size_t)st.st_size >= 3 * mb);
	print_message("pages of %ld bytes\n", (long)st.st_blksize);
	unsigned char *p = shunt_segment_data(seg);
	for (size_t i = 0; i < 3 * mb; i++)
		assert_int_equal(p[i], 0);
	memset(p, 5, 3 * mb);
	snprintf(name, sizeof(name), "fd:%d", shunt_segment_fd(seg));
	assert_int_equal(shunt_segment_open(&again, name,
			     OPTIONS(.offset = 2 * mb + 7, .length = 10)),
	    0);
	assert_int_equal(*(char *)shunt_segment_data(again), 5);
	assert_int_equal(shunt_segment_protect(again, SHUNT_PROT_READ), 0);
	p = shunt_segment_data(again);
	shunt_segment_close(&again);
	assert_false(test_mapped(p));
	assert_int_equal(shunt_segment_resize(seg, 5 * mb), 0);
	p = shunt_segment_data(seg);
	assert_int_equal(p[3 * mb - 1], 5);
	p[5 * mb - 1] = 1;
	assert_int_equal(shunt_segment_resize(seg, mb), 0);
	p = shunt_segment_data(seg);
	assert_int_equal(p[mb - 1], 5);
	shunt_segment_close(&seg);
	assert_false(test_mapped(p));
	assert_int_equal(test_fds(), fds);
}

static int
lock_too_much(void *name)
{
	const struct rlimit little = {64 << 10, 64 << 10};
	struct shunt_segment *seg;
	void *at = NULL;

	NEED(setrlimit(RLIMIT_MEMLOCK, &little) == 0);
	NEED(geteuid() != 0 || setresuid(STRANGER, STRANGER, STRANGER) == 0);
	int fds = test_fds();
	int e = shunt_segment_open(
	    &seg, name, OPTIONS(.flags = SHUNT_SEGMENT_LOCKED));
	NEED(e == -ENOMEM || e == -EAGAIN || e == -EPERM);
	need_detail("RLIMIT_MEMLOCK");
	need_detail("64 KiB");
	NEED(seg == NULL && test_fds() == fds);
	NEED(shunt_segment_open(&seg, name,
		 OPTIONS(.length = 4096, .flags = SHUNT_SEGMENT_LOCKED)) == 0);
	at = shunt_segment_data(seg);
	NEED(smaps(at, "Locked:") > 0);
	shunt_segment_close(&seg);
	return 0;
}

static void
locked_in_memory(void **state)
{
	const char *name = test_name("lock");
	struct shunt_segment *seg;

	(void)state;
	if (UNDER_SANITIZER)
		skip();
	assert_int_equal(
	    shunt_segment_create(&seg, name, 1 << 20,
		OPTIONS(.mode = 0666, .flags = SHUNT_SEGMENT_LOCKED)),
	    0);
	assert_int_equal(smaps(shunt_segment_data(seg), "Locked:"), 1024);
	shunt_segment_close(&seg);
	assert_int_equal(peer_end(peer_start(lock_too_much, (void *)name)), 0);
	assert_int_equal(shunt_remove(name, NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(huge_pages_are_a_wish),
	    TEST(huge_pages_of_the_pool),
	    TEST(locked_in_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
