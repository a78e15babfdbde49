/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_INSPECT_USERS_H
#define SHUNT_INSPECT_USERS_H

/*
 * Who uses what, for all shared memory at once: /proc is read one time, and
 * each thing is then found by its device and inode in one step, however many
 * things and processes there are.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <shunt/inspect.h>

#define SHUNT__USERS_DEVICES 64

/* Inodes of System V are identifiers, and those of memfds are numbers of the
 * same device: they are told apart by this. */
enum shunt__use_of {
	SHUNT__USE_FILE, /* has a name, or had one, on a wanted device */
	SHUNT__USE_SYSV, /* device 0, the identifier as inode */
	SHUNT__USE_MEMFD /* never had a name */
};

/* One thing that somebody uses. */
struct shunt__use {
	uint64_t dev;
	uint64_t ino;
	enum shunt__use_of of;
	int deleted;   /* /proc says that it has no name */
	int32_t *pids; /* ascending */
	uint32_t n;
	uint32_t room;
	/* Where it can be looked at: only of what has no name. */
	char *path;    /* as /proc shows it, without " (deleted)" */
	int32_t pid;   /* the first who was seen */
	int32_t fd;    /* his descriptor, or -1: he has it mapped only */
	uint64_t from; /* the mapping */
	uint64_t to;
	uint64_t extent; /* as far as mappings show it */
};

struct shunt__users {
	int read;   /* /proc has been read */
	int hidden; /* not all of it could be */
	int wanted; /* `users` are asked for */
	int anon;   /* wanted: what has no name, too */
	uint64_t devices[SHUNT__USERS_DEVICES]; /* wanted */
	size_t ndevices;
	struct shunt__use *uses;
	size_t n;
	size_t room;
	uint32_t *slots; /* index + 1 in `uses`, 0: free */
	size_t nslots;   /* a power of two */
};

/* Frees what was read; what is wanted stays. */
void shunt__users_clear(struct shunt__users *u);

/* Files on this device are wanted.  Those of more devices than there is room
 * for would count as hidden. */
void shunt__users_device(struct shunt__users *u, uint64_t dev);

/* Reads /proc, if it has not been; @own_fd: a descriptor of this process that
 * is there only to look.  0 or -ENOMEM; what cannot be seen is `hidden`. */
int shunt__users_read(struct shunt__users *u, int own_fd);

/* The entry, or NULL: nobody has it, as far as can be seen. */
const struct shunt__use *shunt__users_find(const struct shunt__users *u,
    enum shunt__use_of of, uint64_t dev, uint64_t ino);

/* The entry, made if need be: for whoever reads /proc.  NULL: no memory. */
struct shunt__use *shunt__users_entry(
    struct shunt__users *u, enum shunt__use_of of, uint64_t dev, uint64_t ino);

/* Notes that @pid has it; twice is once.  0 or -ENOMEM. */
int shunt__use_add(struct shunt__use *use, int32_t pid);

/* Pids of all entries in ascending order. */
void shunt__users_sort(struct shunt__users *u);

/* `users` and `hidden` of what is told already, from the table. */
void shunt__users_tell(
    const struct shunt__users *u, struct shunt_segment_info *info);

/* The entry behind what is told, or NULL. */
const struct shunt__use *shunt__users_of(
    const struct shunt__users *u, const struct shunt_segment_info *info);

#endif /* SHUNT_INSPECT_USERS_H */
