/* SPDX-License-Identifier: MIT */
/*
 * What a kernel may hand over with a message, and our own kernel's sockets
 * never do where we can ask them: played by the table of src/os.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "unit/answers.h"
#include "unit/raw.h"

ANSWER(ssize_t, sendmsg, (int fd, const struct msghdr *m, int f), (fd, m, f))

static const struct {
	uint32_t magic;
	uint16_t version, flags;
	uint64_t size;
} good = {0x50474553, 1, 0, 1};

/* What comes: one message beside, of these descriptors, with these flags. */
static struct {
	int level, type;
	int fds[2], count;
	int flags;
} come;

static ssize_t
recvmsg_played(int socket, struct msghdr *msg, int flags)
{
	size_t len = (size_t)come.count * sizeof(int);

	(void)socket;
	assert_int_equal(flags, MSG_CMSG_CLOEXEC);
	memcpy(msg->msg_iov->iov_base, &good, sizeof(good));
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	c->cmsg_level = come.level;
	c->cmsg_type = come.type;
	/* Not of the same type in every C library. */
	c->cmsg_len = (__typeof__(c->cmsg_len))CMSG_LEN(len);
	memcpy(CMSG_DATA(c), come.fds, len);
	msg->msg_controllen = (__typeof__(msg->msg_controllen))CMSG_SPACE(len);
	msg->msg_flags = come.flags;
	return sizeof(good);
}

/* A descriptor that the message brings. */
static int
some_fd(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

#define PIDFD 4

static void
what_else_may_come_beside(void **state)
{
	static const struct {
		int level, type, count, broken, flags, code;
		const char *why;
	} each[] = {
	    {IPPROTO_IP, SCM_RIGHTS, 0, 0, 0, SHUNT_E_CORRUPT,
		"no descriptor came"},
	    {SOL_SOCKET, SCM_RIGHTS, 0, 0, 0, SHUNT_E_CORRUPT,
		"no descriptor came"},
	    {SOL_SOCKET, SCM_RIGHTS, 0, 0, MSG_CTRUNC, -EMFILE,
		"could not be taken in"},
	    {SOL_SOCKET, SCM_RIGHTS, 1, 0, MSG_CTRUNC, SHUNT_E_CORRUPT,
		"several descriptors"},
	    {SOL_SOCKET, SCM_RIGHTS, 2, 0, 0, SHUNT_E_CORRUPT,
		"several descriptors"},
	    {SOL_SOCKET, SCM_RIGHTS, 2, 1, 0, SHUNT_E_CORRUPT,
		"several descriptors"},
	    {SOL_SOCKET, PIDFD, 1, 0, 0, SHUNT_E_CORRUPT, "no descriptor came"},
	    {SOL_SOCKET, PIDFD, 1, 0, MSG_CTRUNC, -EMFILE,
		"could not be taken in"},
	};
	struct shunt_segment *seg;
	int s[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	shunt__os.recvmsg = recvmsg_played;
	for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
		int fds = test_fds();

		come.level = each[i].level;
		come.type = each[i].type;
		come.count = each[i].count;
		come.flags = each[i].flags;
		for (int k = 0; k < come.count; k++)
			come.fds[k] = k == 1 && each[i].broken ? -1 : some_fd();
		assert_refused(shunt_segment_recv(&seg, s[0], NULL),
		    each[i].code, each[i].why);
		assert_null(seg);
		/* Whatever it was, it is closed. */
		assert_int_equal(test_fds(), fds);
	}
	close(s[0]);
	close(s[1]);
}

static void
half_a_message_is_not_sent(void **state)
{
	struct shunt_segment *seg, *got;
	int s[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	assert_int_equal(shunt_segment_anon(&seg, 100, NULL), 0);
	SAY(sendmsg, 0, 1, 7);
	assert_refused(
	    shunt_segment_send(seg, s[0]), -EIO, "it cannot be sent");
	assert_int_equal(shunt_segment_send(seg, s[0]), 0);
	assert_int_equal(shunt_segment_recv(&got, s[1], NULL), 0);
	shunt_segment_close(&got);
	shunt_segment_close(&seg);
	close(s[0]);
	close(s[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    ANSWERED(what_else_may_come_beside),
	    ANSWERED(half_a_message_is_not_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
