/* SPDX-License-Identifier: MIT */
/*
 * Parent and child over a System V private segment, with plain system calls.
 *
 * What tutorials get wrong here: IPC_RMID stands at the end, so that a crash
 * or Ctrl-C leaves a segment without a name, which nobody finds but ipcs.  It
 * can stand right after shmat(): removed, the segment goes with the last
 * process that has it attached, by kill -9 too.  (On Linux; POSIX says only
 * that it goes when all have detached.)  And they call exit() in the child,
 * which writes the parent's unflushed output a second time.
 */
#include <err.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#include "6_family.h"

int
main(void)
{
	int status, id = shmget(IPC_PRIVATE, sizeof(struct family), 0600);
	struct family *f;
	pid_t child;

	if (id < 0)
		err(1, "shmget");
	f = shmat(id, NULL, 0);
	if (shmctl(id, IPC_RMID, NULL) < 0)
		err(1, "IPC_RMID");
	if (f == (void *)-1)
		errx(1, "shmat failed");

	family_ask(f);
	child = fork();
	if (child < 0)
		err(1, "fork");
	if (child == 0) {
		family_answer(f);
		_exit(0);
	}
	if (waitpid(child, &status, 0) < 0)
		err(1, "waitpid");
	if (status != 0)
		errx(1, "the child did not come to its end");
	family_show(f);
	shmdt(f);
	return 0;
}
