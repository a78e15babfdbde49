/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_SEGMENT_LOCKBYTE_H
#define SHUNT_SEGMENT_LOCKBYTE_H

#include <stdint.h>

/* One byte of a descriptor's file.  lock: @type F_RDLCK, F_WRLCK or F_UNLCK,
 * never waits; 0, -EBUSY or -errno.  held: would another description's lock
 * stop a lock of @type?  1, 0 or -errno. */
int shunt__byte_lock(int fd, short type, int64_t byte);
int shunt__byte_held(int fd, short type, int64_t byte);

#endif /* SHUNT_SEGMENT_LOCKBYTE_H */
