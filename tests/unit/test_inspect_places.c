/* SPDX-License-Identifier: MIT */
/* limit: 20 */
/* Where shared memory is looked for besides names: what has no name, mounts of
 * any shape, directories in directories, mappings of one segment. */
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cmocka.h>

#include <shunt.h>

#include "inspect/places.h"
#include "lib/peers.h"
#include "os/lines.h"
#include "unit/fakefs.h"
#include "unit/sysv.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define SHM          makedev(0, 25)
#define WE                                                                     \
	{"/proc/self", .link = "100"},                                         \
	    {"/proc/self/ns/pid", .link = "pid:[4026531836]"},                 \
	    {"/proc/self/ns/ipc", .link = "ipc:[1]"},                          \
	{                                                                      \
		"/proc/1/maps", .text = ""                                     \
	}

/* ---- what has no name ---- */

static void
another_inode(struct fake *self)
{
	self->ino++;
}

static void
another_device(struct fake *self)
{
	self->dev++;
}

static void
closed(struct fake *self)
{
	self->err = ENOENT;
}

static void
named_again(struct fake *self)
{
	self->links = 1;
}

/* How it is told, or "" if it is not; @after: what happens between that /proc
 * is read and that it is looked at. */
static uint64_t
anonymous(uint32_t place, const struct fake *what, void (*after)(struct fake *),
    const char *name)
{
	struct fake files[] = {
	    WE, {"/proc/100/maps", .text = "1-2 r 0 0:0 0\n"}, *what};
	struct shunt__users users = {.anon = 1};
	struct shunt__files none = {0};
	struct shunt__infos list = {0};
	uint64_t size = 0;

	files[COUNT(files) - 1].seen = after;
	/* A maps file of its own takes the place of the other. */
	if (strcmp(what->path, files[4].path) == 0)
		files[4] = *what;
	shunt__users_device(&users, SHM);
	fake_on(files, COUNT(files));
	assert_int_equal(shunt__users_read(&users, -1), 0);
	if (after == closed)
		fake_off(), fake_on(files, 4); /* it has ended */
	assert_int_equal(shunt__list_anon(&list, place, &users, &none), 0);
	fake_off();
	assert_int_equal(list.n, name[0] != 0);
	if (list.n > 0) {
		assert_string_equal(list.all[0].name, name);
		assert_int_equal(list.all[0].state, SHUNT_STATE_HELD);
		assert_int_equal(list.all[0].place, place);
		size = list.all[0].size;
	}
	shunt__infos_free(&list);
	shunt__users_clear(&users);
	return size;
}

static void
what_was_replaced_while_we_looked_is_not_told(void **state)
{
	const struct fake fd = {
	    "/proc/100/fd/3", .link = "/memfd:x (deleted)", .dev = 1, .ino = 5};
	const struct fake bare = {"/proc/100/fd/3",
	    .link = "/other/x (deleted)", .dev = SHM, .ino = 7};
	const uint32_t memfd = SHUNT_PLACE_MEMFD;

	(void)state;
	anonymous(memfd, &fd, NULL, "memfd:x@100/3");
	anonymous(memfd, &fd, another_inode, "");
	anonymous(memfd, &fd, another_device, "");
	anonymous(memfd, &fd, named_again, "");
	anonymous(memfd, &fd, closed, "");
	/* Of a file that lay elsewhere on that file system all is its name. */
	anonymous(SHUNT_PLACE_UNLINKED, &bare, NULL, "unlinked:/other/x@7");
	anonymous(memfd, &bare, NULL, "");
}

static void
what_is_only_mapped_is_as_large_as_its_mappings(void **state)
{
	const struct fake maps = {"/proc/100/maps",
	    .text = "1000-3000 rw-s 00001000 00:01 5 /memfd:x (deleted)\n"
		    "5000-6000 rw-s 00000000 00:01 5 /memfd:x (deleted)\n"};

	(void)state;
	assert_int_equal(
	    anonymous(SHUNT_PLACE_MEMFD, &maps, NULL, "memfd:x@100/map"),
	    0x3000);
	/* Its process ended before it was looked at. */
	anonymous(SHUNT_PLACE_MEMFD, &maps, closed, "");
}

/* ---- mounts ---- */

static struct shunt__files
mounted(const char *mounts, struct fake *files, size_t n)
{
	struct shunt__users users = {0};
	struct shunt__files found = {0};

	files[0] = (struct fake){"/proc/self/mountinfo", .text = mounts};
	fake_on(files, n);
	assert_int_equal(shunt__list_mounts(&found, "mqueue", &users), 0);
	fake_off();
	return found;
}

static void
mounts_are_found_at_paths_of_any_kind(void **state)
{
	struct fake files[] = {{"", .text = ""}, {.path = "/fake/a b/one"},
	    {.path = "/fake/c\\zz/two"}, {.path = "/fake/d/three"}};
	static char mounts[8192];
	struct shunt__files found;
	int n = snprintf(mounts, sizeof(mounts),
	    "1 - mqueue x\n" /* nothing where the path should be */
	    "20 1 0:1 / /fake/other rw - tmpfs tmpfs rw\n"
	    "21 1 0:2 / /fake/a\\040b rw - mqueue mqueue rw\n"
	    "22 1 0:2 / /fake/d rw - mqueue mqueue rw\n" /* the same */
	    "23 1 0:3 / /fake/c\\zz rw - mqueue mqueue rw\n"
	    "24 1 0:4 / /fake/");

	(void)state;
	/* Longer than any path: it is not found, and hurts nobody. */
	memset(mounts + n, 'a', 5000);
	strcpy(mounts + n + 5000, " rw - mqueue mqueue rw\n");
	found = mounted(mounts, files, COUNT(files));
	assert_int_equal(found.n, 2);
	assert_string_equal(found.all[0].path, "/fake/a b/one");
	assert_string_equal(found.all[1].path, "/fake/c\\zz/two");
	shunt__files_free(&found);
}

static void
no_more_than_thirty_two_file_systems_are_looked_at(void **state)
{
	struct fake files[41] = {{0}};
	static char mounts[4096], paths[40][24];
	struct shunt__files found;
	int n = 0;

	(void)state;
	for (int i = 0; i < 40; i++) {
		snprintf(paths[i], sizeof(paths[i]), "/fake/%02d/q", i);
		files[i + 1].path = paths[i];
		n += snprintf(mounts + n, sizeof(mounts) - (size_t)n,
		    "%d 1 0:%d / /fake/%02d rw - mqueue mqueue rw\n", i + 20,
		    i + 20, i);
	}
	found = mounted(mounts, files, COUNT(files));
	assert_int_equal(found.n, 32);
	assert_string_equal(found.all[31].path, "/fake/31/q");
	shunt__files_free(&found);
}

struct lines {
	int n;
	size_t longest;
	char last[64];
};

static int
note_line(const char *line, void *arg)
{
	struct lines *seen = arg;

	seen->n++;
	if (strlen(line) > seen->longest)
		seen->longest = strlen(line);
	snprintf(seen->last, sizeof(seen->last), "%s", line);
	return 0;
}

static void
a_line_longer_than_any_buffer_hides_no_other(void **state)
{
	static char text[60000];
	struct fake files[] = {{"/proc/self/mountinfo", .text = text}};
	struct lines seen = {0};

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	memcpy(text, "first\n", 6);
	memcpy(text + 50000, "\nlast one\n", 11);
	fake_on(files, 1);
	assert_int_equal(
	    shunt__lines_find("/proc/self/mountinfo", note_line, &seen), 0);
	fake_off();
	assert_int_equal(seen.n, 3);
	assert_true(seen.longest < 50000);
	assert_string_equal(seen.last, "last one");
}

/* ---- directories ---- */

static void
directories_are_entered_as_deep_as_paths_go(void **state)
{
	static char far[4000 + 600], deep[] = "/fake/shm/1/2/3/4/5/6/7/8/9/10/"
					      "11/12/13/14/15/16/17/too-deep";
	struct fake files[] = {{.path = "/fake/shm/near"}, {.path = deep},
	    {.path = far}, {"/fake/shm/pipe", .mode = S_IFIFO},
	    {"/fake/shm/else", .mode = S_IFDIR, .dev = 1},
	    {.path = "/fake/shm/else/other-device"},
	    {"/fake/shm/gone", .err = ENOENT},
	    {"/fake/shm/closed/secret", .err = EACCES},
	    {.path = "/fake/shm/16/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/"
		     "deepest"}};
	struct shunt__users users = {0};
	struct shunt__files found = {0};

	(void)state;
	/* Names of 255 bytes: the last ones are beyond any path. */
	strcpy(far, "/fake/shm");
	for (size_t i = 9; i < 9 + 17 * 256; i++)
		far[i] = (i - 9) % 256 == 0 ? '/' : 'n';
	fake_on(files, COUNT(files));
	assert_int_equal(shunt__files_list(&found, "/fake/shm", &users), 0);
	fake_off();
	shunt__files_sort(&found);
	assert_int_equal(found.n, 2);
	assert_string_equal(found.all[0].path, files[8].path);
	assert_string_equal(found.all[1].path, "/fake/shm/near");
	assert_int_equal(users.ndevices, 1);
	shunt__files_free(&found);
}

static void
a_semaphore_of_libc_lies_in_dev_shm_itself(void **state)
{
	uint64_t size = 4 * sizeof(long);

	(void)state;
	assert_true(shunt__is_sem("/dev/shm/sem.x", size));
	assert_false(shunt__is_sem("/dev/shm/sem.x", size + 1));
	assert_false(shunt__is_sem("/dev/shm/d/sem.x", size));
	assert_false(shunt__is_sem("/dev/shm/same.x", size));
	assert_false(shunt__is_sem("/tmp/sem.x", size));
}

/* ---- mappings ---- */

static void
mappers_have_its_device_and_its_inode(void **state)
{
	const char *name = test_name("mapped");
	struct shunt_segment *seg;
	char text[6][160], by_fd[20];
	struct stat st;
	int64_t pids[8];

	(void)state;
	assert_int_equal(shunt_segment_create(&seg, name, 100, NULL), 0);
	assert_int_equal(stat(test_path(name), &st), 0);
	unsigned ma = major(st.st_dev), mi = minor(st.st_dev);
	unsigned long long ino = st.st_ino;
	snprintf(text[0], 160, "1-2 rw-s 0 %x:%x %llu /x\n", ma, mi, ino);
	snprintf(text[1], 160, "1-2 rw-s 0 %x:%x %llu /x\n", ma, mi + 1, ino);
	snprintf(text[2], 160, "1-2 rw-s 0 %x:%x %llu /x\n", ma + 1, mi, ino);
	snprintf(text[3], 160, "1-2 rw-s 0 %x:%x %llu /x\n", ma, mi, ino + 1);
	snprintf(text[4], 160, "1-2 rw-s 0 %x %llu /x\n", ma, ino);
	struct fake files[] = {{"/proc/100/maps", .text = text[0]},
	    {"/proc/101/maps", .text = text[1]},
	    {"/proc/102/maps", .text = text[2]},
	    {"/proc/103/maps", .text = text[3]},
	    {"/proc/104/maps", .text = text[4]},
	    {"/proc/105/maps", .text = "\n"}, {"/proc/106/maps", .err = EACCES},
	    {"/proc/0/maps", .text = text[0]},
	    {"/proc/-7/maps", .text = text[0]},
	    {"/proc/12x/maps", .text = text[0]},
	    {"/proc/self/maps", .text = text[0]},
	    {"/proc/200/maps", .text = text[0]}};
	fake_on(files, COUNT(files));
	assert_int_equal(shunt_segment_mappers(name, pids, 8), 2);
	assert_int_equal(pids[0], 100);
	assert_int_equal(pids[1], 200);
	snprintf(by_fd, sizeof(by_fd), "fd:%d", shunt_segment_fd(seg));
	assert_int_equal(shunt_segment_mappers(by_fd, pids, 8), 2);
	/* More than there is room for are counted. */
	assert_int_equal(shunt_segment_mappers(name, pids, 1), 2);
	assert_int_equal(shunt_segment_mappers(name, NULL, 8), 2);
	assert_true(shunt_segment_mappers("fd:987654", pids, 8) < 0);
	assert_detail("fd:987654");
	fake_off();
	/* Without /proc nobody can tell. */
	struct fake none[] = {{"/proc", .err = EACCES}};
	fake_on(none, 1);
	assert_int_equal(shunt_segment_mappers(name, pids, 8), -EACCES);
	assert_detail("/proc");
	fake_off();
	shunt_segment_close(&seg);
}

static void
another_namespaces_identifier_is_no_mapper(void **state)
{
	key_t key = sysv_key();
	int id = sysv_plain(key, 5000, 0600);
	const char *name = sysv_name(key);
	char text[3][80];
	int64_t pids[8];

	(void)state;
	snprintf(text[0], 80, "1-2 rw-s 0 00:01 %d /SYSV00000000\n", id);
	snprintf(text[1], 80, "1-2 rw-s 0 00:01 %d /dev/shm/x\n", id);
	snprintf(text[2], 80, "1-2 rw-s 0 08:01 %d /SYSV00000000\n", id);
	struct fake files[] = {WE, {"/proc/100/maps", .text = text[0]},
	    {"/proc/100/ns/ipc", .link = "ipc:[1]"},
	    {"/proc/101/maps", .text = text[0]},
	    {"/proc/101/ns/ipc", .link = "ipc:[2]"},
	    /* Not shown to us: it may be. */
	    {"/proc/102/maps", .text = text[0]},
	    {"/proc/103/maps", .text = text[1]},
	    {"/proc/104/maps", .text = text[2]}};
	fake_on(files, COUNT(files));
	assert_int_equal(shunt_segment_mappers(name, pids, 8), 2);
	assert_int_equal(pids[0], 100);
	assert_int_equal(pids[1], 102);
	fake_off();
	struct fake none[] = {{"/proc", .err = EACCES}};
	fake_on(none, 1);
	assert_int_equal(shunt_segment_mappers(name, pids, 8), -EACCES);
	assert_detail("/proc");
	fake_off();
	shmctl(id, IPC_RMID, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_was_replaced_while_we_looked_is_not_told),
	    TEST(what_is_only_mapped_is_as_large_as_its_mappings),
	    TEST(mounts_are_found_at_paths_of_any_kind),
	    TEST(no_more_than_thirty_two_file_systems_are_looked_at),
	    TEST(a_line_longer_than_any_buffer_hides_no_other),
	    TEST(directories_are_entered_as_deep_as_paths_go),
	    TEST(a_semaphore_of_libc_lies_in_dev_shm_itself),
	    TEST(mappers_have_its_device_and_its_inode),
	    TEST(another_namespaces_identifier_is_no_mapper),
	};

	return cmocka_run_group_tests(tests, sysv_setup, NULL);
}
