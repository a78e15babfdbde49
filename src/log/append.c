/* SPDX-License-Identifier: MIT */
/*
 * A message into the log: steps C0 to C7 of docs/ordering.md, "log".  The
 * order is room, busy odd, clock, record, commit, busy even.  The server reads
 * its clock, then the busy words, waits for those that were odd, then reads
 * the lanes: so a record that it does not see then has a later stamp.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "log/client.h"
#include "os/os.h"
#include "sync/bell.h"

/* Longer messages than this are formatted twice, the second time in place. */
#define TEXT 1024

enum { SKIP = 1 }; /* this level is not recorded */

/* No seat of this thread is known to be right: takes one. */
static __attribute__((noinline, cold)) int
find_seat(struct shunt_log *log, int level, struct shunt__seat **out)
{
	struct shunt__log_at *at;
	int e = shunt__log_pin(log, &at);

	if (e < 0)
		return e;
	e = shunt__log_enter();
	if (e == 0) {
		if ((uint32_t)level > log->limit ||
		    (uint32_t)level > shunt__log_limit(at->obj->control))
			e = SKIP;
		else if (shunt__load32(&at->obj->control->ct_removed) != 0)
			e = SHUNT_E_REMOVED;
		else
			e = shunt__seat_take(&at->seats, out);
		shunt__log_leave();
	}
	shunt__log_unpin(log);
	/* It gives back this thread's seats of before, not this one. */
	if (e == 0 && atomic_load(&log->old) != NULL)
		shunt__log_reap(log);
	return e;
}

/* The thread's seat; 0, SKIP or a code. */
static inline int
find(struct shunt_log *log, int level, struct shunt__seat **out)
{
	if (__builtin_expect(log == NULL || log->magic != SHUNT__LOG_MAGIC ||
				 (unsigned)level > SHUNT_LOG_DEBUG,
		0))
		return -EINVAL;
	struct shunt__seat *seat = shunt__seat_cached(shunt__load64(&log->id));
	if (__builtin_expect(shunt__log_forked(log) || seat == NULL, 0))
		return find_seat(log, level, out);
	const struct shunt__control_lay *control =
	    shunt__log_end(seat)->control;
	if (__builtin_expect(shunt__load32(&control->ct_removed) != 0, 0))
		return SHUNT_E_REMOVED;
	*out = seat;
	return (uint32_t)level > log->limit ||
		       (uint32_t)level > shunt__log_limit(control)
		   ? SKIP
		   : 0;
}

/* The name leads elsewhere while this lane is full: the call starts again. */
static __attribute__((noinline, cold)) int
get_room(
    struct shunt_log *log, struct shunt__seat *seat, uint64_t len, void **room)
{
	int e = shunt__log_enter();
	if (e < 0)
		return e;
	e = shunt__log_wait_for_room(log, shunt__log_end(seat), len, room);
	shunt__log_leave();
	return e;
}

/* Somebody wrote over its words; the next call takes another lane. */
static __attribute__((noinline, cold)) void
leave_lane(struct shunt__seat *seat)
{
	if (shunt__log_enter() < 0)
		return;
	shunt__seat_give(seat->seats);
	shunt__log_leave();
}

/* C0, C1, of a message that is not too long.  0 and the room, or a code and the
 * call is over. */
static inline int
begin(
    struct shunt_log *log, struct shunt__seat *seat, uint64_t len, void **room)
{
	struct shunt__log_end *end = shunt__log_end(seat);

	if (__builtin_expect(seat->in_call, 0))
		return -EBUSY;
	seat->in_call = 1;
	shunt__compiler_barrier();
	len += sizeof(struct shunt__log_record_lay) + end->tag_len;
	/* Before busy is odd: waiting inside would stop the server, and with
	 * it the room. */
	int e = shunt__lane_reserve(&end->tx, len, room);
	if (__builtin_expect(e == -EAGAIN, 0))
		e = get_room(log, seat, len, room);
	if (__builtin_expect(e != 0, 0)) {
		seat->in_call = 0;
		if (e == SHUNT_E_CORRUPT)
			leave_lane(seat);
	}
	return e;
}

/*
 * C2, C3: busy is visible before the clock is read.  Pairs with S2, S3 in
 * log/order.c, where the clock is read before the busy words.
 */
static inline uint64_t
busy_then_clock(struct shunt__log_end *end)
{
	shunt__exchange32(&end->tx.ctl->ln_busy, end->busy + 1);
	shunt__fence_before_clock();
	return shunt__now();
}

/* C4 without the message, which comes where the answer points. */
static inline char *
put_head(struct shunt__log_end *end, void *room, uint64_t stamp)
{
	struct shunt__log_record_lay *r = room;

	r->lr_stamp = stamp;
	r->lr_pid = end->pid;
	r->lr_tid = end->tid;
	char *p = (char *)(r + 1);
	memcpy(p, end->tag, end->tag_len);
	return p + end->tag_len;
}

/*
 * Once a second of calls: does the name still lead here?  A server that lives
 * looks as well and says so; then no system call is made here.  If it stopped
 * saying so, be it dead or of another object, we look ourselves.
 */
static __attribute__((noinline, cold)) void
check_name(struct shunt_log *log, struct shunt__seat *seat, uint64_t now)
{
	struct shunt__log_end *end = shunt__log_end(seat);
	struct shunt__log_at *at = end->at;
	int e;

	if (shunt__log_enter() < 0)
		return;
	end->check_at = now + SHUNT__LOG_CHECK_NS;
	uint32_t beat = shunt__load32(&shunt__log_server(at->obj)->sv_beat);
	if (beat != end->beat && !(shunt__load64(&end->tx.ctl->ln_tail) & 7) &&
	    atomic_load(&log->old) == NULL) {
		end->beat = beat;
		shunt__log_leave();
		return;
	}
	e = shunt__object_check(at->obj);
	if (e == -ESTALE) /* if it cannot be followed, we write on here */
		shunt__log_follow(log, at);
	else if (e < 0)
		shunt__log_break(log, at, e);
	else if (shunt__load64(&end->tx.ctl->ln_tail) & 7)
		shunt__seat_give(&at->seats); /* as room_ready() in full.c */
	shunt__log_leave();
	if (atomic_load(&log->old) != NULL)
		shunt__log_reap(log);
}

/* C5 to C7.  Killed before the commit: nothing happened; after it: the record
 * exists, and a wake that is missing the server's bounded sleep makes up. */
static inline int
finish(struct shunt_log *log, struct shunt__seat *seat, int level,
    uint64_t stamp, uint64_t len)
{
	struct shunt__log_end *end = shunt__log_end(seat);

	shunt__lane_commit(&end->tx,
	    sizeof(struct shunt__log_record_lay) + end->tag_len + len,
	    (uint16_t)((unsigned)level | (unsigned)end->tag_len << 8));
	end->busy += 2;
	/* C6: pairs with S3 in log/order.c: who sees even sees the commit. */
	shunt__release32(&end->tx.ctl->ln_busy, end->busy);
	shunt__release64(end->done, end->tx.head);
	uint32_t bits = shunt__bell_look(&end->control->ct_bell, end->fence);
	if (__builtin_expect(bits & (SHUNT__BELL_ASLEEP | SHUNT__BELL_NAP), 0))
		shunt__log_wake(end, bits);
	shunt__compiler_barrier();
	seat->in_call = 0;
	if (__builtin_expect(stamp >= end->check_at, 0))
		check_name(log, seat, stamp);
	return 0;
}

static inline int
append(struct shunt_log *log, int level, const void *msg, size_t len)
{
	struct shunt__seat *seat;
	void *room;
	int e;

	do {
		e = find(log, level, &seat);
		if (__builtin_expect(e != 0, 0))
			return e == SKIP ? 0 : e;
		if (__builtin_expect(len > shunt__log_end(seat)->max, 0))
			return -EMSGSIZE;
		e = begin(log, seat, len, &room);
	} while (__builtin_expect(e == -ESTALE, 0));
	if (__builtin_expect(e != 0, 0))
		return e;
	struct shunt__log_end *end = shunt__log_end(seat);
	uint64_t stamp = busy_then_clock(end);
	char *p = put_head(end, room, stamp);
	if (len != 0)
		memcpy(p, msg, len);
	return finish(log, seat, level, stamp, len);
}

int
shunt_log_write(struct shunt_log *log, int level, const void *msg, size_t len)
{
	if (__builtin_expect(msg == NULL && len != 0, 0))
		return -EINVAL;
	return append(log, level, msg, len);
}

/* Abandons a call between C2 and C5: nothing was committed. */
static int
give_up(struct shunt__seat *seat, int code)
{
	struct shunt__log_end *end = shunt__log_end(seat);

	end->tx.open = 0;
	end->busy += 2;
	shunt__release32(&end->tx.ctl->ln_busy, end->busy);
	shunt__compiler_barrier();
	seat->in_call = 0;
	return code;
}

/* @n bytes, known from a first formatting, and a NUL that is not committed. */
static __attribute__((format(printf, 3, 0))) int
append_long(
    struct shunt_log *log, int level, const char *fmt, va_list ap, size_t n)
{
	struct shunt__seat *seat;
	void *room;
	int e;

	do {
		e = find(log, level, &seat);
		if (e != 0)
			return e == SKIP ? 0 : e;
		if (n > shunt__log_end(seat)->max)
			return -EMSGSIZE;
		e = begin(log, seat, n + 1, &room);
	} while (e == -ESTALE);
	if (e != 0)
		return e;
	struct shunt__log_end *end = shunt__log_end(seat);
	uint64_t stamp = busy_then_clock(end);
	char *p = put_head(end, room, stamp);
	int again = vsnprintf(p, n + 1, fmt, ap);
	if (again < 0)
		return give_up(seat, -EINVAL);
	/* What it formats may have changed meanwhile: it was cut to @n. */
	if ((size_t)again < n)
		n = (size_t)again;
	return finish(log, seat, level, stamp, n);
}

int
shunt_log_vprintf(struct shunt_log *log, int level, const char *fmt, va_list ap)
{
	struct shunt__seat *seat;
	char text[TEXT];
	va_list copy;
	int e = find(log, level, &seat);

	if (e != 0)
		return e == SKIP ? 0 : e;
	if (fmt == NULL)
		return -EINVAL;
	va_copy(copy, ap);
	int n = vsnprintf(text, sizeof(text), fmt, copy);
	va_end(copy);
	if (n < 0)
		return -EINVAL;
	return (size_t)n < sizeof(text)
		   ? append(log, level, text, (size_t)n)
		   : append_long(log, level, fmt, ap, (size_t)n);
}

int
shunt_log_printf(struct shunt_log *log, int level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int e = shunt_log_vprintf(log, level, fmt, ap);
	va_end(ap);
	return e;
}
