/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE

/*
 * Hashes of the shared image, taken once for every traced instruction: so they
 * must be fast, and one changed word must always change the result, but they
 * need not withstand anybody.
 */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sweep.h"

static const uint64_t K = UINT64_C(0x9fb21c651e98df25);

static uint64_t
mix(uint64_t h, uint64_t w)
{
	h = (h ^ w) * K;
	return h ^ (h >> 29);
}

/* Four chains, so that the multiplications overlap. */
uint64_t
sweep_hash(uint64_t h, const void *mem, size_t len)
{
	uint64_t a = h ^ 1, b = h ^ 2, c = h ^ 3, d = h ^ 4, w[4];
	const unsigned char *p = mem;
	size_t left = len;

	for (; left >= sizeof(w); left -= sizeof(w), p += sizeof(w)) {
		memcpy(w, p, sizeof(w));
		a = (a ^ w[0]) * K;
		b = (b ^ w[1]) * K;
		c = (c ^ w[2]) * K;
		d = (d ^ w[3]) * K;
	}
	memset(w, 0, sizeof(w));
	memcpy(w, p, left);
	a = mix(a, w[0]);
	b = mix(b, w[1]);
	c = mix(c, w[2]);
	d = mix(d, w[3]);
	return mix(mix(mix(mix(a, b), c), d), len);
}

static uint64_t
hash_extent(uint64_t h, int fd, off_t at, off_t end)
{
	static char buf[64 * 1024];
	ssize_t got;

	h = mix(h, (uint64_t)at);
	while (at < end) {
		size_t want = sizeof(buf);

		if ((off_t)want > end - at)
			want = (size_t)(end - at);
		got = pread(fd, buf, want, at);
		if (got <= 0)
			break;
		h = sweep_hash(h, buf, (size_t)got);
		at += got;
	}
	return h;
}

uint64_t
sweep_hash_fd(uint64_t h, int fd)
{
	off_t data = 0, hole;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return mix(h, 0);
	h = mix(mix(h, (uint64_t)st.st_size), st.st_nlink + 1);
	while (data < st.st_size) {
		data = lseek(fd, data, SEEK_DATA);
		if (data < 0)
			break;
		hole = lseek(fd, data, SEEK_HOLE);
		if (hole < 0)
			hole = st.st_size;
		h = hash_extent(h, fd, data, hole);
		data = hole;
	}
	return h;
}

uint64_t
sweep_hash_path(uint64_t h, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	h = sweep_hash_fd(h, fd);
	if (fd >= 0)
		close(fd);
	return h;
}
