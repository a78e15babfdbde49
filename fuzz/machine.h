/* SPDX-License-Identifier: MIT */
#ifndef FUZZ_MACHINE_H
#define FUZZ_MACHINE_H

/*
 * A kernel of our own, as far as an image and those who use it need one: it
 * answers the table of src/os from memory.  One execution asks two hundred
 * system calls or more; of the kernel they take a thousand times as long as
 * what is tried here.  Time is its own, too: who sleeps is at the end of it at
 * once.  That the real one behaves so is what the tests of processes show.
 *
 * It is stricter in what nobody may do: memory that was given back is poisoned
 * until it is mapped again, and at the end nothing may be open or mapped.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POISONS 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define POISONS 1
#endif

#ifdef POISONS
void __asan_poison_memory_region(void const volatile *at, size_t size);
void __asan_unpoison_memory_region(void const volatile *at, size_t size);
#define POISON(at, size)   __asan_poison_memory_region(at, size)
#define UNPOISON(at, size) __asan_unpoison_memory_region(at, size)
#else
#define POISON(at, size)   ((void)(at), (void)(size))
#define UNPOISON(at, size) ((void)(at), (void)(size))
#endif

#define MACHINE_FD  1000 /* descriptors from here on are its own */
#define MACHINE_PID 77
#define MACHINE_DIR "/fuzz" /* where its files are; no other can be made */

enum machine_kind { MACHINE_NONE, MACHINE_IMAGE, MACHINE_TEXT, MACHINE_FILE };

struct machine_node {
	enum machine_kind kind;
	int links;
	char path[64];
	unsigned char *bytes;
	size_t size;
	size_t room;
};

/* Begins anew with one image: its descriptor. */
int machine_begin(unsigned char *bytes, size_t size);

/* The image is of another size from now on, and lies elsewhere. */
void machine_move(unsigned char *bytes, size_t size);

/* Ends; aborts if anything is open or mapped but the image's descriptor. */
void machine_end(void);

/* Nanoseconds that passed since it began. */
uint64_t machine_passed(void);

/* common_time.c: time begins anew, or is that of the world again. */
void machine_time(int on);
void machine_time_table(void);

/* common_map.c: memory of so many bytes at least, the same again for the same
 * size. */
unsigned char *machine_memory(size_t least);
int machine_mmap(void **out, size_t size, int prot, int flags, int fd);
int machine_munmap(void *at, size_t size);
int machine_mprotect(void *at, size_t size, int prot);
int machine_madvise(void *at, size_t size, int advice);
int machine_mapped(void);
size_t machine_maps(char *text, size_t room);

/* common_files.c: what a path leads to, or NULL.  Texts are written when they
 * are asked for. */
struct machine_node *machine_find(const char *path);
struct machine_node *machine_new_file(const char *path);
void machine_files_begin(unsigned char *bytes, size_t size);
void machine_files_table(void);
int machine_node_stat(const struct machine_node *node, struct stat *st);

/* common_os.c: the node of a descriptor, or NULL. */
struct machine_node *machine_node(int fd);

#endif /* FUZZ_MACHINE_H */
