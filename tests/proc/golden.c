/* SPDX-License-Identifier: MIT */
/*
 * Rolling upgrade: objects that older builds made, kept in tests/golden, are
 * opened, drained and inspected by today's, or refused in a sentence that
 * names both layouts.
 *
 *	golden            every image of tests/golden/LAYOUT/KIND.gz
 *	golden make DIR   writes images of today's build; tools/make-golden
 *
 * Each is tried as it is, as of another boot, as by a version to come.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shunt.h>

#include "lib/peers.h"
#include "proc/libgolden.h"
#include "segment/object.h"

/* A command; its exit status. */
static int run(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int
run(const char *format, ...)
{
	char line[2000];
	va_list args;

	va_start(args, format);
	int n = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	NEED(n > 0 && (size_t)n < sizeof(line));
	int status = system(line);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int
make_all(const char *dir)
{
	int n = 0;

	for (const struct golden *g = goldens; g->kind != NULL; g++, n++) {
		char to[300];
		const char *name = test_name(g->kind);
		g->make(name);
		snprintf(to, sizeof(to), "%s/%s", dir, g->kind);
		/* -n: no name and no time, so that the same bytes come out. */
		NEED(run("gzip -9n <%s >%s.gz", test_path(name), to) == 0);
	}
	printf("%d images\n", n);
	return 0;
}

/* ---- what is in its header, and what is put there -------------------------
 */

static struct shunt__header_lay
header_of(const char *path)
{
	struct shunt__header_lay h;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	NEED(fd >= 0 && read(fd, &h, sizeof(h)) == sizeof(h));
	close(fd);
	return h;
}

static void
set_header(const char *path, struct shunt__header_lay h)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	h.hd_check =
	    shunt__checksum(&h, offsetof(struct shunt__header_lay, hd_check));
	NEED(fd >= 0 && write(fd, &h, sizeof(h)) == sizeof(h));
	close(fd);
}

/* ---- the images ------------------------------------------------------------
 */

static int used, refused, changed;

static const char *
unpack(const char *image, const char *kind)
{
	const char *name = test_name(kind);

	NEED(run("gzip -dc <%s >%s", image, test_path(name)) == 0);
	NEED(chmod(test_path(name), 0600) == 0);
	return name;
}

struct opener {
	const struct golden *g;
	const char *name;
};

static int
use(void *arg)
{
	const struct opener *o = arg;

	o->g->use(o->name);
	return 0;
}

/* The command answers, whether it can read it or not. */
static void
inspect(const char *name, int readable)
{
	const char *shunt = getenv("SHUNT");

	if (shunt == NULL)
		return;
	int rc = run("%s stat %s >/dev/null 2>&1", shunt, name);
	NEED(readable ? rc == 0 : rc == 1 || rc == 0);
}

/* Opened as what it is, by whatever call: refused, and both versions said. */
static void
is_refused(const char *name, uint32_t layout)
{
	struct shunt_queue *queue;
	char theirs[16], ours[16];
	const char *why;

	NEED(shunt_queue_open(&queue, name, NULL) == SHUNT_E_LAYOUT);
	why = shunt_error_detail();
	snprintf(theirs, sizeof(theirs), "%#x", layout);
	snprintf(ours, sizeof(ours), "%#x", SHUNT__LAYOUT);
	if (strstr(why, theirs) == NULL || strstr(why, ours) == NULL ||
	    strstr(why, SHUNT_VERSION) == NULL)
		fprintf(stderr, "%s\n", why);
	NEED(strstr(why, theirs) != NULL && strstr(why, ours) != NULL);
	NEED(strstr(why, SHUNT_VERSION) != NULL);
	inspect(name, 0);
	unlink(test_path(name));
	refused++;
}

static void
is_used(const struct golden *g, const char *name)
{
	struct opener o = {g, name};

	inspect(name, 1);
	/* In a process of its own: what fails says which image it was. */
	int rc = peer_end(peer_start(use, &o));
	/* While a layout is developed, tools/make-golden waits for its end. */
	if (rc == GOLDEN_OTHER && SHUNT__LAYOUT >= 0x8000) {
		unlink(test_path(name));
		changed++;
		return;
	}
	if (rc != 0) {
		fprintf(stderr, "%s image, see above\n", g->kind);
		exit(1);
	}
	inspect(name, 1);
	NEED(shunt_remove(name, NULL) == 0);
	used++;
}

/* Only a log has a clock in it. */
static void
is_of_another_clock(const char *name)
{
	struct shunt_log *log;

	NEED(shunt_log_open(&log, name, NULL) == SHUNT_E_TIMENS);
	inspect(name, 1);
	unlink(test_path(name));
	refused++;
}

static void
is_listed(const char *name)
{
	const char *shunt = getenv("SHUNT");

	if (shunt != NULL)
		NEED(run("%s ls | grep -q -e %s", shunt, name + 1) == 0);
}

static void
try_image(const struct golden *g, const char *image)
{
	const char *name = unpack(image, g->kind);
	struct shunt__header_lay h = header_of(test_path(name));

	is_listed(name);
	if (h.hd_layout != SHUNT__LAYOUT) {
		is_refused(name, h.hd_layout);
		return;
	}
	h.hd_timens = shunt__who_timens();
	set_header(test_path(name), h);
	is_used(g, name);

	/* As if from before the last boot, and by a pid that is another's. */
	name = unpack(image, g->kind);
	h.hd_boot[0] ^= 0xff;
	h.hd_pid = 1;
	set_header(test_path(name), h);
	is_used(g, name);

	if (changed == 0 && strcmp(g->kind, "log") == 0 && h.hd_timens != 0) {
		name = unpack(image, g->kind);
		h.hd_timens++;
		set_header(test_path(name), h);
		is_of_another_clock(name);
	}

	/* As if by a version that is still to come. */
	name = unpack(image, g->kind);
	h.hd_layout = SHUNT__LAYOUT + 1;
	set_header(test_path(name), h);
	is_refused(name, h.hd_layout);
}

static void
try_layout(const char *dir)
{
	for (const struct golden *g = goldens; g->kind != NULL; g++) {
		char image[700];
		snprintf(image, sizeof(image), "%s/%s.gz", dir, g->kind);
		if (access(image, R_OK) == 0)
			try_image(g, image);
	}
}

static int
is_layout(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static int
try_all(const char *top)
{
	char dir[300], layout[600];
	struct dirent **list;

	snprintf(dir, sizeof(dir), "%s/tests/golden", top);
	int n = scandir(dir, &list, is_layout, alphasort);
	NEED(n > 0);
	for (int i = 0; i < n; i++) {
		snprintf(layout, sizeof(layout), "%s/%s", dir, list[i]->d_name);
		try_layout(layout);
		free(list[i]);
	}
	free(list);
	printf("%d layouts, %d images used, %d refused, %d of structs that "
	       "have changed since (tools/make-golden)\n",
	    n, used, refused, changed);
	NEED(used > 0 || refused > 0);
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "make") == 0)
		return make_all(argv[2]);
	return try_all(getenv("TOP") != NULL ? getenv("TOP") : ".");
}
