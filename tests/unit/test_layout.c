/* SPDX-License-Identifier: MIT */
/*
 * docs/layout.md against the headers: under each heading that names a struct
 * stands a table `| offset | size | name | meaning |` of all its fields.  The
 * list below is the headers' side; that it is whole is seen by its sum.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include "log/log_layout.h"
#include "ring/lane_layout.h"
#include "segment/object_layout.h"

struct field {
	const char *record; /* struct */
	const char *name;
	size_t offset;
	size_t size;
	size_t whole; /* sizeof the struct */
};

#define F(type, name)                                                          \
	{                                                                      \
#type, #name, offsetof(struct type, name),                     \
		    sizeof(((struct type *)0)->name), sizeof(struct type)      \
	}
#define HD(name) F(shunt__header_lay, hd_##name)
#define CT(name) F(shunt__control_lay, ct_##name)
#define LN(name) F(shunt__lane_lay, ln_##name)
#define LR(name) F(shunt__log_record_lay, lr_##name)
#define LC(name) F(shunt__log_count_lay, lc_##name)
#define NT(name) F(shunt__log_note_lay, nt_##name)
#define SV(name) F(shunt__log_server_lay, sv_##name)

static const struct field fields[] = {
    HD(magic),
    HD(layout),
    HD(order),
    HD(fingerprint),
    HD(size),
    HD(kind),
    HD(lifetime),
    HD(lanes),
    HD(area_bytes),
    HD(lane_bytes),
    HD(timens),
    HD(boot),
    HD(created_ns),
    HD(pid),
    HD(uid),
    HD(spare),
    HD(comm),
    HD(spare2),
    HD(check),

    CT(bell),
    CT(removed),
    CT(level),
    CT(spare0),
    CT(high),
    CT(spare1),
    CT(pid),
    CT(uid),
    CT(since),
    CT(comm),
    CT(spare2),
    CT(ready),

    LN(tail),
    LN(durable),
    LN(told),
    LN(spare0),
    LN(pid),
    LN(tid),
    LN(uid),
    LN(owners),
    LN(since),
    LN(comm),
    LN(spare1),
    LN(waiting),
    LN(spare2),
    LN(flush),
    LN(dropped),
    LN(drop_since),
    LN(spare3),
    LN(busy),
    LN(spare4),

    LR(stamp),
    LR(pid),
    LR(tid),

    LC(last),
    LC(lines),
    LC(bytes),
    LC(batches),
    LC(late),
    LC(skewed),
    LC(dropped),
    LC(repeated),

    NT(state),
    NT(dev),
    NT(ino),
    NT(btime_ns),
    NT(off),
    NT(len),
    NT(sum),
    NT(lanes),
    NT(spare),
    NT(count),
    NT(check),

    SV(stop),
    SV(disk_full),
    SV(sync),
    SV(spare0),
    SV(wall),
    SV(syncs),
    SV(dev),
    SV(ino),
    SV(boot),
    SV(count),
    SV(file),
};
#define FIELDS (sizeof(fields) / sizeof(fields[0]))

/* No field is missing above and no struct has hidden padding. */
static void
the_list_of_fields_is_whole(void **state)
{
	size_t at = 0;

	(void)state;
	for (size_t i = 0; i < FIELDS; i++) {
		const struct field *f = &fields[i];
		if (f->offset != at)
			fail_msg("before %s.%s, at %zu: a field is missing",
			    f->record, f->name, at);
		at += f->size;
		if (i + 1 < FIELDS &&
		    strcmp(f->record, fields[i + 1].record) == 0)
			continue;
		if (at != f->whole)
			fail_msg("behind %s.%s, at %zu: a field is missing",
			    f->record, f->name, at);
		at = 0;
	}
}

static FILE *
open_page(void)
{
	const char *top = getenv("TOP");
	char path[4096];

	snprintf(
	    path, sizeof(path), "%s/docs/layout.md", top != NULL ? top : ".");
	return fopen(path, "re");
}

/* The struct that a heading names, into @record; 0 if none. */
static int
heading(const char *line, char record[64])
{
	const char *p = line[0] == '#' ? strstr(line, "shunt__") : NULL;
	size_t n = 0;

	if (line[0] == '#')
		record[0] = 0;
	if (p == NULL)
		return 0;
	while (n < 63 && (p[n] == '_' || (p[n] >= 'a' && p[n] <= 'z') ||
			     (p[n] >= '0' && p[n] <= '9')))
		n++;
	memcpy(record, p, n);
	record[n] = 0;
	return 1;
}

/* A row of a table of fields: 1 and its three first cells. */
static int
row(const char *line, size_t *offset, size_t *size, char name[64])
{
	return sscanf(line, " | %zu | %zu | %*[`]%63[a-z0-9_]", offset, size,
		   name) == 3 ||
	       sscanf(line, " | %zu | %zu | %63[a-z0-9_]", offset, size,
		   name) == 3;
}

static void
the_page_has_every_field_where_it_is(void **state)
{
	char line[1024], record[64] = "", name[64];
	size_t offset, size, next = 0;
	unsigned char seen[FIELDS] = {0};
	FILE *page = open_page();
	int number = 0;

	(void)state;
	if (page == NULL)
		skip();
	while (fgets(line, sizeof(line), page) != NULL) {
		number++;
		if (heading(line, record))
			next = 0;
		if (record[0] == 0 || !row(line, &offset, &size, name))
			continue;
		size_t i = 0;
		while (i < FIELDS && (strcmp(fields[i].record, record) != 0 ||
					 strcmp(fields[i].name, name) != 0))
			i++;
		if (i == FIELDS)
			fail_msg("layout.md:%d: struct %s has no %s", number,
			    record, name);
		if (seen[i])
			fail_msg(
			    "layout.md:%d: %s a second time", number, name);
		seen[i] = 1;
		if (fields[i].offset != offset || fields[i].size != size)
			fail_msg("layout.md:%d: %s is %zu bytes at %zu", number,
			    name, fields[i].size, fields[i].offset);
		if (offset != next)
			fail_msg("layout.md:%d: %s is not where the row "
				 "before it ends",
			    number, name);
		next = offset + size;
	}
	fclose(page);
	for (size_t i = 0; i < FIELDS; i++)
		if (!seen[i])
			fail_msg("layout.md lacks %s.%s (%zu bytes at %zu)",
			    fields[i].record, fields[i].name, fields[i].size,
			    fields[i].offset);
}

/* The numbers that other programs need stand on the page as they are. */
static void
the_page_has_the_lock_bytes(void **state)
{
	static const struct {
		int64_t byte;
		const char *text;
	} bytes[] = {
	    {SHUNT__BYTE_ATTACHED, "| 2^40 - 2 | shared |"},
	    {SHUNT__BYTE_REMOVING, "| 2^40 - 1 | alone |"},
	    {SHUNT__BYTE_LANE, "| 2^40 + lane | alone |"},
	    {SHUNT__BYTE_RECEIVER, "| 2^40 + 2^20 | alone |"},
	};
	static char text[200000];
	FILE *page = open_page();

	(void)state;
	if (page == NULL)
		skip();
	text[fread(text, 1, sizeof(text) - 1, page)] = 0;
	fclose(page);
	for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++)
		if (strstr(text, bytes[i].text) == NULL)
			fail_msg("layout.md lacks \"%s\"", bytes[i].text);
	assert_true(SHUNT__BYTE_ATTACHED == (INT64_C(1) << 40) - 2);
	assert_true(SHUNT__BYTE_REMOVING == (INT64_C(1) << 40) - 1);
	assert_true(SHUNT__BYTE_LANE == INT64_C(1) << 40);
	assert_true(
	    SHUNT__BYTE_RECEIVER == (INT64_C(1) << 40) + (INT64_C(1) << 20));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(the_list_of_fields_is_whole),
	    TEST(the_page_has_every_field_where_it_is),
	    TEST(the_page_has_the_lock_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
