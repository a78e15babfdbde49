/* SPDX-License-Identifier: MIT */
/* A log that was scribbled over is recovered, drained and read from outside:
 * error codes at worst. */
#include <stdio.h>
#include <stdlib.h>

#include <shunt/inspect.h>
#include <shunt/log.h>
#include <shunt/logd.h>

#include "common.h"
#include "machine.h"
#include "log/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
serve(const struct image *im, const char *file)
{
	const struct shunt_logd_options o = {
	    .sz = sizeof(o), .file = file, .format = SHUNT_FORMAT_JSON};
	struct shunt_logd *d;

	if (shunt_logd_open(&d, im->name, &o) < 0)
		return;
	for (int i = 0; i < 4; i++)
		if (shunt_logd_step(d, SHUNT_NOWAIT) <= 0)
			break;
	shunt_logd_close(&d);
}

static void
look(const struct image *im)
{
	struct shunt_tail *t;
	const char *line;

	if (shunt_tail_open(&t, im->name, NULL, SHUNT_FORMAT_CLASSIC) < 0)
		return;
	for (int i = 0; i < 2000 && shunt_tail_next(t, &line) > 0; i++)
		;
	shunt_tail_close(&t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct shunt_log_options o = {
	    .sz = sizeof(o), .full = SHUNT_LOG_FULL_DROP};
	static const char file[] = MACHINE_DIR "/log";
	struct shunt__spec spec;
	struct shunt_log *log;
	struct image im;

	shunt__log_spec(&spec, 3, 4096);
	image_make(&im, &spec);
	if (shunt_log_open(&log, im.name, &o) >= 0) {
		for (int i = 0; i < 5; i++)
			shunt_log_printf(log, 6, "message %d", i);
		if (size > 0 && (data[0] & 1))
			serve(&im, file);
		image_patch(&im, data, size);
		look(&im);
		serve(&im, file);
		shunt_log_write(log, 6, "after", 5);
		shunt_log_close(&log);
	}
	serve(&im, file);
	image_free(&im);
	return 0;
}
