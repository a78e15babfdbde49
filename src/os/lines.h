/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_OS_LINES_H
#define SHUNT_OS_LINES_H

/* The lines of a file that the kernel writes: /proc/PID/maps and others. */

/*
 * Calls @match for each line of @path, without its newline, until it answers
 * non-zero: that, or 0 at the end, or -errno.
 */
int shunt__lines_find(
    const char *path, int (*match)(const char *line, void *arg), void *arg);

/* Skips a field and the blanks behind it. */
const char *shunt__lines_next(const char *p);

#endif /* SHUNT_OS_LINES_H */
