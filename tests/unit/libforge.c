/* SPDX-License-Identifier: MIT */
#include "unit/unit.h"

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>

#include "base/checksum.h"
#include "lib/peers.h"
#include "os/os.h"
#include "ring/lane.h"
#include "unit/forge.h"

static struct {
	ssize_t (*pread)(int fd, void *buf, size_t n, off_t off);
	off_t off;
	void (*then)(unsigned nth);
	unsigned nth, reads, fails_at;
	int err, failed;
} watch;

struct forged
forge(const struct shunt__spec *spec)
{
	struct shunt__header_lay h = {.hd_magic = SHUNT__MAGIC,
	    .hd_layout = SHUNT__LAYOUT,
	    .hd_order = SHUNT__ORDER,
	    .hd_fingerprint = shunt__fingerprint(spec->print),
	    .hd_kind = spec->kind,
	    .hd_lifetime = SHUNT__PERSISTENT,
	    .hd_lanes = spec->lanes,
	    .hd_area_bytes = spec->area_bytes,
	    .hd_lane_bytes = spec->lane_bytes,
	    .hd_param = spec->param};
	struct shunt__spec stays = *spec;
	struct forged f = {.name = test_name("forged")};

	stays.persistent = 1;
	assert_int_equal(shunt__geometry_make(&f.geo, &stays), 0);
	h.hd_size = f.geo.size;
	h.hd_check =
	    shunt__checksum(&h, offsetof(struct shunt__header_lay, hd_check));
	f.fd = open(
	    test_path(f.name), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	assert_true(f.fd >= 0);
	assert_int_equal(ftruncate(f.fd, (off_t)f.geo.size), 0);
	forge_put(&f, 0, &h, sizeof(h));
	return f;
}

void
forge_end(struct forged *f)
{
	unlink(test_path(f->name));
	close(f->fd);
}

void
forge_put(const struct forged *f, uint64_t off, const void *p, size_t n)
{
	assert_int_equal(pwrite(f->fd, p, n, (off_t)off), n);
}

void
forge_word(const struct forged *f, uint64_t off, uint64_t word)
{
	forge_put(f, off, &word, sizeof(word));
}

void
forge_u32(const struct forged *f, uint64_t off, uint32_t word)
{
	forge_put(f, off, &word, sizeof(word));
}

void
forge_high(const struct forged *f, uint32_t lanes, uint32_t slots)
{
	uint64_t at = SHUNT__CONTROL_OFF;

	forge_u32(f, at + offsetof(struct shunt__control_lay, ct_high), lanes);
	forge_u32(f, at + offsetof(struct shunt__control_lay, ct_slots), slots);
}

void
forge_tail(const struct forged *f, uint32_t lane, uint64_t tail)
{
	forge_word(f,
	    f->geo.lanes_off + lane * SHUNT__LANE_BLOCK +
		offsetof(struct shunt__lane_lay, ln_tail),
	    tail);
}

static uint64_t
place(const struct forged *f, uint32_t lane, uint64_t pos)
{
	return f->geo.rings_off + lane * f->geo.lane_bytes +
	       (pos & (f->geo.lane_bytes - 1));
}

uint64_t
forge_record(const struct forged *f, uint32_t lane, uint64_t pos, uint16_t tag,
    const void *payload, uint32_t len)
{
	forge_word(f, place(f, lane, pos),
	    SHUNT__LANE_REC | (uint64_t)tag << 32 | len);
	if (len > 0)
		forge_put(f, place(f, lane, pos) + 8, payload, len);
	return pos + shunt__lane_need(len);
}

uint64_t
forge_pad(const struct forged *f, uint32_t lane, uint64_t pos)
{
	forge_word(f, place(f, lane, pos), SHUNT__LANE_REC | SHUNT__LANE_PAD);
	return (pos | (f->geo.lane_bytes - 1)) + 1;
}

void
forge_hold(const struct forged *f, int64_t byte)
{
	struct flock fl = {.l_type = F_WRLCK,
	    .l_whence = SEEK_SET,
	    .l_start = byte,
	    .l_len = 1};

	assert_int_equal(fcntl(f->fd, F_OFD_SETLK, &fl), 0);
}

static ssize_t
pread_watched(int fd, void *buf, size_t n, off_t off)
{
	if (watch.then != NULL && off == watch.off)
		watch.then(watch.nth++);
	if (++watch.reads == watch.fails_at) {
		watch.failed = 1;
		return -watch.err;
	}
	return watch.pread(fd, buf, n, off);
}

static void
begin(void)
{
	forge_calm();
	memset(&watch, 0, sizeof(watch));
	watch.pread = shunt__os.pread;
	shunt__os.pread = pread_watched;
}

void
forge_watch(uint64_t off, void (*then)(unsigned nth))
{
	begin();
	watch.off = (off_t)off;
	watch.then = then;
}

void
forge_fail(unsigned k, int err)
{
	begin();
	watch.fails_at = k;
	watch.err = err;
}

int
forge_calm(void)
{
	if (shunt__os.pread == pread_watched)
		shunt__os.pread = watch.pread;
	return watch.failed;
}

unsigned
forge_reads(void)
{
	return watch.reads;
}
