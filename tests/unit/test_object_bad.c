/* SPDX-License-Identifier: MIT */
/* What bears the name of a queue and is none, or no longer one. */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <shunt.h>

#include "lib/peers.h"
#include "segment/object.h"

static const struct shunt_queue_options small = {.sz = sizeof(small),
    .lane_bytes = 4096,
    .lanes = 4,
    .flags = SHUNT_QUEUE_PERSISTENT};

/* No way in may take it for a queue, and each says why. */
static void
refused(const char *name, int code, const char *why)
{
	struct shunt_queue *queue = (void *)1;

	assert_int_equal(shunt_queue_open(&queue, name, &small), code);
	assert_null(queue);
	assert_detail(why);
	assert_detail(name);
}

static void
make_queue(const char *name)
{
	struct shunt_queue *queue;

	assert_int_equal(shunt_queue_open(&queue, name, &small), 1);
	shunt_queue_close(&queue);
	assert_true(test_there(name));
}

/* Writes @len bytes at @off of the segment's file. */
static void
scribble(const char *name, const void *bytes, size_t len, off_t off)
{
	int fd = open(test_path(name), O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, len, off), (ssize_t)len);
	close(fd);
}

static struct shunt__header_lay
header_of(const char *name)
{
	struct shunt__header_lay h;
	int fd = open(test_path(name), O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &h, sizeof(h), 0), sizeof(h));
	close(fd);
	return h;
}

static void
write_header(const char *name, struct shunt__header_lay *h)
{
	h->hd_check =
	    shunt__checksum(h, offsetof(struct shunt__header_lay, hd_check));
	scribble(name, h, sizeof(*h), 0);
}

static void
a_newer_layout(void **state)
{
	const char *name = test_name("new");
	struct shunt__header_lay h;

	(void)state;
	make_queue(name);
	h = header_of(name);
	h.hd_layout++;
	write_header(name, &h);
	refused(name, SHUNT_E_LAYOUT, "it has layout");
	h.hd_layout = 0x8004; /* of development: a release refuses it */
	write_header(name, &h);
	refused(name, SHUNT_E_LAYOUT, "it has layout 0x8004");
	assert_int_equal(shunt_remove(name, NULL), 0);
}

static void
another_byte_order(void **state)
{
	const char *name = test_name("order");
	struct shunt__header_lay h;

	(void)state;
	make_queue(name);
	h = header_of(name);
	h.hd_order = __builtin_bswap32(h.hd_order);
	write_header(name, &h);
	refused(name, SHUNT_E_LAYOUT, "byte order");
	assert_int_equal(shunt_remove(name, NULL), 0);
}

static void
a_build_with_other_structs(void **state)
{
	const char *name = test_name("print");
	struct shunt__header_lay h;

	(void)state;
	make_queue(name);
	h = header_of(name);
	h.hd_fingerprint ^= 1;
	write_header(name, &h);
	refused(name, SHUNT_E_LAYOUT, "whose structs differ");
	assert_int_equal(shunt_remove(name, NULL), 0);
}

static void
every_flipped_bit_of_the_header(void **state)
{
	const char *name = test_name("flip");
	struct shunt__header_lay h;
	struct shunt_queue *queue;

	(void)state;
	make_queue(name);
	h = header_of(name);
	for (size_t i = 0; i < sizeof(h) * 8; i++) {
		unsigned char *p = (unsigned char *)&h + i / 8;
		*p ^= (unsigned char)(1 << i % 8);
		scribble(name, p, 1, (off_t)(i / 8));
		int e = shunt_queue_open(&queue, name, &small);
		*p ^= (unsigned char)(1 << i % 8);
		scribble(name, p, 1, (off_t)(i / 8));
		assert_null(queue);
		if (i / 8 < 8)
			assert_int_equal(e, SHUNT_E_KIND); /* not ours */
		else if (i / 8 < 16)
			assert_int_equal(e, SHUNT_E_LAYOUT);
		else
			assert_int_equal(e, SHUNT_E_CORRUPT);
	}
	assert_int_equal(shunt_queue_open(&queue, name, &small), 0);
	shunt_queue_close(&queue);
	assert_int_equal(shunt_remove(name, NULL), 0);
}

/* With a right checksum: a liar, not an accident. */
static void
a_geometry_that_cannot_be(void **state)
{
	const char *name = test_name("geo");
	struct shunt__header_lay good, h;

	(void)state;
	make_queue(name);
	good = header_of(name);
#define LIE(field, value)                                                      \
	do {                                                                   \
		h = good;                                                      \
		h.field = value;                                               \
		write_header(name, &h);                                        \
		refused(name, SHUNT_E_CORRUPT, "contradicts itself");          \
	} while (0)
	LIE(hd_lanes, 0);
	LIE(hd_lanes, 5);
	LIE(hd_lanes, UINT32_MAX);
	LIE(hd_lane_bytes, 0);
	LIE(hd_lane_bytes, 8192);
	LIE(hd_lane_bytes, UINT64_C(1) << 63);
	LIE(hd_area_bytes, 4096);
	LIE(hd_area_bytes, UINT32_MAX);
	LIE(hd_size, good.hd_size - 1);
	LIE(hd_size, UINT64_MAX);
	LIE(hd_lifetime, 0);
	LIE(hd_lifetime, 3);
	/* One that fits itself and not the file. */
	h = good;
	h.hd_lanes *= 2;
	h.hd_size += 4 * 4096;
	write_header(name, &h);
	refused(name, SHUNT_E_TRUNCATED, "somebody truncated it");
	assert_int_equal(shunt_remove(name, NULL), 0);
}

static void
another_kind(void **state)
{
	const struct shunt__spec log = {.kind = SHUNT_KIND_LOG,
	    .lanes = 4,
	    .lane_bytes = 4096,
	    .persistent = 1};
	const char *name = test_name("kind");
	struct shunt__object *obj;
	struct shunt__header_lay h;

	(void)state;
	assert_int_equal(shunt__object_attach(&obj, name, &log), 1);
	refused(name, SHUNT_E_KIND, "it is a log, not a queue");
	shunt__object_detach(obj, NULL);
	h = header_of(name);
	h.hd_kind = 77;
	write_header(name, &h);
	refused(name, SHUNT_E_KIND, "an object of another kind");
	assert_int_equal(shunt_remove(name, NULL), 0);
}

static void
a_raw_segment(void **state)
{
	const char *name = test_name("raw");
	struct shunt_segment *seg;

	(void)state;
	assert_int_equal(shunt_segment_create(&seg, name, 4096, NULL), 0);
	refused(name, SHUNT_E_KIND, "it is a raw segment");
	shunt_segment_close(&seg);
	assert_int_equal(shunt_remove(name, NULL), 0);
}

static void
a_truncated_object(void **state)
{
	const char *name = test_name("cut");

	(void)state;
	make_queue(name);
	struct shunt__header_lay h = header_of(name);
	assert_int_equal(truncate(test_path(name), (off_t)h.hd_size - 1), 0);
	refused(name, SHUNT_E_TRUNCATED, "somebody truncated it");
	assert_int_equal(truncate(test_path(name), 176), 0);
	refused(name, SHUNT_E_TRUNCATED, "176 of its");
	assert_int_equal(truncate(test_path(name), 135), 0);
	refused(name, SHUNT_E_KIND, "raw");
	assert_int_equal(truncate(test_path(name), 0), 0);
	refused(name, SHUNT_E_KIND, "raw");
	assert_int_equal(shunt_remove(name, NULL), 0);
}

static void
what_is_no_regular_file(void **state)
{
	const char *fifo = test_name("fifo"), *dir = test_name("dir");
	const char *link = test_name("link"), *sock = test_name("sock");
	const char *real = test_name("real");
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct shunt_segment *seg;
	int s;

	(void)state;
	assert_int_equal(mkfifo(test_path(fifo), 0600), 0);
	refused(fifo, SHUNT_E_KIND, "FIFO");
	assert_int_equal(shunt_remove(fifo, NULL), SHUNT_E_KIND);
	assert_int_equal(
	    shunt_segment_create(&seg, fifo, 10, NULL), SHUNT_E_KIND);
	assert_int_equal(shunt_segment_open(&seg, fifo, NULL), SHUNT_E_KIND);

	assert_int_equal(mkdir(test_path(dir), 0700), 0);
	refused(dir, SHUNT_E_KIND, "directory");
	assert_int_equal(shunt_remove(dir, NULL), SHUNT_E_KIND);
	assert_int_equal(
	    shunt_segment_create(&seg, dir, 10, NULL), SHUNT_E_KIND);
	assert_int_equal(shunt_segment_open(&seg, dir, NULL), SHUNT_E_KIND);
	assert_int_equal(rmdir(test_path(dir)), 0);

	make_queue(real);
	char target[300];
	snprintf(target, sizeof(target), "%s", test_path(real));
	assert_int_equal(symlink(target, test_path(link)), 0);
	refused(link, SHUNT_E_KIND, "symbolic link");
	assert_int_equal(shunt_remove(link, NULL), SHUNT_E_KIND);
	assert_int_equal(shunt_segment_open(&seg, link, NULL), SHUNT_E_KIND);
	assert_true(test_there(link) && test_there(real));
	/* One that leads nowhere is not followed to make it there. */
	unlink(target);
	refused(link, SHUNT_E_KIND, "symbolic link");
	assert_int_equal(
	    shunt_segment_create(&seg, link, 10, NULL), SHUNT_E_KIND);
	assert_false(test_there(real));

	s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", test_path(sock));
	assert_int_equal(bind(s, (struct sockaddr *)&at, sizeof(at)), 0);
	refused(sock, SHUNT_E_KIND, "socket");
	close(s);
}

/* ---- somebody else's ------------------------------------------------------
 */

#define STRANGER 65534

static int
make_as_stranger(void *name)
{
	struct shunt_queue_options o = small;
	struct shunt_queue *queue;

	o.mode = 0666;
	NEED(setresgid(STRANGER, STRANGER, STRANGER) == 0);
	NEED(setresuid(STRANGER, STRANGER, STRANGER) == 0);
	NEED(shunt_queue_open(&queue, name, &o) == 1);
	shunt_queue_close(&queue);
	return 0;
}

static int
open_as_stranger(void *name)
{
	struct shunt_queue *queue;
	struct shunt_queue_options o = small;

	NEED(setresgid(STRANGER, STRANGER, STRANGER) == 0);
	NEED(setresuid(STRANGER, STRANGER, STRANGER) == 0);
	int e = shunt_queue_open(&queue, name, &o);
	shunt_queue_close(&queue);
	return e == 0 ? 1 : e == -EACCES ? 2 : e == SHUNT_E_OWNER ? 3 : 4;
}

static int
remove_as_stranger(void *name)
{
	const struct shunt_remove_options force = {
	    .sz = sizeof(force), .flags = SHUNT_REMOVE_FORCE};

	NEED(setresuid(STRANGER, STRANGER, STRANGER) == 0);
	int e = shunt_remove(name, &force);
	return e == 0 ? 1 : e == -EPERM || e == -EACCES ? 2 : 3;
}

static void
another_user_s_object_is_not_taken_for_mine(void **state)
{
	struct shunt_queue_options o = small;
	const char *name = test_name("theirs");
	struct shunt_queue *queue;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(
	    peer_end(peer_start(make_as_stranger, (void *)name)), 0);
	refused(name, SHUNT_E_OWNER, "it belongs to user 65534");
	o.owner = "65534";
	assert_int_equal(shunt_queue_open(&queue, name, &o), 0);
	shunt_queue_close(&queue);
	o.owner = "1";
	assert_int_equal(shunt_queue_open(&queue, name, &o), SHUNT_E_OWNER);
	o.owner = "no-such-user-here";
	assert_int_equal(shunt_queue_open(&queue, name, &o), -EINVAL);
	assert_detail("there is no user");
	assert_int_equal(shunt_remove(name, NULL), 0);
}

static void
root_s_object_is_everybody_s_as_its_mode_says(void **state)
{
	struct shunt_queue_options o = small;
	const char *name = test_name("mine");
	struct shunt_queue *queue;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(shunt_queue_open(&queue, name, &o), 1);
	assert_int_equal(
	    peer_end(peer_start(open_as_stranger, (void *)name)), 2);
	shunt_queue_close(&queue);
	assert_int_equal(chmod(test_path(name), 0666), 0);
	assert_int_equal(
	    peer_end(peer_start(open_as_stranger, (void *)name)), 1);
	/* The directory is sticky: a stranger cannot remove it, and those who
	 * have it do not suffer from the attempt. */
	assert_int_equal(shunt_queue_open(&queue, name, &o), 0);
	assert_int_equal(
	    peer_end(peer_start(remove_as_stranger, (void *)name)), 2);
	assert_true(test_there(name));
	assert_int_equal(shunt_queue_send(queue, "x", 1, NULL), 0);
	shunt_queue_close(&queue);
	assert_int_equal(shunt_remove(name, NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_newer_layout),
	    TEST(another_byte_order),
	    TEST(a_build_with_other_structs),
	    TEST(every_flipped_bit_of_the_header),
	    TEST(a_geometry_that_cannot_be),
	    TEST(another_kind),
	    TEST(a_raw_segment),
	    TEST(a_truncated_object),
	    TEST(what_is_no_regular_file),
	    TEST(another_user_s_object_is_not_taken_for_mine),
	    TEST(root_s_object_is_everybody_s_as_its_mode_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
