/* SPDX-License-Identifier: MIT */
/* limit: 20 */
/*
 * A message is there whole or not at all, also while it is being written.
 * What is sent lies in a page that cannot be read: the sender stops in the
 * midst of its copy, and from the handler of that fault another handle looks
 * for the message.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

#include <shunt.h>

#include "lib/peers.h"

static const struct shunt_recv_options at_once = {
    .sz = sizeof(at_once), .wait_ns = SHUNT_NOWAIT};

static struct shunt_queue *receiver;
static unsigned char *page;
static volatile ssize_t found;
static volatile int faults;

static void
look(int sig, siginfo_t *info, void *context)
{
	char buf[256];

	(void)sig;
	(void)context;
	if ((unsigned char *)info->si_addr < page ||
	    (unsigned char *)info->si_addr >= page + 4096) {
		signal(SIGSEGV, SIG_DFL);
		return;
	}
	faults++;
	found = shunt_queue_recv(receiver, buf, sizeof(buf), NULL, &at_once);
	mprotect(page, 4096, PROT_READ | PROT_WRITE);
}

static void
one_length(struct shunt_queue *sender, size_t len)
{
	unsigned char buf[4096];

	memset(page, (int)len, 4096);
	assert_int_equal(mprotect(page, 4096, PROT_NONE), 0);
	faults = 0;
	found = 0;
	assert_int_equal(shunt_queue_send(sender, page, len, NULL), 0);
	assert_int_equal(faults, 1);
	assert_int_equal(found, -EAGAIN);
	assert_int_equal(
	    shunt_queue_recv(receiver, buf, sizeof(buf), NULL, &at_once), len);
	assert_memory_equal(buf, page, len);
}

static void
half_a_message_is_none(void **state)
{
	struct sigaction sa = {
	    .sa_sigaction = look, .sa_flags = SA_SIGINFO | SA_NODEFER};
	const char *name = test_name("torn");
	struct shunt_queue *sender;
	char buf[8];

	(void)state;
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(page != MAP_FAILED);
	assert_int_equal(shunt_queue_open(&sender, name, NULL), 1);
	assert_int_equal(shunt_queue_open(&receiver, name, NULL), 0);
	/* Both have their places: nothing is left to be set up. */
	assert_int_equal(shunt_queue_send(sender, "x", 1, NULL), 0);
	assert_int_equal(
	    shunt_queue_recv(receiver, buf, sizeof(buf), NULL, NULL), 1);
	assert_int_equal(sigaction(SIGSEGV, &sa, NULL), 0);
	/* Each way of copying, and once over the end of the ring. */
	for (size_t len = 1; len <= 4096; len += len < 72 ? 1 : 509)
		one_length(sender, len);
	for (int i = 0; i < 70; i++)
		one_length(sender, 3000);
	signal(SIGSEGV, SIG_DFL);
	shunt_queue_close(&receiver);
	shunt_queue_close(&sender);
	munmap(page, 4096);
}

/* The second message of a batch cannot be read: so there is no first. */
static void
half_a_batch_is_none(void **state)
{
	struct sigaction sa = {
	    .sa_sigaction = look, .sa_flags = SA_SIGINFO | SA_NODEFER};
	const char *name = test_name("torn");
	struct iovec msgs[3] = {
	    {(void *)"one", 3}, {NULL, 30}, {(void *)"x", 1}};
	struct shunt_queue *sender;
	char buf[64];

	(void)state;
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(page != MAP_FAILED);
	msgs[1].iov_base = page;
	assert_int_equal(shunt_queue_open(&sender, name, NULL), 1);
	assert_int_equal(shunt_queue_open(&receiver, name, NULL), 0);
	assert_int_equal(shunt_queue_send(sender, "x", 1, NULL), 0);
	assert_int_equal(
	    shunt_queue_recv(receiver, buf, sizeof(buf), NULL, NULL), 1);
	assert_int_equal(sigaction(SIGSEGV, &sa, NULL), 0);
	assert_int_equal(mprotect(page, 4096, PROT_NONE), 0);
	faults = 0;
	found = 0;
	assert_int_equal(shunt_queue_send_batch(sender, msgs, 3, NULL), 3);
	assert_int_equal(faults, 1);
	assert_int_equal(found, -EAGAIN);
	for (int i = 0; i < 3; i++)
		assert_int_equal(shunt_queue_recv(receiver, buf, sizeof(buf),
				     NULL, &at_once),
		    msgs[i].iov_len);
	signal(SIGSEGV, SIG_DFL);
	shunt_queue_close(&receiver);
	shunt_queue_close(&sender);
	munmap(page, 4096);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(half_a_message_is_none),
	    TEST(half_a_batch_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
