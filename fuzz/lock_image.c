/* SPDX-License-Identifier: MIT */
/*
 * A lock, a semaphore or an event that was scribbled over is used, looked at
 * and recovered from: error codes at worst, within bounded calls.  The first
 * byte chooses the kind; with its top bit set the next seven forge a header
 * that is sound in itself: area in pages u8, lanes u8, most u32, first u8.
 */
#include <shunt/event.h>
#include <shunt/inspect.h>
#include <shunt/lock.h>
#include <shunt/semaphore.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "lock/named.h"
#include "machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SHORT INT64_C(20000) /* ns: into the kernel, and out of it again */

static int
repair(void *arg)
{
	return *(const int *)arg;
}

/* Takes it, twice if it can, with a dead holder's word in between. */
static void
use_lock(struct image *im, const uint8_t *data, size_t size)
{
	int answer = size % 3 == 0 ? -5 : 0;
	const struct shunt_lock_options o = {.sz = sizeof(o),
	    .flags = SHUNT_LOCK_EXISTING,
	    .repair = size % 2 ? repair : NULL,
	    .repair_arg = &answer};
	struct shunt_lock *lock;

	if (shunt_lock_open(&lock, im->name, &o) < 0)
		return;
	int held = shunt_lock_acquire(lock, SHUNT_NOWAIT) >= 0;
	image_patch(im, data, size);
	if (held)
		shunt_lock_release(lock);
	for (int i = 0; i < 3; i++)
		if (shunt_lock_acquire(lock, i == 1 ? SHORT : SHUNT_NOWAIT) >=
			0 &&
		    i != 2)
			shunt_lock_release(lock);
	shunt_lock_close(&lock);
}

/* What the words promise need not fit the area; the checksum does. */
static size_t
forge(struct image *im, const uint8_t *data, size_t size)
{
	struct shunt__header_lay *h = (void *)im->base;
	struct shunt__geometry geo;
	struct shunt__spec spec = {.kind = h->hd_kind, .persistent = 1};
	uint32_t most;

	if (size < 7)
		return 0;
	spec.area_bytes = data[0] % 32 * 4096u;
	spec.lanes = 1u + data[1];
	memcpy(&most, data + 2, sizeof(most));
	if (h->hd_kind == SHUNT_KIND_SEMAPHORE)
		spec.param = (uint64_t)most << 32 | data[6];
	if (shunt__geometry_make(&geo, &spec) != 0)
		return 7;
	image_resize(im, geo.size);
	h = (void *)im->base;
	h->hd_area_bytes = spec.area_bytes;
	h->hd_lanes = spec.lanes;
	h->hd_param = spec.param;
	h->hd_size = geo.size;
	h->hd_check =
	    shunt__checksum(h, offsetof(struct shunt__header_lay, hd_check));
	return 7;
}

static void
use_semaphore(struct image *im, const uint8_t *data, size_t size)
{
	const struct shunt_semaphore_options o = {
	    .sz = sizeof(o), .flags = SHUNT_SEMAPHORE_EXISTING};
	struct shunt_semaphore *sem;

	if (shunt_semaphore_open(&sem, im->name, &o) < 0)
		return;
	shunt_semaphore_wait(sem, SHUNT_NOWAIT);
	shunt_semaphore_wait(sem, SHUNT_NOWAIT);
	image_patch(im, data, size);
	shunt_semaphore_post(sem);
	shunt_semaphore_consume(sem, SHUNT_NOWAIT);
	shunt_semaphore_wait(sem, SHORT);
	shunt_semaphore_post(sem);
	shunt_semaphore_post(sem);
	/* Never more than there are. */
	const struct shunt__header_lay *h = (void *)im->base;
	if (shunt_semaphore_value(sem) > (int)(h->hd_param >> 32))
		abort();
	shunt_semaphore_close(&sem);
}

static void
use_event(struct image *im, const uint8_t *data, size_t size)
{
	const struct shunt_event_options o = {
	    .sz = sizeof(o), .flags = SHUNT_EVENT_EXISTING};
	struct shunt_event *event;

	if (shunt_event_open(&event, im->name, &o) < 0)
		return;
	shunt_event_notify(event, SHUNT_EVENT_ONE);
	image_patch(im, data, size);
	for (int i = 0; i < 3; i++) {
		shunt_event_wait(event, i == 1 ? SHORT : SHUNT_NOWAIT);
		shunt_event_notify(event, i & 1);
	}
	shunt_event_close(&event);
}

static void
look_at(const struct image *im)
{
	struct shunt_segment_info st = {.sz = sizeof(st)};
	struct shunt_recovery list[20];

	if (shunt_segment_stat(im->name, &st, NULL, 0) == 0 &&
	    strnlen(st.name, sizeof(st.name)) == sizeof(st.name))
		abort();
	int n = shunt_recoveries(im->name, list, 20);
	if (n > (int)SHUNT__RECOVERIES)
		abort();
	for (int i = 0; i < n; i++)
		if (memchr(list[i].dead_comm, 0, sizeof(list[i].dead_comm)) ==
		    NULL)
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t kinds[] = {
	    SHUNT_KIND_LOCK, SHUNT_KIND_SEMAPHORE, SHUNT_KIND_EVENT};
	struct shunt__semaphore_lay *lay = calloc(1, sizeof(*lay) + 3 * 4);
	struct shunt__spec spec = {.lanes = 3};
	struct image im;

	if (size == 0 || lay == NULL) {
		free(lay);
		return 0;
	}
	spec.kind = kinds[data[0] % 3];
	if (spec.kind == SHUNT_KIND_SEMAPHORE) {
		spec.param = UINT64_C(7) << 32 | 3;
		for (int i = 0; i < 3; i++)
			shunt__store32(&lay->sm_permit[i], SHUNT__PERMIT_FREE);
		spec.init = lay;
		spec.init_len = sizeof(*lay) + 3 * 4;
	}
	spec.area_bytes = shunt__lock_area(spec.kind, spec.param);
	spec.print = shunt__lock_print(spec.kind);
	image_make(&im, &spec);
	int forged = data[0] & 0x80;
	image_shape.lead = forged ? 8 : 1;
	data++;
	size--;
	if (forged) {
		size_t n = forge(&im, data, size);
		data += n;
		size -= n;
	}
	for (int round = 0; round < 2; round++) {
		if (spec.kind == SHUNT_KIND_LOCK)
			use_lock(&im, data, size);
		else if (spec.kind == SHUNT_KIND_SEMAPHORE)
			use_semaphore(&im, data, size);
		else
			use_event(&im, data, size);
		look_at(&im);
	}
	image_free(&im);
	free(lay);
	return 0;
}
