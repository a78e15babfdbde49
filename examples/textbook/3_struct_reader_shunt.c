/* SPDX-License-Identifier: MIT */
/*
 * The other process, with libshunt: prints the struct, writes its answer into
 * it, and removes the name, before it answers.
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
	tidy_on_signal(DEMO_PATH);

	demo_await(demo, FILLED);
	printf("number %d, reading %.1f: %.*s\n", demo->number, demo->reading,
	    (int)sizeof(demo->text), demo->text);
	demo->number *= 2;
	snprintf(demo->text, sizeof(demo->text), "as you asked.");

	if (shunt_remove(DEMO_NAME, NULL) < 0)
		errx(1, "%s", shunt_error_detail());
	demo_reach(demo, ANSWERED);

	shunt_segment_close(&segment);
	return 0;
}
