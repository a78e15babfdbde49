/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/*
 * The file's disk is a tmpfs that fills up, again and again, while clients
 * flood and the server is killed now and then.  Nothing may be lost, nothing
 * be in the file in half, and the server says so and goes on by itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/log_scene.h"
#include "os/os.h"

static char dir[128];

static int
small_disk(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(dir, sizeof(dir), "%s/shunt-test-disk-%d",
	    tmp != NULL ? tmp : "/tmp", getpid());
	if (unshare(CLONE_NEWNS) != 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mkdir(dir, 0700) != 0)
		return -1;
	if (mount("none", dir, "tmpfs", 0, "size=512k") != 0) {
		rmdir(dir);
		return -1;
	}
	return 0;
}

/* Moves what is there to where there is room; logrotate does it so. */
static int
make_room(struct scene *s, struct log_check *check, int i)
{
	char old[300];

	snprintf(old, sizeof(old), "%s.%d", s->path, i);
	if (rename(s->path, old) != 0)
		return 1;
	kill(s->server, SIGHUP);
	/* Reopened, and the old one is left: it does not grow any more. */
	while (access(s->path, F_OK) != 0)
		shunt__os.nanosleep(200000);
	int bad = log_check_file(check, old) < 0;
	unlink(old);
	return bad;
}

static void
until(struct scene *s, _Atomic int *word, int more_than)
{
	while (*word <= more_than && s->server != 0)
		shunt__os.nanosleep(500000);
}

int
main(void)
{
	struct scene s = {.lane_bytes = 16384};
	struct shunt_logd_stat st = {.sz = sizeof(st)};
	struct log_check check = {0};
	int bad = 0;

	if (small_disk() != 0) {
		printf("no right to mount a small disk\n");
		return 77;
	}
	setenv("TMPDIR", dir, 1);
	scene_begin(&s, "full", 55);
	scene_serve(&s);
	for (unsigned i = 0; i < 3; i++)
		scene_client(&s, i);
	for (int i = 0; i < 6 && !bad; i++) {
		until(&s, &s.shared->full, i);
		bad |= shunt_logd_status(s.name, NULL, &st) != 0 ||
		       st.disk_full != 1;
		if (i % 2 == 1) {
			bad |= scene_kill(&s.server);
			int said = s.shared->full;
			scene_serve(&s);
			until(&s, &s.shared->full, said);
			s.shared->full = said; /* one a round is counted */
		}
		bad |= make_room(&s, &check, i);
	}
	/* Now it is full by another's doing, and resumes by itself. */
	until(&s, &s.shared->full, 6);
	s.shared->stop = 1;
	int said = s.shared->resumed;
	bad |= mount("none", dir, NULL, MS_REMOUNT, "size=8m") != 0;
	until(&s, &s.shared->resumed, said);
	bad |= scene_clients_end(&s);
	bad |= scene_server_end(&s);
	bad |= log_check_file(&check, s.path) < 0;
	bad |= scene_judge(&s, &check, "over all files");
	bad |= check.lines != s.shared->lines;
	bad |= scene_finish(&s);
	if (umount(dir) != 0 || rmdir(dir) != 0)
		bad = 1;
	return bad;
}
