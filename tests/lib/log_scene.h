/* SPDX-License-Identifier: MIT */
#ifndef TESTS_LIB_LOG_SCENE_H
#define TESTS_LIB_LOG_SCENE_H

/*
 * A server in a process of its own and clients that flood, for tests of what
 * happens around them.  All of them die with the test.
 */

#include <sys/types.h>

#include <shunt/logd.h>

#include "lib/log_check.h"

#define SCENE_CLIENTS 8

struct scene {
	char name[64];  /* of the log */
	char path[256]; /* of the file, in TMPDIR */
	uint32_t lanes;
	uint64_t lane_bytes;
	int64_t sync_ns;
	uint32_t burst;    /* messages between pauses; 0: no pauses */
	uint64_t messages; /* of each client, then it ends; 0: until stopped */
	pid_t server;
	pid_t clients[SCENE_CLIENTS];
	void (*in_server)(struct scene *); /* before it opens, or NULL */
	struct scene_shared {
		_Atomic uint64_t committed[SCENE_CLIENTS];
		_Atomic uint64_t reattached;
		_Atomic int stop;
		_Atomic int ready;   /* servers that were opened */
		_Atomic int resumed; /* notices of each kind */
		_Atomic int full;
		_Atomic int repeated;
		_Atomic int vanished;
		_Atomic int reopened; /* notices of a failed reopen */
		_Atomic uint64_t late, lines, dropped;
	} * shared;
};

/* The name, the path, memory shared with the children; @limit: seconds. */
void scene_begin(struct scene *s, const char *what, unsigned limit);
void scene_serve(struct scene *s); /* starts it and waits until it serves */
void scene_client(struct scene *s, unsigned id);
int scene_kill(pid_t *pid);             /* with -9; 0 if it lived until then */
int scene_clients_end(struct scene *s); /* tells them to stop, waits */
int scene_server_end(struct scene *s);  /* drains and ends; 0 if in order */
/* What is in the files against what clients counted; 0 if all is there. */
int scene_judge(struct scene *s, struct log_check *check, const char *what);
/* Nothing is left; 0 if the log had gone by itself. */
int scene_finish(struct scene *s);

#endif /* TESTS_LIB_LOG_SCENE_H */
