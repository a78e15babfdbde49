/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "look.h"
#include "ls.h"
#include "out.h"

/* What `shunt ls` calls things, in its columns as in its filters. */

#define OWNERS 64

const char *
ls_kind(const struct shunt_segment_info *info)
{
	switch (info->place) {
	case SHUNT_PLACE_SEMSET:
		return "semset";
	case SHUNT_PLACE_MSGQUEUE:
		return "msg";
	case SHUNT_PLACE_SEM:
		return "sem";
	case SHUNT_PLACE_MQ:
		return "mq";
	}
	return look_kind(info->kind);
}

const char *
ls_place(uint32_t place)
{
	switch (place) {
	case SHUNT_PLACE_POSIX:
		return "posix";
	case SHUNT_PLACE_FILE:
		return "file";
	case SHUNT_PLACE_SYSV:
		return "sysv";
	case SHUNT_PLACE_SEMSET:
		return "semset";
	case SHUNT_PLACE_MSGQUEUE:
		return "msg";
	case SHUNT_PLACE_SEM:
		return "sem";
	case SHUNT_PLACE_MQ:
		return "mq";
	case SHUNT_PLACE_MEMFD:
		return "memfd";
	case SHUNT_PLACE_UNLINKED:
		return "unlinked";
	case SHUNT_PLACE_HUGETLB:
		return "hugetlb";
	}
	return "other";
}

const char *
ls_state(const struct shunt_segment_info *info)
{
	/* Removed, and there only for those who have it attached. */
	if (info->place == SHUNT_PLACE_SYSV &&
	    (info->sysv_flags & SHUNT_SYSV_DEST) != 0)
		return "dest";
	if (info->state == SHUNT_STATE_HELD)
		return "unlinked-held";
	return look_state(info->state);
}

/* The bit of one of @words that is @len bytes long, or 0. */
static uint32_t
word_bit(const char *word, size_t len, const char *words)
{
	uint32_t bit = 1;

	for (; *words != 0; bit <<= 1) {
		size_t n = strcspn(words, " ");

		if (n == len && memcmp(words, word, len) == 0)
			return bit;
		words += n;
		words += strspn(words, " ");
	}
	return 0;
}

uint32_t
ls_mask(const char *list, const char *words)
{
	uint32_t mask = 0;

	for (;;) {
		size_t n = strcspn(list, ",");
		uint32_t bit = word_bit(list, n, words);

		if (bit == 0)
			return 0;
		mask |= bit;
		if (list[n] == 0)
			return mask;
		list += n + 1;
	}
}

uint64_t
ls_users(const struct shunt_segment_info *info, int *more)
{
	int had =
	    info->state == SHUNT_STATE_LIVE || info->state == SHUNT_STATE_HELD;
	uint64_t n = info->users;

	*more = 0;
	/* The kernel counts these, also those that cannot be seen. */
	if (info->place == SHUNT_PLACE_SYSV)
		return info->attached;
	if (n == 0)
		n = (uint64_t)info->senders + info->receivers;
	/* Idle means that the kernel has said: nobody. */
	if (info->hidden && (had || info->state == SHUNT_STATE_UNKNOWN))
		*more = 1;
	if (n == 0 && had) {
		n = 1; /* nobody seen, but somebody there */
		*more = 1;
	}
	return n;
}

const char *
ls_owner(uint32_t uid)
{
	static struct {
		uint32_t uid;
		char name[40];
	} known[OWNERS];
	static unsigned count;
	unsigned i;

	for (i = 0; i < count && i < OWNERS; i++)
		if (known[i].uid == uid)
			return known[i].name;
	i = count++ % OWNERS;
	known[i].uid = uid;
	snprintf(known[i].name, sizeof(known[i].name), "%s", out_user(uid));
	return known[i].name;
}

int64_t
ls_since(const struct shunt_segment_info *info)
{
	return info->created_ns != 0 ? info->created_ns : info->mtime_ns;
}
