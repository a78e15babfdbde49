/* SPDX-License-Identifier: MIT */
/*
 * Users and groups by name: what the system's lists of them may answer.
 * The program brings its own lists, in front of the C library's; another one
 * than glibc, linked statically, wants to have them alone.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <grp.h>
#include <pwd.h>

#include <shunt/error.h>

#include "segment/raw.h"

/* What the lists say: an errno, or for the name "somebody" 4711. */
static int says;
static size_t room_wanted, room_most;
static int asked;

#ifdef __GLIBC__
static int
look_up(const char *name, size_t len, uint32_t *id)
{
	asked++;
	room_most = len;
	if (says != 0)
		return says;
	if (len < room_wanted)
		return ERANGE;
	if (strcmp(name, "somebody") == 0)
		*id = 4711;
	return 0;
}

int
getpwnam_r(const char *name, struct passwd *pw, char *buf, size_t len,
    struct passwd **out)
{
	int e = look_up(name, len, &pw->pw_uid);

	(void)buf;
	*out = e == 0 && strcmp(name, "somebody") == 0 ? pw : NULL;
	return e;
}

int
getgrnam_r(const char *name, struct group *gr, char *buf, size_t len,
    struct group **out)
{
	int e = look_up(name, len, &gr->gr_gid);

	(void)buf;
	*out = e == 0 && strcmp(name, "somebody") == 0 ? gr : NULL;
	return e;
}

#endif

static const struct {
	const char *what;
	int (*number)(const char *name, uint32_t *out);
} lists[] = {{"user", shunt__user_number}, {"group", shunt__group_number}};
#define LISTS 2

static void
lists_say(int e, size_t wanted)
{
#ifndef __GLIBC__
	skip();
#endif
	says = e;
	room_wanted = wanted;
	asked = 0;
}

static void
a_number_needs_no_list(void **state)
{
	static const struct {
		const char *text;
		uint32_t number;
	} each[] = {{"0", 0}, {"4711", 4711}, {"4294967294", 4294967294u}};
	uint32_t id;

	(void)state;
	lists_say(EIO, 0);
	for (int l = 0; l < LISTS; l++)
		for (size_t i = 0; i < 3; i++) {
			id = 1;
			assert_int_equal(lists[l].number(each[i].text, &id), 0);
			assert_int_equal(id, each[i].number);
		}
	assert_int_equal(asked, 0);
}

/* Among them the number that chown(2) takes for "leave it as it is". */
static void
what_is_no_number_is_a_name(void **state)
{
	static const char *const each[] = {"", "x", "-1", "1x", "x1", ":",
	    "4294967295", "4294967296", "99999999999999999999999"};
	uint32_t id = 7;

	(void)state;
	lists_say(0, 0);
	for (int l = 0; l < LISTS; l++)
		for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
			assert_int_equal(
			    lists[l].number(each[i], &id), -EINVAL);
			assert_detail("there is no ");
			assert_detail(lists[l].what);
			assert_detail(each[i]);
		}
	assert_int_equal(id, 7);
	for (int l = 0; l < LISTS; l++) {
		assert_int_equal(lists[l].number("somebody", &id), 0);
		assert_int_equal(id, 4711);
	}
}

static void
a_group_of_thousands_is_found(void **state)
{
	uint32_t id;

	(void)state;
	for (int l = 0; l < LISTS; l++) {
		lists_say(0, 300000);
		id = 0;
		assert_int_equal(lists[l].number("somebody", &id), 0);
		assert_int_equal(id, 4711);
		assert_true(room_most >= 300000);
	}
}

static void
a_list_without_an_end_is_given_up(void **state)
{
	uint32_t id;

	(void)state;
	for (int l = 0; l < LISTS; l++) {
		lists_say(0, SIZE_MAX);
		assert_int_equal(lists[l].number("somebody", &id), -EINVAL);
		assert_detail("\"somebody\" cannot be looked up");
		assert_in_range(room_most, 1 << 20, 1 << 23);
	}
}

static void
a_list_that_cannot_be_read_is_told(void **state)
{
	static const int each[] = {ENOMEM, EMFILE, ENFILE};
	uint32_t id;

	(void)state;
	for (int l = 0; l < LISTS; l++) {
		for (int i = 0; i < 3; i++) {
			lists_say(each[i], 0);
			assert_int_equal(
			    lists[l].number("somebody", &id), -EINVAL);
			assert_detail(" cannot be looked up: ");
		}
		/* Others are how some systems say that there is none. */
		lists_say(ESRCH, 0);
		assert_int_equal(lists[l].number("somebody", &id), -EINVAL);
		assert_detail("there is no ");
		assert_int_equal(asked, 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_number_needs_no_list),
	    TEST(what_is_no_number_is_a_name),
	    TEST(a_group_of_thousands_is_found),
	    TEST(a_list_without_an_end_is_given_up),
	    TEST(a_list_that_cannot_be_read_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
