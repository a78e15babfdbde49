/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/*
 * Names that are left where somebody died: which are taken for such, what is
 * given back, and that whoever may have one keeps it.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "segment/remove.h"
#include "unit/answers.h"
#include "unit/raw.h"

#define N16 "0123456789abcdef"

static const struct shunt_remove_options idle = {
    .sz = sizeof(idle), .flags = SHUNT_REMOVE_IDLE};
static const struct shunt_remove_options orphan = {
    .sz = sizeof(orphan), .flags = SHUNT_REMOVE_ORPHAN};

ANSWER(int, rename_new, (const char *a, const char *b), (a, b))
ANSWER(int, unlink, (const char *p), (p))
ANSWER(int, lstat, (const char *p, struct stat *st), (p, st))
ANSWER(int, opendir, (const char *p, DIR **out), (p, out))
ANSWER(int, getrandom, (void *b, size_t n), (b, n))

static struct shunt__name
parse(const char *text)
{
	struct shunt__name name;

	if (shunt__name_parse(&name, text) < 0)
		fail_msg("%s", shunt_error_detail());
	return name;
}

static void
what_looks_like_a_hidden_name(void **state)
{
	static const struct {
		const char *text, *own; /* or NULL: it is none */
	} each[] = {
	    {"/.shunt-removing.x." N16, "/x"},
	    {"/.shunt-removing.a.b." N16, "/a.b"},
	    {"file:/tmp/d/.shunt-removing.x." N16, "file:/tmp/d/x"},
	    {"file:/.shunt-removing.x." N16, "file:/x"},
	    {"/x", NULL},
	    {"/.shunt-removing.", NULL},
	    {"/.shunt-removing." N16, NULL},
	    {"/.shunt-removing.." N16, NULL},
	    {"/.shunt-removing.x-" N16, NULL},
	    {"/.shunt-removing.x.0123456789abcdeX", NULL},
	    {"/.shunt-removing.x.0123456789ABCDEF", NULL},
	    {"file:.shunt-removing.x." N16, NULL},
	    {"sysv:ftok=/tmp/.shunt-removing.x." N16 ",1", NULL},
	};
	struct shunt__name own, name;

	(void)state;
	for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
		name = parse(each[i].text);
		int is = shunt__is_hidden(&name, &own);
		if (is != (each[i].own != NULL))
			fail_msg("%s: %d", each[i].text, is);
		if (is)
			assert_string_equal(own.shown, each[i].own);
		if (!is)
			assert_int_equal(shunt__put_back(&name), -EINVAL);
	}
}

static void
what_looks_unfinished(void **state)
{
	static const struct {
		const char *text;
		int is;
	} each[] = {
	    {"/.shunt-new-" N16, 1},
	    {"file:/tmp/.shunt-new-" N16, 1},
	    {"/x", 0},
	    {"/.shunt-new-", 0},
	    {"/.shunt-new-0" N16, 0},
	    {"/.shunt-new-0123456789abcdeX", 0},
	    {"file:.shunt-new-" N16, 0},
	    {"sysv:ftok=/tmp/.shunt-new-" N16 ",1", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
		struct shunt__name name = parse(each[i].text);
		if (shunt__is_unfinished(&name) != each[i].is)
			fail_msg("%s", each[i].text);
	}
}

/* ---- in a folder of its own -------------------------------------------------
 */

static char folder[64];

static int
begin(void **state)
{
	snprintf(folder, sizeof(folder), "%s/hidden-XXXXXX",
	    getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	if (mkdtemp(folder) == NULL || chdir(folder) != 0)
		return -1;
	return answers_begin(state);
}

static int
end(void **state)
{
	answers_end(state);
	unlink(".shunt-removing.x." N16);
	unlink(".shunt-new-" N16);
	unlink("x");
	return chdir("/") != 0 || rmdir(folder) != 0;
}

static void
put(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "bytes", 5), 5);
	close(fd);
}

#define HIDDEN   ".shunt-removing.x." N16
#define LEFTOVER ".shunt-new-" N16

/* A path may be given from where one is. */
static void
a_relative_name_finds_what_was_hidden(void **state)
{
	char name[128];

	(void)state;
	put(HIDDEN);
	assert_int_equal(shunt_remove("file:x", &orphan), -EBUSY);
	assert_detail("raw segment");
	assert_int_equal(access("x", F_OK), 0);
	assert_int_equal(access(HIDDEN, F_OK), -1);
	assert_int_equal(shunt_remove("file:x", &idle), 0);
	assert_int_equal(access("x", F_OK), -1);
	/* Another one's is left alone. */
	put(HIDDEN);
	assert_int_equal(shunt_remove("file:y", &idle), -ENOENT);
	assert_int_equal(access(HIDDEN, F_OK), 0);
	/* The folder cannot be read, or there is none. */
	SAY(opendir, 0, 1, -EMFILE);
	assert_int_equal(shunt_remove("file:x", &idle), -ENOENT);
	assert_int_equal(opendir_answer.times, 0);
	assert_int_equal(shunt_remove("file:no/x", &idle), -ENOENT);
	assert_int_equal(shunt_remove("file:/no-x-here", &idle), -ENOENT);
	snprintf(name, sizeof(name), "file:%s/x", folder);
	assert_int_equal(shunt_remove(name, &idle), 0);
	assert_int_equal(access(HIDDEN, F_OK), -1);
}

static void
what_cannot_be_given_back_stays_hidden(void **state)
{
	char name[128];

	(void)state;
	snprintf(name, sizeof(name), "file:%s/" HIDDEN, folder);
	put(HIDDEN);
	SAY(rename_new, 0, 1, -EROFS);
	assert_refused(
	    shunt_remove(name, &idle), -EROFS, "its name cannot be given back");
	assert_int_equal(access(HIDDEN, F_OK), 0);
	/* Somebody was quicker: as good as done by us. */
	SAY(rename_new, 0, 1, -ENOENT);
	assert_int_equal(shunt_remove(name, &idle), 1);
	shunt__os = real_os;
	assert_int_equal(shunt_remove(name, &idle), 1);
	assert_int_equal(access("x", F_OK), 0);
}

static void
a_descriptor_has_no_hidden_name(void **state)
{
	struct shunt__name name = parse("fd:0");

	(void)state;
	assert_int_equal(shunt__put_back_of(&name), 0);
}

/* Its own would be longer than a path can be: it is none of ours. */
static void
a_folder_of_a_long_path(void **state)
{
	char text[4096 + 16] = "file:";

	(void)state;
	size_t at = strlen(text);
	for (size_t i = 0; i < 2040; i++)
		memcpy(text + at + 2 * i, "./", 2);
	strcpy(text + at + 4080, "x");
	put(HIDDEN);
	assert_int_equal(shunt_remove(text, &idle), -ENOENT);
	assert_int_equal(access(HIDDEN, F_OK), 0);
	put("x");
	assert_refused(shunt_remove(text, &idle), -EBUSY,
	    "it cannot be put aside under another name");
	assert_int_equal(access("x", F_OK), 0);
}

static void
without_chance_nothing_is_hidden(void **state)
{
	(void)state;
	put("x");
	SAY(getrandom, 0, 1, -ENOSYS);
	assert_refused(shunt_remove("file:x", &idle), -EBUSY,
	    "it cannot be put aside under another name");
	assert_int_equal(access("x", F_OK), 0);
}

/* ---- the leftover of a maker ------------------------------------------------
 */

static int opened_by_another;

static int
lease_that_breaks(int fd, int cmd, int arg)
{
	if (cmd == F_GETLEASE) {
		opened_by_another++;
		return F_RDLCK;
	}
	return real_os.lease(fd, cmd, arg);
}

static void
a_leftover_that_somebody_has_is_kept(void **state)
{
	char name[128];

	(void)state;
	snprintf(name, sizeof(name), "file:%s/" LEFTOVER, folder);
	put(LEFTOVER);
	/* Its maker gave it its name just now. */
	SAY(lstat, 0, 1, -ENOENT);
	assert_refused(shunt_remove(name, &orphan), -EBUSY,
	    "somebody else removes it, or put it back, just now");
	/* Somebody opened it since. */
	shunt__os.lease = lease_that_breaks;
	assert_refused(
	    shunt_remove(name, &orphan), -EBUSY, "somebody opened it just now");
	assert_int_equal(opened_by_another, 1);
	shunt__os = real_os;
	SAY(unlink, 0, 1, -EPERM);
	assert_refused(
	    shunt_remove(name, &orphan), -EPERM, "it is another user's");
	SAY(unlink, 0, 1, -EIO);
	assert_refused(
	    shunt_remove(name, &orphan), -EIO, "it cannot be removed");
	assert_int_equal(access(LEFTOVER, F_OK), 0);
	assert_int_equal(shunt_remove(name, &orphan), 0);
	assert_int_equal(access(LEFTOVER, F_OK), -1);
}

#define IN_A_FOLDER(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_looks_like_a_hidden_name),
	    TEST(what_looks_unfinished),
	    IN_A_FOLDER(a_relative_name_finds_what_was_hidden),
	    IN_A_FOLDER(what_cannot_be_given_back_stays_hidden),
	    TEST(a_descriptor_has_no_hidden_name),
	    IN_A_FOLDER(a_folder_of_a_long_path),
	    IN_A_FOLDER(without_chance_nothing_is_hidden),
	    IN_A_FOLDER(a_leftover_that_somebody_has_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
