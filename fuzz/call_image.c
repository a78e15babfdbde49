/* SPDX-License-Identifier: MIT */
/* A service that was scribbled over is called, served, recovered and given up:
 * error codes at worst, within bounded calls. */
#include <shunt/call.h>

#include "channel/call.h"
#include "common.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct shunt_call_options now = {
    .sz = sizeof(now), .wait_ns = SHUNT_NOWAIT};
static const struct shunt_call_options brief = {
    .sz = sizeof(brief), .wait_ns = 1000, .flags = SHUNT_CALL_SERVED};

static void
serve(struct shunt_service *s)
{
	static char buf[4096];
	const void *msg;

	for (int i = 0, bad = 0; i < 300 && bad < 20; i++) {
		ssize_t n = shunt_service_next(s, &msg, NULL, &now);
		if (n == -EAGAIN)
			break;
		bad += n < 0;
		if (n < 0)
			continue;
		memcpy(buf, msg, (size_t)n);
		shunt_service_cancelled(s);
		shunt_service_reply(s, i, buf, (size_t)n);
	}
}

static void
call(struct shunt_client *c)
{
	static char buf[4096];
	struct shunt_reply info = {.sz = sizeof(info)};
	uint64_t id = 0;

	for (size_t i = 0; i < 6; i++)
		shunt_client_send(c, buf, i * 150, &id, &now);
	shunt_client_cancel(c, id);
	for (int i = 0; i < 20; i++)
		if (shunt_client_poll(c, buf, sizeof(buf), &info,
			i % 8 == 7 ? &brief : &now) == -ENOENT)
			break;
	shunt_client_call(c, buf, 100, buf, sizeof(buf), NULL, &brief);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct shunt_service_options o = {.sz = sizeof(o), .patience_ns = 1000};
	struct shunt__spec spec;
	struct image im;
	struct shunt_client *c = NULL;
	struct shunt_service *s = NULL;

	spec = (struct shunt__spec){.kind = SHUNT_KIND_SERVICE,
	    .lanes = 4,
	    .area_bytes = 4096,
	    .lane_bytes = 4096,
	    .print = shunt__call_fingerprint()};
	image_make(&im, &spec);
	for (int round = 0; round < 2; round++) {
		if (shunt_client_open(&c, im.name, NULL) < 0)
			break;
		if (shunt_service_open(&s, im.name, &o) == 0) {
			call(c);
			image_patch(&im, data, size);
			serve(s);
			call(c);
			image_patch(&im, data, size);
			serve(s);
			shunt_service_close(&s);
		}
		shunt_client_close(&c);
	}
	image_free(&im);
	return 0;
}
