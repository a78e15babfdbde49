/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_LOG_FORMAT_H
#define SHUNT_LOG_FORMAT_H

/*
 * A record as a line of text.  The bytes may lie in shared memory and change
 * while they are read: each is read once, into private memory, and what was
 * read is what is checked and written.
 *
 *   classic  1234: Sat Nov 21 04:39:39 2026 MESSAGE
 *   iso      2026-11-21T04:39:39.123456789+01:00 info 1234.1235 TAG: MESSAGE
 *   json     {"time":"...","level":"info","pid":1234,"tid":1235,"tag":"TAG",
 *            "message":"MESSAGE"}
 *
 * Times are local.  In classic and iso the tag and the message are escaped as
 * shunt_text_escape() does; a record without a tag has "-" in iso.  In json
 * every string is exact: what is no valid UTF-8 stands as U+FFFD, and then a
 * further key, "message_base64" or "tag_base64", has all the bytes.
 */

#include <stddef.h>
#include <stdint.h>

#define SHUNT__FORMAT_PIDS    16u  /* entries of the cache; a power of two */
#define SHUNT__FORMAT_TAG_MAX 255u /* a longer tag is cut here */

struct shunt__format {
	uint32_t kind;    /* enum shunt_format */
	int64_t wall_off; /* wall clock minus monotonic; the caller's to set */

	/* The second whose text is in `when`, as wall clock in ns. */
	uint64_t second;
	uint64_t minute; /* of the last look at the time zone */
	uint32_t when_len;
	char when[36]; /* classic: 24 and a blank; else up to the point */
	char zone[8];  /* "+01:00" */

	/* Digits of the processes that logged last: "1234: ". */
	struct shunt__format_pid {
		uint32_t pid;
		uint32_t len; /* 0: not filled */
		char text[16];
	} pids[SHUNT__FORMAT_PIDS];
};

void shunt__format_init(struct shunt__format *f, uint32_t kind);

/* Room that shunt__format_line() needs for such a record, its own scratch
 * included; the line itself is mostly much shorter. */
size_t shunt__format_room(uint32_t kind, size_t tag_len, size_t msg_len);

/* Writes one line with its newline, no NUL; its bytes. */
size_t shunt__format_line(struct shunt__format *f, char *out, uint64_t stamp,
    uint32_t pid, uint32_t tid, unsigned level, const char *tag, size_t tag_len,
    const void *msg, size_t msg_len);

/* Parts of it: "info" or, of a level that does not exist, its number; the
 * digits of @x; both return the bytes written. */
size_t shunt__format_level(char *out, unsigned level);
size_t shunt__format_digits(char *out, uint32_t x);

/* "2026-11-21T04:39:39.123456789+01:00", 35 bytes; the second is in @f. */
size_t shunt__format_iso_time(
    const struct shunt__format *f, char *out, uint64_t wall);

/* A JSON string with its quotes, from private memory; *@exact becomes 0 if
 * some bytes are no UTF-8.  At most 6 * @len + 2 bytes. */
size_t shunt__json_string(
    char *out, const unsigned char *src, size_t len, int *exact);

/* At most (@len + 2) / 3 * 4 bytes. */
size_t shunt__base64(char *out, const unsigned char *src, size_t len);

#endif /* SHUNT_LOG_FORMAT_H */
