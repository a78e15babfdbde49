/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { PASSED, FAILED, SKIPPED };

/* Where the test that runs goes on when it fails, in its own thread alone. */
static _Thread_local jmp_buf *back;
static pid_t runner;

/* A child or a thread of a test cannot end the test: it ends its process, and
 * the test sees how. */
static _Noreturn void
leave(int how)
{
	fflush(stdout);
	if (back == NULL || getpid() != runner)
		_exit(255);
	longjmp(*back, how);
}

void
cmocka__fail(const char *file, int line, const char *format, ...)
{
	va_list args;

	printf("[  ERROR   ] --- ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n[   LINE   ] --- %s:%d: error: Failure!\n", file, line);
	leave(FAILED);
}

void
cmocka__skip(const char *file, int line)
{
	printf("[   LINE   ] --- %s:%d: Skipped\n", file, line);
	leave(SKIPPED);
}

void
cmocka__within(uintmax_t v, uintmax_t least, uintmax_t most, const char *what,
    const char *file, int line)
{
	if (v < least || v > most)
		cmocka__fail(file, line, "%s is %#jx, not in %#jx to %#jx",
		    what, v, least, most);
}

void
cmocka__same_text(const char *a, const char *b, const char *file, int line)
{
	if (strcmp(a, b) != 0)
		cmocka__fail(file, line, "\"%s\" != \"%s\"", a, b);
}

void
cmocka__same_bytes(
    const void *a, const void *b, size_t n, const char *file, int line)
{
	const unsigned char *p = a, *q = b;

	for (size_t i = 0; i < n; i++)
		if (p[i] != q[i])
			cmocka__fail(file, line, "byte %zu of %zu: %#x, %#x", i,
			    n, p[i], q[i]);
}

void
print_message(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	fflush(stdout);
}

static int
left_out(const char *test)
{
	const char *list = getenv("SHUNT_LEFT_OUT");
	char name[256];

	snprintf(name, sizeof(name), " %s ", test);
	return list != NULL && strstr(list, name) != NULL;
}

/* A fixture that fails, or says so, is a failed test. */
static int
fixture(CMFixtureFunction f, void **state)
{
	jmp_buf here;
	volatile int how = PASSED;

	if (f == NULL)
		return PASSED;
	back = &here;
	how = setjmp(here);
	if (how == PASSED && f(state) != 0)
		how = FAILED;
	back = NULL;
	return how;
}

static int
body(CMUnitTestFunction f, void **state)
{
	jmp_buf here;
	volatile int how;

	back = &here;
	how = setjmp(here);
	if (how == PASSED)
		f(state);
	back = NULL;
	return how;
}

static int
run_one(const struct CMUnitTest *test, void *group_state)
{
	static const char *const said[] = {
	    "[       OK ]", "[  FAILED  ]", "[  SKIPPED ]"};
	void *state = group_state;
	int how;

	printf("[ RUN      ] %s\n", test->name);
	fflush(stdout);
	how = fixture(test->setup_func, &state);
	if (how == PASSED)
		how = body(test->test_func, &state);
	if (fixture(test->teardown_func, &state) != PASSED)
		how = FAILED;
	printf("%s %s\n", said[how], test->name);
	return how;
}

int
cmocka__run(const char *group, const struct CMUnitTest *tests, size_t n,
    CMFixtureFunction setup, CMFixtureFunction teardown)
{
	unsigned count[3] = {0};
	void *state = NULL;

	runner = getpid();
	if (fixture(setup, &state) != PASSED) {
		printf("[  FAILED  ] GROUP SETUP %s\n", group);
		count[FAILED]++;
		n = 0;
	}
	for (size_t i = 0; i < n; i++) {
		if (left_out(tests[i].name))
			printf("[ LEFT OUT ] %s\n", tests[i].name);
		else
			count[run_one(&tests[i], state)]++;
	}
	if (fixture(teardown, &state) != PASSED) {
		printf("[  FAILED  ] GROUP TEARDOWN %s\n", group);
		count[FAILED]++;
	}
	printf("[  PASSED  ] %u test(s).\n", count[PASSED]);
	if (count[SKIPPED] > 0)
		printf("[  SKIPPED ] %u test(s)\n", count[SKIPPED]);
	if (count[FAILED] > 0)
		printf("[  FAILED  ] %u test(s)\n", count[FAILED]);
	fflush(stdout);
	return (int)count[FAILED];
}
