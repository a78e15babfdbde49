/* SPDX-License-Identifier: MIT */
/*
 * Pain 12: one process grows a segment, the base pointers of the others are
 * stale.
 * Remedy, as far as there is one: growing never takes a byte from anybody;
 * each process keeps its mapping until it asks for the new size itself, and
 * offsets stay right when it moves.  Of cutting, 13_truncated.sh.
 * docs/limits.md, "Live resize", says what is not there.
 * limit: 20
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <shunt.h>

#include "lib/peers.h"

static const char *name;

static int
grow(void *arg)
{
	struct shunt_segment *seg;

	(void)arg;
	NEED(shunt_segment_open(&seg, name, NULL) == 0);
	NEED(shunt_segment_resize(seg, 1 << 20) == 0);
	memset((char *)shunt_segment_data(seg) + 4096, 7, (1 << 20) - 4096);
	shunt_segment_close(&seg);
	return 0;
}

int
main(void)
{
	struct shunt_segment *seg;

	name = test_name("pain12");
	NEED(shunt_segment_create(&seg, name, 4096, NULL) == 0);
	char *data = shunt_segment_data(seg);
	struct shunt_offset mark = shunt_segment_offset(seg, data + 100);

	strcpy(data + 100, "still here");
	NEED(peer_end(peer_start(grow, NULL)) == 0);

	/* Nothing has moved under us, nor become longer by itself. */
	NEED(shunt_segment_data(seg) == data);
	NEED(shunt_segment_size(seg) == 4096);
	NEED(strcmp(data + 100, "still here") == 0);
	/* Asked for, the rest comes, and the offset is still right. */
	NEED(shunt_segment_resize(seg, 1 << 20) == 0);
	NEED(shunt_segment_size(seg) == 1 << 20);
	const char *text = shunt_segment_at(seg, mark, 11);
	NEED(text != NULL && strcmp(text, "still here") == 0);
	data = shunt_segment_data(seg);
	NEED(data[4096] == 7 && data[(1 << 20) - 1] == 7);
	shunt_segment_close(&seg);
	puts("1 passed, 0 failed, 0 skipped");
	return 0;
}
