/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "inspect/places.h"
#include "os/os.h"

/*
 * Its text (QSIZE and the others) is not read: the kernel would note that as
 * an access and a change.  Asking for its attributes leaves no trace.
 */
static void
tell_attributes(const char *path, struct shunt_segment_info *info)
{
	struct mq_attr attr;
	int fd = shunt__os.open(
	    path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW, 0);

	if (fd < 0)
		return;
	if (shunt__os.mq_getattr(fd, &attr) == 0) {
		info->size =
		    (uint64_t)attr.mq_maxmsg * (uint64_t)attr.mq_msgsize;
		info->messages = (uint64_t)attr.mq_curmsgs;
	}
	shunt__os.close(fd);
}

int
shunt__info_mq(const char *path, struct shunt_segment_info *info)
{
	const char *name = strrchr(path, '/');
	struct stat st;

	if (shunt__os.lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	shunt__info_file(info, "", &st);
	snprintf(info->name, sizeof(info->name), "mq:%s", name);
	info->place = SHUNT_PLACE_MQ;
	info->size = 0;
	tell_attributes(path, info);
	return 1;
}
