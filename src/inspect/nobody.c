/* SPDX-License-Identifier: MIT */
/* Removing what nobody has: what is in an object decides, and only here is
 * known what is in it.  <shunt/segment.h> has the page of shunt_remove(). */
#include <errno.h>

#include <shunt/segment.h>

#include "base/error.h"
#include "inspect/inspect.h"
#include "inspect/look.h"
#include "inspect/users.h"
#include "segment/remove.h"

static int
judge(const struct shunt__look *look, uint32_t flags)
{
	const char *shown = shunt__quote(look->name.shown);
	struct shunt__users users = {.wanted = 0};
	struct shunt_segment_info info;

	if (look->code != 0) /* never counted as dead */
		return shunt__fail(-EBUSY,
		    "%s: its header or kind is not understood here, so nobody "
		    "can tell; shunt rm removes it",
		    shown);
	shunt__info_fill(look, &users, &info, NULL, 0);
	/* A child that was made past our fork handlers may hold a lane. */
	if (info.state == SHUNT_STATE_LIVE || info.senders || info.receiver)
		return shunt__fail(-EBUSY,
		    "%s: somebody has it attached; shunt stat shows who",
		    shown);
	if (info.state == SHUNT_STATE_ORPHAN ||
	    (info.state == SHUNT_STATE_IDLE && (flags & SHUNT_REMOVE_IDLE)))
		return 0;
	return shunt__fail(-EBUSY,
	    info.persistent
		? "%s: it is persistent: it stays until shunt rm, or shunt "
		  "clean --idle with its name"
		: "%s: nobody has it, but there is something in it still for "
		  "whoever comes: shunt stat shows what",
	    shown);
}

/* Looked at through a description of its own: by that of the remover its own
 * lock bytes would look free. */
static int
may_go(const struct shunt__name *name, const struct stat *st, uint32_t flags)
{
	struct shunt__look look;
	int e = shunt__look_open(&look, name->shown, NULL, 1);

	if (e < 0)
		return e;
	if (look.st.st_dev != st->st_dev || look.st.st_ino != st->st_ino)
		e = shunt__fail(-EBUSY,
		    "%s: somebody replaced it just now; look at it again",
		    shunt__quote(name->shown));
	else
		e = judge(&look, flags);
	shunt__look_close(&look);
	return e;
}

int
shunt_remove(const char *name, const struct shunt_remove_options *opts)
{
	return shunt__remove(name, opts, may_go);
}
