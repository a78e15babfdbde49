/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_BASE_NAME_H
#define SHUNT_BASE_NAME_H

/* The one grammar of names: "/n", "posix:/n", "n", "file:PATH", "fd:N". */

#include <limits.h>
#include <stdint.h>

#define SHUNT__SHM_DIR "/dev/shm"

enum shunt__backend { SHUNT__POSIX, SHUNT__FILE, SHUNT__FD };

struct shunt__name {
	enum shunt__backend backend;
	int fd;                   /* SHUNT__FD */
	char path[PATH_MAX];      /* the file; POSIX: below SHUNT__SHM_DIR */
	char shown[PATH_MAX + 8]; /* "/n", "file:PATH", "fd:N"; not escaped */
};

/* Reads @text; 0, or SHUNT_E_NAME with a sentence that shows the right form. */
int shunt__name_parse(struct shunt__name *out, const char *text);

#endif /* SHUNT_BASE_NAME_H */
