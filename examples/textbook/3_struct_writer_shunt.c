/* SPDX-License-Identifier: MIT */
/*
 * The same with libshunt: the same struct under the same name, so that it
 * talks to 3_struct_reader_plain.c too.
 */
#include <err.h>
#include <stdio.h>

#include <shunt.h>

#include "3_demo.h"
#include "tidy.h"

int
main(void)
{
	struct shunt_segment *segment;
	struct demo *demo;

	if (shunt_segment_create(&segment, DEMO_NAME, sizeof(*demo), NULL) < 0)
		errx(1, "%s", shunt_error_detail());
	demo = shunt_segment_data(segment);
	if (demo->stage != EMPTY)
		errx(1, "%s is in use; if by nobody: shunt rm %s", DEMO_NAME,
		    DEMO_NAME);
	tidy_on_signal(DEMO_PATH);

	demo->number = 21;
	demo->reading = 36.6;
	snprintf(
	    demo->text, sizeof(demo->text), "What is twice %d?", demo->number);
	demo_reach(demo, FILLED);

	demo_await(demo, ANSWERED);
	printf("the reader says %d: %.*s\n", demo->number,
	    (int)sizeof(demo->text), demo->text);

	shunt_segment_close(&segment);
	return 0;
}
