/* SPDX-License-Identifier: MIT */
/*
 * Client of the log server, with libshunt: asks for messages and logs them.
 * It works before the server starts and while it restarts; a message is safe
 * when shunt_log_write() returns, whoever is killed then.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>

#include <shunt.h>

int
main(void)
{
	struct shunt_log *log;
	size_t room = 0;
	char *line = NULL;
	ssize_t len;
	int e;

	if (shunt_log_open(&log, "/textbook-shunt-log", NULL) < 0)
		errx(1, "%s", shunt_error_detail());
	for (;;) {
		printf("Please type a message: ");
		fflush(stdout);
		len = getline(&line, &room, stdin);
		if (len < 0)
			break;
		if (len > 0 && line[len - 1] == '\n')
			len--;
		e = shunt_log_write(log, SHUNT_LOG_INFO, line, (size_t)len);
		if (e < 0)
			warnx("not logged: %s", shunt_error_text(e));
	}
	printf("\n");
	free(line);
	shunt_log_close(&log);
	return 0;
}
