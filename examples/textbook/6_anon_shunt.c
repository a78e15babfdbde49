/* SPDX-License-Identifier: MIT */
/*
 * Parent and child over an anonymous segment, with libshunt.  It is a memfd:
 * it has no name either, but it can be handed to an unrelated process too
 * (shunt_segment_send()), and sealed.  All its memory is reserved: a machine
 * that is full is an error here and not a kill later.
 */
#include <err.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shunt.h>

#include "6_family.h"

int
main(void)
{
	struct shunt_segment *segment;
	struct family *f;
	pid_t child;
	int status;

	if (shunt_segment_anon(&segment, sizeof(*f), NULL) < 0)
		errx(1, "%s", shunt_error_detail());

	f = shunt_segment_data(segment);
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
	shunt_segment_close(&segment);
	return 0;
}
