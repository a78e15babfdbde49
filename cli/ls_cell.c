/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>

#include "ls.h"
#include "out.h"

/* What stands in each column of a table. */

#define OWNER_MOST 10 /* widest user name on a terminal; else the number */

static void
owner_cell(char *to, uint32_t uid)
{
	const char *name = out_safe(ls_owner(uid));

	if (!out_terminal() || out_width(name) <= OWNER_MOST)
		snprintf(to, LS_CELL, "%s", name);
	else
		snprintf(to, LS_CELL, "%" PRIu32, uid);
}

static void
users_cell(char *to, const struct shunt_segment_info *info)
{
	int more;
	uint64_t n = ls_users(info, &more);

	if (n == 0 && info->state == SHUNT_STATE_UNKNOWN)
		snprintf(to, LS_CELL, "?");
	else
		snprintf(to, LS_CELL, "%" PRIu64 "%s", n, more ? "+" : "");
}

static void
creator_cell(char *to, const struct shunt_segment_info *info)
{
	const char *program = ls_creator(info);

	if (info->creator_pid <= 0)
		snprintf(to, LS_CELL, "-");
	else if (program == NULL)
		snprintf(to, LS_CELL, "%" PRId64, info->creator_pid);
	else
		snprintf(to, LS_CELL, "%" PRId64 "(%s)", info->creator_pid,
		    out_safe(program));
}

void
ls_cell(char *to, const struct shunt_segment_info *info, int column)
{
	switch (column) {
	case LS_NAME:
		snprintf(to, LS_CELL, "%s", out_safe(info->name));
		break;
	case LS_KIND:
		snprintf(to, LS_CELL, "%s", ls_kind(info));
		break;
	case LS_SIZE:
		snprintf(to, LS_CELL, "%s", out_size(info->size));
		break;
	case LS_USED:
		snprintf(to, LS_CELL, "%s", out_size(info->used));
		break;
	case LS_OWNER:
		owner_cell(to, info->uid);
		break;
	case LS_MODE:
		snprintf(to, LS_CELL, "%04o", info->mode & 07777);
		break;
	case LS_STATE:
		snprintf(to, LS_CELL, "%s", ls_state(info));
		break;
	case LS_USERS:
		users_cell(to, info);
		break;
	case LS_AGE:
		/* Of some the kernel keeps no time. */
		snprintf(to, LS_CELL, "%s",
		    ls_since(info) != 0 ? out_age(ls_since(info)) : "-");
		break;
	case LS_CREATOR:
		creator_cell(to, info);
		break;
	}
}
