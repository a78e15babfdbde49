/* SPDX-License-Identifier: MIT */
/*
 * Lock bytes: the kernel's own record of who lives.  It drops them when the
 * last descriptor of a description is closed, that is at death at the latest,
 * after the last thread has left user mode: what a dead process stored is
 * visible to who gets its byte.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "os/os.h"
#include "segment/object.h"
#include "segment/lockbyte.h"

int
shunt__byte_lock(int fd, short type, int64_t byte)
{
	struct flock fl = {
	    .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
	int e;

	do
		e = shunt__os.lock(fd, F_OFD_SETLK, &fl);
	while (e == -EINTR);
	return e == -EAGAIN || e == -EACCES ? -EBUSY : e;
}

int
shunt__byte_held(int fd, short type, int64_t byte)
{
	struct flock fl = {
	    .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
	int e;

	do
		e = shunt__os.lock(fd, F_OFD_GETLK, &fl);
	while (e == -EINTR);
	return e < 0 ? e : fl.l_type != F_UNLCK;
}

int
shunt__object_lock(struct shunt__object *obj, int64_t byte)
{
	return shunt__byte_lock(obj->fd, F_WRLCK, byte);
}

void
shunt__object_unlock(struct shunt__object *obj, int64_t byte)
{
	shunt__byte_lock(obj->fd, F_UNLCK, byte);
}

/* Asks by our own description, to which our own bytes look free. */
int
shunt__object_held(struct shunt__object *obj, int64_t byte)
{
	return shunt__byte_held(obj->fd, F_WRLCK, byte);
}

/* The table tells our own threads apart; the mutex makes table and byte one. */
int
shunt__lane_lock(struct shunt__object *obj, uint32_t lane)
{
	uint64_t bit = UINT64_C(1) << (lane % 64);
	int e = -EBUSY;

	pthread_mutex_lock(&obj->mutex);
	if (!(obj->held[lane / 64] & bit)) {
		e = shunt__object_lock(obj, SHUNT__BYTE_LANE + lane);
		if (e == 0)
			obj->held[lane / 64] |= bit;
	}
	pthread_mutex_unlock(&obj->mutex);
	return e;
}

void
shunt__lane_unlock(struct shunt__object *obj, uint32_t lane)
{
	pthread_mutex_lock(&obj->mutex);
	obj->held[lane / 64] &= ~(UINT64_C(1) << (lane % 64));
	shunt__object_unlock(obj, SHUNT__BYTE_LANE + lane);
	pthread_mutex_unlock(&obj->mutex);
}

int
shunt__lane_held(struct shunt__object *obj, uint32_t lane)
{
	uint64_t bit = UINT64_C(1) << (lane % 64);
	int held;

	pthread_mutex_lock(&obj->mutex);
	held = obj->held[lane / 64] & bit
		   ? 1
		   : shunt__object_held(obj, SHUNT__BYTE_LANE + lane);
	pthread_mutex_unlock(&obj->mutex);
	return held;
}
