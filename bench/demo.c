/* SPDX-License-Identifier: MIT */

/*
 * The main job, on real input: four programs log a million lines of this
 * machine's own text through shared memory into one file.  Half way one of
 * them and the server are killed with -9 and started again.  Then every line
 * is accounted for, and the same lines are given to two other loggers.
 */

#include "common.h"
#include "flood.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shunt/error.h>
#include <shunt/logd.h>

#define CLIENTS  4
#define LINES    250000 /* of each */
#define ROUNDS   5      /* of us and O_APPEND, in turn */
#define SECONDS  3      /* of the textbook logger */
#define ROOM     (UINT64_C(1) << 30)
#define VICTIM   2
#define TAIL     6
#define FIRST_IN "\r\033[K" /* the progress line is written over */

/* One line of the table. */
struct rate {
	double lines_per_s, cpu_ns_each;
};

static struct text text;
static int terminal;

/* 1234567 as 1,234,567. */
static const char *
commas(int64_t v)
{
	static char text_of[8][32];
	static int turn;
	char plain[24], *out = text_of[turn = (turn + 1) % 8];
	int n = snprintf(plain, sizeof plain, "%lld", (long long)v), j = 0;

	for (int i = 0; i < n; i++) {
		out[j++] = plain[i];
		if ((n - 1 - i) % 3 == 0 && i < n - 1 && plain[i] != '-')
			out[j++] = ',';
	}
	out[j] = '\0';
	return out;
}

static void
progress(int64_t done, int64_t all)
{
	static uint64_t shown;
	int bars = (int)(done * 40 / all);

	if (!terminal || clock_ns() - shown < 40000000u)
		return;
	shown = clock_ns();
	printf(FIRST_IN "  [%.*s%*s] %s lines", bars,
	    "########################################", 40 - bars, "",
	    commas(done));
	fflush(stdout);
}

static void
clear_progress(void)
{
	if (terminal)
		printf(FIRST_IN);
}

/* ---- the two kills ---- */

static int
kill_client(struct flood *f, int i)
{
	int64_t last;
	pid_t old = f->pid[i];

	kill(old, SIGKILL);
	waitpid(old, NULL, 0);
	last = atomic_load(&f->count[i]->last);
	f->pid[i] = 0;
	if (flood_client(f, i) < 0)
		return -1;
	clear_progress();
	printf("  kill -9   client %d (pid %ld) after %s of its lines;"
	       " again as pid %ld\n",
	    i, (long)old, commas(last), (long)f->pid[i]);
	return 0;
}

static int
kill_server(struct server *s, const struct flood *f)
{
	pid_t old = s->pid;
	int64_t lines;

	server_kill(s);
	lines = flood_lines(f);
	if (server_start(s, f->log, f->file, "never", ANY_CPU) < 0)
		return -1;
	clear_progress();
	printf("  kill -9   the server (pid %ld) after %s lines;"
	       " again as pid %ld\n",
	    (long)old, commas(lines), (long)s->pid);
	return 0;
}

/* Until all clients have ended; with @kills, both of them on the way. */
static int
attend(struct flood *f, struct server *s, int kills)
{
	int64_t all = f->lines_each * f->clients;
	int ended, client_left = kills, server_left = kills;

	while ((ended = flood_ended(f)) == 0) {
		if (client_left &&
		    atomic_load(&f->count[VICTIM]->last) > f->lines_each / 2) {
			client_left = 0;
			if (kill_client(f, VICTIM) < 0)
				return -1;
		}
		if (server_left && flood_lines(f) > all / 2) {
			server_left = 0;
			if (kill_server(s, f) < 0)
				return -1;
		}
		progress(flood_lines(f), all);
		sleep_ns(200000);
	}
	clear_progress();
	if (ended < 0)
		return -1;
	return client_left || server_left
		   ? fail("the clients were done before the kills")
		   : 0;
}

/* The time at which nothing in the log waits to be written; 0 if never. */
static uint64_t
await_drained(const char *log)
{
	struct shunt_logd_stat st = {.sz = sizeof st};
	uint64_t limit = clock_ns() + 20000000000u;
	int r;

	while ((r = shunt_logd_status(log, NULL, &st)) == 0 && st.waiting > 0) {
		if (clock_ns() > limit) {
			fail("lines still wait after 20 s");
			return 0;
		}
		sleep_ns(200000);
	}
	if (r == 0)
		return clock_ns();
	fail("%s: %s", log, shunt_error_detail());
	return 0;
}

/* A server, four clients, and every line of them in the file. */
static int
serve_flood(struct flood *f, int kills, struct rate *rate)
{
	struct server s = {0};
	uint64_t end = 0;
	int bad = server_start(&s, f->log, f->file, "never", ANY_CPU);

	bad = bad || flood_start(f);
	if (!bad && kills) {
		printf("  server    shunt logd, pid %ld\n  clients   pids",
		    (long)s.pid);
		for (int i = 0; i < f->clients; i++)
			printf(" %ld", (long)f->pid[i]);
		printf(", each %s lines\n", commas(f->lines_each));
	}
	if (!bad) {
		flood_go(f);
		bad = attend(f, &s, kills);
	}
	if (!bad)
		bad = (end = await_drained(f->log)) == 0;
	if (bad) {
		server_kill(&s);
		return -1;
	}
	rate->lines_per_s =
	    (double)flood_lines(f) * 1e9 / (double)(end - f->start_ns);
	rate->cpu_ns_each = flood_cpu_ns(f);
	return server_stop(&s);
}

/* ---- the parts of the story ---- */

static int
print_check(const struct check *c, int64_t left_names)
{
	const char *note = "";
	int bad = c->lost || c->duplicated || c->out_of_order || c->damaged ||
		  c->in_file != c->expected || left_names != 0;

	if (c->in_flight)
		note = "   (with the one that was in the killed call)";
	else if (c->expected < (int64_t)c->clients * c->lines_each)
		note = "   (the killed call's line never came to be)";
	printf("\nThe check, exact: each client notes in a file of its own"
	       " which calls returned.\n"
	       "  lines committed        %10s%s\n"
	       "  lines in the file      %10s\n"
	       "  lost                   %10s\n"
	       "  duplicated             %10s\n"
	       "  out of order           %10s\n"
	       "  damaged                %10s\n"
	       "  names left in /dev/shm %10s\n",
	    commas(c->expected), note, commas(c->in_file), commas(c->lost),
	    commas(c->duplicated), commas(c->out_of_order), commas(c->damaged),
	    commas(left_names));
	return bad ? fail("the check does not come out even") : 0;
}

static int
check_job(const struct flood *f)
{
	struct check c = {.clients = f->clients, .lines_each = f->lines_each};

	for (int i = 0; i < f->clients; i++) {
		c.last[i] = atomic_load(&f->count[i]->last);
		c.doubtful[i] = atomic_load(&f->count[i]->doubtful);
	}
	if (check_file(f->file, &text, &c) < 0)
		return -1;
	return print_check(&c, names_left());
}

/* Keeps the end of the log for later: the file goes before the next run. */
static void
keep_tail(const char *path, char *out, size_t room)
{
	int64_t size = file_size(path), at = size - (int64_t)room + 1;
	int fd = open(path, O_RDONLY | O_CLOEXEC), lines = 0;
	ssize_t n = fd < 0 ? 0 : pread(fd, out, room - 1, at > 0 ? at : 0);
	char *p;

	if (fd >= 0)
		close(fd);
	out[n > 0 ? n : 0] = '\0';
	for (p = out + (n > 0 ? n : 0); p > out; p--)
		if (p[-1] == '\n' && lines++ == TAIL)
			break;
	memmove(out, p, strlen(p) + 1);
}

/* The server has escaped what could harm a terminal; here lines are cut. */
static void
print_tail(char *tail)
{
	printf("\nThe end of the log, lines cut to the width of a screen:\n");
	for (char *line = strtok(tail, "\n"); line != NULL;
	     line = strtok(NULL, "\n"))
		printf("  %.76s\n", line);
}

static int
main_job(struct rate *rate, char *tail, size_t room)
{
	char log[NAME_ROOM], file[PATH_ROOM];
	struct flood f = {.clients = CLIENTS,
	    .text = &text,
	    .log = log,
	    .file = file,
	    .lines_each = LINES};
	int bad;

	fresh_name(log, "log");
	scratch_path(file, "demo.log");
	bad = serve_flood(&f, 1, rate) || check_job(&f);
	if (!bad)
		keep_tail(file, tail, room);
	flood_free(&f);
	unlink(file);
	return bad;
}

/* The same million lines without kills. */
static int
ours_again(struct rate *rate)
{
	char log[NAME_ROOM], file[PATH_ROOM];
	struct flood f = {.clients = CLIENTS,
	    .text = &text,
	    .log = log,
	    .file = file,
	    .lines_each = LINES};
	int bad;

	fresh_name(log, "log");
	scratch_path(file, "demo.log");
	bad = serve_flood(&f, 0, rate);
	flood_free(&f);
	unlink(file);
	return bad;
}

static int
append(struct rate *rate)
{
	char file[PATH_ROOM];
	struct flood f = {.clients = CLIENTS,
	    .text = &text,
	    .file = file,
	    .lines_each = LINES};
	int ended = -1;

	scratch_path(file, "append.log");
	if (flood_start(&f) == 0) {
		flood_go(&f);
		while ((ended = flood_ended(&f)) == 0)
			sleep_ns(1000000);
	}
	if (ended > 0) {
		rate->lines_per_s = (double)flood_lines(&f) * 1e9 /
				    (double)(flood_end_ns(&f) - f.start_ns);
		rate->cpu_ns_each = flood_cpu_ns(&f);
	}
	flood_free(&f);
	unlink(file);
	return ended > 0 ? 0 : -1;
}

/* The textbook logger gets a file of such messages and goes round in it. */
static int
textbook(struct rate *rate)
{
	char path[PATH_ROOM], message[MESSAGE_ROOM];
	FILE *f;

	scratch_path(path, "messages");
	f = fopen(path, "w");
	if (f == NULL)
		return fail("cannot write %s", path);
	for (int64_t i = 1; i <= 10000; i++) {
		size_t len = message_make(message, &text, 0, i, clock_ns());

		fprintf(f, "%.*s\n", (int)len, message);
	}
	if (fclose(f) != 0)
		return fail("cannot write %s", path);
	return textbook_rate(
	    CLIENTS, SECONDS, 0, path, &rate->lines_per_s, &rate->cpu_ns_each);
}

static void
print_rate(const char *what, const struct rate *r, const struct rate *ours)
{
	printf("  %-42s %10s %9.0f", what, commas((int64_t)r->lines_per_s),
	    r->cpu_ns_each);
	if (r != ours)
		printf("   %.1f x", ours->lines_per_s / r->lines_per_s);
	putchar('\n');
}

static struct rate
middle(const struct rate *r)
{
	double lines[ROUNDS], ns[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		lines[i] = r[i].lines_per_s;
		ns[i] = r[i].cpu_ns_each;
	}
	return (struct rate){median_of(lines, ROUNDS), median_of(ns, ROUNDS)};
}

static void
print_rates(const struct rate *killed, const struct rate *ours,
    const struct rate *plain, const struct rate *book)
{
	printf("%sFour clients, until the last line is in the file; medians of"
	       " %d rounds in turn;\nns: a client's processor time a line.\n"
	       "  %-42s %10s %9s   shunt is\n",
	    terminal ? FIRST_IN : "\n", ROUNDS, "", "lines/s", "ns/line");
	print_rate("shunt, a million lines", ours, ours);
	print_rate("shunt, the million above, kills included", killed, ours);
	print_rate("plain write(2) to O_APPEND, the same lines", plain, ours);
	print_rate("the textbook logger: slots, semaphores", book, ours);
}

static int
compare(const struct rate *killed)
{
	struct rate ours[ROUNDS], plain[ROUNDS], book, our_middle, their_middle;

	printf("\nHow fast, beside two other loggers ...");
	fflush(stdout);
	for (int i = 0; i < ROUNDS; i++)
		if (ours_again(&ours[i]) || append(&plain[i]))
			return -1;
	if (textbook(&book))
		return -1;
	our_middle = middle(ours);
	their_middle = middle(plain);
	print_rates(killed, &our_middle, &their_middle, &book);
	return 0;
}

static int
enough_room(void)
{
	struct statvfs v;

	if (statvfs(scratch_dir(), &v) < 0 ||
	    (uint64_t)v.f_bavail * v.f_frsize >= ROOM)
		return 0;
	return fail("%s has less than 1 GiB free; set TMPDIR to a place that"
		    " has",
	    scratch_dir());
}

static int
story(void)
{
	struct rate killed = {0};
	char tail[4096];

	printf("shunt demo: %d programs log %s lines through shared memory"
	       " into one file,\nand half way one of them and the server are"
	       " killed with -9.\n\n",
	    CLIENTS, commas((int64_t)CLIENTS * LINES));
	if (enough_room() || text_gather(&text))
		return -1;
	printf("  text      %s lines of this machine's own: package status,"
	       " licences, logs;\n            %d files\n",
	    commas(text.lines), text.files);
	if (main_job(&killed, tail, sizeof tail) || compare(&killed))
		return -1;
	print_tail(tail);
	if (names_left() > 0)
		return fail("names are left in /dev/shm");
	return 0;
}

static int
work(int argc, char **argv)
{
	(void)argv;
	terminal = isatty(STDOUT_FILENO);
	if (argc > 1) {
		printf("usage: demo\nNeeds 1 GiB in $TMPDIR or /var/tmp; exit 0"
		       " if every line is accounted for, else 1.\n");
		return 2;
	}
	if (story() == 0) {
		printf("\nEvery line is accounted for.\n");
		return 0;
	}
	fflush(stdout);
	fprintf(
	    stderr, "%sdemo: FAILED: %s\n", terminal ? FIRST_IN : "", why());
	return 1;
}

int
main(int argc, char **argv)
{
	return guarded("shunt-demo", work, argc, argv);
}
