/* SPDX-License-Identifier: MIT */
/*
 * Four children log through a handle that their parent opened.  Serve it with
 *
 *	shunt logd -n /forking-example -o - &
 *	./forking
 */
#include <shunt.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int
main(void)
{
	struct shunt_log_options o = {.sz = sizeof(o), .tag = "forking"};
	struct shunt_log *log;
	int failed = 0, status;

	if (shunt_log_open(&log, "/forking-example", &o) < 0) {
		fprintf(stderr, "%s\n", shunt_error_detail());
		return 1;
	}
	for (int child = 0; child < 4; child++)
		if (fork() == 0) {
			int e = shunt_log_printf(
			    log, SHUNT_LOG_INFO, "child %d at work", child);
			shunt_log_close(&log);
			_exit(e != 0);
		}
	while (wait(&status) > 0)
		failed |= status;
	shunt_log_close(&log);
	return failed != 0;
}
