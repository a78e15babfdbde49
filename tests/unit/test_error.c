/* SPDX-License-Identifier: MIT */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>

#include <shunt/queue.h>
#include <shunt/segment.h>

#include "base/error.h"

static const struct {
	const char *symbol;
	const char *text;
} table[] = {
#define SHUNT_ERR(symbol, text) {"SHUNT_E_" #symbol, text},
#include "base/err.def"
#undef SHUNT_ERR
};
#define ENTRIES (sizeof(table) / sizeof(table[0]))

/* The header as people read it: each symbol with its number. */
static void
table_and_header_agree(void **state)
{
	const char *top = getenv("TOP");
	char path[4096], line[256], symbol[64];
	size_t seen = 0;
	int code, least = 0;

	(void)state;
	snprintf(path, sizeof(path), "%s/include/shunt/error.h",
	    top != NULL ? top : ".");
	FILE *f = fopen(path, "re");
	if (f == NULL)
		skip();
	while (fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, " %63[A-Z_] = %d,", symbol, &code) != 2)
			continue;
		assert_true(seen < ENTRIES);
		assert_string_equal(symbol, table[seen].symbol);
		assert_string_equal(shunt_error_name(code), symbol);
		assert_string_equal(shunt_error_text(code), table[seen].text);
		assert_true(code < -10000 && code < least);
		least = code;
		seen++;
	}
	fclose(f);
	assert_int_equal(seen, ENTRIES);
}

static void
texts_are_sentences_without_a_full_stop(void **state)
{
	(void)state;
	for (size_t i = 0; i < ENTRIES; i++) {
		size_t n = strlen(table[i].text);
		assert_true(n > 8);
		assert_true(table[i].text[n - 1] != '.');
		assert_null(strchr(table[i].text, '\n'));
	}
}

static void
errno_codes_have_names_and_texts(void **state)
{
	(void)state;
	assert_string_equal(shunt_error_name(-ENOSPC), "ENOSPC");
	assert_string_equal(shunt_error_name(-EAGAIN), "EAGAIN");
	/* What it means here, and not to who converts numbers. */
	assert_string_equal(
	    shunt_error_text(-EOVERFLOW), "there are as many as there may be");
	assert_string_equal(
	    shunt_error_text(-ENOSPC), "No space left on device");
	assert_string_equal(shunt_error_name(0), "0");
	assert_string_equal(shunt_error_text(0), "success");
}

static void
each_errno_has_the_name_that_the_c_library_knows(void **state)
{
	(void)state;
#ifdef __GLIBC__
	for (int err = 1; err < 4096; err++) {
		const char *name = strerrorname_np(err);
		assert_string_equal(shunt_error_name(-err),
		    name != NULL ? name : "unknown error");
	}
#else
	skip();
#endif
}

static void
unknown_codes_are_told_so(void **state)
{
	static const int codes[] = {
	    1, 7, -4000, -4096, -10000, -10999, INT32_MIN, INT32_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		assert_string_equal(
		    shunt_error_name(codes[i]), "unknown error");
		assert_string_equal(
		    shunt_error_text(codes[i]), "unknown error");
	}
}

static void *
other_thread(void *arg)
{
	(void)arg;
	if (strcmp(shunt_error_detail(), "") != 0)
		return "it began with a text";
	shunt__fail(-EIO, "of the other");
	return strcmp(shunt_error_detail(), "of the other") == 0 ? NULL : "?";
}

static void
each_thread_has_its_own_detail(void **state)
{
	pthread_t t;
	void *answer;

	(void)state;
	assert_int_equal(shunt__fail(-EIO, "%s %d", "number", 7), -EIO);
	assert_string_equal(shunt_error_detail(), "number 7");
	assert_int_equal(pthread_create(&t, NULL, other_thread, NULL), 0);
	pthread_join(t, &answer);
	assert_null(answer);
	assert_string_equal(shunt_error_detail(), "number 7");
}

static void
details_are_cut_not_overrun(void **state)
{
	char big[4000];

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = 0;
	shunt__fail(-EIO, "%s", big);
	assert_in_range(strlen(shunt_error_detail()), 500, 1023);
}

static void
strangers_names_are_quoted_harmless(void **state)
{
	char big[400];

	(void)state;
	assert_string_equal(shunt__quote("a\033[2Jb"), "a\\x1b[2Jb");
	memset(big, 1, sizeof(big) - 1);
	big[sizeof(big) - 1] = 0;
	const char *q = shunt__quote(big);
	assert_int_equal(strlen(q), 160 * 4 + 3);
	assert_string_equal(q + 640, "...");
	/* Four at once, as one sentence may need. */
	const char *a = shunt__quote("a"), *b = shunt__quote("b");
	const char *c = shunt__quote("c"), *d = shunt__quote("d");
	assert_string_equal(a, "a");
	assert_string_equal(b, "b");
	assert_string_equal(c, "c");
	assert_string_equal(d, "d");
}

/*
 * A thread's last calls may come from a destructor of another library's key,
 * after ours has run.
 */
static pthread_key_t late_key;
static char late_detail[64];

static void
late(void *arg)
{
	/* Not yet our turn: the keys of others come first. */
	int *turns = arg;

	if (--*turns > 0) {
		pthread_setspecific(late_key, arg);
		return;
	}
	shunt__fail(-EIO, "after the end");
	snprintf(late_detail, sizeof(late_detail), "%s", shunt_error_detail());
}

static void *
ending_thread(void *arg)
{
	shunt__fail(-EIO, "before the end");
	pthread_setspecific(late_key, arg);
	return NULL;
}

static void
a_failure_in_a_thread_s_last_destructor_has_its_text(void **state)
{
	pthread_t t;
	int turns = 2;

	(void)state;
	shunt__fail(-EIO, "our key is made first");
	assert_int_equal(pthread_key_create(&late_key, late), 0);
	assert_int_equal(pthread_create(&t, NULL, ending_thread, &turns), 0);
	pthread_join(t, NULL);
	assert_string_equal(late_detail, "after the end");
	pthread_key_delete(late_key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(table_and_header_agree),
	    TEST(texts_are_sentences_without_a_full_stop),
	    TEST(errno_codes_have_names_and_texts),
	    TEST(each_errno_has_the_name_that_the_c_library_knows),
	    TEST(unknown_codes_are_told_so),
	    TEST(each_thread_has_its_own_detail),
	    TEST(details_are_cut_not_overrun),
	    TEST(strangers_names_are_quoted_harmless),
	    TEST(a_failure_in_a_thread_s_last_destructor_has_its_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
