/* SPDX-License-Identifier: MIT */
/* Years from 2038 on, also where long has 32 bits. */
#define _TIME_BITS 64
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "out.h"

/* Numbers in the form that people read. */

#define NS_PER_S INT64_C(1000000000)

static char *
buffer(void)
{
	static char ring[16][40];
	static unsigned turn;

	return ring[turn++ % 16];
}

const char *
out_size(uint64_t bytes)
{
	static const char units[] = "BKMGTPE";
	char *to = buffer();
	uint64_t rest = 0;
	int u = 0;

	while (bytes >= 1024 && units[u + 1] != 0) {
		rest = bytes % 1024;
		bytes /= 1024;
		u++;
	}
	if (u == 0)
		snprintf(to, 40, "%" PRIu64, bytes);
	else if (bytes < 10 && rest * 10 / 1024 > 0)
		snprintf(to, 40, "%" PRIu64 ".%" PRIu64 "%c", bytes,
		    rest * 10 / 1024, units[u]);
	else
		snprintf(to, 40, "%" PRIu64 "%c", bytes, units[u]);
	return to;
}

const char *
out_span(int64_t ns)
{
	int64_t s = ns > 0 ? ns / NS_PER_S : 0;
	char *to = buffer();

	if (s < 60)
		snprintf(to, 40, "%" PRId64 "s", s);
	else if (s < 3600)
		snprintf(to, 40, "%" PRId64 "m", s / 60);
	else if (s < 48 * 3600)
		snprintf(to, 40, "%" PRId64 "h", s / 3600);
	else
		snprintf(to, 40, "%" PRId64 "d", s / 86400);
	return to;
}

const char *
out_age(int64_t since_ns)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return out_span(now.tv_sec * NS_PER_S + now.tv_nsec - since_ns);
}

const char *
out_time(int64_t ns)
{
	time_t s = (time_t)(ns / NS_PER_S);
	char *to = buffer();
	struct tm tm;

	if (localtime_r(&s, &tm) == NULL ||
	    strftime(to, 40, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		snprintf(to, 40, "%" PRId64 " s", (int64_t)s);
	return to;
}

const char *
out_user(uint32_t uid)
{
	struct passwd *pw = getpwuid(uid);
	char *to = buffer();

	if (pw != NULL && strlen(pw->pw_name) < 33)
		snprintf(to, 40, "%s", pw->pw_name);
	else
		snprintf(to, 40, "%" PRIu32, uid);
	return to;
}

const char *
out_group(uint32_t gid)
{
	struct group *gr = getgrgid(gid);
	char *to = buffer();

	if (gr != NULL && strlen(gr->gr_name) < 33)
		snprintf(to, 40, "%s", gr->gr_name);
	else
		snprintf(to, 40, "%" PRIu32, gid);
	return to;
}
