/* SPDX-License-Identifier: MIT */
/* Years from 2038 on, also where long has 32 bits. */
#define _TIME_BITS 64
#include <string.h>
#include <time.h>

#include <shunt/logd.h>
#include <shunt/text.h>

#include "base/atomics.h"
#include "base/text.h"
#include "log/format.h"

#define SECOND UINT64_C(1000000000)

/* Everything in a line of a kind but the message and its escapes. */
enum { CLASSIC_FIXED = 64, ISO_FIXED = 112, JSON_FIXED = 224 };

void
shunt__format_init(struct shunt__format *f, uint32_t kind)
{
	memset(f, 0, sizeof(*f));
	f->kind = kind;
	f->minute = UINT64_MAX;
}

static size_t
base64_room(size_t len)
{
	return (len + 2) / 3 * 4;
}

size_t
shunt__format_room(uint32_t kind, size_t tag_len, size_t msg_len)
{
	if (tag_len > SHUNT__FORMAT_TAG_MAX)
		tag_len = SHUNT__FORMAT_TAG_MAX;
	if (kind == SHUNT_FORMAT_CLASSIC)
		return CLASSIC_FIXED + SHUNT_TEXT_ROOM(msg_len);
	if (kind == SHUNT_FORMAT_ISO)
		return ISO_FIXED + SHUNT_TEXT_ROOM(tag_len) +
		       SHUNT_TEXT_ROOM(msg_len);
	/* A private copy of the message stands at the very end. */
	return JSON_FIXED + tag_len * 6 + base64_room(tag_len) + msg_len * 6 +
	       base64_room(msg_len) + msg_len;
}

size_t
shunt__format_digits(char *out, uint32_t x)
{
	char text[10];
	size_t n = sizeof(text);

	do {
		text[--n] = (char)('0' + x % 10);
		x /= 10;
	} while (x != 0);
	memcpy(out, text + n, sizeof(text) - n);
	return sizeof(text) - n;
}

static void
digits(char *out, unsigned x, size_t n)
{
	while (n-- > 0) {
		out[n] = (char)('0' + x % 10);
		x /= 10;
	}
}

size_t
shunt__format_level(char *out, unsigned level)
{
	static const char names[8][8] = {"emerg", "alert", "crit", "err",
	    "warning", "notice", "info", "debug"};

	if (level > 7)
		return shunt__format_digits(out, level);
	size_t n = strnlen(names[level], 8);
	memcpy(out, names[level], n);
	return n;
}

/* The 24 characters of ctime(3) and a blank. */
static void
classic_when(struct shunt__format *f, const struct tm *tm)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	char *p = f->when;

	memcpy(p, "Ddd Mmm dd hh:mm:ss yyyy ", 25);
	memcpy(p, days + 3 * tm->tm_wday, 3);
	memcpy(p + 4, months + 3 * tm->tm_mon, 3);
	digits(p + 8, (unsigned)tm->tm_mday, 2);
	if (p[8] == '0')
		p[8] = ' ';
	digits(p + 11, (unsigned)tm->tm_hour, 2);
	digits(p + 14, (unsigned)tm->tm_min, 2);
	digits(p + 17, (unsigned)tm->tm_sec, 2);
	digits(p + 20, (unsigned)tm->tm_year + 1900, 4);
	f->when_len = 25;
}

static void
iso_when(struct shunt__format *f, const struct tm *tm)
{
	long off = tm->tm_gmtoff / 60;
	char *p = f->when;

	memcpy(p, "yyyy-mm-ddThh:mm:ss.", 20);
	digits(p, (unsigned)tm->tm_year + 1900, 4);
	digits(p + 5, (unsigned)tm->tm_mon + 1, 2);
	digits(p + 8, (unsigned)tm->tm_mday, 2);
	digits(p + 11, (unsigned)tm->tm_hour, 2);
	digits(p + 14, (unsigned)tm->tm_min, 2);
	digits(p + 17, (unsigned)tm->tm_sec, 2);
	f->when_len = 20;
	memcpy(f->zone, "+hh:mm", 6);
	if (off < 0) {
		f->zone[0] = '-';
		off = -off;
	}
	digits(f->zone + 1, (unsigned)off / 60, 2);
	digits(f->zone + 4, (unsigned)off % 60, 2);
}

/*
 * Once a second of stamps.  localtime_r() knows when summer time begins; that
 * somebody gave the machine another zone, tzset() sees, once a minute.  The
 * year has four digits: 64 bits of nanoseconds end in 2554, so that every one
 * of them has a local time.
 */
static __attribute__((noinline, cold)) void
renew(struct shunt__format *f, uint64_t wall)
{
	time_t t = (time_t)(wall / SECOND);
	struct tm tm = {0};

	if (f->minute != (uint64_t)t / 60) {
		f->minute = (uint64_t)t / 60;
		tzset();
	}
	localtime_r(&t, &tm);
	f->second = (uint64_t)t * SECOND;
	if (f->kind == SHUNT_FORMAT_CLASSIC)
		classic_when(f, &tm);
	else
		iso_when(f, &tm);
}

size_t
shunt__format_iso_time(const struct shunt__format *f, char *out, uint64_t wall)
{
	memcpy(out, f->when, 20);
	digits(out + 20, (unsigned)(wall - f->second), 9);
	memcpy(out + 29, f->zone, 6);
	return 35;
}

/* "1234: " from the cache; in a merge of lanes the pids take turns. */
static inline const struct shunt__format_pid *
pid_text(struct shunt__format *f, uint32_t pid)
{
	struct shunt__format_pid *e = &f->pids[pid % SHUNT__FORMAT_PIDS];

	if (__builtin_expect(e->pid != pid || e->len == 0, 0)) {
		e->pid = pid;
		e->len = (uint32_t)shunt__format_digits(e->text, pid);
		e->text[e->len++] = ':';
		e->text[e->len++] = ' ';
	}
	return e;
}

/* Copies of fixed length are two or three moves; the room is there. */
static inline size_t
classic(struct shunt__format *f, char *out, uint32_t pid, const void *msg,
    size_t len)
{
	const struct shunt__format_pid *who = pid_text(f, pid);
	size_t n = who->len;

	memcpy(out, who->text, sizeof(who->text));
	memcpy(out + n, f->when, 32);
	n += 25;
	n += shunt__text_copy(out + n, msg, len);
	out[n++] = '\n';
	return n;
}

struct who {
	uint32_t pid;
	uint32_t tid;
	unsigned level;
	const char *tag;
	size_t tag_len;
};

static size_t
iso(struct shunt__format *f, char *out, uint64_t wall, const struct who *who,
    const void *msg, size_t len)
{
	size_t n = shunt__format_iso_time(f, out, wall);

	out[n++] = ' ';
	n += shunt__format_level(out + n, who->level);
	out[n++] = ' ';
	n += shunt__format_digits(out + n, who->pid);
	out[n++] = '.';
	n += shunt__format_digits(out + n, who->tid);
	out[n++] = ' ';
	if (who->tag_len == 0)
		out[n++] = '-';
	else
		n += shunt__text_copy(out + n, who->tag, who->tag_len);
	out[n++] = ':';
	out[n++] = ' ';
	n += shunt__text_copy(out + n, msg, len);
	out[n++] = '\n';
	return n;
}

static size_t
put(char *out, const char *text)
{
	size_t n = strlen(text);

	memcpy(out, text, n);
	return n;
}

/* "key":"..." and, if the bytes are no UTF-8, ,"key_base64":"...". */
static size_t
json_bytes(char *out, const char *key, const unsigned char *src, size_t len)
{
	int exact = 1;
	size_t n = put(out, ",\"");

	n += put(out + n, key);
	n += put(out + n, "\":");
	n += shunt__json_string(out + n, src, len, &exact);
	if (exact)
		return n;
	n += put(out + n, ",\"");
	n += put(out + n, key);
	n += put(out + n, "_base64\":\"");
	n += shunt__base64(out + n, src, len);
	out[n++] = '"';
	return n;
}

static size_t
json(struct shunt__format *f, char *out, uint64_t wall, const struct who *who,
    const void *msg, size_t len)
{
	unsigned char tag[SHUNT__FORMAT_TAG_MAX];
	unsigned char *copy = (unsigned char *)out +
			      shunt__format_room(f->kind, who->tag_len, len) -
			      len;
	size_t n = put(out, "{\"time\":\"");

	if (who->tag_len != 0)
		memcpy(tag, who->tag, who->tag_len);
	if (len != 0)
		memcpy(copy, msg, len);
	/* From here on nothing but the copies is read. */
	shunt__compiler_barrier();
	n += shunt__format_iso_time(f, out + n, wall);
	n += put(out + n, "\",\"level\":\"");
	n += shunt__format_level(out + n, who->level);
	n += put(out + n, "\",\"pid\":");
	n += shunt__format_digits(out + n, who->pid);
	n += put(out + n, ",\"tid\":");
	n += shunt__format_digits(out + n, who->tid);
	n += json_bytes(out + n, "tag", tag, who->tag_len);
	n += json_bytes(out + n, "message", copy, len);
	n += put(out + n, "}\n");
	return n;
}

size_t
shunt__format_line(struct shunt__format *f, char *out, uint64_t stamp,
    uint32_t pid, uint32_t tid, unsigned level, const char *tag, size_t tag_len,
    const void *msg, size_t msg_len)
{
	uint64_t wall = stamp + (uint64_t)f->wall_off;

	if (__builtin_expect(wall - f->second >= SECOND || f->when_len == 0, 0))
		renew(f, wall);
	if (f->kind == SHUNT_FORMAT_CLASSIC)
		return classic(f, out, pid, msg, msg_len);
	if (tag_len > SHUNT__FORMAT_TAG_MAX)
		tag_len = SHUNT__FORMAT_TAG_MAX;
	struct who who = {pid, tid, level, tag, tag_len};
	if (f->kind == SHUNT_FORMAT_ISO)
		return iso(f, out, wall, &who, msg, msg_len);
	return json(f, out, wall, &who, msg, msg_len);
}
