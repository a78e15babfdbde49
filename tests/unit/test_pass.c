/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/* Segments handed over UNIX sockets. */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "os/os.h"
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

/* ---- between two processes -------------------------------------------------
 */

/* Takes two, one after the other; writes into the first. */
static int
take_two(void *arg)
{
	struct shunt_segment *one, *two;
	int socket = *(int *)arg;

	NEED(shunt_segment_recv(&one, socket, NULL) == 0);
	NEED(shunt_segment_recv(&two, socket, NULL) == 0);
	NEED(shunt_segment_size(one) == 5000);
	NEED(shunt_segment_size(two) == 3);
	NEED(memcmp(shunt_segment_data(two), "two", 3) == 0);
	NEED(memcmp(shunt_segment_data(one), "one", 4) == 0);
	NEED(fcntl(shunt_segment_fd(one), F_GETFD) & FD_CLOEXEC);
	strcpy(shunt_segment_data(one), "answer");
	return 0;
}

/* Made after the fork, so that the child can have them only this way. */
static void
hand_over_two(int socket, pid_t pid)
{
	struct shunt_segment *one, *two;

	assert_int_equal(shunt_segment_anon(&one, 5000, NULL), 0);
	assert_int_equal(shunt_segment_anon(&two, 3, NULL), 0);
	strcpy(shunt_segment_data(one), "one");
	memcpy(shunt_segment_data(two), "two", 3);
	assert_int_equal(shunt_segment_send(one, socket), 0);
	assert_int_equal(shunt_segment_send(two, socket), 0);
	shunt_segment_close(&two); /* on its way, or there: it stays */
	assert_int_equal(peer_end(pid), 0);
	assert_string_equal(shunt_segment_data(one), "answer");
	shunt_segment_close(&one);
}

static void
over_a_pair_of_sockets(void **state)
{
	int s[2];

	(void)state;
	for (int i = 0; i < TYPES; i++) {
		int fds = test_fds();
		pair(types[i], s);
		hand_over_two(s[0], peer_start(take_two, &s[1]));
		unpair(s);
		assert_int_equal(test_fds(), fds);
	}
}

static struct sockaddr_un address = {.sun_family = AF_UNIX};

static int
connect_and_take(void *arg)
{
	int socket_type = *(int *)arg;
	int fd = socket(AF_UNIX, socket_type | SOCK_CLOEXEC, 0);

	NEED(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	return take_two(&fd);
}

static void
over_a_socket_with_an_address(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(address.sun_path, sizeof(address.sun_path), "%.64s/shunt-%d",
	    tmp != NULL ? tmp : "/tmp", (int)getpid());
	for (int i = 0; i < TYPES; i++) {
		int type = types[i];
		if (type == SOCK_DGRAM)
			continue; /* knows no connections to accept */
		int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
		unlink(address.sun_path);
		assert_int_equal(
		    bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
		assert_int_equal(listen(fd, 1), 0);
		pid_t pid = peer_start(connect_and_take, &type);
		int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		assert_true(peer >= 0);
		hand_over_two(peer, pid);
		close(peer);
		close(fd);
	}
	unlink(address.sun_path);
}

/* ---- rights ----------------------------------------------------------------
 */

/* In one process: sends and takes. */
static int
pass(struct shunt_segment *seg, struct shunt_segment **out,
    const struct shunt_segment_options *o)
{
	int s[2], e;

	pair(SOCK_SEQPACKET, s);
	int fds = test_fds();
	e = shunt_segment_send(seg, s[0]);
	if (e == 0)
		e = shunt_segment_recv(out, s[1], o);
	assert_int_equal(test_fds(), fds + (e == 0));
	unpair(s);
	return e;
}

static void
whoever_receives_has_the_rights_of_the_descriptor(void **state)
{
	const char *name = test_name("rights");
	struct shunt_segment *seg, *ro, *got;

	(void)state;
	test_make(name, 5000);
	assert_int_equal(shunt_segment_open(&ro, name,
			     OPTIONS(.flags = SHUNT_SEGMENT_READONLY)),
	    0);
	assert_refused(
	    pass(ro, &got, NULL), -EACCES, "handed over for reading only");
	assert_null(got);
	assert_int_equal(
	    pass(ro, &got, OPTIONS(.flags = SHUNT_SEGMENT_READONLY)), 0);
	assert_int_equal(
	    shunt_segment_protect(got, SHUNT_PROT_READ | SHUNT_PROT_WRITE),
	    -EACCES);
	shunt_segment_close(&got);
	shunt_segment_close(&ro);
	/* What was taken for reading is not handed on for writing. */
	assert_int_equal(shunt_segment_open(&seg, name, NULL), 0);
	assert_int_equal(pass(seg, &ro, OPTIONS(.prot = SHUNT_PROT_READ)), 0);
	assert_int_equal(pass(ro, &got, NULL), -EACCES);
	shunt_segment_close(&ro);
	/* A window of it. */
	assert_int_equal(
	    pass(seg, &got, OPTIONS(.offset = 4097, .length = 3)), 0);
	assert_int_equal(
	    *(unsigned char *)shunt_segment_data(got), test_byte(4097));
	/* Of which the whole is handed on. */
	assert_int_equal(pass(got, &ro, NULL), 0);
	assert_int_equal(shunt_segment_size(ro), 5000);
	shunt_segment_close(&ro);
	shunt_segment_close(&got);
	assert_refused(pass(seg, &got, OPTIONS(.offset = 5000)), -EINVAL,
	    "not inside of its 5000 bytes");
	assert_int_equal(pass(seg, &got, OPTIONS(.owner = "1")), SHUNT_E_OWNER);
	assert_int_equal(pass(seg, &got, OPTIONS(.reserved = 1)), -EINVAL);
	shunt_segment_close(&seg);
	assert_int_equal(shunt_remove(name, NULL), 0);
}

/* Where /proc is missing the descriptor cannot be made weaker. */
static int (*real_open)(const char *, int, mode_t);
static int
no_proc(const char *path, int flags, mode_t mode)
{
	return strncmp(path, "/proc/", 6) == 0 ? -ENOENT
					       : real_open(path, flags, mode);
}

static void
what_cannot_be_made_weaker_is_not_handed_on(void **state)
{
	struct shunt_segment *seg, *ro, *got = NULL;

	(void)state;
	assert_int_equal(shunt_segment_anon(&seg, 100, NULL), 0);
	real_open = shunt__os.open;
	shunt__os.open = no_proc;
	int e = pass(seg, &ro, OPTIONS(.prot = SHUNT_PROT_READ));
	shunt__os.open = real_open;
	assert_int_equal(e, 0);
	assert_refused(pass(ro, &got, OPTIONS(.prot = SHUNT_PROT_READ)),
	    -EACCES, "would let the other side write");
	assert_null(got);
	shunt_segment_close(&ro);
	shunt_segment_close(&seg);
}

static void
taken_only_if_sealed(void **state)
{
	struct shunt_segment *seg, *got;

	(void)state;
	assert_int_equal(shunt_segment_anon(&seg, 100, NULL), 0);
	assert_refused(pass(seg, &got, OPTIONS(.flags = SHUNT_SEGMENT_SEALED)),
	    SHUNT_E_KIND, "not sealed against shrinking");
	assert_null(got);
	assert_int_equal(shunt_segment_seal(seg, SHUNT_SEAL_SHRINK), 0);
	assert_int_equal(
	    pass(seg, &got, OPTIONS(.flags = SHUNT_SEGMENT_SEALED)), 0);
	assert_int_equal(shunt_segment_seals(got), SHUNT_SEAL_SHRINK);
	assert_int_equal(ftruncate(shunt_segment_fd(got), 1), -1);
	shunt_segment_close(&got);
	shunt_segment_close(&seg);
}

/* ---- sockets ---------------------------------------------------------------
 */

static void
the_other_side_has_closed(void **state)
{
	struct shunt_segment *seg, *got;
	int s[2];

	(void)state;
	assert_int_equal(shunt_segment_anon(&seg, 100, NULL), 0);
	for (int i = 0; i < TYPES; i++) {
		pair(types[i], s);
		close(s[1]);
		/* No SIGPIPE: it would end this test. */
		assert_refused(shunt_segment_send(seg, s[0]), SHUNT_E_CLOSED,
		    "the other side has closed");
		close(s[0]);
		if (types[i] == SOCK_DGRAM)
			continue; /* a datagram socket cannot tell */
		pair(types[i], s);
		close(s[0]);
		assert_refused(shunt_segment_recv(&got, s[1], NULL),
		    SHUNT_E_CLOSED, "the other side has closed");
		assert_null(got);
		close(s[1]);
		/* Closed with something unread in it. */
		pair(types[i], s);
		assert_int_equal(write(s[1], "x", 1), 1);
		close(s[0]);
		assert_int_equal(
		    shunt_segment_recv(&got, s[1], NULL), SHUNT_E_CLOSED);
		close(s[1]);
		/* What was sent before it closed is there. */
		pair(types[i], s);
		assert_int_equal(shunt_segment_send(seg, s[0]), 0);
		close(s[0]);
		assert_int_equal(shunt_segment_recv(&got, s[1], NULL), 0);
		shunt_segment_close(&got);
		assert_int_equal(
		    shunt_segment_recv(&got, s[1], NULL), SHUNT_E_CLOSED);
		close(s[1]);
	}
	shunt_segment_close(&seg);
}

static void
not_ready_and_no_socket_of_that_kind(void **state)
{
	struct shunt_segment *seg, *got;
	int s[2], e = 0;

	(void)state;
	assert_int_equal(shunt_segment_anon(&seg, 100, NULL), 0);
	for (int i = 0; i < TYPES; i++) {
		pair(types[i] | SOCK_NONBLOCK, s);
		assert_int_equal(shunt_segment_recv(&got, s[1], NULL), -EAGAIN);
		assert_null(got);
		int n = 0;
		while ((e = shunt_segment_send(seg, s[0])) == 0)
			n++;
		assert_true(e == -EAGAIN || e == -ETOOMANYREFS);
		/* What was sent until then arrives, each whole. */
		for (; n > 0; n--) {
			assert_int_equal(
			    shunt_segment_recv(&got, s[1], NULL), 0);
			shunt_segment_close(&got);
		}
		assert_int_equal(shunt_segment_recv(&got, s[1], NULL), -EAGAIN);
		unpair(s);
	}
	assert_int_equal(shunt_segment_send(NULL, 0), -EINVAL);
	/* TCP would take the message and drop the descriptor. */
	int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (tcp >= 0) {
		assert_refused(shunt_segment_send(seg, tcp), -EINVAL,
		    "over a UNIX socket only");
		assert_int_equal(shunt_segment_recv(&got, tcp, NULL), -EINVAL);
		close(tcp);
	}
	assert_int_equal(pipe2(s, O_CLOEXEC), 0);
	assert_refused(
	    shunt_segment_send(seg, s[1]), -ENOTSOCK, "is no socket");
	assert_int_equal(shunt_segment_recv(&got, s[0], NULL), -ENOTSOCK);
	unpair(s);
	assert_int_equal(shunt_segment_recv(&got, -1, NULL), -EBADF);
	shunt_segment_close(&seg);
}

/* ---- what comes beside ---------------------------------------------------
 */

/* The caller's socket may be set to bring more than descriptors. */
static void
credentials_beside_it(void **state)
{
	const int on = 1;
	struct shunt_segment *seg, *got;
	int s[2];

	(void)state;
	assert_int_equal(shunt_segment_anon(&seg, 100, NULL), 0);
	for (int i = 0; i < TYPES; i++) {
		pair(types[i], s);
		assert_int_equal(
		    setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)),
		    0);
		/* SO_PASSPIDFD, since Linux 6.5: brings a descriptor. */
		setsockopt(s[1], SOL_SOCKET, 76, &on, sizeof(on));
		int fds = test_fds();
		assert_int_equal(shunt_segment_send(seg, s[0]), 0);
		assert_int_equal(shunt_segment_recv(&got, s[1], NULL), 0);
		assert_int_equal(test_fds(), fds + 1);
		shunt_segment_close(&got);
		unpair(s);
	}
	shunt_segment_close(&seg);
}

static int
take_without_room(void *arg)
{
	struct shunt_segment *got;
	struct rlimit none;
	int socket = *(int *)arg;

	NEED(getrlimit(RLIMIT_NOFILE, &none) == 0);
	none.rlim_cur = (rlim_t)(socket + 1);
	for (int fd = 0; fd <= socket; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			NEED(dup2(2, fd) == fd);
	NEED(setrlimit(RLIMIT_NOFILE, &none) == 0);
	NEED(shunt_segment_recv(&got, socket, NULL) == -EMFILE);
	need_detail("ulimit -n");
	NEED(got == NULL);
	return 0;
}

static void
no_room_for_a_descriptor(void **state)
{
	struct shunt_segment *seg;
	int s[2];

	(void)state;
	assert_int_equal(shunt_segment_anon(&seg, 100, NULL), 0);
	pair(SOCK_SEQPACKET, s);
	assert_int_equal(shunt_segment_send(seg, s[0]), 0);
	assert_int_equal(peer_end(peer_start(take_without_room, &s[1])), 0);
	unpair(s);
	shunt_segment_close(&seg);
}

/* Whoever sends is killed before, in or after it: taken whole or closed. */
static int
send_for_ever(void *arg)
{
	struct shunt_segment *seg;
	int socket = *(int *)arg;

	NEED(shunt_segment_anon(&seg, 4096, NULL) == 0);
	while (shunt_segment_send(seg, socket) == 0)
		;
	return 0;
}

static void
a_sender_that_is_killed(void **state)
{
	uint64_t seed = 88172645463325252u;
	struct shunt_segment *got;
	int s[2], e;

	(void)state;
	for (int i = 0; i < 30; i++) {
		pair(types[i % 2 * 2], s);
		pid_t pid = peer_start(send_for_ever, &s[0]);
		close(s[0]);
		for (uint64_t n = test_random(&seed) % 200; n > 0; n--) {
			assert_int_equal(
			    shunt_segment_recv(&got, s[1], NULL), 0);
			shunt_segment_close(&got);
		}
		peer_kill(pid);
		while ((e = shunt_segment_recv(&got, s[1], NULL)) == 0) {
			assert_int_equal(shunt_segment_size(got), 4096);
			shunt_segment_close(&got);
		}
		assert_int_equal(e, SHUNT_E_CLOSED);
		close(s[1]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(over_a_pair_of_sockets),
	    TEST(over_a_socket_with_an_address),
	    TEST(whoever_receives_has_the_rights_of_the_descriptor),
	    TEST(what_cannot_be_made_weaker_is_not_handed_on),
	    TEST(taken_only_if_sealed),
	    TEST(the_other_side_has_closed),
	    TEST(not_ready_and_no_socket_of_that_kind),
	    TEST(credentials_beside_it),
	    TEST(no_room_for_a_descriptor),
	    TEST(a_sender_that_is_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
