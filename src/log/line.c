/* SPDX-License-Identifier: MIT */
/* A record becomes a line in the stage; what it carries is input. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shunt/log.h>

#include "log/drain.h"
#include "os/os.h"

static const char own_tag[] = "shunt";

int
shunt__stage_init(struct shunt__stage *st)
{
	memset(st, 0, sizeof(*st));
	st->room = SHUNT__BATCH_BYTES;
	st->buf = malloc(st->room);
	return st->buf == NULL ? -ENOMEM : 0;
}

/* Room for @bytes more: 1, or 0 when the batch is full.  An empty stage grows
 * for a line that is longer than a batch. */
int
shunt__stage_need(struct shunt__stage *st, size_t bytes)
{
	if (__builtin_expect(bytes <= st->room - st->len, 1))
		return 1;
	st->cut = 1;
	if (st->len != 0)
		return 0;
	char *buf = realloc(st->buf, bytes);
	if (buf == NULL)
		return 0;
	st->buf = buf;
	st->room = bytes;
	return 1;
}

static inline void
count(struct shunt__source *s, struct shunt__stage *st, uint64_t stamp,
    size_t bytes)
{
	st->len += bytes;
	st->lines++;
	if (stamp < s->next.lc_last)
		s->next.lc_late++;
	else
		s->next.lc_last = stamp;
}

static int
own_line(struct shunt__source *s, struct shunt__format *f,
    struct shunt__stage *st, uint64_t stamp, const char *msg, size_t len)
{
	uint32_t pid = (uint32_t)shunt__os.getpid();

	if (!shunt__stage_need(
		st, shunt__format_room(f->kind, sizeof(own_tag) - 1, len)))
		return 0;
	count(s, st, stamp,
	    shunt__format_line(f, st->buf + st->len, stamp, pid, pid,
		SHUNT_LOG_WARNING, own_tag, sizeof(own_tag) - 1, msg, len));
	return 1;
}

/* A whole lane record that is no log record: kept, marked, all its bytes. */
static __attribute__((noinline, cold)) int
malformed(struct shunt__source *s, struct shunt__cursor *c,
    struct shunt__format *f, struct shunt__stage *st)
{
	static const char mark[] = "shunt: malformed record: ";
	char *text = malloc(sizeof(mark) + c->len);
	int taken;

	if (text == NULL) { /* then without the bytes, rather than not */
		taken = own_line(s, f, st, c->stamp, mark, sizeof(mark) - 2);
	} else {
		memcpy(text, mark, sizeof(mark) - 1);
		memcpy(text + sizeof(mark) - 1, c->record, c->len);
		taken = own_line(
		    s, f, st, c->stamp, text, sizeof(mark) - 1 + c->len);
	}
	free(text);
	s->next.lc_skewed += (uint64_t)taken;
	return taken;
}

/* The record under the cursor.  1, or 0 when the batch is full. */
int
shunt__line_put(struct shunt__source *s, struct shunt__cursor *c,
    struct shunt__format *f, struct shunt__stage *st)
{
	const unsigned char *r = c->record;
	unsigned level = c->tag & 0xff, tag_len = c->tag >> 8;
	uint64_t fixed = sizeof(struct shunt__log_record_lay) + tag_len;

	if (__builtin_expect(c->len < fixed || tag_len > SHUNT_LOG_TAG_MAX ||
				 level > SHUNT_LOG_DEBUG,
		0))
		return malformed(s, c, f, st);
	size_t len = c->len - fixed;
	if (!shunt__stage_need(st, shunt__format_room(f->kind, tag_len, len)))
		return 0;
	/* Each word once: the producer may scribble while we read. */
	const struct shunt__u32 *who = (const void *)(r + 8);
	size_t n = shunt__format_line(f, st->buf + st->len, c->stamp,
	    shunt__load32(who), shunt__load32(who + 1), level,
	    (const char *)r + sizeof(struct shunt__log_record_lay), tag_len,
	    r + fixed, len);
	count(s, st, c->stamp, n);
	if (__builtin_expect(c->skewed, 0))
		s->next.lc_skewed++;
	return 1;
}

/*
 * What a lane's owners gave up on since the file last told of it.  The count
 * is theirs: a lie makes a wrong sentence, nothing else.  1 or 0 as above.
 */
int
shunt__line_drops(struct shunt__source *s, struct shunt__cursor *c,
    uint64_t stamp, struct shunt__format *f, struct shunt__stage *st)
{
	uint64_t now = shunt__load64(&c->ctl->ln_dropped);
	char text[96];

	if (__builtin_expect(now <= c->told, 1))
		return 1;
	int n = snprintf(text, sizeof(text),
	    "shunt: %llu messages dropped from pid %u",
	    (unsigned long long)(now - c->told),
	    shunt__load32(&c->ctl->ln_pid));
	if (!own_line(s, f, st, stamp, text, (size_t)n))
		return 0;
	c->next_told = now;
	s->next.lc_dropped += now - c->told;
	return 1;
}
