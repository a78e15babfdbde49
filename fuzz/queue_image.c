/* SPDX-License-Identifier: MIT */
/* A queue that was scribbled over is drained, sent to and looked at: error
 * codes at worst, within bounded calls. */
#include <shunt/queue.h>

#include "common.h"
#include "ring/lane.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct shunt_send_options now = {
	    .sz = sizeof(now), .wait_ns = SHUNT_NOWAIT};
	static const struct shunt_recv_options at_once = {
	    .sz = sizeof(at_once), .wait_ns = SHUNT_NOWAIT};
	const struct shunt__spec spec = {.kind = 1,
	    .lanes = 3,
	    .lane_bytes = 4096,
	    .print = shunt__lane_fingerprint()};
	char buf[4096];
	struct image im;
	struct shunt_queue *q;

	image_make(&im, &spec);
	for (int round = 0; round < 2; round++) {
		if (shunt_queue_open(&q, im.name, NULL) < 0)
			break;
		for (int i = 0; i < 8; i++)
			shunt_queue_send(q, buf, (size_t)i * 100, &now);
		image_patch(&im, data, size);
		for (int i = 0; i < 2000; i++)
			if (shunt_queue_recv(
				q, buf, sizeof(buf), NULL, &at_once) == -EAGAIN)
				break;
		shunt_queue_send(q, buf, 1000, &now);
		shunt_queue_close(&q);
	}
	image_free(&im);
	return 0;
}
