/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/*
 * A signal handler that logs whenever it likes, into the handle and the lane
 * of the thread that it interrupts: it gets the line in, or -EBUSY, and the
 * line that it interrupted is none the worse.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include <shunt/log.h>

#include "lib/log_lines.h"
#include "lib/peers.h"

#define LINES 300000

static struct shunt_log *log_;
static volatile sig_atomic_t from_handler, busy, wrong;

static void
handler(int sig)
{
	(void)sig;
	int e = shunt_log_write(log_, SHUNT_LOG_NOTICE, "handler", 7);

	if (e == 0)
		from_handler++;
	else if (e == -EBUSY)
		busy++;
	else
		wrong++;
}

int
main(void)
{
	const char *name = test_name("signals"), *path = log_path("signals");
	struct sigaction sa = {.sa_handler = handler, .sa_flags = SA_RESTART};
	struct itimerval every = {{0, 60}, {0, 60}}, never = {{0, 0}, {0, 0}};
	struct log_server server;
	struct log_lines lines;
	sigset_t alarms;
	unsigned n = 0;

	NEED(shunt_log_open(&log_, name, NULL) == 1);
	/* The server's thread has nothing to do with the signals. */
	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	NEED(pthread_sigmask(SIG_BLOCK, &alarms, NULL) == 0);
	log_server_start(&server, name, path, 0);
	NEED(shunt_log_write(log_, 6, "first", 5) == 0);
	NEED(sigaction(SIGALRM, &sa, NULL) == 0);
	NEED(pthread_sigmask(SIG_UNBLOCK, &alarms, NULL) == 0);
	NEED(setitimer(ITIMER_REAL, &every, NULL) == 0);
	for (; n < LINES || from_handler < 1000; n++)
		NEED(shunt_log_printf(log_, 6, "main %u", n) == 0);
	NEED(setitimer(ITIMER_REAL, &never, NULL) == 0);
	NEED(pthread_sigmask(SIG_BLOCK, &alarms, NULL) == 0);
	NEED(shunt_log_flush(log_, 20000000000) == 0);
	shunt_log_close(&log_);
	log_server_stop(&server);
	log_lines_read(&lines, path);
	printf("%u lines, %d from the handler, %d busy\n", n, (int)from_handler,
	    (int)busy);
	NEED(wrong == 0);
	NEED(log_lines_in_order(&lines));
	NEED(lines.n == 1 + n + (size_t)from_handler);
	NEED(log_lines_count(&lines, "handler") == (size_t)from_handler);
	unsigned next = 0, got;
	for (size_t i = 0; i < lines.n; i++)
		if (sscanf(lines.line[i].msg, "main %u", &got) == 1)
			NEED(got == next++);
	NEED(next == n);
	log_lines_free(&lines);
	return 0;
}
