/* SPDX-License-Identifier: MIT */
/*
 * A queue in a loop of libuv, beside a timer that ends it after a second:
 *
 *	./uv /uv-example & shunt send /uv-example 'to the loop'
 */
#include <shunt.h>
#include <errno.h>
#include <stdio.h>
#include <uv.h>

static void
on_message(uv_poll_t *poll, int status, int events)
{
	struct shunt_recv_options now = {
	    .sz = sizeof(now), .wait_ns = SHUNT_NOWAIT};
	struct shunt_queue *queue = poll->data;
	char msg[256];
	ssize_t n;

	(void)status, (void)events;
	/* To the end: -EAGAIN arms the descriptor for the next time. */
	while ((n = shunt_queue_recv(queue, msg, sizeof msg, NULL, &now)) >= 0)
		printf("%.*s\n", (int)n, msg);
	fflush(stdout);
	if (n != -EAGAIN)
		uv_stop(poll->loop);
}

static void
on_time(uv_timer_t *timer)
{
	uv_stop(timer->loop);
}

int
main(int argc, char **argv)
{
	uv_loop_t *loop = uv_default_loop();
	struct shunt_queue *queue;
	uv_timer_t timer;
	uv_poll_t poll;
	int fd;

	if (argc != 2 || shunt_queue_open(&queue, argv[1], NULL) < 0 ||
	    (fd = shunt_queue_fd(queue)) < 0) {
		fprintf(stderr, "%s\n", shunt_error_detail());
		return 1;
	}
	uv_poll_init(loop, &poll, fd);
	poll.data = queue;
	uv_poll_start(&poll, UV_READABLE, on_message);
	uv_timer_init(loop, &timer);
	uv_timer_start(&timer, on_time, 1000, 0);
	uv_run(loop, UV_RUN_DEFAULT);
	uv_poll_stop(&poll); /* before its descriptor is closed */
	shunt_queue_close(&queue);
	return 0;
}
