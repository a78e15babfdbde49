/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "fail.h"
#include "huge.h"
#include "look.h"
#include "out.h"

/* What /proc/self/smaps says of the mapping at one address. */
struct mapping {
	uint64_t page, in_huge; /* kB; in_huge: as far as it was touched */
	int eligible;           /* -1: this kernel does not say */
};

static void
read_line(struct mapping *m, const char *line)
{
	uint64_t kb;

	if (sscanf(line, "KernelPageSize: %" SCNu64, &kb) == 1)
		m->page = kb;
	else if (sscanf(line, "ShmemPmdMapped: %" SCNu64, &kb) == 1 ||
		 sscanf(line, "FilePmdMapped: %" SCNu64, &kb) == 1)
		m->in_huge += kb;
	else if (sscanf(line, "THPeligible: %" SCNu64, &kb) == 1)
		m->eligible = kb != 0;
}

static void
read_mapping(struct mapping *m, uint64_t at)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	uint64_t from, to;
	char line[512];
	int inside = 0;

	*m = (struct mapping){.eligible = -1};
	if (f == NULL)
		return;
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &from, &to) == 2)
			inside = from <= at && at < to;
		else if (inside)
			read_line(m, line);
	fclose(f);
}

void
huge_note(const struct command *cmd, const char *name,
    const struct shunt_segment *seg, int made)
{
	struct mapping m;
	const char *why =
	    !made ? "it is not of huge pages; ordinary ones are mapped"
	    : look_sysv(name)
		? "no huge pages are free (shunt limits shows them); ordinary "
		  "ones were taken"
		: "no huge pages could be had for it; ordinary ones were taken";

	read_mapping(&m, (uint64_t)(uintptr_t)shunt_segment_data(seg));
	if (m.page == (uint64_t)sysconf(_SC_PAGESIZE) / 1024 &&
	    m.in_huge == 0 && m.eligible == 0)
		fail_say(cmd, "%s: %s", out_safe(name), why);
}
