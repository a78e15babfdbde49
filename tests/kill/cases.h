/* SPDX-License-Identifier: MIT */
#ifndef CASES_H
#define CASES_H

/* What the swept cases of the library share: a world of one named object. */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sweep.h"

/* Filled in by victims, in memory that outlives them. */
struct progress {
	volatile uint32_t done[4];  /* calls that returned, per victim */
	volatile int32_t failed;    /* first unexpected code */
	volatile uint32_t guard[4]; /* what a lock guards */
};

struct world {
	char name[160];
	char path[160];
	int fd; /* on a memfd, else -1 */
	struct progress *p;
	unsigned char *image; /* of the file as setup left it */
	size_t size;
};

/* Makes names and progress; NULL if that failed. */
struct world *world_make(const char *stem);
void world_keep(struct world *w); /* remembers the file for world_rearm() */
int world_rearm(void *ctx);
void world_free(void *ctx); /* removes the name, too */
uint64_t world_image(void *ctx);
uint64_t world_image_all(void *ctx);        /* what victims noted, too */
int world_leftovers(const struct world *w); /* prints and counts strangers */

/* Messages: the i-th has a size and a pattern of its own. */
enum { MESSAGES = 6 };
extern const uint32_t message_size[MESSAGES];
/* Filled once, in the harness: no victim is swept through a loop of ours. */
const unsigned char *message_text(uint32_t i);
struct shunt_queue;
int message_send(struct shunt_queue *q, uint32_t i);
int message_right(const unsigned char *buf, size_t len, uint32_t i);

/*
 * Somebody who has done @f in this world and stands still, holding what he
 * holds; his pid, or 0.  He dies with whoever called this.
 */
pid_t world_holder(struct world *w, int (*f)(struct world *w));
void world_kill(pid_t pid); /* by SIGKILL, and until he is gone */

#define CHECK(x)                                                               \
	do {                                                                   \
		if (!(x)) {                                                    \
			printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #x); \
			return 1;                                              \
		}                                                              \
	} while (0)

/* Each file's cases, collected by cases.c. */
extern const struct sweep_case queue_cases[];
extern const size_t queue_case_count;
extern const struct sweep_case topic_cases[];
extern const size_t topic_case_count;
extern const struct sweep_case call_cases[];
extern const size_t call_case_count;
extern const struct sweep_case object_cases[];
extern const size_t object_case_count;
extern const struct sweep_case log_cases[];
extern const size_t log_case_count;
extern const struct sweep_case logd_cases[];
extern const size_t logd_case_count;
extern const struct sweep_case lock_cases[];
extern const size_t lock_case_count;
extern const struct sweep_case semaphore_cases[];
extern const size_t semaphore_case_count;
extern const struct sweep_case event_cases[];
extern const size_t event_case_count;
extern const struct sweep_case stream_cases[];
extern const size_t stream_case_count;

#endif /* CASES_H */
