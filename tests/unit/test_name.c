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
		assert_detail(strncmp(text, "sysv:", 5) != 0
				  ? "write /name, file:PATH, fd:N or sysv:0x"
				  : "write sysv:0x1234 (its key), sysv:id=N, "
				    "sysv:ftok=PATH,N or sysv:private");
}

static void
sysv(const char *text, enum shunt__sysv_by by, uint32_t number,
    const char *path, const char *shown)
{
	struct shunt__name name;

	good(text, SHUNT__SYSV, path, shown);
	assert_int_equal(shunt__name_parse(&name, text), 0);
	assert_int_equal(name.by, by);
	assert_int_equal((uint32_t)name.number, number);
	assert_int_equal(name.fd, -1);
	/* What is shown is a name of the same segment. */
	assert_int_equal(shunt__name_parse(&name, shown), 0);
	assert_int_equal(name.by, by);
	assert_int_equal((uint32_t)name.number, number);
	assert_string_equal(name.path, path);
	assert_string_equal(name.shown, shown);
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
every_good_form_of_system_v(void **state)
{
	(void)state;
	sysv("sysv:0x1234", SHUNT__SYSV_KEY, 0x1234, "", "sysv:0x00001234");
	sysv("sysv:0X1aB4", SHUNT__SYSV_KEY, 0x1ab4, "", "sysv:0x00001ab4");
	sysv("sysv:4660", SHUNT__SYSV_KEY, 0x1234, "", "sysv:0x00001234");
	sysv("sysv:0x00000001", SHUNT__SYSV_KEY, 1, "", "sysv:0x00000001");
	sysv("sysv:0xffffffff", SHUNT__SYSV_KEY, UINT32_MAX, "",
	    "sysv:0xffffffff");
	sysv("sysv:4294967295", SHUNT__SYSV_KEY, UINT32_MAX, "",
	    "sysv:0xffffffff");
	sysv("sysv:-1", SHUNT__SYSV_KEY, UINT32_MAX, "", "sysv:0xffffffff");
	sysv("sysv:-5", SHUNT__SYSV_KEY, 0xfffffffb, "", "sysv:0xfffffffb");
	sysv("sysv:-2147483648", SHUNT__SYSV_KEY, 0x80000000, "",
	    "sysv:0x80000000");
	sysv("sysv:id=0", SHUNT__SYSV_ID, 0, "", "sysv:id=0");
	sysv("sysv:id=2147483647", SHUNT__SYSV_ID, INT32_MAX, "",
	    "sysv:id=2147483647");
	sysv("sysv:ftok=/a,1", SHUNT__SYSV_FTOK, 1, "/a", "sysv:ftok=/a,1");
	sysv("sysv:ftok=a,b,255", SHUNT__SYSV_FTOK, 255, "a,b",
	    "sysv:ftok=a,b,255");
	sysv("sysv:ftok=/a b,R", SHUNT__SYSV_FTOK, 'R', "/a b",
	    "sysv:ftok=/a b,82");
	sysv("sysv:ftok=x,-", SHUNT__SYSV_FTOK, '-', "x", "sysv:ftok=x,45");
	sysv("sysv:ftok=x,7", SHUNT__SYSV_FTOK, 7, "x", "sysv:ftok=x,7");
	sysv(
	    "sysv:ftok=x,\xe4", SHUNT__SYSV_FTOK, 0xe4, "x", "sysv:ftok=x,228");
	sysv("sysv:private", SHUNT__SYSV_PRIVATE, 0, "", "sysv:private");
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
	bad("fd:2147483648", "no descriptor number");
}

static void
every_bad_form_of_system_v(void **state)
{
	(void)state;
	bad("sysv:", "the key is missing");
	bad("sysv:0", "key 0 is IPC_PRIVATE");
	bad("sysv:0x0", "as sysv:private does");
	bad("sysv:-0", "key 0 is IPC_PRIVATE");
	bad("sysv:0x", "no key of 32 bits");
	bad("sysv:x", "no key of 32 bits");
	bad("sysv:12a", "no key of 32 bits");
	bad("sysv:0x12g", "no key of 32 bits");
	bad("sysv:0x12G", "no key of 32 bits");
	bad("sysv:0x1@", "no key of 32 bits");
	bad("sysv:1 ", "no key of 32 bits");
	bad("sysv: 1", "no key of 32 bits");
	bad("sysv:+1", "no key of 32 bits");
	bad("sysv:0x100000000", "no key of 32 bits");
	bad("sysv:4294967296", "no key of 32 bits");
	bad("sysv:-2147483649", "no key of 32 bits");
	bad("sysv:-", "no key of 32 bits");
	bad("sysv:-0x5", "no key of 32 bits");
	bad("sysv:99999999999999999999999", "no key of 32 bits");
	bad("sysv:Private", "no key of 32 bits");
	bad("sysv:private ", "no key of 32 bits");
	bad("sysv:id", "no key of 32 bits");
	bad("sysv:id=", "no identifier");
	bad("sysv:id=-1", "no identifier");
	bad("sysv:id=0x1", "no identifier");
	bad("sysv:id=2147483648", "no identifier");
	bad("sysv:ftok", "no key of 32 bits");
	bad("sysv:ftok=", "project is missing");
	bad("sysv:ftok=/a", "project is missing");
	bad("sysv:ftok=,1", "path is empty");
	bad("sysv:ftok=/a,", "1 to 255 or one character");
	bad("sysv:ftok=/a,256", "1 to 255 or one character");
	bad("sysv:ftok=/a,ab", "1 to 255 or one character");
	bad("sysv:ftok=/a,0", "must not be 0");
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

	memset(text, 'n', sizeof(text));
	memcpy(text, "sysv:ftok=", 10);
	memcpy(text + 10 + PATH_MAX - 1, ",255", 5);
	assert_int_equal(shunt__name_parse(&name, text), 0);
	assert_int_equal(strlen(name.path), PATH_MAX - 1);
	assert_string_equal(name.shown, text);
	memcpy(text + 10 + PATH_MAX - 1, "n,255", 6);
	bad(text, "ftok's path is too long");
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
	    TEST(every_good_form_of_system_v),
	    TEST(every_bad_form_with_its_reason),
	    TEST(every_bad_form_of_system_v),
	    TEST(length_is_limited_as_the_kernel_does),
	    TEST(bad_names_are_shown_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
