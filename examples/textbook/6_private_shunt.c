/* SPDX-License-Identifier: MIT */
/*
 * Parent and child over a System V private segment, with libshunt: removed by
 * its identifier as soon as it is attached, it goes with the last of the two.
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
	char id[32];

	if (shunt_segment_create(&segment, "sysv:private", sizeof(*f), NULL) <
	    0)
		errx(1, "%s", shunt_error_detail());
	snprintf(id, sizeof(id), "sysv:id=%d", shunt_sysv_id(segment));
	if (shunt_remove(id, NULL) < 0)
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
