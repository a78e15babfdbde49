/* SPDX-License-Identifier: MIT */

/*
 * The guardian: the measuring happens in a child, and its parent does nothing
 * but wait and then clean up, so a crash, a Ctrl-C or a time limit leaves no
 * file, no name in /dev/shm and no process.  Only kill -9 of the guardian
 * itself can leave names; the child dies with it all the same.
 */

#include "common.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[PATH_ROOM / 2];
static char mark[32]; /* each shared-memory name of this run starts so */
static volatile sig_atomic_t worker;

const char *
scratch_dir(void)
{
	return folder;
}

void
scratch_path(char *out, const char *file)
{
	snprintf(out, PATH_ROOM, "%s/%s", folder, file);
}

void
fresh_name(char *out, const char *what)
{
	static unsigned serial;

	snprintf(out, NAME_ROOM, "/%s-%u-%s", mark, serial++, what);
}

void
beside(char *out, const char *relative)
{
	char exe[PATH_ROOM / 2];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
	char *slash;

	exe[n > 0 ? n : 0] = '\0';
	slash = strrchr(exe, '/');
	if (slash != NULL)
		*slash = '\0';
	snprintf(out, PATH_ROOM, "%s/%s", exe, relative);
}

void
die_with_parent(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* Removes, or only counts, the entries of @path that start with @start. */
static int
sweep(const char *path, const char *start, int remove_them)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	int found = 0;

	if (dir == NULL)
		return 0;
	while ((e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.' ||
		    strncmp(e->d_name, start, strlen(start)) != 0)
			continue;
		found++;
		if (remove_them)
			unlinkat(dirfd(dir), e->d_name, 0);
	}
	closedir(dir);
	return found;
}

static int
sweep_names(int remove_them)
{
	char semaphores[sizeof mark + 8];

	snprintf(semaphores, sizeof semaphores, "sem.%s", mark);
	return sweep("/dev/shm", mark, remove_them) +
	       sweep("/dev/shm", semaphores, remove_them);
}

int
names_left(void)
{
	return sweep_names(0);
}

static void
pass_on(int sig)
{
	if (worker > 0)
		kill((pid_t)worker, sig);
}

static int
make_folder(const char *prefix)
{
	const char *base = getenv("TMPDIR");

	if (base == NULL || base[0] == '\0')
		base = "/var/tmp";
	snprintf(mark, sizeof mark, "%s-%ld", prefix, (long)getpid());
	snprintf(folder, sizeof folder, "%s/%s-XXXXXX", base, mark);
	if (mkdtemp(folder) != NULL)
		return 0;
	fprintf(stderr, "%s: cannot make a folder in %s: %s; set TMPDIR\n",
	    prefix, base, strerror(errno));
	return -1;
}

int
guarded(const char *prefix, int (*work)(int, char **), int argc, char **argv)
{
	struct sigaction sa = {.sa_handler = pass_on};
	int status = 0;
	pid_t pid;

	if (make_folder(prefix) < 0)
		return 1;
	pid = fork();
	if (pid == 0) {
		die_with_parent();
		exit(work(argc, argv));
	}
	worker = pid;
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	signal(SIGINT, SIG_IGN); /* the terminal sends it to the child too */
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	sweep_names(1);
	sweep(folder, "", 1);
	rmdir(folder);
	if (pid < 0) {
		perror(prefix);
		return 1;
	}
	if (WIFSIGNALED(status)) {
		fprintf(stderr, "%s: ended by signal %d (%s)\n", prefix,
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
		return 1;
	}
	return WEXITSTATUS(status);
}
