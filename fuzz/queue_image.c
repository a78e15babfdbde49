/* SPDX-License-Identifier: MIT */
/* A queue that was scribbled over, slots, claims and marks of records that are
 * in hand or done among it, is drained by two receivers, sent to and looked at:
 * error codes at worst, within bounded calls. */
#include <errno.h>

#include <shunt/queue.h>

#include "channel/queue_layout.h"
#include "common.h"
#include "segment/slot.h"

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
	    .area_bytes = SHUNT__SLOTS_AREA(4),
	    .print = shunt__queue_fingerprint()};
	struct shunt_message infos[4] = {{.sz = sizeof(infos[0])}};
	struct iovec msgs[2];
	char buf[4096] = {0};
	const void *at;
	struct image im;
	struct shunt_queue *q, *other;

	msgs[0] = (struct iovec){buf, 100};
	msgs[1] = (struct iovec){buf, 1000};

	image_make(&im, &spec);
	for (int round = 0; round < 2; round++) {
		if (shunt_queue_open(&q, im.name, NULL) < 0)
			break;
		for (int i = 0; i < 8; i++)
			shunt_queue_send(q, buf, (size_t)i * 100, &now);
		if (shunt_queue_open(&other, im.name, NULL) < 0)
			other = NULL;
		/* With records in hand on both ways, and done behind them. */
		if (size & 1) {
			shunt_queue_peek(q, &at, NULL, &at_once);
			shunt_queue_recv(
			    other, buf, sizeof(buf), NULL, &at_once);
			shunt_queue_peek(other, &at, NULL, &at_once);
		}
		image_patch(&im, data, size);
		for (int i = 0; i < 8; i++) {
			shunt_queue_release(i & 1 ? q : other);
			shunt_queue_recv_batch(i & 2 ? q : other, buf,
			    sizeof(buf), infos, 4, &at_once);
			shunt_queue_peek(
			    i & 1 ? other : q, &at, NULL, &at_once);
		}
		/* To its end, or as long as it has more to say than that it
		 * was scribbled over. */
		for (int i = 0, bad = 0; i < 2000 && bad < 20; i++) {
			ssize_t n = shunt_queue_recv(
			    q, buf, sizeof(buf), NULL, &at_once);

			if (n == -EAGAIN)
				break;
			bad += n < 0;
		}
		shunt_queue_send(q, buf, 1000, &now);
		shunt_queue_send_batch(q, msgs, 2, &now);
		if (size & 2)
			shunt_queue_finish(q);
		shunt_queue_send(q, buf, 10, &now);
		shunt_queue_recv(other, buf, sizeof(buf), NULL, &at_once);
		shunt_queue_close(&other);
		shunt_queue_close(&q);
	}
	image_free(&im);
	return 0;
}
