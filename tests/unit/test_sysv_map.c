/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/* Attaching System V segments: where, how much of it and for what. */
#include "unit/unit.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>

#include <cmocka.h>

#include <shunt.h>

#include "lib/peers.h"
#include "os/lines.h"
#include "os/os.h"
#include "unit/sysv.h"

static size_t page;

static struct shunt_segment *
must_open(const char *name, const struct shunt_segment_options *o)
{
	struct shunt_segment *seg;

	if (shunt_segment_open(&seg, name, o) < 0)
		fail_msg("%s", shunt_error_detail());
	return seg;
}

/* A segment that counts: byte i is i % 251. */
static const char *
counting(size_t size)
{
	const char *name = sysv_name(sysv_key());
	struct shunt_segment *seg;

	assert_int_equal(shunt_segment_create(&seg, name, size, NULL), 0);
	for (size_t i = 0; i < size; i++)
		((unsigned char *)shunt_segment_data(seg))[i] =
		    (unsigned char)(i % 251);
	shunt_segment_close(&seg);
	return name;
}

static void
gone(const char *name)
{
	assert_int_equal(sysv_stat(name).attached, 0);
	assert_int_equal(shunt_remove(name, NULL), 0);
}

struct mapping {
	uintptr_t from, to;
	char perms[5];
};

static int
is_mapping(const char *line, void *arg)
{
	struct mapping *m = arg;
	char *end;
	uintptr_t from = strtoull(line, &end, 16);
	uintptr_t to = strtoull(end + 1, NULL, 16);

	if (m->from < from || m->from >= to)
		return 0;
	m->from = from;
	m->to = to;
	memcpy(m->perms, shunt__lines_next(line), 4);
	m->perms[4] = 0;
	return 1;
}

/* As the kernel shows it: "rw-s", or "" if nothing is mapped there. */
static const char *
perms_at(const void *at)
{
	static struct mapping m;

	m = (struct mapping){.from = (uintptr_t)at};
	return shunt__lines_find("/proc/self/maps", is_mapping, &m) == 1
		   ? m.perms
		   : "";
}

static void
a_window_is_a_view_inside(void **state)
{
	struct shunt_segment_options o = {.sz = sizeof(o)};
	const char *name = counting(10000);
	struct shunt_segment *seg;
	unsigned char *data;

	(void)state;
	o.offset = 4321;
	seg = must_open(name, &o);
	data = shunt_segment_data(seg);
	assert_int_equal(shunt_segment_size(seg), 10000 - 4321);
	assert_int_equal(data[0], 4321 % 251);
	assert_int_equal(data[10000 - 4321 - 1], 9999 % 251);
	/* Offsets count from the segment's first byte. */
	struct shunt_offset off = shunt_segment_offset(seg, data + 5);
	assert_ptr_equal(shunt_segment_at(seg, off, 1), data + 5);
	shunt_segment_close(&seg);
	o.length = 100;
	seg = must_open(name, &o);
	assert_int_equal(shunt_segment_size(seg), 100);
	assert_int_equal(
	    ((unsigned char *)shunt_segment_data(seg))[99], 4420 % 251);
	shunt_segment_close(&seg);
	o.offset = 9999;
	o.length = 1;
	seg = must_open(name, &o);
	shunt_segment_close(&seg);
	const uint64_t wrong[][2] = {{10000, 0}, {9999, 2}, {0, 10001},
	    {UINT64_MAX, 0}, {1, SIZE_MAX}, {UINT64_MAX, 2}};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		o.offset = wrong[i][0];
		o.length = (size_t)wrong[i][1];
		assert_int_equal(shunt_segment_open(&seg, name, &o), -EINVAL);
		assert_null(seg);
		assert_detail("not wholly inside");
	}
	gone(name);
	/* And of what is made with one: it is not made. */
	assert_int_equal(shunt_segment_create(&seg, name, 10, &o), -EINVAL);
	assert_int_equal(shunt_segment_open(&seg, name, NULL), -ENOENT);
}

static void
each_protection_is_what_was_asked_for(void **state)
{
	const struct {
		uint32_t prot, flags;
		const char *perms;
	} each[] = {
	    {0, 0, "rw-s"},
	    {0, SHUNT_SEGMENT_READONLY, "r--s"},
	    {SHUNT_PROT_READ, 0, "r--s"},
	    {SHUNT_PROT_READ | SHUNT_PROT_WRITE, 0, "rw-s"},
	    {SHUNT_PROT_WRITE, 0, "-w-s"},
	    {SHUNT_PROT_READ | SHUNT_PROT_EXEC, 0, "r-xs"},
	    {SHUNT_PROT_READ | SHUNT_PROT_WRITE | SHUNT_PROT_EXEC, 0, "rwxs"},
	    {SHUNT_PROT_NONE, 0, "---s"},
	};
	struct shunt_segment_options o = {.sz = sizeof(o), .mode = 0700};
	const char *name = sysv_name(sysv_key());
	struct shunt_segment *seg;

	(void)state;
	assert_int_equal(shunt_segment_create(&seg, name, 5000, &o), 0);
	shunt_segment_close(&seg);
	for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
		o.prot = each[i].prot;
		o.flags = each[i].flags;
		seg = must_open(name, &o);
		assert_string_equal(
		    perms_at(shunt_segment_data(seg)), each[i].perms);
		shunt_segment_close(&seg);
	}
	/* What was opened for reading cannot be made writable; else it can. */
	o.prot = 0;
	o.flags = SHUNT_SEGMENT_READONLY;
	seg = must_open(name, &o);
	assert_int_equal(
	    shunt_segment_protect(seg, SHUNT_PROT_READ | SHUNT_PROT_WRITE),
	    -EACCES);
	assert_int_equal(shunt_segment_protect(seg, SHUNT_PROT_NONE), 0);
	assert_string_equal(perms_at(shunt_segment_data(seg)), "---s");
	shunt_segment_close(&seg);
	o.flags = 0;
	seg = must_open(name, &o);
	assert_int_equal(shunt_segment_protect(seg, SHUNT_PROT_READ), 0);
	assert_string_equal(perms_at(shunt_segment_data(seg)), "r--s");
	assert_int_equal(
	    shunt_segment_protect(seg, SHUNT_PROT_READ | SHUNT_PROT_WRITE), 0);
	assert_string_equal(perms_at(shunt_segment_data(seg)), "rw-s");
	shunt_segment_close(&seg);
	gone(name);
}

/* Room of @bytes where nothing is mapped. */
static char *
free_room(size_t bytes)
{
	void *at =
	    mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(at != MAP_FAILED);
	munmap(at, bytes);
	return at;
}

static void
an_address_is_kept_or_refused(void **state)
{
	struct shunt_segment_options o = {.sz = sizeof(o)};
	const char *name = counting(3 * page);
	struct shunt_segment *seg;
	char *room = free_room(8 * page);

	(void)state;
	o.address = room + page;
	seg = must_open(name, &o);
	assert_ptr_equal(shunt_segment_data(seg), room + page);
	shunt_segment_close(&seg);
	/* No page: refused, or rounded down. */
	o.address = room + page + 100;
	assert_int_equal(shunt_segment_open(&seg, name, &o), -EINVAL);
	assert_detail("is not the address of a page");
	o.flags = SHUNT_SEGMENT_ROUND;
	seg = must_open(name, &o);
	assert_int_equal((uintptr_t)shunt_segment_data(seg) % SHMLBA, 0);
	assert_in_range(
	    (uintptr_t)room + page + 100 - (uintptr_t)shunt_segment_data(seg),
	    100, SHMLBA);
	shunt_segment_close(&seg);
	/* The last of its pages is taken. */
	char *mine = mmap(room + 3 * page, page, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	assert_ptr_equal(mine, room + 3 * page);
	strcpy(mine, "mine");
	o.flags = 0;
	o.address = room + page;
	assert_int_equal(shunt_segment_open(&seg, name, &o), -EEXIST);
	assert_null(seg);
	assert_detail("something is mapped there");
	assert_string_equal(mine, "mine");
	o.flags = SHUNT_SEGMENT_REPLACE;
	seg = must_open(name, &o);
	assert_ptr_equal(shunt_segment_data(seg), room + page);
	assert_int_equal(((unsigned char *)mine)[1], (2 * page + 1) % 251);
	shunt_segment_close(&seg);
	assert_string_equal(perms_at(mine), "");
	/* Nothing is left of it by rounding. */
	o.flags = SHUNT_SEGMENT_ROUND;
	o.address = (void *)100;
	assert_int_equal(shunt_segment_open(&seg, name, &o), -EINVAL);
	assert_null(seg);
	/* Past all that a process can have. */
	o.flags = 0;
	o.address = (void *)((uintptr_t)0 - page);
	assert_true(shunt_segment_open(&seg, name, &o) < 0);
	assert_detail("cannot be mapped at");
	gone(name);
}

/* The system's own call, and what is asked of it. */
static int (*real_shmget)(key_t key, size_t size, int flags);
static int huge_asked, huge_error;

static int
no_huge(key_t key, size_t size, int flags)
{
	if (!(flags & SHM_HUGETLB))
		return real_shmget(key, size, flags);
	huge_asked++;
	return -huge_error;
}

static void
huge_pages_fall_back_to_normal_ones(void **state)
{
	const int errors[] = {ENOMEM, EPERM, EINVAL, ENOSPC, ENOSYS};
	struct shunt_segment_options o = {
	    .sz = sizeof(o), .flags = SHUNT_SEGMENT_HUGE, .mode = 0640};
	const char *name = sysv_name(sysv_key());
	struct shunt_segment *seg;

	(void)state;
	/* With or without a pool of them: it is one that can be used. */
	assert_int_equal(shunt_segment_create(&seg, name, 5000, &o), 0);
	memset(shunt_segment_data(seg), 1, 5000);
	assert_int_equal(shunt_segment_size(seg), 5000);
	assert_int_equal(sysv_stat(name).mode, 0640);
	assert_int_equal(shunt_segment_protect(seg, SHUNT_PROT_READ), 0);
	shunt_segment_close(&seg);
	gone(name);
	real_shmget = shunt__os.shmget;
	shunt__os.shmget = no_huge;
	huge_asked = 0;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		huge_error = errors[i];
		int e = shunt_segment_create(&seg, name, 5000, &o);
		if (e == 0) {
			shunt_segment_close(&seg);
			gone(name);
		}
		assert_int_equal(e, 0);
	}
	assert_int_equal(huge_asked, 5);
	huge_error = EEXIST; /* no reason to ask again */
	o.flags |= SHUNT_SEGMENT_EXCLUSIVE;
	assert_int_equal(shunt_segment_create(&seg, name, 5000, &o), -EEXIST);
	shunt__os.shmget = real_shmget;
	assert_int_equal(shunt_segment_open(&seg, name, NULL), -ENOENT);
}

static unsigned long
meminfo(const char *what)
{
	char line[200];
	unsigned long n = 0;
	FILE *f = fopen("/proc/meminfo", "re");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, what, strlen(what)) == 0)
			n = strtoul(line + strlen(what), NULL, 10);
	fclose(f);
	return n;
}

#define RESERVE "/proc/sys/vm/nr_hugepages"

static long
reserved_pages(void)
{
	FILE *f = fopen(RESERVE, "re");
	long n = -1;

	if (f != NULL && fscanf(f, "%ld", &n) != 1)
		n = -1;
	if (f != NULL)
		fclose(f);
	return n;
}

static void
reserve_pages(long n)
{
	FILE *f = fopen(RESERVE, "we");

	if (f != NULL) {
		fprintf(f, "%ld\n", n);
		fclose(f);
	}
}

static long pages_before = -1;

/* A system has none unless somebody asked: root does, for this test. */
static int
with_huge_pages(void **state)
{
	(void)state;
	if (geteuid() == 0 && meminfo("HugePages_Free:") < 4) {
		pages_before = reserved_pages();
		if (pages_before >= 0)
			reserve_pages(pages_before + 4);
	}
	return 0;
}

static int
as_many_as_before(void **state)
{
	(void)state;
	if (pages_before >= 0)
		reserve_pages(pages_before);
	return 0;
}

static void
real_huge_pages_where_the_system_has_some(void **state)
{
	struct shunt_segment_options o = {
	    .sz = sizeof(o), .flags = SHUNT_SEGMENT_HUGE};
	unsigned long huge = meminfo("Hugepagesize:") * 1024;
	const char *name = sysv_name(sysv_key());
	struct shunt_segment *seg;
	struct mapping m;

	(void)state;
	if (geteuid() != 0 || meminfo("HugePages_Free:") < 2) {
		print_message("no huge pages, and none to be reserved\n");
		skip();
	}
	/* The size is as asked, the mapping ends with its last huge page. */
	assert_int_equal(shunt_segment_create(&seg, name, huge + 1, &o), 0);
	assert_int_equal(shunt_segment_size(seg), huge + 1);
	m.from = (uintptr_t)shunt_segment_data(seg);
	assert_int_equal(
	    shunt__lines_find("/proc/self/maps", is_mapping, &m), 1);
	assert_int_equal(m.to - m.from, 2 * huge);
	memset(shunt_segment_data(seg), 1, huge + 1);
	assert_int_equal(shunt_segment_protect(seg, SHUNT_PROT_READ), 0);
	assert_string_equal(perms_at(shunt_segment_data(seg)), "r--s");
	shunt_segment_close(&seg);
	seg = must_open(name, NULL);
	assert_int_equal(shunt_segment_size(seg), huge + 1);
	assert_int_equal(shunt_segment_protect(seg, SHUNT_PROT_NONE), 0);
	shunt_segment_close(&seg);
	gone(name);
}

static int
may_not_lock(void *arg)
{
	struct shunt_segment_options o = {
	    .sz = sizeof(o), .flags = SHUNT_SEGMENT_LOCKED};
	struct shunt_segment *seg;
	struct rlimit none = {0, 0};
	const char *name = arg;

	NEED(setrlimit(RLIMIT_MEMLOCK, &none) == 0);
	sysv_nobody();
	NEED(shunt_segment_open(&seg, name, &o) == -EPERM);
	NEED(strstr(shunt_error_detail(), "RLIMIT_MEMLOCK") != NULL);
	NEED(seg == NULL);
	NEED(shunt_sysv_lock(name, 0) == -EPERM);
	NEED(shunt_segment_create(&seg, "sysv:private", 10, &o) == -EPERM);
	return 0;
}

static int
too_much_to_lock(void *arg)
{
	struct shunt_segment_options o = {
	    .sz = sizeof(o), .flags = SHUNT_SEGMENT_LOCKED};
	struct rlimit some = {page, page};
	struct shunt_segment *seg;

	(void)arg;
	NEED(setrlimit(RLIMIT_MEMLOCK, &some) == 0);
	sysv_nobody();
	NEED(shunt_segment_create(&seg, "sysv:private", 2 * page, &o) ==
	     -ENOMEM);
	NEED(strstr(shunt_error_detail(), "may still lock") != NULL);
	return 0;
}

static void
locked_in_memory_and_let_go(void **state)
{
	struct shunt_segment_options o = {
	    .sz = sizeof(o), .flags = SHUNT_SEGMENT_LOCKED, .mode = 0666};
	const char *name = sysv_name(sysv_key());
	struct shunt_sysv_usage before = {.sz = sizeof(before)}, after = before;
	struct shunt_segment *seg;

	(void)state;
	assert_int_equal(shunt_segment_create(&seg, name, page, &o), 0);
	assert_int_equal(sysv_stat(name).flags, SHUNT_SYSV_LOCKED);
	shunt_segment_close(&seg);
	assert_int_equal(sysv_stat(name).flags, SHUNT_SYSV_LOCKED);
	assert_int_equal(shunt_sysv_lock(name, 0), 0);
	assert_int_equal(sysv_stat(name).flags, 0);
	assert_int_equal(shunt_sysv_lock(name, 1), 0);
	assert_int_equal(sysv_stat(name).flags, SHUNT_SYSV_LOCKED);
	assert_int_equal(shunt_sysv_lock(name, 0), 0);
	assert_int_equal(shunt_sysv_usage(&before), 0);
	if (geteuid() == 0) {
		assert_int_equal(
		    peer_end(peer_start(may_not_lock, (void *)(uintptr_t)name)),
		    0);
		assert_int_equal(
		    peer_end(peer_start(too_much_to_lock, NULL)), 0);
	}
	/* What could not be had as asked for was not made. */
	assert_int_equal(shunt_sysv_usage(&after), 0);
	assert_int_equal(after.segments, before.segments);
	gone(name);
	assert_int_equal(shunt_sysv_lock(name, 1), -ENOENT);
	assert_int_equal(shunt_sysv_lock("/posix", 1), SHUNT_E_NAME);
	assert_detail("sysv:0x1234");
	assert_int_equal(shunt_sysv_lock("sysv:private", 1), SHUNT_E_NAME);
}

static void
bytes_are_copied_within_the_segment(void **state)
{
	const char *name = counting(1000);
	unsigned char buf[100];

	(void)state;
	assert_int_equal(shunt_segment_read(name, 0, buf, 100, NULL), 100);
	assert_int_equal(buf[99], 99);
	assert_int_equal(shunt_segment_read(name, 950, buf, 100, NULL), 50);
	assert_int_equal(buf[49], 999 % 251);
	assert_int_equal(shunt_segment_read(name, 1000, buf, 100, NULL), 0);
	assert_int_equal(
	    shunt_segment_read(name, UINT64_MAX, buf, 100, NULL), 0);
	assert_int_equal(shunt_segment_write(name, 996, "last", 4, NULL), 4);
	assert_int_equal(shunt_segment_read(name, 995, buf, 100, NULL), 5);
	assert_memory_equal(buf + 1, "last", 4);
	assert_int_equal(
	    shunt_segment_write(name, 997, "lost", 4, NULL), -ERANGE);
	assert_detail("nothing was written");
	assert_int_equal(
	    shunt_segment_write(name, UINT64_MAX, "x", 1, NULL), -ERANGE);
	assert_int_equal(shunt_segment_write(name, 1000, "", 0, NULL), 0);
	assert_int_equal(shunt_segment_read(name, 995, buf, 100, NULL), 5);
	assert_memory_equal(buf + 1, "last", 4);
	gone(name);
	assert_int_equal(shunt_segment_read(name, 0, buf, 1, NULL), -ENOENT);
	assert_int_equal(shunt_segment_write(name, 0, buf, 1, NULL), -ENOENT);
}

static int
write_to_it(void *arg)
{
	*(char *)arg = 1;
	return 0;
}

static void
what_files_can_and_this_cannot(void **state)
{
	struct shunt_segment_options ro = {
	    .sz = sizeof(ro), .flags = SHUNT_SEGMENT_READONLY};
	const char *name = counting(page);
	struct shunt_segment *seg = must_open(name, NULL);

	(void)state;
	assert_int_equal(shunt_segment_resize(seg, 2 * page), -ENOTSUP);
	assert_int_equal(shunt_segment_set_size(name, 2 * page), -ENOTSUP);
	assert_int_equal(shunt_segment_seal(seg, SHUNT_SEAL_SHRINK), -ENOTSUP);
	assert_int_equal(shunt_segment_seals(seg), -ENOTSUP);
	assert_int_equal(shunt_segment_send(seg, 0), -ENOTSUP);
	shunt_segment_close(&seg);
	seg = must_open(name, &ro);
	assert_int_equal(
	    peer_end(peer_start(write_to_it, shunt_segment_data(seg))),
	    -SIGSEGV);
	shunt_segment_close(&seg);
	gone(name);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_window_is_a_view_inside),
	    TEST(each_protection_is_what_was_asked_for),
	    TEST(an_address_is_kept_or_refused),
	    TEST(huge_pages_fall_back_to_normal_ones),
	    cmocka_unit_test_setup_teardown(
		real_huge_pages_where_the_system_has_some, with_huge_pages,
		as_many_as_before),
	    TEST(locked_in_memory_and_let_go),
	    TEST(bytes_are_copied_within_the_segment),
	    TEST(what_files_can_and_this_cannot),
	};

	page = (size_t)getpagesize();
	return cmocka_run_group_tests(tests, sysv_setup, NULL);
}
