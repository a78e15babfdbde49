/* SPDX-License-Identifier: MIT */
/* A stream that was scribbled over is read, written to, taken over and
 * finished: error codes at worst, within bounded calls. */
#include <shunt/inspect.h>
#include <shunt/stream.h>

#include "channel/stream.h"
#include "common.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct shunt_send_options now = {
    .sz = sizeof(now), .wait_ns = SHUNT_NOWAIT};
static const struct shunt_recv_options at_once = {
    .sz = sizeof(at_once), .wait_ns = SHUNT_NOWAIT};
static char buf[4096];

static void
read_some(struct shunt_stream_reader *r)
{
	const void *bytes;
	static char copy[8192];

	for (int i = 0, bad = 0; i < 600 && bad < 20; i++) {
		ssize_t n;
		if (i % 2 == 0) {
			n = shunt_stream_reader_read(
			    r, buf, (size_t)i * 7 % sizeof(buf) + 1, &at_once);
		} else {
			n = shunt_stream_reader_peek(r, &bytes, &at_once);
			/* All of it may be read. */
			if (n > 0)
				memcpy(copy, bytes, (size_t)n);
			shunt_stream_reader_release(r, n > 1   ? (size_t)n / 2
						       : n > 0 ? 1
							       : 0);
		}
		bad += n < 0;
		if (n == -EAGAIN || n == SHUNT_E_CORRUPT)
			break;
	}
}

static void
write_some(struct shunt_stream_writer *w, int finish)
{
	void *at;

	shunt_stream_writer_write(w, buf, 1000, &now);
	ssize_t n = shunt_stream_writer_reserve(w, 700, &at, &now);
	if (n > 0) {
		memset(at, 1, (size_t)n);
		shunt_stream_writer_commit(w, (size_t)n);
	}
	shunt_stream_writer_write(w, buf, 9, &now);
	if (finish)
		shunt_stream_writer_finish(w, &now);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Both kinds of stream, as the first byte says. */
	const uint64_t over = size > 0 ? data[0] & 1 : 0;
	const struct shunt__spec spec = {.kind = SHUNT_KIND_STREAM,
	    .lanes = 1,
	    .lane_bytes = 4096,
	    .param = over,
	    .area_bytes = SHUNT__SLOTS_AREA(1),
	    .print = shunt__stream_fingerprint()};
	struct image im;
	struct shunt_stream_writer *w;
	struct shunt_stream_reader *r;

	data += size > 0;
	size -= size > 0;
	image_shape.lead = 1;
	image_make(&im, &spec);
	for (int round = 0; round < 3; round++) {
		/* Before they come, and under their feet. */
		if (round == 1)
			image_patch(&im, data, size);
		if (shunt_stream_writer_open(&w, im.name, NULL) < 0)
			break;
		if (shunt_stream_reader_open(&r, im.name, NULL) < 0) {
			shunt_stream_writer_close(&w);
			break;
		}
		write_some(w, round == 0);
		read_some(r);
		write_some(w, round == 2);
		image_patch(&im, data, size);
		read_some(r);
		write_some(w, 0);
		shunt_stream_writer_close(&w);
		read_some(r);
		shunt_stream_reader_close(&r);
	}
	image_free(&im);
	return 0;
}
