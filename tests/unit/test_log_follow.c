/* SPDX-License-Identifier: MIT */
/*
 * A client's rare ways: a handler on top of them, the look at the name, old
 * logs that are let go, threads that come back at once.  Whatever another
 * thread or process does meanwhile, a hook in the table of system calls does.
 */
#include "unit/unit.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cmocka.h>

#include <shunt/log.h>
#include <shunt/queue.h>

#include "lib/log_lines.h"
#include "lib/log_producer.h"
#include "lib/peers.h"
#include "log/client.h"
#include "os/os.h"
#include "unit/faults.h"

static const struct shunt_log_options small = {.sz = sizeof(small),
    .lane_bytes = 4096,
    .lanes = 4,
    .tag = "test",
    .full = SHUNT_LOG_FULL_DROP};

static struct shunt__os real;
static const char *name;
static struct shunt_log *log_;
static struct shunt__object *servers[3];
static int looks;
static void (*napping)(void);

static int
count_looks(const char *path, struct stat *st)
{
	looks++;
	return real.lstat(path, st);
}

static int
nap(int64_t ns)
{
	void (*now)(void) = napping;

	if (now == NULL)
		return real.nanosleep(ns);
	napping = NULL;
	now();
	return 0;
}

static int
setup(void **state)
{
	(void)state;
	real = shunt__os;
	name = test_name("follow");
	looks = 0;
	napping = NULL;
	assert_int_equal(shunt_log_open(&log_, name, &small), 1);
	shunt__os.lstat = count_looks;
	shunt__os.nanosleep = nap;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	shunt__os = real;
	for (int i = 0; i < 3; i++) {
		shunt__object_detach(servers[i], NULL);
		servers[i] = NULL;
	}
	shunt_log_close(&log_);
	unlink(test_path(name));
	return 0;
}

static int
say(const char *text)
{
	return shunt_log_write(log_, SHUNT_LOG_INFO, text, strlen(text));
}

static struct shunt__seat *
seat(void)
{
	struct shunt__seat *s = shunt__seat_cached(shunt__load64(&log_->id));

	assert_non_null(s);
	return s;
}

static struct shunt__log_end *
my_end(void)
{
	return shunt__log_end(seat());
}

static struct shunt__log_at *
now(void)
{
	return atomic_load(&log_->now);
}

static struct shunt__log_at *
old(void)
{
	return atomic_load(&log_->old);
}

/* The next call looks at the name. */
static void
look_now(void)
{
	my_end()->check_at = 0;
}

/* A server that has the log that bears the name, and does nothing yet. */
static void
serve(int i)
{
	struct shunt__spec spec;

	shunt__log_spec(&spec, 0, 0);
	assert_int_equal(shunt__object_attach(&servers[i], name, &spec), 0);
	assert_int_equal(
	    shunt__object_lock(servers[i], SHUNT__BYTE_RECEIVER), 0);
}

/* That one writes all that is in the first lane, and syncs it. */
static void
write_all(struct shunt__log_at *at)
{
	struct shunt__lane_lay *ctl = shunt__object_lane(at->obj, 0);
	uint64_t head = shunt__load64(&at->heads[0].pos);

	shunt__release64(&ctl->ln_tail, head);
	shunt__release64(&ctl->ln_durable, head);
}

static void
a_handler_on_the_slow_path_is_busy_and_does_no_harm(void **state)
{
	(void)state;
	assert_int_equal(shunt__log_enter(), 0);
	assert_int_equal(say("x"), -EBUSY); /* no lane yet */
	assert_int_equal(shunt_log_printf(log_, 6, "x"), -EBUSY);
	assert_int_equal(shunt_log_flush(log_, 0), -EBUSY);
	shunt__log_leave();
	assert_int_equal(say("x"), 0);
	assert_int_equal(shunt__log_enter(), 0);
	look_now();
	assert_int_equal(say("x"), 0); /* and the look has to wait */
	assert_int_equal(my_end()->check_at, 0);
	while (say("x") == 0)
		;
	assert_int_equal(say("x"), -EBUSY); /* full */
	shunt__log_leave();
	assert_int_equal(say("x"), SHUNT_E_DROPPED);
	/* A lane that is left is left after the handler. */
	struct shunt__seat *before = seat();
	shunt__store64(&my_end()->tx.ctl->ln_tail, UINT64_C(1) << 60);
	assert_int_equal(shunt__log_enter(), 0);
	assert_int_equal(say("x"), SHUNT_E_CORRUPT);
	assert_ptr_equal(seat(), before);
	shunt__log_leave();
	assert_int_equal(say("x"), SHUNT_E_CORRUPT);
	assert_int_equal(say("x"), 0);
	/* And so is what is attached anew. */
	assert_int_equal(shunt__log_break(log_, now(), SHUNT_E_TRUNCATED),
	    SHUNT_E_TRUNCATED);
	log_->retry_at = 0;
	assert_int_equal(shunt__log_enter(), 0);
	assert_int_equal(shunt_log_level(log_), -EBUSY);
	assert_non_null(old());
	shunt__log_reap(log_);
	assert_non_null(old());
	shunt__log_leave();
	assert_int_equal(shunt_log_level(log_), SHUNT_LOG_DEBUG);
}

static void
the_name_is_looked_at_where_no_server_does(void **state)
{
	struct shunt__object *obj = now()->obj;

	(void)state;
	assert_int_equal(say("x"), 0);
	looks = 0;
	look_now();
	assert_int_equal(say("x"), 0);
	assert_int_equal(looks, 1);
	assert_int_equal(say("x"), 0);
	assert_int_equal(looks, 1);
	/* A server's look is as good. */
	shunt__add32(&shunt__log_server(obj)->sv_beat, 1);
	look_now();
	assert_int_equal(say("x"), 0);
	assert_int_equal(looks, 1);
	/* A lane that it closed is left. */
	shunt__add32(&shunt__log_server(obj)->sv_beat, 1);
	shunt__store64(&my_end()->tx.ctl->ln_tail, 1);
	look_now();
	assert_int_equal(say("x"), 0);
	assert_int_equal(looks, 2);
	assert_int_equal(say("x"), 0);
	assert_int_equal(seat()->lane, 1);
}

static void
old_logs_are_let_go_as_they_are_written(void **state)
{
	struct shunt__log_at *first = now(), *second;

	(void)state;
	assert_int_equal(say("first"), 0);
	serve(0);
	assert_int_equal(unlink(test_path(name)), 0);
	look_now();
	assert_int_equal(say("first"), 0);
	assert_ptr_equal(old(), first);
	second = now();
	assert_int_equal(say("second"), 0);
	/* While there is an old one, a server's look will not do. */
	looks = 0;
	shunt__add32(&shunt__log_server(second->obj)->sv_beat, 1);
	look_now();
	assert_int_equal(say("second"), 0);
	assert_true(looks > 0);
	serve(1);
	assert_int_equal(unlink(test_path(name)), 0);
	look_now();
	assert_int_equal(say("second"), 0);
	assert_ptr_equal(old(), second);
	assert_ptr_equal(old()->next, first);
	assert_int_equal(shunt_log_flush(log_, SHUNT_NOWAIT), -EAGAIN);
	/* The older one first, from behind the newer. */
	write_all(first);
	assert_int_equal(shunt_log_flush(log_, SHUNT_NOWAIT), -EAGAIN);
	assert_ptr_equal(old(), second);
	assert_null(old()->next);
	/* A lane that its server closed holds nothing more; on disk it is
	 * not. */
	shunt__store64(&shunt__object_lane(second->obj, 0)->ln_tail, 1);
	assert_true(shunt__log_written(second));
	write_all(second);
	assert_int_equal(shunt_log_flush(log_, SHUNT_NOWAIT), 0);
	assert_null(old());
	/* Nothing was carried: both had their server. */
	assert_int_equal(log_lines_unread(name, NULL, 0), 0);
}

static sem_t there, go;

static void *
log_and_stay(void *arg)
{
	intptr_t e = say("other");

	sem_post(&there);
	sem_wait(&go);
	(void)arg;
	return (void *)e;
}

static int
refuse_bytes(int fd, int cmd, struct flock *fl)
{
	if (cmd == F_OFD_SETLK && fl->l_type == F_WRLCK &&
	    fl->l_start == SHUNT__BYTE_RECEIVER)
		return -EBUSY;
	return real.lock(fd, cmd, fl);
}

static void
an_old_log_stays_while_somebody_is_in_it(void **state)
{
	struct shunt__log_at *pinned;
	pthread_t t;
	void *e;

	(void)state;
	sem_init(&there, 0, 0);
	sem_init(&go, 0, 0);
	assert_int_equal(say("mine"), 0);
	assert_int_equal(pthread_create(&t, NULL, log_and_stay, NULL), 0);
	sem_wait(&there);
	assert_int_equal(unlink(test_path(name)), 0);
	look_now();
	assert_int_equal(say("mine"), 0);
	assert_non_null(old()); /* the other thread's lane */
	sem_post(&go);
	assert_int_equal(pthread_join(t, &e), 0);
	assert_null(e);
	assert_int_equal(shunt__log_pin(log_, &pinned), 0);
	shunt__log_reap(log_);
	assert_non_null(old()); /* somebody looks at it */
	shunt__log_unpin(log_);
	shunt__os.lock = refuse_bytes;
	shunt__log_reap(log_);
	assert_non_null(old()); /* somebody else carries it */
	shunt__os.lock = real.lock;
	shunt__log_reap(log_);
	assert_null(old());
	assert_int_equal(log_lines_unread(name, NULL, 0), 3);
	sem_destroy(&there);
	sem_destroy(&go);
}

/* ---- what another thread does while we wait for the handle ---- */

static struct shunt__log_at *was;

static void
attach_first(void)
{
	shunt__log_unlock(log_);
	assert_true(shunt__log_attach(log_) >= 0);
}

static void
follow_first(void)
{
	shunt__log_unlock(log_);
	assert_int_equal(shunt__log_follow(log_, was), 0);
}

static void
break_first(void)
{
	shunt__log_unlock(log_);
	assert_int_equal(
	    shunt__log_break(log_, was, SHUNT_E_TRUNCATED), SHUNT_E_TRUNCATED);
}

static void
cut_the_last_lane(void)
{
	struct stat st;

	assert_int_equal(stat(test_path(name), &st), 0);
	assert_int_equal(truncate(test_path(name), st.st_size - 4096), 0);
}

static void
who_comes_second_takes_what_the_first_attached(void **state)
{
	(void)state;
	assert_int_equal(say("x"), 0);
	was = now();
	assert_int_equal(unlink(test_path(name)), 0);
	shunt__log_lock(log_);
	napping = follow_first;
	look_now();
	assert_int_equal(say("x"), 0);
	assert_ptr_not_equal(now(), was);
	assert_null(old());
	/* The same where the first one found it cut. */
	assert_int_equal(say("x"), 0);
	was = now();
	cut_the_last_lane();
	shunt__log_lock(log_);
	napping = break_first;
	look_now();
	assert_int_equal(say("x"), 0);
	assert_null(now());
	assert_int_equal(say("x"), SHUNT_E_TRUNCATED);
	/* And made it anew. */
	unlink(test_path(name));
	shunt__log_lock(log_);
	napping = attach_first;
	assert_int_equal(say("y"), 0);
	assert_int_equal(log_lines_unread(name, NULL, 0), 1);
}

static void
a_log_that_is_whole_again_is_not_carried_into_itself(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(say("before"), 0);
	assert_int_equal(stat(test_path(name), &st), 0);
	cut_the_last_lane();
	look_now();
	assert_int_equal(say("before"), 0);
	assert_int_equal(say("cut"), SHUNT_E_TRUNCATED);
	assert_int_equal(truncate(test_path(name), st.st_size), 0);
	log_->retry_at = 0;
	assert_int_equal(say("after"), 0);
	assert_null(old());
	assert_int_equal(log_lines_unread(name, NULL, 0), 3);
}

static void
a_lock_of_a_process_that_forked_us_holds_nobody(void **state)
{
	(void)state;
	shunt__store64(&log_->lock, UINT64_C(1) << 40);
	assert_int_equal(say("x"), 0);
	assert_int_equal(shunt__log_break(log_, now(), SHUNT_E_TRUNCATED),
	    SHUNT_E_TRUNCATED);
	assert_int_equal(shunt__load64(&log_->lock), 0);
	log_->retry_at = 0;
	shunt__store64(&log_->lock, UINT64_C(1) << 40);
	assert_int_equal(say("x"), 0);
	assert_int_equal(shunt__load64(&log_->lock), 0);
}

/* ---- lanes that cannot be had ---- */

static int unreadable;

static int
refuse_pages(void *at, size_t n, int advice)
{
	if (advice == MADV_POPULATE_READ && unreadable > 0) {
		unreadable--;
		return -ENOMEM;
	}
	return real.madvise(at, n, advice);
}

static void
a_lane_that_cannot_be_used_is_passed_over(void **state)
{
	struct shunt__object *obj = now()->obj;
	struct shunt__spec spec;
	struct producer p;

	(void)state;
	shunt__log_spec(&spec, 0, 0);
	assert_int_equal(producer_open(&p, name, &spec), 0);
	assert_int_equal(producer_put(&p, "x", 1), 0);
	producer_close(&p);
	shunt__os.madvise = refuse_pages;
	unreadable = 1;
	assert_int_equal(say("x"), 0);
	assert_int_equal(seat()->lane, 1);
	unreadable = 100;
	shunt__seat_give(&now()->seats);
	assert_int_equal(say("x"), -ENOMEM);
	unreadable = 0;
	/* Nor one whose words nobody of ours left. */
	shunt__store64(&shunt__object_lane(obj, 0)->ln_tail, 1);
	shunt__store64(&shunt__object_lane(obj, 1)->ln_tail, 1);
	assert_int_equal(say("x"), 0);
	assert_true(seat()->lane > 1);
}

/* Each call of a handle's life in an existing log, and the next life. */
static void
each_call_of_a_client_fails(void **state)
{
	static const int errors[] = {EIO, EMFILE, EACCES};
	int fds = test_fds();

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		for (unsigned k = 1, failed = 1; failed; k++) {
			struct shunt_log *log = NULL;
			int e;

			assert_true(k < 1000);
			faults_on(k, errors[i], 0);
			e = shunt_log_open(&log, name, &small);
			if (e >= 0) {
				e = shunt_log_write(log, 6, "x", 1);
				shunt_log_flush(log, SHUNT_NOWAIT);
				e = e < 0 ? e : shunt_log_level(log);
			}
			shunt_log_close(&log);
			failed = faults_off();
			assert_true(e >= 0 || failed);
			assert_int_equal(test_fds(), fds);
		}
	assert_int_equal(say("as ever"), 0);
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    CASE(a_handler_on_the_slow_path_is_busy_and_does_no_harm),
	    CASE(the_name_is_looked_at_where_no_server_does),
	    CASE(old_logs_are_let_go_as_they_are_written),
	    CASE(an_old_log_stays_while_somebody_is_in_it),
	    CASE(who_comes_second_takes_what_the_first_attached),
	    CASE(a_log_that_is_whole_again_is_not_carried_into_itself),
	    CASE(a_lock_of_a_process_that_forked_us_holds_nobody),
	    CASE(a_lane_that_cannot_be_used_is_passed_over),
	    CASE(each_call_of_a_client_fails),
	};

	alarm(50);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
