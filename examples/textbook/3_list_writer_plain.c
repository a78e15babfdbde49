/* SPDX-License-Identifier: MIT */
/*
 * A linked list in shared memory, with plain system calls: this process builds
 * it, in the order of the alphabet, the other walks it.  See
 * 3_list_reader_plain.c; either may start first, and either may be the version
 * with libshunt.
 *
 * What tutorials get wrong here: they store pointers, which point to nowhere
 * or, worse, to something else in the other process; or they force both sides
 * to map at one address with MAP_FIXED, over whatever was there.
 */
#define _GNU_SOURCE
#include <string.h>

#define LIST_LINK uint64_t
#include "3_list.h"
#include "meet.h"
#include "tidy.h"

static const char *const words[] = {
    "Niger", "Amazon", "Volga", "Danube", "Rhine"};

static struct node *
follow(struct list *list, uint64_t link)
{
	return link == 0 ? NULL : (struct node *)((char *)list + (link - 1));
}

static uint64_t
link_to(const struct list *list, const struct node *node)
{
	return (uint64_t)((const char *)node - (const char *)list) + 1;
}

/* Puts a new node where the alphabet wants it. */
static void
insert(struct list *list, struct node *node, const char *word)
{
	uint64_t *link = &list->first;
	struct node *next;

	snprintf(node->word, sizeof(node->word), "%s", word);
	while ((next = follow(list, *link)) != NULL &&
	       strcmp(next->word, word) < 0)
		link = &next->next;
	node->next = *link;
	*link = link_to(list, node);
}

int
main(void)
{
	int fd = meet(LIST_NAME, sizeof(struct list), NULL);
	struct list *list = mmap(
	    NULL, sizeof(*list), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (list == MAP_FAILED)
		err(1, "%s: mmap", LIST_NAME);
	close(fd); /* the mapping stays */
	if (list->stage != LIST_EMPTY || list->first != 0)
		errx(1, "%s is in use; if by nobody: rm %s", LIST_NAME,
		    LIST_PATH);
	tidy_on_signal(LIST_PATH);

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		insert(list, &list->node[i], words[i]);
	list_reach(list, LIST_WHOLE);
	list_await(list, LIST_TAKEN);

	munmap(list, sizeof(*list));
	return 0;
}
