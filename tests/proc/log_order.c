/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/*
 * Four clients flood, more than the machine has processors; each line must
 * stand behind every line that was stamped before it.  A client that the
 * scheduler holds back in mid-call for longer than the hold limit may be
 * late, and is counted: then it is tried again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/log_scene.h"

static int
once(unsigned long messages)
{
	struct scene s = {.messages = messages};
	struct log_check check = {0};
	int bad = 0;

	scene_begin(&s, "order", 55);
	scene_serve(&s);
	for (unsigned i = 0; i < 4; i++)
		scene_client(&s, i);
	bad |= scene_clients_end(&s);
	bad |= scene_server_end(&s);
	bad |= log_check_file(&check, s.path) < 0;
	bad |= scene_judge(&s, &check, "four clients");
	bad |= check.unordered != s.shared->late;
	bad |= check.lines != s.shared->lines;
	bad |= scene_finish(&s);
	printf("%llu late\n", (unsigned long long)s.shared->late);
	return bad ? 1 : s.shared->late != 0 ? 2 : 0;
}

int
main(int argc, char **argv)
{
	unsigned long messages = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
	int verdict = 2;

	for (int i = 0; i < 3 && verdict == 2; i++)
		verdict = once(messages);
	return verdict != 0;
}
