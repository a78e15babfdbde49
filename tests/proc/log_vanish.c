/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/*
 * Somebody removes the log's name while clients flood: they notice sooner or
 * later and come back to a new log of that name.  The server drains the old
 * ones while they have clients, and serves the new one too.
 */
#include <stdio.h>
#include <unistd.h>

#include <shunt/segment.h>

#include "lib/log_scene.h"
#include "os/os.h"

int
main(void)
{
	struct shunt_remove_options force = {
	    .sz = sizeof(force), .flags = SHUNT_REMOVE_FORCE};
	struct scene s = {.burst = 20, .lane_bytes = 16384};
	struct log_check check = {0};
	char shm[100];
	int bad = 0;

	scene_begin(&s, "vanish", 55);
	snprintf(shm, sizeof(shm), "/dev/shm%s", s.name);
	scene_serve(&s);
	for (unsigned i = 0; i < 3; i++)
		scene_client(&s, i);
	for (unsigned i = 0; i < 3; i++)
		while (s.shared->committed[i] == 0)
			shunt__os.nanosleep(1000000);
	for (int i = 0; i < 6 && !bad; i++) {
		uint64_t before = s.shared->reattached;
		/* By force, or behind everybody's back. */
		bad |= i % 2 ? shunt_remove(s.name, &force) != 0
			     : unlink(shm) != 0;
		/*
		 * All three come back, and the server has come to the new one:
		 * a log that goes before a server ever saw it takes along
		 * what is in it.
		 */
		struct shunt_logd_stat st = {.sz = sizeof(st)};
		while (s.shared->reattached < before + 3 ||
		       s.shared->vanished <= i ||
		       shunt_logd_status(s.name, NULL, &st) != 0 ||
		       st.server_pid != s.server)
			shunt__os.nanosleep(1000000);
	}
	bad |= scene_clients_end(&s);
	/* A stop asked of the new log ends it, old ones drained, too. */
	bad |= scene_server_end(&s);
	bad |= log_check_file(&check, s.path) < 0;
	bad |= scene_judge(&s, &check, "over six logs");
	bad |= s.shared->repeated != 0;
	return bad | scene_finish(&s);
}
