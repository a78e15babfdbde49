/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "seen.h"

/* FNV-1a of 64 bits; never 0, which marks an empty slot. */
static uint64_t
hash(const char *line, size_t len)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)line[i]) * UINT64_C(0x100000001b3);
	return h | 1;
}

static struct seen_slot *
find(const struct seen *seen, uint64_t key)
{
	size_t i = (size_t)(key >> 20) & (seen->room - 1);

	/* Never full: seen_add() grows it at a half. */
	while (seen->slots[i].key != 0 && seen->slots[i].key != key)
		i = (i + 1) & (seen->room - 1);
	return &seen->slots[i];
}

static int
grow(struct seen *seen)
{
	struct seen more = {
	    .room = seen->room > 0 ? seen->room * 2 : 1024, .used = seen->used};

	more.slots = calloc(more.room, sizeof(*more.slots));
	if (more.slots == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < seen->room; i++)
		if (seen->slots[i].key != 0)
			*find(&more, seen->slots[i].key) = seen->slots[i];
	free(seen->slots);
	*seen = more;
	return 0;
}

int
seen_add(struct seen *seen, const char *line, size_t len)
{
	uint64_t key = hash(line, len);
	struct seen_slot *slot;

	if (seen->used * 2 >= seen->room && grow(seen) < 0)
		return -ENOMEM;
	slot = find(seen, key);
	seen->used += slot->key == 0;
	slot->key = key;
	slot->count++;
	return 0;
}

int
seen_take(struct seen *seen, const char *line, size_t len)
{
	struct seen_slot *slot;

	if (seen->room == 0)
		return 0;
	slot = find(seen, hash(line, len));
	if (slot->key == 0 || slot->count == 0)
		return 0;
	slot->count--;
	return 1;
}

void
seen_free(struct seen *seen)
{
	free(seen->slots);
	*seen = (struct seen){0};
}
