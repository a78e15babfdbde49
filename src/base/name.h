/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_BASE_NAME_H
#define SHUNT_BASE_NAME_H

/* The one grammar of names: "/n", "posix:/n", "n", "file:PATH", "fd:N",
 * "sysv:KEY", "sysv:id=N", "sysv:ftok=PATH,N", "sysv:private". */

#include <limits.h>
#include <stdint.h>

#define SHUNT__SHM_DIR "/dev/shm"

enum shunt__backend { SHUNT__POSIX, SHUNT__FILE, SHUNT__FD, SHUNT__SYSV };

/* How a System V name tells its segment. */
enum shunt__sysv_by {
	SHUNT__SYSV_KEY,    /* number */
	SHUNT__SYSV_ID,     /* number */
	SHUNT__SYSV_FTOK,   /* path and number */
	SHUNT__SYSV_PRIVATE /* a new one */
};

struct shunt__name {
	enum shunt__backend backend;
	enum shunt__sysv_by by;    /* SHUNT__SYSV */
	int32_t number;            /* SHUNT__SYSV: key, identifier, project */
	int fd;                    /* SHUNT__FD */
	char path[PATH_MAX];       /* the file; POSIX: below SHUNT__SHM_DIR;
				      SHUNT__SYSV: of ftok, else "" */
	char shown[PATH_MAX + 32]; /* "/n", "file:PATH", "fd:N", "sysv:0x12";
				      not escaped */
};

/* Reads @text; 0, or SHUNT_E_NAME with a sentence that shows the right form. */
int shunt__name_parse(struct shunt__name *out, const char *text);

#endif /* SHUNT_BASE_NAME_H */
