/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_SEGMENT_MAP_H
#define SHUNT_SEGMENT_MAP_H

/* What the files that deal with raw segments of files share. */

#include <sys/stat.h>

#include "segment/raw.h"

/* The window that @o asks for lies within @there bytes: 0 or -EINVAL. */
int shunt__raw_window(
    const struct shunt_segment_options *o, uint64_t there, const char *shown);

/*
 * Maps what @o, which comes from shunt__raw_options(), asks for of the @there
 * bytes behind @fd.  The handle owns @fd; on failure it is closed.
 */
int shunt__raw_map(struct shunt_segment **out, int fd, uint64_t there,
    const struct shunt_segment_options *o, const char *shown);

/* Huge pages and the lock in memory, as seg->flags ask: 0 or a code. */
int shunt__raw_settle(struct shunt_segment *seg);

/* 1 if these SHUNT_PROT_... bits make sense together. */
int shunt__raw_prot_ok(uint32_t prot);

/* Unmaps and closes what shunt__raw_map() made; not the handle. */
void shunt__raw_unmap(struct shunt_segment *seg);

/*
 * In two steps, for a seal that needs nobody to be able to write: hide leaves
 * an empty place where the mapping is; show maps the segment there again, as
 * seg->prot says.
 */
int shunt__raw_hide(struct shunt_segment *seg);
int shunt__raw_show(struct shunt_segment *seg);

/* Trades the descriptor for one that cannot write.  Where that cannot be had
 * it stays as it is, and shunt_segment_send() refuses it. */
void shunt__raw_weaken(struct shunt_segment *seg);

/* Memory comes in pages, that of hugetlbfs in huge ones: 0 or -errno. */
int shunt__raw_page(int fd, size_t *page);

/* Bytes of the file that hold @size bytes: a multiple of @page if that is a
 * huge one, for such files have no other size. */
uint64_t shunt__raw_file_size(uint64_t size, size_t page);

/* A regular file without our header behind a name: its descriptor. */
int shunt__raw_open(const struct shunt__name *name, int flags,
    const char *owner, uint64_t *size);

/* 0 if there is no header of ours in it, or SHUNT_E_KIND. */
int shunt__raw_check(int fd, const char *shown);

/* 0 if it can never become smaller, or SHUNT_E_KIND. */
int shunt__raw_sealed(int fd, const char *shown);

/* Gives the file another size; on failure it has the old one. */
int shunt__raw_set_size(
    int fd, uint64_t old_size, uint64_t size, const char *shown);

/* 0, or -EINVAL for a size that no segment has. */
int shunt__raw_size_ok(uint64_t size, const char *shown);

/* open.c: belongs to whom the caller expects?  0 or SHUNT_E_OWNER. */
int shunt__owner_check(
    const char *shown, const struct stat *st, const char *owner, int any_owner);

#endif /* SHUNT_SEGMENT_MAP_H */
