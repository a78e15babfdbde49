/* SPDX-License-Identifier: MIT */
/*
 * Looking again a little later.  The kernel tells who watches a file of its
 * closing before it gives the lock bytes of that description back; a receiver
 * that is quicker finds them held, and nobody would wake it again.  How long
 * that takes is the dying process's affair, so the looks are at 1, 5, 21, 85,
 * 341 and 1365 ms after the event.
 */
#include "channel/end.h"
#include "os/os.h"
#include "segment/wait.h"

#define FIRST INT64_C(1000000)
#define LAST  INT64_C(1024000000)

static void
end_it(struct shunt_end *end)
{
	if (end->timer >= 0)
		shunt__os.close(end->timer); /* and out of the epoll */
	end->timer = -1;
}

/* No timer to be had: the file's own event ends the next poll at once. */
static void
set(struct shunt_end *end)
{
	if (end->timer < 0 || shunt__os.timer_set(end->timer, end->later) < 0) {
		end_it(end);
		shunt__touch(end->obj);
	}
}

void
shunt__end_later_begin(struct shunt_end *end)
{
	if (end->timer < 0) {
		end->timer = shunt__os.timer();
		if (end->timer >= 0 &&
		    shunt__os.epoll_add(end->fd, end->timer) < 0)
			end_it(end);
	}
	end->later = FIRST;
	set(end);
}

int
shunt__end_later_over(struct shunt_end *end)
{
	uint64_t times;

	return shunt__os.read(end->timer, &times, sizeof(times)) > 0;
}

void
shunt__end_later_next(struct shunt_end *end)
{
	if (end->later >= LAST) {
		end_it(end);
		return;
	}
	end->later *= 4;
	set(end);
}
