/* SPDX-License-Identifier: MIT */
/* Who we are: for people, and to know whose clock stamps a record. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "os/os.h"
#include "segment/object.h"

static ssize_t
slurp(const char *path, char *buf, size_t room)
{
	int fd = shunt__os.open(path, O_RDONLY | O_CLOEXEC, 0);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = shunt__os.pread(fd, buf, room - 1, 0);
	shunt__os.close(fd);
	buf[n > 0 ? n : 0] = 0;
	return n;
}

void
shunt__who_comm(char comm[16])
{
	char buf[32] = "";

	memset(comm, 0, 16);
	if (slurp("/proc/self/comm", buf, sizeof(buf)) <= 0)
		return;
	size_t n = strcspn(buf, "\n");
	memcpy(comm, buf, n < 15 ? n : 15);
}

static int
hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
				      : -1;
}

static void
read_boot(uint8_t boot[16])
{
	char buf[64] = "";
	size_t digits = 0;

	memset(boot, 0, 16);
	if (slurp("/proc/sys/kernel/random/boot_id", buf, sizeof(buf)) <= 0)
		return;
	for (const char *p = buf; *p != 0 && digits < 32; p++)
		if (hex(*p) >= 0) {
			boot[digits / 2] =
			    (uint8_t)(boot[digits / 2] << 4 | hex(*p));
			digits++;
		}
}

void
shunt__who_boot(uint8_t boot[16])
{
	/* No process outlives its boot: read once, by all threads that come
	 * together, who all write the same. */
	static struct shunt__u64 half[2];
	uint64_t now[2] = {shunt__load64(&half[0]), shunt__load64(&half[1])};

	if (now[0] == 0 || now[1] == 0) {
		read_boot(boot);
		memcpy(now, boot, 16);
		shunt__store64(&half[0], now[0]);
		shunt__store64(&half[1], now[1]);
	}
	memcpy(boot, now, 16);
}

uint64_t
shunt__who_timens(void)
{
	char buf[64] = "";
	ssize_t n =
	    shunt__os.readlink("/proc/self/ns/time", buf, sizeof(buf) - 1);

	if (n <= 0) /* no /proc, or a kernel without time namespaces */
		return 0;
	buf[n] = 0;
	const char *open = strchr(buf, '[');
	return open == NULL ? 0 : strtoull(open + 1, NULL, 10);
}
