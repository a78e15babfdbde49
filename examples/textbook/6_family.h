/* SPDX-License-Identifier: MIT */
#ifndef TEXTBOOK_FAMILY_H
#define TEXTBOOK_FAMILY_H

/*
 * What parent and child share: numbers from the one, their sum from the other.
 * Nothing else is needed to keep them apart: fork() shows the child all that
 * the parent had stored, and waitpid() shows the parent all that the child
 * had.  And waitpid() also says whether the child came to its end.
 */

#include <stdio.h>

#define NUMBERS 10

struct family {
	int number[NUMBERS];
	int sum;
	char text[64];
};

static inline void
family_ask(struct family *f)
{
	for (int i = 0; i < NUMBERS; i++)
		f->number[i] = i + 1;
}

static inline void
family_answer(struct family *f)
{
	for (int i = 0; i < NUMBERS; i++)
		f->sum += f->number[i];
	snprintf(f->text, sizeof(f->text), "the sum of %d numbers", NUMBERS);
}

static inline void
family_show(const struct family *f)
{
	printf(
	    "the child says %d: %.*s\n", f->sum, (int)sizeof(f->text), f->text);
}

#endif /* TEXTBOOK_FAMILY_H */
