/* SPDX-License-Identifier: MIT */
/*
 * The other process: walks the list, at the address where this process has it,
 * and removes the name.
 *
 * What tutorials get wrong here: they follow every link they find.  Another
 * process wrote it, and may have a fault: a link out of the memory is refused
 * here, and a list that runs in a circle has an end.
 */
#define _GNU_SOURCE
#define LIST_LINK uint64_t
#include "3_list.h"
#include "meet.h"
#include "tidy.h"

/* The node, or NULL if it would not lie wholly inside, in its place. */
static const struct node *
follow(const struct list *list, uint64_t link)
{
	if (link == 0 || link - 1 > sizeof(*list) - sizeof(struct node) ||
	    (link - 1) % _Alignof(struct node) != 0)
		return NULL;
	return (const struct node *)((const char *)list + (link - 1));
}

static int
print(const struct list *list)
{
	uint64_t link = list->first;
	const struct node *node;

	for (int i = 0; i <= LIST_NODES; i++) {
		if (link == 0)
			return 0;
		node = follow(list, link);
		if (node == NULL)
			break;
		printf("%.*s\n", (int)sizeof(node->word), node->word);
		link = node->next;
	}
	warnx("%s: the list is broken", LIST_NAME);
	return 1;
}

int
main(void)
{
	int bad, fd = meet(LIST_NAME, sizeof(struct list), NULL);
	struct list *list = mmap(
	    NULL, sizeof(*list), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (list == MAP_FAILED)
		err(1, "%s: mmap", LIST_NAME);
	close(fd); /* the mapping stays */
	tidy_on_signal(LIST_PATH);

	list_await(list, LIST_WHOLE);
	bad = print(list);
	if (shm_unlink(LIST_NAME) < 0)
		err(1, "%s: unlink", LIST_NAME);
	list_reach(list, LIST_TAKEN);

	munmap(list, sizeof(*list));
	return bad;
}
