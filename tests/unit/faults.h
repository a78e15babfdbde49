/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_FAULTS_H
#define TESTS_UNIT_FAULTS_H

/*
 * Makes the k-th system call of the library fail, by the table of src/os.
 *
 *	for (unsigned k = 1;; k++) {
 *		faults_on(k, EIO, 0);
 *		e = what_is_tested();
 *		if (!faults_off())
 *			break;
 *		... e is 0 or a code, and nothing leaks ...
 *	}
 *
 * What gives something back (close, munmap, unlocking) is done before it
 * fails, as the kernel does.  In the whole process: for one thread at a time.
 */

/* From the @k-th call on fails with -@err: one call, or all if @forever. */
void faults_on(unsigned k, int err, int forever);

/* The table is as before; 1 if a call has failed since faults_on(). */
int faults_off(void);

/* The first call that failed, by name; "" if none did. */
const char *faults_call(void);

#endif /* TESTS_UNIT_FAULTS_H */
