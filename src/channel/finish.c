/* SPDX-License-Identifier: MIT */
/* Close and drain: from here on nothing is sent, and what is there is still
 * received. */
#include "channel/queue.h"
#include "segment/wait.h"

int
shunt_queue_finish(struct shunt_queue *queue)
{
	int e = shunt__queue_check(queue);

	if (e != 0)
		return e;
	struct shunt__control_lay *ct = queue->obj->control;
	if (shunt__load32(&ct->ct_removed) != 0)
		return SHUNT_E_REMOVED;
	/* The bit decides; the word is for people, and for who was told.
	 * Killed behind the bit: whoever sleeps learns of it a little later. */
	shunt__or32(&ct->ct_bell, SHUNT__BELL_ENDED);
	uint32_t old = 0;
	shunt__cas32(&ct->ct_ended, &old, SHUNT__ENDED);
	/* All who sleep, for messages or for room, have something to learn. */
	shunt__ring(queue->obj, &ct->ct_bell);
	uint32_t high = shunt__object_high(queue->obj);
	for (uint32_t i = 0; i < high; i++)
		shunt__bell_ring(&shunt__object_lane(queue->obj, i)->ln_waiting,
		    SHUNT__BELL_ASLEEP);
	return 0;
}
