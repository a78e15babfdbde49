/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/*
 * The file is renamed and reopened while clients flood and the server is
 * killed: between rename and reopen, in a batch for either file.
 *
 * usage: log_rotate [ROUNDS [SYNC_NS]]
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/log_scene.h"
#include "os/os.h"

int
main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 60;
	struct scene s = {.burst = 20,
	    .lane_bytes = 16384,
	    .sync_ns = argc > 2 ? atoll(argv[2]) : 0};
	struct log_check check = {0};
	uint64_t rng = 42;
	char old[300];
	int bad = 0;

	scene_begin(&s, "rotate", 55);
	scene_serve(&s);
	for (unsigned i = 0; i < 3; i++)
		scene_client(&s, i);
	for (int i = 0; i < rounds && !bad; i++) {
		snprintf(old, sizeof(old), "%s.%d", s.path, i);
		shunt__os.nanosleep(
		    (int64_t)(log_check_random(&rng) % 5000000));
		bad |= rename(s.path, old) != 0;
		if (log_check_random(&rng) % 2)
			shunt__os.nanosleep(
			    (int64_t)(log_check_random(&rng) % 2000000));
		if (log_check_random(&rng) % 2)
			kill(s.server, SIGHUP);
		if (log_check_random(&rng) % 3) {
			bad |= scene_kill(&s.server);
			scene_serve(&s);
		} else {
			/* The new file is there when it was reopened. */
			kill(s.server, SIGHUP);
			while (access(s.path, F_OK) != 0)
				shunt__os.nanosleep(200000);
		}
	}
	bad |= scene_clients_end(&s);
	bad |= scene_server_end(&s);
	for (int i = 0; i < rounds; i++) {
		snprintf(old, sizeof(old), "%s.%d", s.path, i);
		bad |= log_check_file(&check, old) < 0;
		unlink(old);
	}
	bad |= log_check_file(&check, s.path) < 0;
	bad |= scene_judge(&s, &check, "over all files");
	bad |= s.shared->repeated != 0;
	bad |= check.unordered != s.shared->late;
	bad |= check.lines != s.shared->lines;
	return bad | scene_finish(&s);
}
