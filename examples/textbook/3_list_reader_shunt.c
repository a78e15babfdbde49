/* SPDX-License-Identifier: MIT */
/*
 * The other process, with libshunt: shunt_segment_at() gives no pointer that
 * leads out of the segment, whatever stands in it.
 */
#include <err.h>
#include <stdio.h>

#include <shunt.h>

#define LIST_LINK struct shunt_offset
#include "3_list.h"
#include "tidy.h"

static int
print(const struct shunt_segment *segment)
{
	const struct list *list = shunt_segment_data(segment);
	struct shunt_offset link = list->first;
	const struct node *node;

	for (int i = 0; i <= LIST_NODES; i++) {
		node = shunt_segment_at(segment, link, sizeof(*node));
		if (node == NULL)
			break;
		printf("%.*s\n", (int)sizeof(node->word), node->word);
		link = node->next;
	}
	if (link.opaque == 0) /* all zeros is "none": the end */
		return 0;
	warnx("%s: the list is broken", LIST_NAME);
	return 1;
}

int
main(void)
{
	struct shunt_segment *segment;
	struct list *list;
	int bad;

	if (shunt_segment_create(&segment, LIST_NAME, sizeof(*list), NULL) < 0)
		errx(1, "%s", shunt_error_detail());
	list = shunt_segment_data(segment);
	tidy_on_signal(LIST_PATH);

	list_await(list, LIST_WHOLE);
	bad = print(segment);
	if (shunt_remove(LIST_NAME, NULL) < 0)
		errx(1, "%s", shunt_error_detail());
	list_reach(list, LIST_TAKEN);

	shunt_segment_close(&segment);
	return bad;
}
