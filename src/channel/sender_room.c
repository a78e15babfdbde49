/* SPDX-License-Identifier: MIT */
/* A sender that cannot go on: no room, or the queue is finished. */
#include "base/options.h"
#include "channel/sender.h"
#include "channel/too_long.h"
#include "os/os.h"

struct room {
	struct shunt_queue *queue;
	struct shunt__lane_tx *tx;
	uint64_t len;
	void **msg;
};

static int
room_ready(void *arg)
{
	struct room *r = arg;

	if (shunt__load32(&r->queue->obj->control->ct_bell) & SHUNT__BELL_ENDED)
		return SHUNT_E_CLOSED;
	return shunt__lane_reserve(r->tx, r->len, r->msg);
}

/* Spins a little, then sleeps until a receiver released something. */
int
shunt__sender_wait(struct shunt_queue *queue, struct shunt__sender *s,
    uint64_t len, void **msg, const struct shunt_send_options *opts)
{
	struct room r = {queue, &s->tx, len, msg};
	struct shunt_send_options o;
	int e = shunt__options_read(&o, sizeof(o), sizeof(o), opts);

	if (e < 0)
		return e;
	if (o.wait_ns < 0)
		return -EAGAIN;
	uint32_t turns = shunt__spin_turns(&s->spin);
	for (uint32_t i = 0; i < turns; i++) {
		shunt__pause();
		e = room_ready(&r);
		if (e != -EAGAIN) {
			shunt__spin_learn(&s->spin, 1);
			return e;
		}
	}
	shunt__spin_learn(&s->spin, 0);
	return shunt__wait(queue->obj, &s->tx.ctl->ln_waiting,
	    SHUNT__BELL_ASLEEP, shunt__deadline(o.wait_ns), room_ready, &r);
}

int
shunt__sender_too_long(const struct shunt_queue *queue, size_t len)
{
	return shunt__too_long(queue->obj, len, queue->max, 2);
}

/* Takes a record back, as if a receiver were done with it.  1: it was too
 * late, or early enough that a receiver had it. */
static int
take_back(struct shunt__lane_tx *tx, uint64_t pos)
{
	struct shunt__u64 *word = shunt__lane_word(tx->ring, tx->cap, pos);
	uint64_t head = shunt__load64(word);

	if ((head & SHUNT__LANE_ZERO) != 0 ||
	    !shunt__cas64(word, &head, head | SHUNT__LANE_DONE))
		return 1;
	return shunt__acquire64(&tx->ctl->ln_tail) > pos;
}

/* The next record at or behind @pos, or SHUNT_E_CORRUPT; over a pad. */
static int64_t
record_at(const struct shunt__lane_tx *tx, uint64_t *pos)
{
	uint64_t cap = tx->cap;
	uint64_t head = shunt__load64(shunt__lane_word(tx->ring, cap, *pos));
	int64_t len = shunt__lane_check_any(head, *pos, cap);

	if (len != -1)
		return len;
	/* Word 0, where no pad can stand. */
	*pos += cap - (*pos & (cap - 1));
	head = shunt__load64(shunt__lane_word(tx->ring, cap, 0));
	return shunt__lane_check_any(head, 0, cap);
}

/*
 * E: what we sent stands there, and the queue was finished meanwhile.  A
 * receiver says that nothing is left only after he has written TOLD, a full
 * fence, and one more look at everything; we have a fence between our commit
 * and the look at TOLD.  So either he sees our records, or we see TOLD: then
 * they may never be received, and are taken back.  Who has received the first
 * of them goes on until he is told, and finds the others.
 */
int
shunt__sender_settle(
    struct shunt_queue *queue, struct shunt__sender *s, uint64_t from)
{
	struct shunt__lane_tx *tx = &s->tx;
	int first = 1;

	shunt__fence();
	if (shunt__load32(&queue->obj->control->ct_ended) != SHUNT__ENDED_TOLD)
		return 0;
	while (tx->head - from - 1 < tx->cap) {
		int64_t len = record_at(tx, &from);
		if (len < 0)
			return SHUNT_E_CORRUPT;
		if (take_back(tx, from) && first)
			return 0;
		first = 0;
		from += shunt__lane_need((uint64_t)len);
	}
	return SHUNT_E_CLOSED;
}
