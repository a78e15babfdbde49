/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CLI_LS_H
#define SHUNT_CLI_LS_H

/*
 * The parts of `shunt ls`: ls.c reads the command line, ls_collect.c asks the
 * library once for all, ls_sort.c puts in order, and ls_table.c, ls_tree.c
 * and ls_json.c say it, each in its own form.
 */

#include <stddef.h>
#include <stdint.h>

#include <shunt.h>

/* One thing that was found, and the processes that have it. */
struct ls_entry {
	struct shunt_segment_info info;
	int64_t *pids;
	size_t npids;
	size_t at; /* where the library told it: what breaks a tie */
};

struct ls_list {
	struct ls_entry *entries;
	size_t count, room;
};

enum ls_key {
	LS_BY_PLACE, /* as the library tells it */
	LS_BY_NAME,
	LS_BY_SIZE,
	LS_BY_USED,
	LS_BY_AGE,
	LS_BY_USERS,
	LS_BY_OWNER,
	LS_BY_STATE
};

/* What is wanted, and how. */
struct ls_wanted {
	uint32_t kinds, states; /* bits by index of word; 0: all */
	uint32_t places;        /* bits of enum shunt_place; 0: all */
	int posix, sysv;        /* short for a place */
	int mine;
	const char *owner;
	uint32_t uid; /* that `owner` means */
	uint32_t sort;
	int reverse, wide, tree, json;
	char **patterns;
	int npatterns;
};

/* ls_words.c: what filters and columns call things, with a blank between. */
#define LS_KINDS                                                               \
	"raw queue log lock semaphore event other sem semset msg mq "          \
	"topic stream service"
#define LS_PLACES "posix sysv semset msg sem mq memfd unlinked hugetlb"
#define LS_STATES "live idle orphan unlinked-held unknown dest"
const char *ls_kind(const struct shunt_segment_info *info);
const char *ls_place(uint32_t place);
const char *ls_state(const struct shunt_segment_info *info);
/*
 * @list names one or more of @words, with commas between.  Returns a bit for
 * each, or 0 if one is none of them.
 */
uint32_t ls_mask(const char *list, const char *words);
/* How many have it; *@more if that is only the least. */
uint64_t ls_users(const struct shunt_segment_info *info, int *more);
/* The name of a user, looked up once; as it is. */
const char *ls_owner(uint32_t uid);
/* Since when it is there, as far as that is known. */
int64_t ls_since(const struct shunt_segment_info *info);

/* ls_collect.c: fills @list; 0 or a code. */
int ls_collect(struct ls_list *list, const struct ls_wanted *wanted);
void ls_free(struct ls_list *list);

/* ls_sort.c */
void ls_sort(struct ls_list *list, uint32_t key, int reverse);

/*
 * ls_programs.c: the program of a process, as the kernel names it, not
 * escaped; NULL if it cannot be seen, or began after @before_ns (wall clock; 0:
 * no matter): then it is another one with the same number.
 */
const char *ls_program(int64_t pid, int64_t before_ns);
/* The program that made it, if that still runs, or NULL. */
const char *ls_creator(const struct shunt_segment_info *info);

enum ls_column {
	LS_NAME,
	LS_KIND,
	LS_SIZE,
	LS_USED,
	LS_OWNER,
	LS_MODE,
	LS_STATE,
	LS_USERS,
	LS_AGE,
	LS_CREATOR,
	LS_PIDS, /* the last: as long as it likes */
	LS_COLUMNS
};

/* ls_cell.c: what stands in any column but that of processes, escaped. */
#define LS_CELL SHUNT_TEXT_ROOM(288)
void ls_cell(char *to, const struct shunt_segment_info *info, int column);

/* One line of a table: of an entry, or a headline of a branch. */
struct ls_line {
	const struct ls_entry *entry;
	char *branch; /* escaped; instead of an entry */
};

/* ls_table.c */
void ls_table(const struct ls_list *list, int wide);
/* Lines of a tree, those of entries indented. */
void ls_lines(const struct ls_line *lines, size_t count, int wide);
/* Below a table on a terminal: how many, how much. */
void ls_totals(const struct ls_list *list);

/* ls_tree.c: 0 or -ENOMEM. */
int ls_tree(const struct ls_list *list, int wide);

/* ls_json.c: 0 or a code. */
int ls_json(const struct ls_list *list);

#endif /* SHUNT_CLI_LS_H */
