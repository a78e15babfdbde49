/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <shunt.h>

#include "args.h"
#include "fail.h"
#include "out.h"
#include "progress.h"
#include "signals.h"

/* shunt put: reads a file or a pipe straight into the memory of a stream. */

#define PIECE   (128u << 10)
#define LOOK_MS 100 /* between two looks for a signal, and lines */

struct put {
	const struct command *cmd;
	const char *name;
	const char *file; /* for sentences */
	int fd;
	int regular; /* reading never waits */
	struct shunt_stream_writer *writer;
	int64_t timeout_ns;
	struct progress bar;
};

static int
broken_off(const struct put *p)
{
	if (p->bar.moved > 0)
		fail_say(p->cmd,
		    "%s: broken off after %" PRIu64 " bytes; its reader is "
		    "told so",
		    out_safe(p->name), p->bar.moved);
	return CLI_FAILED;
}

static int
refuse(struct put *p, int code)
{
	int rc;

	progress_clear(&p->bar);
	if (code == -ETIMEDOUT) {
		fail_say(p->cmd,
		    "%s: full, and no room came in time; is there a reader? "
		    "See `shunt stat %s`",
		    out_safe(p->name), out_safe(p->name));
		rc = CLI_TIMEOUT;
	} else if (code == -EOPNOTSUPP) {
		rc = fail_say(p->cmd,
		    "%s: a stream whose writer never waits and overwrites what "
		    "is not read in time: a file could lose a part of itself "
		    "on its way; use another stream",
		    out_safe(p->name));
	} else if (code == SHUNT_E_CLOSED) {
		rc = fail_say(p->cmd, "%s: its reader has closed it for good",
		    out_safe(p->name));
	} else {
		rc = fail_hot(p->cmd, p->name, code);
	}
	broken_off(p);
	return rc;
}

static int
unreadable(struct put *p, int code)
{
	progress_clear(&p->bar);
	/* The kernel could not write to the memory that we gave it. */
	if (code == -EFAULT)
		return refuse(p, SHUNT_E_TRUNCATED);
	fail_say(p->cmd, "%s: %s", p->file, strerror(-code));
	return broken_off(p);
}

/* A signal came in between. */
static int
stopped(struct put *p)
{
	progress_clear(&p->bar);
	return broken_off(p);
}

/* Input, or its end: 1; 0 after a signal; or -errno. */
static int
wait_for_input(struct put *p)
{
	struct pollfd in = {.fd = p->fd, .events = POLLIN};

	while (!signals_stopped()) {
		int n = p->regular ? 1 : poll(&in, 1, LOOK_MS);
		if (n > 0)
			return 1;
		if (n < 0 && errno != EINTR)
			return -errno;
		progress_wait(&p->bar, "input");
	}
	return 0;
}

/* Room in the stream: bytes of it, 0 after a signal, or a code. */
static ssize_t
wait_for_room(struct put *p, void **at)
{
	struct shunt_send_options opts = {.sz = sizeof(opts)};
	struct wait wait;

	wait_start(&wait, p->timeout_ns);
	while (!signals_stopped()) {
		opts.wait_ns = wait_slice(&wait);
		ssize_t n =
		    shunt_stream_writer_reserve(p->writer, PIECE, at, &opts);
		if (n != -EAGAIN && n != -ETIMEDOUT)
			return n;
		if (wait_over(&wait))
			return -ETIMEDOUT;
		progress_wait(&p->bar, "the reader");
	}
	return 0;
}

static int
finish_step(void *arg, int64_t wait_ns)
{
	struct put *p = arg;
	struct shunt_send_options opts = {
	    .sz = sizeof(opts), .wait_ns = wait_ns};

	return shunt_stream_writer_finish(p->writer, &opts);
}

static int
finish(struct put *p)
{
	int r = wait_call(p->timeout_ns, finish_step, p);

	if (r == -EINTR)
		return stopped(p);
	if (r < 0)
		return refuse(p, r);
	progress_end(&p->bar);
	return CLI_DONE;
}

/* -1 to go on, or the exit code. */
static int
put_piece(struct put *p)
{
	void *at;
	ssize_t room, n;
	int r = wait_for_input(p);

	if (r <= 0)
		return r < 0 ? unreadable(p, r) : stopped(p);
	room = wait_for_room(p, &at);
	if (room <= 0)
		return room < 0 ? refuse(p, (int)room) : stopped(p);
	n = read(p->fd, at, (size_t)room);
	r = n < 0 ? -errno : 0;
	shunt_stream_writer_commit(p->writer, n > 0 ? (size_t)n : 0);
	if (n > 0)
		progress_add(&p->bar, (uint64_t)n);
	if (n == 0)
		return finish(p);
	/* A descriptor that does not wait may have been emptied by others. */
	return r == 0 || r == -EINTR || r == -EAGAIN ? -1 : unreadable(p, r);
}

/* What is left of a file, if it is one. */
static uint64_t
size_left(struct put *p)
{
	struct stat st;
	off_t at = lseek(p->fd, 0, SEEK_CUR);

	p->regular = fstat(p->fd, &st) == 0 && S_ISREG(st.st_mode);
	if (!p->regular || at < 0)
		return PROGRESS_UNKNOWN;
	return at < st.st_size ? (uint64_t)(st.st_size - at) : 0;
}

static int
open_input(struct put *p, const char *file)
{
	p->file = "standard input";
	p->fd = STDIN_FILENO;
	if (file == NULL || strcmp(file, "-") == 0)
		return 0;
	p->file = out_safe(file);
	p->fd = open(file, O_RDONLY | O_CLOEXEC);
	return p->fd < 0 ? -errno : 0;
}

static int
run(const struct command *cmd, int argc, char **argv)
{
	struct shunt_stream_options opts = {.sz = sizeof(opts)};
	struct put p = {.cmd = cmd, .timeout_ns = WAIT_FOREVER};
	int quiet = 0, progress = 0;
	const struct arg table[] = {
	    {'t', "timeout", ARG_SECONDS, &p.timeout_ns, NULL},
	    {'q', "quiet", ARG_FLAG, &quiet, NULL},
	    {0, "progress", ARG_FLAG, &progress, NULL},
	    {0, "buffer", ARG_SIZE, &opts.lane_bytes, NULL},
	    {0, "owner", ARG_TEXT, &opts.owner, NULL},
	    {0},
	};
	const struct operands ops = {1, 2, "NAME and a FILE"};
	int rc = args_read(cmd, table, &ops, &argc, &argv), r;

	if (rc >= 0)
		return rc;
	p.name = argv[0];
	signals_object(p.name);
	signals_catch_stop();
	r = open_input(&p, argc > 1 ? argv[1] : NULL);
	if (r < 0)
		return fail_say(cmd, "%s: %s", p.file, strerror(-r));
	r = shunt_stream_writer_open(&p.writer, p.name, &opts);
	if (r < 0)
		return fail_cold(cmd, p.name, r);
	progress_start(&p.bar, p.name, size_left(&p), quiet ? -1 : progress, 0);
	while (rc < 0)
		rc = put_piece(&p);
	shunt_stream_writer_close(&p.writer);
	return rc == CLI_FAILED ? signals_reraise(rc) : rc;
}

/* clang-format off */
static const char help[] =
"Writes FILE, or without FILE or with - standard input, to a stream, and then\n"
"its end, by which `shunt get` knows that it has everything.  Waits while the\n"
"stream is full.  Either side may come first: a stream that does not exist is\n"
"made, with mode 0600, and goes again when nobody has it and nothing in it is\n"
"unread.  Done means in the stream, not read: the last bytes of a file may\n"
"wait there for a reader.\n"
"\n"
"Interrupted or killed before the end, it leaves a broken stream: the reader\n"
"gets the bytes so far and is told.  What the next put writes is another one.\n"
"\n"
"  -t, --timeout=S   wait at most S seconds for room\n"
"  -q, --quiet       no progress line\n"
"      --progress    a progress line, also where standard error is no terminal\n"
"      --buffer=SIZE bytes on their way, a power of two, if it is made here (1M)\n"
"      --owner=USER  accept a stream of this user\n"
"\n"
"Examples:\n"
"  shunt put /disk image.iso\n"
"  tar c . | shunt put /backup\n"
"  mysqldump app | shunt put /dump --buffer=16M\n";
/* clang-format on */

const struct command command_put = {
    .name = "put",
    .summary = "write a file or a pipe to a stream",
    .synopsis = "NAME [FILE] [--timeout=S] [--quiet]",
    .run = run,
    .help = help,
};
