/* SPDX-License-Identifier: MIT */
#include "unit/unit.h"
#include <cmocka.h>

#include <shunt/error.h>

#include "base/name.h"

static void
good(const char *text, enum shunt__backend backend, const char *path,
    const char *shown)
{
	struct shunt__name name;

	assert_int_equal(shunt__name_parse(&name, text), 0);
	assert_int_equal(name.backend, backend);
	assert_string_equal(name.path, path);
	assert_string_equal(name.shown, shown);
}

static void
bad(const char *text, const char *why)
{
	struct shunt__name name;

	assert_int_equal(shunt__name_parse(&name, text), SHUNT_E_NAME);
	assert_detail(why);
	/* Each sentence shows the right form. */
	if (text != NULL)
		assert_detail("write /name, file:PATH or fd:N");
}

static void
every_good_form(void **state)
{
	(void)state;
	good("/a", SHUNT__POSIX, "/dev/shm/a", "/a");
	good("a", SHUNT__POSIX, "/dev/shm/a", "/a");
	good("posix:/a", SHUNT__POSIX, "/dev/shm/a", "/a");
	good("posix:a", SHUNT__POSIX, "/dev/shm/a", "/a");
	good("//a", SHUNT__POSIX, "/dev/shm/a", "/a"); /* as glibc does */
	good("...", SHUNT__POSIX, "/dev/shm/...", "/...");
	good("a:b", SHUNT__POSIX, "/dev/shm/a:b", "/a:b");
	good("file:/x/y", SHUNT__FILE, "/x/y", "file:/x/y");
	good("file:y", SHUNT__FILE, "y", "file:y");
	good("fd:0", SHUNT__FD, "/proc/self/fd/0", "fd:0");
	good("fd:1023", SHUNT__FD, "/proc/self/fd/1023", "fd:1023");
}

static void
every_bad_form_with_its_reason(void **state)
{
	(void)state;
	bad(NULL, "no name was given");
	bad("", "it is empty");
	bad("/", "it is empty");
	bad("///", "it is empty");
	bad("posix:", "it is empty");
	bad("posix:/", "it is empty");
	bad(".", "that is a directory");
	bad("/..", "that is a directory");
	bad("posix:..", "that is a directory");
	bad("/a/b", "it has a slash inside");
	bad("a/", "it has a slash inside");
	bad("posix:/a/b", "it has a slash inside");
	bad("file:", "the path is empty");
	bad("fd:", "the number is missing");
	bad("fd:x", "no descriptor number");
	bad("fd:-1", "no descriptor number");
	bad("fd:3 ", "no descriptor number");
	bad("fd:99999999999999999999", "no descriptor number");
	bad("sysv:0x1234", "System V");
}

static void
length_is_limited_as_the_kernel_does(void **state)
{
	char text[PATH_MAX + 100];
	struct shunt__name name;

	(void)state;
	memset(text, 'n', sizeof(text));
	text[0] = '/';
	text[1 + 255] = 0;
	assert_int_equal(shunt__name_parse(&name, text), 0);
	assert_int_equal(strlen(name.path), strlen("/dev/shm/") + 255);
	text[1 + 255] = 'n';
	text[1 + 256] = 0;
	bad(text, "longer than 255 bytes");

	memset(text, 'n', sizeof(text));
	memcpy(text, "file:", 5);
	text[5 + PATH_MAX - 1] = 0;
	assert_int_equal(shunt__name_parse(&name, text), 0);
	assert_int_equal(strlen(name.path), PATH_MAX - 1);
	assert_int_equal(strlen(name.shown), PATH_MAX + 4);
	text[5 + PATH_MAX - 1] = 'n';
	text[5 + PATH_MAX] = 0;
	bad(text, "the path is too long");
}

static void
bad_names_are_shown_harmless(void **state)
{
	struct shunt__name name;

	(void)state;
	assert_int_equal(
	    shunt__name_parse(&name, "/a\033]0;x\a/b"), SHUNT_E_NAME);
	assert_null(strchr(shunt_error_detail(), 033));
	assert_detail("\\x1b]0;x\\x07");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(every_good_form),
	    TEST(every_bad_form_with_its_reason),
	    TEST(length_is_limited_as_the_kernel_does),
	    TEST(bad_names_are_shown_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
