/* SPDX-License-Identifier: MIT */
/*
 * Parent and child over an anonymous mapping, with plain system calls: no
 * name, no descriptor, nothing to remove.
 *
 * What tutorials get wrong here: MAP_PRIVATE, or malloc(), whose bytes are
 * copied when the child writes; a mapping made after the fork(), which the
 * other one does not have; a parent that reads before the child has written.
 */
#include <err.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "6_family.h"

int
main(void)
{
	struct family *f = mmap(NULL, sizeof(*f), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t child;
	int status;

	if (f == MAP_FAILED)
		err(1, "mmap");

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
	munmap(f, sizeof(*f));
	return 0;
}
