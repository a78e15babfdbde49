/* SPDX-License-Identifier: MIT */
/*
 * Pain 6: who attaches while the creator is still at it finds a size of 0, or
 * bytes that are half initialised, and dies of SIGBUS.
 * Remedy: the name comes last.  One process makes and removes segments and
 * locks for half a second, another opens whatever it finds: it finds whole
 * ones or none.
 * limit: 20
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <shunt.h>

#include "lib/peers.h"

#define SIZE 65536

static const char *raw, *object;

static int
make_and_remove(void *arg)
{
	struct shunt_lock_options fresh = {
	    .sz = sizeof(fresh), .flags = SHUNT_LOCK_PERSISTENT};
	struct step *stop = arg;

	while (stop->n == 0) {
		struct shunt_segment *seg;
		struct shunt_lock *lock;

		NEED(shunt_segment_create(&seg, raw, SIZE, NULL) == 0);
		NEED(shunt_lock_open(&lock, object, &fresh) >= 0);
		shunt_segment_close(&seg);
		shunt_lock_close(&lock);
		NEED(shunt_remove(raw, NULL) == 0);
		/* In use by the other for an instant: it goes next time. */
		int e = shunt_remove(object, NULL);
		NEED(e == 0 || e == -EBUSY);
	}
	return 0;
}

static int
open_raw(void)
{
	struct shunt_segment *seg;
	int e = shunt_segment_open(&seg, raw, NULL);

	if (e == -ENOENT)
		return 0;
	NEED(e == 0);
	NEED(shunt_segment_size(seg) == SIZE);
	/* Every byte is there: none of these is a SIGBUS. */
	char *data = shunt_segment_data(seg);
	for (size_t i = 0; i < SIZE; i += 4096)
		data[i] = 1;
	shunt_segment_close(&seg);
	return 1;
}

static int
open_object(void)
{
	struct shunt_lock_options old = {
	    .sz = sizeof(old), .flags = SHUNT_LOCK_EXISTING};
	struct shunt_lock *lock;
	int e = shunt_lock_open(&lock, object, &old);

	if (e == -ENOENT)
		return 0;
	NEED(e == 0);
	e = shunt_lock_acquire(lock, SHUNT_NOWAIT);
	NEED(e == 0 || e == -EAGAIN);
	if (e == 0)
		NEED(shunt_lock_release(lock) == 0);
	shunt_lock_close(&lock);
	return 1;
}

/* Another program's object, as shm_open() leaves it for a moment. */
static void
foreign(void)
{
	struct shunt_segment *seg;
	const char *name = test_name("pain6-foreign");
	int fd = shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0600);

	NEED(fd >= 0);
	NEED(shunt_segment_open(&seg, name, NULL) == SHUNT_E_NOTREADY);
	NEED(seg == NULL);
	NEED(ftruncate(fd, SIZE) == 0);
	NEED(shunt_segment_open(&seg, name, NULL) == 0);
	shunt_segment_close(&seg);
	close(fd);
}

int
main(void)
{
	struct step *stop = test_shared(sizeof(*stop));
	unsigned found[2] = {0, 0};

	raw = test_name("pain6-raw");
	object = test_name("pain6-object");
	foreign();
	pid_t maker = peer_start(make_and_remove, stop);
	uint64_t until = test_now() + 500 * MS;

	while (test_now() < until || found[0] < 10 || found[1] < 10) {
		found[0] += open_raw();
		found[1] += open_object();
		NEED(test_now() < until + 10000 * MS);
	}
	step_to(stop, 1);
	NEED(peer_end(maker) == 0);
	printf("%u raw ones and %u objects, each of them whole\n", found[0],
	    found[1]);
	puts("1 passed, 0 failed, 0 skipped");
	return 0;
}
