/* SPDX-License-Identifier: MIT */
/*
 * Pain 11: a pointer in shared memory means something else in every process.
 * Remedy: offsets, followed by a function that checks them.  A list that one
 * process makes is walked by another that has it at another address, and a
 * scribbled offset is an answer, not a crash.
 * limit: 20
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <shunt.h>

#include "lib/peers.h"

struct node {
	struct shunt_offset next;
	int value;
};

struct head {
	struct shunt_offset first;
	void *address; /* of the one who made it: what must not be used */
};

static const char *name;

static int
sum(const struct shunt_segment *seg)
{
	struct head *head = shunt_segment_data(seg);
	struct shunt_offset at = head->first;
	int total = 0;

	for (int i = 0; i < 100; i++) {
		const struct node *node =
		    shunt_segment_at(seg, at, sizeof(*node));

		if (node == NULL)
			break;
		total += node->value;
		at = node->next;
	}
	return total;
}

static int
elsewhere(void *arg)
{
	struct shunt_segment_options opts = {
	    .sz = sizeof(opts), .address = arg};
	struct shunt_segment *seg;

	NEED(shunt_segment_open(&seg, name, &opts) == 0);
	struct head *head = shunt_segment_data(seg);
	NEED((void *)head != head->address);
	NEED(sum(seg) == 55);
	/* Anything in place of an offset: walked, or refused. */
	uint64_t state = 1;
	for (int i = 0; i < 10000; i++) {
		uint64_t junk = test_random(&state);

		memcpy(&head->first, &junk, sizeof(junk));
		sum(seg);
	}
	struct shunt_offset none = {0};
	NEED(shunt_segment_at(seg, none, 1) == NULL);
	shunt_segment_close(&seg);
	return 0;
}

int
main(void)
{
	struct shunt_segment *seg;

	name = test_name("pain11");
	NEED(shunt_segment_create(&seg, name, 4096, NULL) == 0);
	struct head *head = shunt_segment_data(seg);
	struct node *nodes = (struct node *)(head + 1);

	head->address = head;
	for (int i = 0; i < 10; i++) {
		nodes[i].value = i + 1;
		nodes[i].next = head->first;
		head->first = shunt_segment_offset(seg, &nodes[i]);
	}
	NEED(sum(seg) == 55);
	NEED(shunt_segment_offset(seg, &seg).opaque == 0);
	/* In the child the inherited mapping keeps this address taken. */
	NEED(peer_end(peer_start(elsewhere, (void *)0x700000000000)) == 0);
	shunt_segment_close(&seg);
	puts("1 passed, 0 failed, 0 skipped");
	return 0;
}
