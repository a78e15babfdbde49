/* SPDX-License-Identifier: MIT */
/*
 * The same list with libshunt: a link is a struct shunt_offset, which no
 * compiler takes for a pointer or a number, and two functions go between it
 * and a pointer.  It talks to 3_list_reader_plain.c too.
 */
#include <err.h>
#include <stdio.h>
#include <string.h>

#include <shunt.h>

#define LIST_LINK struct shunt_offset
#include "3_list.h"
#include "tidy.h"

static const char *const words[] = {
    "Niger", "Amazon", "Volga", "Danube", "Rhine"};

/* Puts a new node where the alphabet wants it. */
static void
insert(const struct shunt_segment *segment, struct node *node, const char *word)
{
	struct list *list = shunt_segment_data(segment);
	struct shunt_offset *link = &list->first;
	struct node *next;

	snprintf(node->word, sizeof(node->word), "%s", word);
	while (
	    (next = shunt_segment_at(segment, *link, sizeof(*next))) != NULL &&
	    strcmp(next->word, word) < 0)
		link = &next->next;
	node->next = *link;
	*link = shunt_segment_offset(segment, node);
}

int
main(void)
{
	struct shunt_segment *segment;
	struct list *list;

	if (shunt_segment_create(&segment, LIST_NAME, sizeof(*list), NULL) < 0)
		errx(1, "%s", shunt_error_detail());
	list = shunt_segment_data(segment);
	if (list->stage != LIST_EMPTY ||
	    shunt_segment_at(segment, list->first, 1) != NULL)
		errx(1, "%s is in use; if by nobody: shunt rm %s", LIST_NAME,
		    LIST_NAME);
	tidy_on_signal(LIST_PATH);

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		insert(segment, &list->node[i], words[i]);
	list_reach(list, LIST_WHOLE);
	list_await(list, LIST_TAKEN);

	shunt_segment_close(&segment);
	return 0;
}
