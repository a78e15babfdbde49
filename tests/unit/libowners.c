/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "unit/owners.h"

static int
inherit(void *arg, uint32_t owner)
{
	struct test_owners *t = arg;

	t->asked++;
	if (t->inherit_answer < 0)
		return t->inherit_answer;
	if (!t->dead[owner])
		return 0;
	pthread_mutex_lock(&t->right);
	if (t->in_between != NULL)
		t->in_between();
	return 1;
}

static void
done(void *arg, uint32_t owner)
{
	struct test_owners *t = arg;

	(void)owner;
	pthread_mutex_unlock(&t->right);
}

static void
note(void *arg, uint32_t owner, uint32_t n)
{
	struct test_owners *t = arg;

	(void)owner;
	t->noted++;
	t->taken += (int)n;
}

static int
check(void *arg)
{
	struct test_owners *t = arg;

	t->checked++;
	if (t->in_check != NULL)
		t->in_check();
	return t->answer;
}

void
test_owners_init(struct test_owners *t)
{
	memset(t, 0, sizeof(*t));
	pthread_mutex_init(&t->right, NULL);
	t->owners = (struct shunt__owners){.most = TEST_OWNERS,
	    .inherit = inherit,
	    .done = done,
	    .note = note,
	    .check = check,
	    .arg = t};
}
