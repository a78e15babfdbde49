/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_OS_MAPS_H
#define SHUNT_OS_MAPS_H

/*
 * The lines of a /proc/PID/maps:
 * "from-to perms offset major:minor inode path", numbers in hex but the inode.
 */

/*
 * Calls @match for each line of @path, without its newline, until it answers
 * non-zero: that, or 0 at the end, or -errno if there is no such process or it
 * is not ours to see.
 */
int shunt__maps_find(
    const char *path, int (*match)(const char *line, void *arg), void *arg);

/* Skips a field and the blanks behind it. */
const char *shunt__maps_next(const char *p);

#endif /* SHUNT_OS_MAPS_H */
