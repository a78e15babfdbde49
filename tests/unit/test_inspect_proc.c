/* SPDX-License-Identifier: MIT */
/* limit: 20 */
/* Who has what, from a /proc that says anything: processes of each kind, lines
 * that no kernel writes, and what may not be seen. */
#include "unit/unit.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cmocka.h>

#include "inspect/pass.h"
#include "inspect/places.h"
#include "unit/fakefs.h"

#define ALL(table) table, sizeof(table) / sizeof((table)[0])

#define RANGE "7f00-8f00 rw-s 00000000 "
#define SYSV  RANGE "00:01 77 /SYSV00000000 (deleted)\n"
#define MEMFD RANGE "00:01 5 /memfd:x (deleted)\n"
#define FIRST                                                                  \
	{"/proc/1/maps", .err = EACCES}, {"/proc/self", .link = "100"},        \
	    {"/proc/self/ns/pid", .link = "pid:[4026531836]"},                 \
	{                                                                      \
		"/proc/self/ns/ipc", .link = "ipc:[1]"                         \
	}
#define NONE                                                                   \
	{                                                                      \
		"/proc/1/maps", .text = ""                                     \
	}

/* The table as it is read of these files. */
static void
read_all(struct shunt__users *u, struct fake *files, size_t n, uid_t user)
{
	fake_on(files, n);
	fake_user(user);
	assert_int_equal(shunt__users_read(u, -1), 0);
	fake_off();
}

static void
has(const struct shunt__users *u, enum shunt__use_of of, uint64_t dev,
    uint64_t ino, int32_t a, int32_t b)
{
	const struct shunt__use *use = shunt__users_find(u, of, dev, ino);

	assert_non_null(use);
	assert_int_equal(use->n, b != 0 ? 2 : 1);
	assert_int_equal(use->pids[0], a);
	if (b != 0)
		assert_int_equal(use->pids[1], b);
}

static void
processes_are_found_whatever_they_look_like(void **state)
{
	struct fake files[] = {FIRST,
	    /* Another's identifiers are not ours; what it is, is hidden. */
	    {"/proc/300/maps", .text = SYSV MEMFD},
	    {"/proc/300/ns/ipc", .link = "ipc:[2]"},
	    {"/proc/301/maps", .text = SYSV},
	    {"/proc/100/maps", .text = SYSV MEMFD},
	    {"/proc/100/ns/ipc", .link = "ipc:[1]"},
	    /* Numbers that are none. */
	    {"/proc/12x/maps", .text = MEMFD}, {"/proc/-5/maps", .text = MEMFD},
	    {"/proc/99999999999/maps", .text = MEMFD},
	    {"/proc/0/maps", .text = MEMFD},
	    /* Its first threads are gone; one is left. */
	    {"/proc/400/maps", .text = ""},
	    {"/proc/400/task/400/maps", .text = ""},
	    {"/proc/400/task/401/maps", .text = ""},
	    {"/proc/400/task/402/maps", .text = RANGE "08:01 9 /dev/shm/x\n"},
	    {"/proc/400/task/403/maps", .text = MEMFD},
	    /* Has ended meanwhile, in one way and in the other. */
	    {"/proc/500/maps", .err = ESRCH},
	    {"/proc/501/maps", .text = RANGE "08:01 9 /dev/shm/x\n"},
	    {"/proc/501/fd", .text = ""}};
	struct shunt__users u = {.anon = 1};

	(void)state;
	files[0] = (struct fake)NONE;
	shunt__users_device(&u, makedev(8, 1));
	read_all(&u, ALL(files), 0);
	assert_int_equal(u.hidden, 0);
	has(&u, SHUNT__USE_SYSV, 0, 77, 100, 301);
	has(&u, SHUNT__USE_MEMFD, makedev(0, 1), 5, 100, 300);
	has(&u, SHUNT__USE_FILE, makedev(8, 1), 9, 400, 501);
	shunt__users_clear(&u);
}

/* A line of a maps file, in memory of just its size. */
static int
take_line(struct shunt__pass *p, const char *text)
{
	char *line = strdup(text);
	int e = shunt__pass_line(line, p);

	free(line);
	return e;
}

static void
lines_that_no_kernel_writes_are_passed_over(void **state)
{
	static const char *const lines[] = {"", "/", "5/", "5-/", "5-6/",
	    "5-6 /", "5-6 r 0 8/", "5-6 r 0 8:/", "5-6 r 0 8:2/",
	    "5-6 r 0 8:2 1 /dev/shm/x", "x-y r z q:r s /dev/shm/x",
	    "7f00-8f00 rw-s 0 08:02 6 /dev/shm/",
	    "7f00-8f00 rw-s 0 08:02 6 /dev/shm/ (deleted)x",
	    "ffffffffffffffffff-0 r ffffffffffffffffff 0:0 0 /x"};
	struct shunt__users u = {.anon = 1};
	struct shunt__pass p = {.u = &u, .pid = 5};
	const struct shunt__use *use;

	(void)state;
	shunt__users_device(&u, makedev(8, 1));
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_int_equal(take_line(&p, lines[i]), 0);
	assert_int_equal(u.n, 0);
	/* And what follows is read as ever. */
	assert_int_equal(
	    take_line(&p, "1000-3000 rw-s 1000 08:01 7 /dev/shm/x (deleted)"),
	    0);
	use = shunt__users_find(&u, SHUNT__USE_FILE, makedev(8, 1), 7);
	assert_non_null(use);
	assert_string_equal(use->path, "/dev/shm/x");
	assert_int_equal(use->extent, 0x3000);
	shunt__users_clear(&u);
}

#define OTHER "22 1 0:5 / /sys rw - sysfs sysfs rw,hidepid=2\n"
#define PROC  OTHER "23 1 0:4 / /proc rw - proc proc rw"

static void
hidepid_hides_unless_it_says_off(void **state)
{
	static const struct {
		const char *mounts; /* NULL: not to be read */
		int hidden;
	} cases[] = {{PROC "\n", 0}, {PROC ",hidepid=0\n", 0},
	    {PROC ",hidepid=off\n", 0}, {PROC ",hidepid=1\n", 1},
	    {PROC ",hidepid=invisible\n", 1}, {OTHER, 0},
	    {"24 1 0:6 / /mnt rw - proc proc rw,hidepid=2\n", 0}, {NULL, 1}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake files[] = {
		    FIRST, {"/proc/self/mountinfo", .text = cases[i].mounts}};
		struct shunt__users u = {0};

		files[0] = (struct fake)NONE;
		read_all(&u, ALL(files), 1000);
		assert_int_equal(u.hidden, cases[i].hidden);
		/* Root sees them all the same. */
		shunt__users_clear(&u);
		u.hidden = 0;
		read_all(&u, ALL(files), 0);
		assert_int_equal(u.hidden, 0);
		shunt__users_clear(&u);
	}
}

static void
what_may_not_be_seen_is_hidden_and_the_rest_is_told(void **state)
{
	static const struct {
		struct fake fake;
		int hidden;
	} cases[] = {
	    {{"/proc/100/fd/3", .link = "/dev/shm/x", .ino = 9, .links = 1}, 0},
	    {{"/proc/100/fd/3", .ino = 9, .links = 1}, 1}, /* no link */
	    {{"/proc/100/fd/3", .link = "/dev/shm/x", .err = EACCES}, 1},
	    {{"/proc/100/fd/3", .link = "/dev/shm/x", .err = ENOENT}, 0},
	    {{"/proc/100/fd", .err = EACCES}, 1},
	    {{"/proc/200/maps", .err = EACCES}, 1},
	    {{"/proc/200/maps", .err = EIO}, 1},
	    {{"/proc/200/maps", .text = ""}, 0},
	    {{"/proc/200/task", .err = EIO}, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake files[] = {FIRST,
		    {"/proc/100/maps", .text = RANGE "08:01 8 /dev/shm/y\n"},
		    {"/proc/200/maps", .text = ""}, cases[i].fake};
		struct shunt__users u = {.anon = 1};

		files[0] = (struct fake)NONE;
		files[6].dev = makedev(8, 1);
		if (strcmp(files[6].path, files[5].path) == 0)
			files[5] = files[6];
		shunt__users_device(&u, makedev(8, 1));
		read_all(&u, ALL(files), 0);
		if (u.hidden != cases[i].hidden)
			fail_msg("case %zu: hidden %d", i, u.hidden);
		has(&u, SHUNT__USE_FILE, makedev(8, 1), 8, 100, 0);
		assert_int_equal(i == 0, shunt__users_find(&u, SHUNT__USE_FILE,
					     makedev(8, 1), 9) != NULL);
		shunt__users_clear(&u);
	}
}

/* Identifiers, files and memfds may all have one number. */
static void
things_of_one_number_are_told_apart(void **state)
{
	(void)state;
	for (uint64_t dev = 0; dev < 500; dev++) {
		struct shunt__users u = {0};
		int32_t pid = 1;

		for (int of = SHUNT__USE_FILE; of <= SHUNT__USE_MEMFD; of++)
			for (uint64_t d = dev; d < dev + 20; d++)
				assert_int_equal(
				    shunt__use_add(
					shunt__users_entry(&u,
					    (enum shunt__use_of)of, d, 4711),
					pid++),
				    0);
		pid = 1;
		for (int of = SHUNT__USE_FILE; of <= SHUNT__USE_MEMFD; of++)
			for (uint64_t d = dev; d < dev + 20; d++)
				has(&u, (enum shunt__use_of)of, d, 4711, pid++,
				    0);
		assert_int_equal(u.n, 60);
		shunt__users_clear(&u);
	}
}

/* Where it would be looked for first in a table that is new. */
static size_t
first_slot(enum shunt__use_of of, uint64_t ino)
{
	struct shunt__users u = {0};
	size_t at = 0;

	assert_non_null(shunt__users_entry(&u, of, 1, ino));
	while (u.slots[at] == 0)
		at++;
	assert_int_equal(u.nslots, 128);
	shunt__users_clear(&u);
	return at;
}

/* Every slot between the places of two is taken: the search for the one leads
 * past the other. */
static void
a_full_table_keeps_a_memfd_from_an_identifier(void **state)
{
	size_t from = first_slot(SHUNT__USE_MEMFD, 5);
	size_t to = first_slot(SHUNT__USE_SYSV, 5);
	struct shunt__users u = {0};
	struct shunt__use *sysv = shunt__users_entry(&u, SHUNT__USE_SYSV, 1, 5);
	uint64_t ino = 100;

	(void)state;
	assert_int_equal(shunt__use_add(sysv, 7), 0);
	for (size_t at = from; at != to; at = (at + 1) % 128) {
		while (first_slot(SHUNT__USE_FILE, ino) != at)
			ino++;
		shunt__users_entry(&u, SHUNT__USE_FILE, 1, ino++);
	}
	assert_int_equal(u.nslots, 128);
	assert_null(shunt__users_find(&u, SHUNT__USE_MEMFD, 1, 5));
	assert_int_equal(
	    shunt__use_add(shunt__users_entry(&u, SHUNT__USE_MEMFD, 1, 5), 8),
	    0);
	has(&u, SHUNT__USE_SYSV, 1, 5, 7, 0);
	has(&u, SHUNT__USE_MEMFD, 1, 5, 8, 0);
	shunt__users_clear(&u);
}

static void
more_devices_than_there_is_room_for_are_hidden(void **state)
{
	struct shunt__users u = {0};

	(void)state;
	for (uint64_t dev = 1; dev <= SHUNT__USERS_DEVICES; dev++)
		shunt__users_device(&u, dev);
	shunt__users_device(&u, 1); /* known already */
	assert_int_equal(u.hidden, 0);
	shunt__users_device(&u, SHUNT__USERS_DEVICES + 1);
	assert_int_equal(u.hidden, 1);
	assert_int_equal(u.ndevices, SHUNT__USERS_DEVICES);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(processes_are_found_whatever_they_look_like),
	    TEST(lines_that_no_kernel_writes_are_passed_over),
	    TEST(hidepid_hides_unless_it_says_off),
	    TEST(what_may_not_be_seen_is_hidden_and_the_rest_is_told),
	    TEST(things_of_one_number_are_told_apart),
	    TEST(a_full_table_keeps_a_memfd_from_an_identifier),
	    TEST(more_devices_than_there_is_room_for_are_hidden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
