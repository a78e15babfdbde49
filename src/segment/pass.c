/* SPDX-License-Identifier: MIT */
/*
 * Handing a segment over a UNIX socket: its descriptor travels beside a short
 * message.  The other side may be anybody, so everything that comes is input:
 * what is not exactly one good descriptor is refused, and every descriptor
 * that came is closed.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"
#include "os/os.h"
#include "segment/map.h"

#define MAGIC   0x50474553u /* "SEGP" */
#define VERSION 1
#define SHOWN   "the segment that was received"

/* Between processes of one machine: its own byte order, no padding. */
struct message {
	uint32_t magic;
	uint16_t version;
	uint16_t flags; /* 0: none is defined */
	uint64_t size;  /* of the file when it was sent: it has no less */
};

_Static_assert(sizeof(struct message) == 16, "what travels");

/* Linux 6.5 sends one of the peer's process beside, where that is set. */
#define PIDFD 4 /* SCM_PIDFD */

union control {
	struct cmsghdr align;
	char room[512]; /* more descriptors than fit are closed on their way */
};

/* Other families take such a message and drop what should travel with it. */
static int
check_socket(int socket, const char *shown)
{
	int family = shunt__os.sockopt(socket, SO_DOMAIN);

	if (family < 0)
		return shunt__fail(family, "%s: descriptor %d is no socket: %s",
		    shunt__quote(shown), socket, shunt__why(family));
	if (family != AF_UNIX)
		return shunt__fail(-EINVAL,
		    "%s: a segment goes over a UNIX socket only, and %d is "
		    "another one",
		    shunt__quote(shown), socket);
	return 0;
}

static int
cannot(const char *what, const char *shown, int e)
{
	if (e == -EPIPE || e == -ECONNRESET || e == -ECONNREFUSED)
		return shunt__fail(SHUNT_E_CLOSED,
		    "%s: the other side has closed the socket",
		    shunt__quote(shown));
	return shunt__fail(e, "%s: it cannot be %s: %s", shunt__quote(shown),
	    what, shunt__why(e));
}

/* Who opened for reading does not expect to hand out writing. */
static int
check_rights(const struct shunt_segment *seg)
{
	int flags = shunt__os.fcntl(seg->fd, F_GETFL, 0);

	if (flags < 0)
		return cannot("sent", seg->shown, flags);
	if (seg->readonly && (flags & O_ACCMODE) != O_RDONLY)
		return shunt__fail(-EACCES,
		    "%s: it is open for reading only, but its descriptor can "
		    "write and would let the other side write",
		    shunt__quote(seg->shown));
	return 0;
}

static int
send_fd(int socket, const struct message *m, int fd)
{
	struct iovec iov = {(void *)m, sizeof(*m)};
	union control control;
	struct msghdr msg = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = CMSG_SPACE(sizeof(int))};
	struct cmsghdr *c;
	ssize_t n;

	memset(&control, 0, sizeof(control));
	c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	do
		n = shunt__os.sendmsg(socket, &msg, MSG_NOSIGNAL);
	while (n == -EINTR);
	return n == (ssize_t)sizeof(*m) ? 0 : n < 0 ? (int)n : -EIO;
}

int
shunt_segment_send(const struct shunt_segment *seg, int socket)
{
	struct message m = {.magic = MAGIC, .version = VERSION};
	struct stat st;
	int e;

	if (seg == NULL)
		return -EINVAL;
	if (seg->fd < 0)
		return shunt__fail(-ENOTSUP,
		    "%s: a System V segment has no descriptor to send; send "
		    "its name",
		    shunt__quote(seg->shown));
	e = check_socket(socket, seg->shown);
	if (e == 0)
		e = check_rights(seg);
	if (e < 0)
		return e;
	e = shunt__os.fstat(seg->fd, &st);
	if (e == 0) {
		m.size = (uint64_t)st.st_size;
		e = send_fd(socket, &m, seg->fd);
	}
	return e < 0 ? cannot("sent", seg->shown, e) : 0;
}

/* The descriptors that came: the first is kept, all others are closed; how
 * many there were. */
static size_t
unpack(struct msghdr *msg, int *kept)
{
	size_t count = 0;

	*kept = -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL;
	     c = CMSG_NXTHDR(msg, c)) {
		const unsigned char *p = CMSG_DATA(c);
		size_t n = 0;

		if (c->cmsg_level == SOL_SOCKET &&
		    (c->cmsg_type == SCM_RIGHTS || c->cmsg_type == PIDFD) &&
		    c->cmsg_len > CMSG_LEN(0))
			n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, p + i * sizeof(fd), sizeof(fd));
			if (c->cmsg_type == SCM_RIGHTS && count++ == 0)
				*kept = fd;
			else if (fd >= 0)
				shunt__os.close(fd);
		}
	}
	return count;
}

static int
foreign(const char *why)
{
	return shunt__fail(SHUNT_E_CORRUPT,
	    SHOWN ": %s; the other side must use shunt_segment_send()", why);
}

/* What the message itself must be like, before its descriptor is looked at. */
static int
check_message(const struct message *m, ssize_t n, int flags, size_t count)
{
	if (n != (ssize_t)sizeof(*m) || (flags & MSG_TRUNC) ||
	    m->magic != MAGIC)
		return foreign("what came is no message of ours");
	if (m->version != VERSION || m->flags != 0)
		return foreign("it was sent by a newer version");
	if (count == 0 && (flags & MSG_CTRUNC))
		return shunt__fail(-EMFILE,
		    SHOWN ": its descriptor could not be taken in; this "
			  "process may have no more of them (ulimit -n)");
	if (count != 1 || (flags & MSG_CTRUNC))
		return foreign(count == 0 ? "no descriptor came with it"
					  : "several descriptors came with it");
	return 0;
}

static int
check_file(int fd, const struct shunt_segment_options *o, uint64_t sent,
    uint64_t *size)
{
	int flags = shunt__os.fcntl(fd, F_GETFL, 0), e;
	struct stat st;

	if (flags < 0)
		return cannot("used", SHOWN, flags);
	e = shunt__os.fstat(fd, &st);
	if (e < 0)
		return cannot("used", SHOWN, e);
	if (!S_ISREG(st.st_mode) || (flags & O_PATH) ||
	    (flags & O_ACCMODE) == O_WRONLY)
		return shunt__fail(SHUNT_E_KIND,
		    SHOWN ": it is no regular file that can be read");
	e = shunt__owner_check(SHOWN, &st, o->owner, 1);
	if (e == 0)
		e = shunt__raw_check(fd, SHOWN);
	if (e == 0 && (o->flags & SHUNT_SEGMENT_SEALED))
		e = shunt__raw_sealed(fd, SHOWN);
	/* Again: only now may it be sure to have no less for ever. */
	if (e < 0)
		return e;
	e = shunt__os.fstat(fd, &st);
	if (e < 0)
		return cannot("used", SHOWN, e);
	*size = (uint64_t)st.st_size;
	if (*size == 0)
		return shunt__fail(SHUNT_E_NOTREADY,
		    SHOWN ": its size is 0; its creator has not sized it yet");
	if (*size < sent)
		return foreign("it was cut after it was sent");
	if ((flags & O_ACCMODE) != O_RDWR &&
	    !(o->flags & SHUNT_SEGMENT_READONLY))
		return shunt__fail(-EACCES,
		    SHOWN ": it was handed over for reading only; ask for "
			  "that (SHUNT_SEGMENT_READONLY)");
	return 0;
}

/* A stream that ends and an empty datagram look alike. */
static int
is_end(int socket, ssize_t n, size_t count)
{
	return n == 0 && count == 0 &&
	       shunt__os.sockopt(socket, SO_TYPE) != SOCK_DGRAM;
}

/* Waits for a message of ours; its one descriptor, or a code. */
static int
receive(int socket, struct message *m)
{
	struct iovec iov = {m, sizeof(*m)};
	union control control;
	struct msghdr msg;
	size_t count;
	ssize_t n;
	int fd, e;

	memset(m, 0, sizeof(*m));
	do {
		memset(&control, 0, sizeof(control));
		msg = (struct msghdr){.msg_iov = &iov,
		    .msg_iovlen = 1,
		    .msg_control = &control,
		    .msg_controllen = sizeof(control)};
		n = shunt__os.recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
	} while (n == -EINTR);
	if (n < 0)
		return cannot("received", SHOWN, (int)n);
	count = unpack(&msg, &fd);
	if (is_end(socket, n, count))
		return cannot("received", SHOWN, -EPIPE);
	e = check_message(m, n, msg.msg_flags, count);
	if (e == 0)
		return fd;
	if (fd >= 0)
		shunt__os.close(fd);
	return e;
}

int
shunt_segment_recv(struct shunt_segment **out, int socket,
    const struct shunt_segment_options *opts)
{
	struct shunt_segment_options o;
	struct message m;
	uint64_t size = 0;
	int fd, e;

	if (out == NULL)
		return shunt__nowhere();
	*out = NULL;
	e = shunt__raw_options(&o, opts);
	if (e == 0)
		e = check_socket(socket, SHOWN);
	if (e < 0)
		return e;
	fd = receive(socket, &m);
	if (fd < 0)
		return fd;
	e = check_file(fd, &o, m.size, &size);
	if (e < 0) {
		shunt__os.close(fd);
		return e;
	}
	return shunt__raw_map(out, fd, size, &o, SHOWN);
}
