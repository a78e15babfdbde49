/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <shunt.h>

#include "doctor.h"
#include "out.h"

/* Limits of System V and of POSIX message queues, against their use. */

#define SMALL (UINT64_C(64) << 20)
#define MQ    "/proc/sys/fs/mqueue/"

static enum doctor_verdict
how_full(uint64_t used, uint64_t most)
{
	if (used >= most)
		return DOCTOR_TROUBLE;
	return doctor_percent(used, most) >= 90 ? DOCTOR_WARNING : DOCTOR_OK;
}

static void
segments(struct doctor *d)
{
	struct shunt_sysv_limits m = {.sz = sizeof(m)};
	struct shunt_sysv_usage n = {.sz = sizeof(n)};
	enum doctor_verdict v;

	if (shunt_sysv_limits(&m) < 0 || shunt_sysv_usage(&n) < 0) {
		doctor_say(d, DOCTOR_UNKNOWN,
		    "This kernel has no System V shared memory.");
		return;
	}
	v = how_full(n.segments, m.shmmni);
	doctor_say(d, v,
	    "%" PRIu64 " of %" PRIu64 " segments exist (SHMMNI)%s.", n.segments,
	    m.shmmni, v == DOCTOR_OK ? "" : ": then shmget fails with ENOSPC");
	if (v != DOCTOR_OK)
		doctor_fix(d, "sysctl kernel.shmmni=%" PRIu64,
		    m.shmmni > 0 ? m.shmmni * 2 : 4096);
	v = how_full(n.pages, m.shmall);
	doctor_say(d, v, "Together they have %s; there may be %s (SHMALL)%s.",
	    out_size(n.pages * m.page),
	    m.shmall > UINT64_MAX / 4 / m.page ? "any size"
					       : out_size(m.shmall * m.page),
	    v == DOCTOR_OK ? "" : ": then shmget fails with ENOSPC");
	if (v != DOCTOR_OK)
		doctor_fix(d, "sysctl kernel.shmall=%" PRIu64,
		    n.pages > 0 ? n.pages * 2 : 1 << 20);
	v = m.shmmax < SMALL ? DOCTOR_WARNING : DOCTOR_OK;
	doctor_say(d, v, "One may have %s (SHMMAX)%s.",
	    m.shmmax > UINT64_MAX / 4 ? "any size" : out_size(m.shmmax),
	    v == DOCTOR_OK ? "" : ": a larger one is refused with EINVAL");
	if (v != DOCTOR_OK)
		doctor_fix(d, "sysctl kernel.shmmax=18446744073692774399");
}

static void
sets(struct doctor *d)
{
	uint64_t msl, mns, opm, mni;
	int64_t n = doctor_count("/proc/sysvipc/sem", 1);
	enum doctor_verdict v;
	char line[128];

	if (n < 0 ||
	    doctor_line("/proc/sys/kernel/sem", line, sizeof(line)) < 0 ||
	    sscanf(line, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &msl,
		&mns, &opm, &mni) != 4) {
		doctor_say(d, DOCTOR_UNKNOWN,
		    "System V semaphores cannot be looked at here.");
		return;
	}
	v = how_full((uint64_t)n, mni);
	doctor_say(d, v,
	    "%" PRId64 " of %" PRIu64 " semaphore sets exist (SEMMNI)%s.", n,
	    mni, v == DOCTOR_OK ? "" : ": then semget fails with ENOSPC");
	if (v != DOCTOR_OK)
		doctor_fix(d,
		    "sysctl kernel.sem='%" PRIu64 " %" PRIu64 " %" PRIu64
		    " %" PRIu64 "'",
		    msl, mns, opm, mni > 0 ? mni * 2 : 32000);
}

static void
messages(struct doctor *d)
{
	int64_t n = doctor_count("/proc/sysvipc/msg", 1);
	enum doctor_verdict v;
	uint64_t most;

	if (n < 0 || doctor_number("/proc/sys/kernel/msgmni", &most) < 0) {
		doctor_say(d, DOCTOR_UNKNOWN,
		    "System V message queues cannot be looked at here.");
		return;
	}
	v = how_full((uint64_t)n, most);
	doctor_say(d, v,
	    "%" PRId64 " of %" PRIu64 " System V message queues exist "
	    "(MSGMNI)%s.",
	    n, most, v == DOCTOR_OK ? "" : ": then msgget fails with ENOSPC");
	if (v != DOCTOR_OK)
		doctor_fix(d, "sysctl kernel.msgmni=%" PRIu64,
		    most > 0 ? most * 2 : 32000);
}

/* Names in /dev/mqueue, or -1 where it is not mounted. */
static int64_t
queues_there(void)
{
	DIR *dir = opendir("/dev/mqueue");
	struct dirent *entry;
	int64_t n = 0;

	if (dir == NULL)
		return -1;
	while ((entry = readdir(dir)) != NULL)
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n;
}

static void
queues(struct doctor *d)
{
	uint64_t most, msgs, size;
	int64_t n = queues_there();
	enum doctor_verdict v;

	if (doctor_number(MQ "queues_max", &most) < 0 ||
	    doctor_number(MQ "msg_max", &msgs) < 0 ||
	    doctor_number(MQ "msgsize_max", &size) < 0) {
		doctor_say(d, DOCTOR_UNKNOWN,
		    "This kernel shows no POSIX message queues.");
		return;
	}
	v = n >= 0 ? how_full((uint64_t)n, most) : DOCTOR_OK;
	if (n < 0)
		doctor_say(d, v,
		    "There may be %" PRIu64 " POSIX message queues; how many "
		    "there are shows once /dev/mqueue is mounted.",
		    most);
	else
		doctor_say(d, v,
		    "%" PRId64 " of %" PRIu64 " POSIX message queues exist%s.",
		    n, most,
		    v == DOCTOR_OK ? "" : ": then mq_open fails with ENOSPC");
	if (v != DOCTOR_OK)
		doctor_fix(d, "sysctl fs.mqueue.queues_max=%" PRIu64,
		    most > 0 ? most * 2 : 256);
	doctor_say(d, DOCTOR_OK,
	    "One takes at most %" PRIu64 " messages of %" PRIu64
	    " bytes; who asks for more gets EINVAL (fs.mqueue.msg_max, "
	    "msgsize_max).",
	    msgs, size);
}

/* What a queue of the default size is charged: its messages and a note of
 * some 80 bytes for each. */
static void
queue_bytes(struct doctor *d)
{
	uint64_t msgs = 10, size = 8192, one;
	struct rlimit r;

	if (getrlimit(RLIMIT_MSGQUEUE, &r) < 0)
		return;
	doctor_number(MQ "msg_default", &msgs);
	doctor_number(MQ "msgsize_default", &size);
	one = msgs * (size + 80);
	if (r.rlim_cur == RLIM_INFINITY) {
		doctor_say(d, DOCTOR_OK,
		    "RLIMIT_MSGQUEUE sets no limit on the bytes of queues.");
		return;
	}
	doctor_say(d, r.rlim_cur < one ? DOCTOR_WARNING : DOCTOR_OK,
	    "RLIMIT_MSGQUEUE lets a user have %s in queues: about %" PRIu64
	    " of the default size, then mq_open fails with EMFILE.",
	    out_size(r.rlim_cur), (uint64_t)r.rlim_cur / one);
	if (r.rlim_cur < one)
		doctor_fix(d, "ulimit -q 819200");
}

const struct doctor_check doctor_ipc[] = {
    {"segments", segments},
    {"semaphores", sets},
    {"messages", messages},
    {"queues", queues},
    {"queue bytes", queue_bytes},
    {0},
};
