/* SPDX-License-Identifier: MIT */
/*
 * docs/layout.md against the headers: under each heading that names a struct
 * stands a table `| offset | size | name | meaning |` of all its fields.  The
 * headers are read as text, so that a new field needs no line here.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include "channel/stream_layout.h"
#include "lock/layout.h"
#include "log/log_layout.h"
#include "ring/lane_layout.h"
#include "segment/object_layout.h"
#include "segment/slot.h"

#define FIELDS_MOST 256

struct field {
	char record[64]; /* struct */
	char name[64];
	size_t offset;
	size_t size;
};

static struct field fields[FIELDS_MOST];
static size_t n_fields;

/* What each struct must come to, so that the reading below can be trusted. */
static const struct {
	const char *name;
	size_t size;
} records[] = {
    {"shunt__header_lay", sizeof(struct shunt__header_lay)},
    {"shunt__control_lay", sizeof(struct shunt__control_lay)},
    {"shunt__lane_lay", sizeof(struct shunt__lane_lay)},
    {"shunt__slot_lay", sizeof(struct shunt__slot_lay)},
    {"shunt__stream_lay", sizeof(struct shunt__stream_lay)},
    {"shunt__log_record_lay", sizeof(struct shunt__log_record_lay)},
    {"shunt__log_count_lay", sizeof(struct shunt__log_count_lay)},
    {"shunt__log_note_lay", sizeof(struct shunt__log_note_lay)},
    {"shunt__log_server_lay", sizeof(struct shunt__log_server_lay)},
    {"shunt__recovery_lay", sizeof(struct shunt__recovery_lay)},
    {"shunt__recoveries_lay", sizeof(struct shunt__recoveries_lay)},
    {"shunt__lock_lay", sizeof(struct shunt__lock_lay)},
    {"shunt__semaphore_lay", sizeof(struct shunt__semaphore_lay)},
    {"shunt__event_lay", sizeof(struct shunt__event_lay)},
};
#define RECORDS (sizeof(records) / sizeof(records[0]))

static const struct {
	const char *name;
	size_t size, align;
} types[] = {
    {"uint8_t", 1, 1},
    {"char", 1, 1},
    {"uint16_t", 2, 2},
    {"uint32_t", 4, 4},
    {"uint64_t", 8, 8},
    {"int64_t", 8, 8},
    {"struct shunt__u32", 4, 4},
    {"struct shunt__u64", 8, 8},
    {"struct shunt__log_count_lay", sizeof(struct shunt__log_count_lay), 8},
    {"struct shunt__recovery_lay", sizeof(struct shunt__recovery_lay), 8},
    {"struct shunt__recoveries_lay", sizeof(struct shunt__recoveries_lay), 8},
};
#define TYPES (sizeof(types) / sizeof(types[0]))

static FILE *
open_in_tree(const char *file)
{
	const char *top = getenv("TOP");
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", top != NULL ? top : ".", file);
	return fopen(path, "re");
}

/* A whole file without its comments; NULL if it is not there. */
static char *
read_header(const char *file)
{
	static char text[200000];
	FILE *f = open_in_tree(file);

	if (f == NULL)
		return NULL;
	text[fread(text, 1, sizeof(text) - 1, f)] = 0;
	fclose(f);
	for (char *p = text; (p = strstr(p, "/*")) != NULL;) {
		char *end = strstr(p, "*/");
		assert_non_null(end);
		memset(p, ' ', (size_t)(end + 2 - p));
	}
	return text;
}

/* "[16]", the name of a number, "[]" (not of the size) or nothing. */
static size_t
count_of(const char *bounds)
{
	size_t n = 0, by = 1;

	if (bounds[0] == 0)
		return 1;
	if (strcmp(bounds, "[]") == 0)
		return 0;
	if (strcmp(bounds, "[SHUNT__RECOVERIES]") == 0)
		return SHUNT__RECOVERIES;
	if (sscanf(bounds, "[SHUNT__LANES_MAX / %zu]", &by) == 1)
		return SHUNT__LANES_MAX / by;
	if (sscanf(bounds, "[%zu]", &n) != 1)
		fail_msg("how many are %s?", bounds);
	return n;
}

/* One declaration, "uint64_t nt_dev", at @at; where the next may begin. */
static size_t
declare(const char *record, const char *text, size_t at)
{
	struct field *f = &fields[n_fields];
	char type[64], bounds[64] = "";
	int isolated = strncmp(text, "struct ", 7) == 0 ? 7 : 0;

	memcpy(type, "struct ", 8);
	if (sscanf(text + isolated, "%50[a-z0-9_] %63[a-z0-9_]%63[^\n]",
		type + isolated, f->name, bounds) < 2)
		fail_msg("struct %s: what is \"%s\"?", record, text);
	for (size_t i = 0; i < TYPES; i++) {
		if (strcmp(types[i].name, type) != 0)
			continue;
		/* Not by the compiler, so there must be no hidden padding. */
		assert_int_equal(at % types[i].align, 0);
		assert_true(n_fields + 1 < FIELDS_MOST);
		snprintf(f->record, sizeof(f->record), "%s", record);
		f->offset = at;
		f->size = types[i].size * count_of(bounds);
		n_fields++;
		return at + f->size;
	}
	fail_msg("struct %s: what is a %s?", record, type);
	return 0;
}

static void
read_record(char *text, size_t which)
{
	char opening[100], *p, *end;
	size_t at = 0;

	snprintf(opening, sizeof(opening), "struct %s {", records[which].name);
	p = strstr(text, opening);
	if (p == NULL)
		return;
	p += strlen(opening);
	end = strstr(p, "};");
	assert_non_null(end);
	for (char *semi; (semi = memchr(p, ';', (size_t)(end - p))) != NULL;
	     p = semi + 1) {
		char one[256];
		size_t n = 0;
		for (; p < semi; p++)
			if (*p != '\n' && (*p != ' ' || n != 0) &&
			    (*p != '\t' || n != 0) && n < sizeof(one) - 1)
				one[n++] = *p;
		one[n] = 0;
		at = declare(records[which].name, one, at);
	}
	assert_int_equal(at, records[which].size);
}

static int
read_headers(void **state)
{
	static const char *const files[] = {"src/segment/object_layout.h",
	    "src/ring/lane_layout.h", "src/log/log_layout.h",
	    "src/lock/layout.h", "src/segment/slot.h",
	    "src/channel/stream_layout.h"};

	(void)state;
	n_fields = 0;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char *text = read_header(files[i]);
		for (size_t k = 0; text != NULL && k < RECORDS; k++)
			read_record(text, k);
	}
	return 0;
}

/* The reading is right where the compiler can tell. */
static void
the_headers_are_read_as_the_compiler_does(void **state)
{
	static const struct {
		const char *name;
		size_t offset;
	} known[] = {
	    {"hd_check", offsetof(struct shunt__header_lay, hd_check)},
	    {"ct_ready", offsetof(struct shunt__control_lay, ct_ready)},
	    {"ln_comm", offsetof(struct shunt__lane_lay, ln_comm)},
	    {"ln_busy", offsetof(struct shunt__lane_lay, ln_busy)},
	    {"lr_tid", offsetof(struct shunt__log_record_lay, lr_tid)},
	    {"nt_check", offsetof(struct shunt__log_note_lay, nt_check)},
	    {"sv_file", offsetof(struct shunt__log_server_lay, sv_file)},
	    {"hd_param", offsetof(struct shunt__header_lay, hd_param)},
	    {"rs_last", offsetof(struct shunt__recoveries_lay, rs_last)},
	    {"lk_recoveries", offsetof(struct shunt__lock_lay, lk_recoveries)},
	    {"sm_permit", offsetof(struct shunt__semaphore_lay, sm_permit)},
	    {"ev_one", offsetof(struct shunt__event_lay, ev_one)},
	};

	(void)state;
	if (n_fields == 0)
		skip();
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		size_t k = 0;
		while (
		    k < n_fields && strcmp(fields[k].name, known[i].name) != 0)
			k++;
		assert_true(k < n_fields);
		assert_int_equal(fields[k].offset, known[i].offset);
	}
}

static FILE *
open_page(void)
{
	return n_fields == 0 ? NULL : open_in_tree("docs/layout.md");
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
	unsigned char seen[FIELDS_MOST] = {0};
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
		while (i < n_fields && (strcmp(fields[i].record, record) != 0 ||
					   strcmp(fields[i].name, name) != 0))
			i++;
		if (i == n_fields)
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
	for (size_t i = 0; i < n_fields; i++)
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
	    TEST(the_headers_are_read_as_the_compiler_does),
	    TEST(the_page_has_every_field_where_it_is),
	    TEST(the_page_has_the_lock_bytes),
	};

	return cmocka_run_group_tests(tests, read_headers, NULL);
}
