/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/* What strangers send where a segment is waited for: all of it is refused,
 * and every descriptor that came is closed. */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "unit/raw.h"

static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
#define TYPES 3

static void
pair(int type, int s[2])
{
	assert_int_equal(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, s), 0);
}

static void
unpair(int s[2])
{
	close(s[0]);
	close(s[1]);
}

struct wire {
	uint32_t magic;
	uint16_t version, flags;
	uint64_t size;
};

static const struct wire good = {0x50474553, 1, 0, 1};

/* Any bytes with any descriptors. */
static void
put(int socket, const void *bytes, size_t len, const int *fds, size_t n)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(253 * sizeof(int))];
	} control;
	struct iovec iov = {(void *)bytes, len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	memset(&control, 0, sizeof(control));
	if (n > 0) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	}
	/* Of musl's own function, 1024 bytes of descriptors are the most. */
	assert_int_equal(syscall(SYS_sendmsg, socket, &msg, MSG_NOSIGNAL), len);
}

/* It is refused so, and every descriptor that came is closed. */
static void
refuses(const void *bytes, size_t len, const int *fds, size_t n, int code,
    const char *why)
{
	struct shunt_segment *got = (void *)-1;
	int s[2];

	for (int i = 0; i < TYPES; i++) {
		if (types[i] == SOCK_STREAM && len == 0)
			continue;
		int open_before = test_fds();
		pair(types[i], s);
		put(s[0], bytes, len, fds, n);
		int e = shunt_segment_recv(&got, s[1], NULL);
		/* An empty packet looks like the end. */
		if (types[i] == SOCK_SEQPACKET && len == 0 && n == 0)
			assert_int_equal(e, SHUNT_E_CLOSED);
		else
			assert_refused(e, code, why);
		assert_null(got);
		unpair(s);
		assert_int_equal(test_fds(), open_before);
	}
}

static void
messages_that_are_not_ours(void **state)
{
	const struct wire magic = {0x50474554, 1, 0, 1},
			  version = {0x50474553, 2, 0, 1},
			  flags = {0x50474553, 1, 1, 1},
			  size = {0x50474553, 1, 0, 101};
	char longer[40] = {0};
	struct shunt_segment *seg;
	int many[253];

	(void)state;
	memcpy(longer, &good, sizeof(good));
	assert_int_equal(shunt_segment_anon(&seg, 100, NULL), 0);
	int fd = shunt_segment_fd(seg);
	for (int i = 0; i < 253; i++)
		many[i] = fd;
	refuses("", 0, NULL, 0, SHUNT_E_CORRUPT, "no message of ours");
	refuses("", 0, &fd, 1, SHUNT_E_CORRUPT, "no message of ours");
	refuses("hello", 5, NULL, 0, SHUNT_E_CORRUPT, "no message of ours");
	refuses(&good, 15, &fd, 1, SHUNT_E_CORRUPT, "no message of ours");
	refuses(&magic, 16, &fd, 1, SHUNT_E_CORRUPT, "no message of ours");
	refuses(&version, 16, &fd, 1, SHUNT_E_CORRUPT, "newer version");
	refuses(&flags, 16, &fd, 1, SHUNT_E_CORRUPT, "newer version");
	refuses(&size, 16, &fd, 1, SHUNT_E_CORRUPT, "cut after it was sent");
	refuses(&good, 16, NULL, 0, SHUNT_E_CORRUPT, "no descriptor came");
	refuses(&good, 16, many, 2, SHUNT_E_CORRUPT, "several descriptors");
	refuses(&good, 16, many, 253, SHUNT_E_CORRUPT, "several descriptors");
	refuses(&magic, 16, many, 253, SHUNT_E_CORRUPT, "no message of ours");

	/* Packets are not cut in silence; of a stream the rest is the next. */
	struct shunt_segment *got;
	int s[2];
	for (int i = 1; i < TYPES; i++) {
		pair(types[i], s);
		put(s[0], longer, sizeof(longer), &fd, 1);
		assert_int_equal(
		    shunt_segment_recv(&got, s[1], NULL), SHUNT_E_CORRUPT);
		/* And the next good one is taken. */
		put(s[0], &good, 16, &fd, 1);
		assert_int_equal(shunt_segment_recv(&got, s[1], NULL), 0);
		shunt_segment_close(&got);
		unpair(s);
	}
	shunt_segment_close(&seg);
}

static void
descriptors_that_are_no_memory(void **state)
{
	const struct shunt_queue_options small = {
	    .sz = sizeof(small), .lane_bytes = 4096, .lanes = 4};
	const char *name = test_name("kinds");
	struct shunt_queue *queue;
	int p[2], fd, s[2];

	(void)state;
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	refuses(&good, 16, &p[0], 1, SHUNT_E_KIND, "no regular file");
	refuses(&good, 16, &p[1], 1, SHUNT_E_KIND, "no regular file");
	unpair(p);
	pair(SOCK_STREAM, s);
	refuses(&good, 16, &s[0], 1, SHUNT_E_KIND, "no regular file");
	unpair(s);
	fd = open("/dev/shm", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	refuses(&good, 16, &fd, 1, SHUNT_E_KIND, "no regular file");
	close(fd);
	fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
	refuses(&good, 16, &fd, 1, SHUNT_E_KIND, "no regular file");
	close(fd);
	fd = memfd_create("shunt-test", MFD_CLOEXEC);
	refuses(&good, 16, &fd, 1, SHUNT_E_NOTREADY, "its size is 0");
	close(fd);
	test_make(name, 100);
	fd = open(test_path(name), O_PATH | O_CLOEXEC);
	refuses(&good, 16, &fd, 1, SHUNT_E_KIND, "no regular file");
	close(fd);
	fd = open(test_path(name), O_WRONLY | O_CLOEXEC);
	refuses(&good, 16, &fd, 1, SHUNT_E_KIND, "that can be read");
	close(fd);
	assert_int_equal(shunt_remove(name, NULL), 0);
	assert_int_equal(shunt_queue_open(&queue, name, &small), 1);
	fd = open(test_path(name), O_RDWR | O_CLOEXEC);
	refuses(&good, 16, &fd, 1, SHUNT_E_KIND, "an object of shunt");
	close(fd);
	shunt_queue_close(&queue);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(messages_that_are_not_ours),
	    TEST(descriptors_that_are_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
