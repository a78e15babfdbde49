/* SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include <shunt.h>

#include "holders.h"
#include "lock.h"
#include "out.h"
#include "stat.h"

/* shunt lock --status: what is known without touching the lock. */

static const char *
word(const struct shunt_segment_info *info)
{
	if (info->held)
		return info->unrepaired ? "held, being repaired" : "held";
	return info->unrepaired ? "free, but unrepaired" : "free";
}

static void
print(const char *name, const struct shunt_segment_info *info)
{
	struct look_users kept;

	holders_head(name, "lock, %s", word(info));
	if (info->held)
		stat_field("held by", "%s", holders_text(name));
	if (holders_keepers(&kept, name) == 0 && kept.count > 0)
		stat_field("run by it", "%s", look_users_text(&kept));
	look_users_free(&kept);
	if (info->unrepaired)
		stat_field("unrepaired",
		    "the last holder died with it; the next one is told");
	holders_object(info);
	stat_field("recovered", "%" PRIu64 " time%s from a holder that died",
	    info->recoveries, info->recoveries == 1 ? "" : "s");
	stat_held_recoveries(info);
}

int
lock_status(const struct command *cmd, const char *name, int json)
{
	struct shunt_segment_info info;
	int rc = holders_stat(cmd, name, SHUNT_KIND_LOCK, &info);

	if (rc != CLI_DONE)
		return rc;
	if (json)
		return holders_json(name, &info);
	print(name, &info);
	return CLI_DONE;
}
