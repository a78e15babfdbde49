/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <shunt.h>

#include "args.h"
#include "fail.h"
#include "out.h"
#include "progress.h"
#include "signals.h"

/*
 * shunt get: writes straight from the memory of a stream, and then releases
 * what was written: killed between the two, the next get writes it again.
 */

#define PIECE   (128u << 10)
#define LOOK_MS 100 /* between two looks for a signal, and lines */

struct get {
	const struct command *cmd;
	const char *name;
	const char *file; /* for sentences */
	int fd;
	int escapes; /* a terminal: other programs wrote the bytes */
	int begun;   /* what the file had before is cut off */
	char last;
	struct shunt_stream_reader *reader;
	int64_t timeout_ns;
	uint64_t limit; /* bytes wanted */
	struct progress bar;
};

static int
refuse(struct get *g, int code)
{
	progress_clear(&g->bar);
	if (code == -ETIMEDOUT) {
		fail_say(g->cmd, "%s: %s came in time", out_safe(g->name),
		    g->bar.moved > 0 ? "no more bytes" : "no bytes");
		return CLI_TIMEOUT;
	}
	if (code == SHUNT_E_BROKEN)
		return fail_say(g->cmd,
		    "%s: broken off after %" PRIu64 " bytes: its writer died "
		    "or was stopped before the end",
		    out_safe(g->name), g->bar.moved);
	if (code == -EOPNOTSUPP)
		return fail_say(g->cmd,
		    "%s: a stream whose writer never waits and overwrites what "
		    "is not read in time: nobody can take only what he has "
		    "written; read it in a program, by "
		    "shunt_stream_reader_read()",
		    out_safe(g->name));
	return fail_hot(g->cmd, g->name, code);
}

static int
unwritable(struct get *g, int code)
{
	progress_clear(&g->bar);
	/* The kernel could not read the memory that we gave it. */
	if (code == -EFAULT)
		return refuse(g, SHUNT_E_TRUNCATED);
	return fail_say(g->cmd, "%s: %s; what was not written stays in %s",
	    g->file, strerror(-code), out_safe(g->name));
}

static int
stopped(struct get *g)
{
	progress_clear(&g->bar);
	return CLI_FAILED;
}

/* What there is: bytes, 0 the end, or a code; -EINTR after a signal. */
static ssize_t
wait_for_bytes(struct get *g, const void **at)
{
	struct shunt_recv_options opts = {.sz = sizeof(opts)};
	struct wait wait;

	wait_start(&wait, g->timeout_ns);
	while (!signals_stopped()) {
		opts.wait_ns = wait_slice(&wait);
		ssize_t n = shunt_stream_reader_peek(g->reader, at, &opts);
		if (n != -EAGAIN && n != -ETIMEDOUT)
			return n;
		if (wait_over(&wait))
			return -ETIMEDOUT;
		progress_wait(&g->bar, "the writer");
	}
	return -EINTR;
}

/* Bytes written, 0 after a signal, or -errno. */
static ssize_t
write_some(struct get *g, const void *at, size_t len)
{
	struct pollfd out = {.fd = g->fd, .events = POLLOUT};

	if (g->escapes) {
		char copy[4096]; /* what is looked at must not change */

		len = len < sizeof(copy) ? len : sizeof(copy);
		memcpy(copy, at, len);
		g->last = copy[len - 1];
		int r = out_write_escaped(copy, len);
		return r < 0 ? r : (ssize_t)len;
	}
	while (!signals_stopped()) {
		ssize_t n = write(g->fd, at, len);
		if (n >= 0)
			return n;
		if (errno == EAGAIN)
			poll(&out, 1, LOOK_MS);
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}

/* The file was opened when we came; only now is there something for it. */
static int
begin(struct get *g)
{
	if (g->begun)
		return 0;
	g->begun = 1;
	if (g->fd == STDOUT_FILENO)
		return 0;
	/* A device or a pipe has no length. */
	return ftruncate(g->fd, 0) < 0 && errno != EINVAL ? -errno : 0;
}

static int
end(struct get *g)
{
	shunt_stream_reader_release(g->reader, 0);
	progress_end(&g->bar);
	return CLI_DONE;
}

/* -1 to go on, or the exit code. */
static int
get_piece(struct get *g)
{
	uint64_t left = g->limit - g->bar.moved;
	const void *at;
	ssize_t n, done;

	if (left == 0) {
		progress_end(&g->bar);
		return CLI_DONE;
	}
	n = wait_for_bytes(g, &at);
	if (n == -EINTR)
		return stopped(g);
	if (n == SHUNT_E_BROKEN)
		shunt_stream_reader_release(g->reader, 0);
	if (n < 0)
		return refuse(g, (int)n);
	int r = begin(g);
	if (r < 0)
		return unwritable(g, r);
	if (n == 0)
		return end(g);
	n = (uint64_t)n < left ? n : (ssize_t)left;
	done = write_some(g, at, (size_t)n < PIECE ? (size_t)n : PIECE);
	if (done <= 0)
		return done == 0 || done == -EINTR ? stopped(g)
						   : unwritable(g, (int)done);
	r = shunt_stream_reader_release(g->reader, (size_t)done);
	if (r < 0)
		return refuse(g, r);
	progress_add(&g->bar, (uint64_t)done);
	return -1;
}

static int
open_output(struct get *g, const char *file)
{
	g->file = "standard output";
	g->fd = STDOUT_FILENO;
	if (file == NULL || strcmp(file, "-") == 0) {
		g->escapes = out_terminal();
		return 0;
	}
	g->file = out_safe(file);
	g->fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	return g->fd < 0 ? -errno : 0;
}

/* A full disk may be told as late as here. */
static int
close_output(struct get *g, int rc)
{
	if (g->fd != STDOUT_FILENO && close(g->fd) < 0 && rc == CLI_DONE)
		return fail_say(g->cmd, "%s: %s", g->file, strerror(errno));
	if (g->escapes && g->bar.moved > 0 && g->last != '\n')
		out_write("\n", 1);
	return rc;
}

static int
run(const struct command *cmd, int argc, char **argv)
{
	struct shunt_stream_options opts = {.sz = sizeof(opts)};
	struct get g = {
	    .cmd = cmd, .timeout_ns = WAIT_FOREVER, .limit = PROGRESS_UNKNOWN};
	int quiet = 0, progress = 0;
	const struct arg table[] = {
	    {'n', "bytes", ARG_SIZE, &g.limit, NULL},
	    {'t', "timeout", ARG_SECONDS, &g.timeout_ns, NULL},
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
	g.name = argv[0];
	signals_object(g.name);
	signals_catch_stop();
	r = shunt_stream_reader_open(&g.reader, g.name, &opts);
	if (r < 0)
		return fail_cold(cmd, g.name, r);
	r = open_output(&g, argc > 1 ? argv[1] : NULL);
	if (r < 0) {
		shunt_stream_reader_close(&g.reader);
		return fail_say(cmd, "%s: %s", g.file, strerror(-r));
	}
	progress_start(
	    &g.bar, g.name, g.limit, quiet ? -1 : progress, g.escapes);
	while (rc < 0)
		rc = get_piece(&g);
	rc = close_output(&g, rc);
	shunt_stream_reader_close(&g.reader);
	return rc == CLI_FAILED ? signals_reraise(rc) : rc;
}

/* clang-format off */
static const char help[] =
"Waits for the bytes of a stream and writes them to FILE, or without FILE or\n"
"with - to standard output, up to the end that `shunt put` says.  A stream\n"
"that does not exist is made, as by put.  Bytes are taken out of the stream\n"
"only once they are written: if this get is stopped, killed or cannot write,\n"
"the next one goes on where it was.\n"
"\n"
"If put was stopped or killed before the end, get writes what came, says so\n"
"and fails.\n"
"\n"
"  -n, --bytes=BYTES at most so many; the rest is for the next get\n"
"  -t, --timeout=S   wait at most S seconds for more bytes; 0: not at all\n"
"  -q, --quiet       no progress line\n"
"      --progress    a progress line, also where standard error is no terminal\n"
"      --buffer=SIZE bytes on their way, a power of two, if it is made here (1M)\n"
"      --owner=USER  accept a stream of this user\n"
"\n"
"On a terminal the bytes are escaped: other programs wrote them.\n"
"\n"
"Examples:\n"
"  shunt get /disk copy.iso\n"
"  shunt get /backup | tar x\n"
"  shunt get /dump --timeout=60 | gzip > dump.gz\n";
/* clang-format on */

const struct command command_get = {
    .name = "get",
    .summary = "read a stream into a file or a pipe",
    .synopsis = "NAME [FILE] [-n BYTES] [--timeout=S] [--quiet]",
    .run = run,
    .help = help,
};
