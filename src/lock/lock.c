/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <shunt/lock.h>

#include "base/error.h"
#include "base/options.h"
#include "lock/named.h"

#define MAGIC 0x4c6f636bu
#define FLAGS                                                                  \
	(SHUNT_LOCK_EXISTING | SHUNT_LOCK_EXCLUSIVE | SHUNT_LOCK_PERSISTENT)

struct shunt_lock {
	uint32_t magic;
	struct shunt__u32 *word;
	struct shunt__object *obj;
	struct shunt__seats seats;
	struct shunt__owners owners;
	int (*repair)(void *arg);
	void *repair_arg;
};

/* What a thread's seat has. */
struct holder {
	uint32_t me; /* as the word says it */
	int held;
	int repairing; /* the caller's function runs in a call of ours */
	struct shunt__spin spin;
};

static struct holder *
holder_of(struct shunt__seat *seat)
{
	return (struct holder *)(void *)seat->end;
}

/* The lane's last owner may have died with the lock: with his byte in our
 * hand he would look alive from now on. */
static int
claim(struct shunt__seat *seat, void *arg, int last)
{
	struct shunt_lock *lock = arg;
	struct holder *h = holder_of(seat);

	(void)last;
	h->me = seat->lane + 1;
	shunt__mutex_abandon(lock->word, h->me, &lock->owners);
	shunt__lock_sign(lock->obj, seat->lane);
	return 0;
}

/* The thread ends, or the handle: as by death. */
static void
leave(struct shunt__seat *seat, void *arg)
{
	struct shunt_lock *lock = arg;
	struct holder *h = holder_of(seat);

	if (h->held)
		shunt__mutex_abandon(lock->word, h->me, &lock->owners);
	h->held = 0;
}

static int
read_options(struct shunt__spec *spec, struct shunt_lock_options *o,
    const struct shunt_lock_options *opts)
{
	int e = shunt__options_read(o, sizeof(*o), sizeof(*o), opts);

	if (e < 0 || (o->flags & ~(uint32_t)FLAGS) || o->reserved != 0 ||
	    (o->mode & ~0777u))
		return shunt__options_refuse(opts);
	if (o->threads > SHUNT__LANES_MAX)
		return shunt__fail(-EINVAL,
		    "%u threads at one lock; %u are the most", o->threads,
		    SHUNT__LANES_MAX);
	*spec = (struct shunt__spec){.kind = SHUNT_KIND_LOCK,
	    .lanes = o->threads != 0 ? o->threads : SHUNT__LOCK_THREADS,
	    .mode = o->mode,
	    .existing = (o->flags & SHUNT_LOCK_EXISTING) != 0,
	    .exclusive = (o->flags & SHUNT_LOCK_EXCLUSIVE) != 0,
	    .persistent = (o->flags & SHUNT_LOCK_PERSISTENT) != 0,
	    .group = o->group,
	    .owner = o->owner};
	return 0;
}

int
shunt_lock_open(struct shunt_lock **out, const char *name,
    const struct shunt_lock_options *opts)
{
	struct shunt_lock_options o;
	struct shunt__spec spec;
	struct shunt_lock *lock;
	int e;

	if (out == NULL)
		return shunt__nowhere();
	*out = NULL;
	e = read_options(&spec, &o, opts);
	if (e < 0)
		return e;
	lock = calloc(1, sizeof(*lock));
	if (lock == NULL)
		return shunt__fail(-ENOMEM, "out of memory");
	e = shunt__lock_attach(&lock->obj, name, &spec);
	if (e < 0) {
		free(lock);
		return e;
	}
	lock->magic = MAGIC;
	lock->word =
	    &((struct shunt__lock_lay *)(void *)lock->obj->area)->lk_word;
	lock->repair = o.repair;
	lock->repair_arg = o.repair_arg;
	shunt__lock_owners(&lock->owners, lock->obj);
	shunt__seats_init(
	    &lock->seats, lock->obj, sizeof(struct holder), claim, leave, lock);
	*out = lock;
	return e;
}

static inline int
check(const struct shunt_lock *lock)
{
	if (__builtin_expect(lock == NULL || lock->magic != MAGIC, 0))
		return -EINVAL;
	return shunt__object_forked(lock->obj) ? SHUNT_E_FORKED : 0;
}

/* The last holder died.  What the lock guards is put right before anybody
 * else can enter; killed in it, the word still says DIRTY. */
static int
repair(struct shunt_lock *lock, struct holder *h)
{
	if (lock->repair == NULL)
		return 1; /* the caller looks; release() takes DIRTY off */
	h->repairing = 1;
	int e = lock->repair(lock->repair_arg);
	h->repairing = 0;
	if (e < 0) {
		h->held = 0;
		shunt__mutex_give_up(lock->word);
		return e;
	}
	shunt__mutex_repaired(lock->word);
	return 0;
}

static __attribute__((noinline)) int
acquire_slowly(struct shunt_lock *lock, struct holder *h, int64_t wait_ns)
{
	int e = shunt__mutex_acquire(lock->word, h->me, &lock->owners, &h->spin,
	    shunt__lock_deadline(wait_ns));

	if (e < 0)
		return shunt__lock_late(e, wait_ns);
	h->held = 1;
	return e == 0 ? 0 : repair(lock, h);
}

int
shunt_lock_acquire(struct shunt_lock *lock, int64_t wait_ns)
{
	struct shunt__seat *seat;
	int e = check(lock);

	if (__builtin_expect(e != 0, 0))
		return e;
	if (__builtin_expect(
		shunt__load32(&lock->obj->control->ct_removed) != 0, 0))
		return SHUNT_E_REMOVED;
	e = shunt__seat_get(&lock->seats, &seat);
	if (__builtin_expect(e != 0, 0))
		return e;
	struct holder *h = holder_of(seat);
	if (__builtin_expect(seat->in_call, 0))
		return h->repairing ? -EDEADLK : -EBUSY;
	if (__builtin_expect(h->held, 0))
		return -EDEADLK;
	seat->in_call = 1;
	shunt__compiler_barrier();
	if (__builtin_expect(shunt__mutex_try(lock->word, h->me), 1))
		h->held = 1;
	else
		e = acquire_slowly(lock, h, wait_ns);
	shunt__compiler_barrier();
	seat->in_call = 0;
	return e;
}

int
shunt_lock_release(struct shunt_lock *lock)
{
	struct shunt__seat *seat;
	int e = check(lock);

	if (__builtin_expect(e != 0, 0))
		return e;
	seat = shunt__seat_cached(lock->seats.id);
	if (__builtin_expect(seat == NULL, 0))
		seat = shunt__seat_find(&lock->seats);
	if (__builtin_expect(
		seat == NULL || seat->in_call || !holder_of(seat)->held, 0))
		return -EPERM;
	struct holder *h = holder_of(seat);
	seat->in_call = 1;
	shunt__compiler_barrier();
	e = shunt__mutex_release(lock->word, h->me);
	h->held = 0;
	shunt__compiler_barrier();
	seat->in_call = 0;
	return e;
}

int
shunt_lock_fd(struct shunt_lock *lock)
{
	int e = check(lock);

	return e != 0 ? e : shunt__lock_fd(lock->obj);
}

/* Did somebody die with it?  Asked while nobody else is attached. */
static int
unrepaired(struct shunt__object *obj)
{
	const struct shunt__lock_lay *lay = (const void *)obj->area;

	return (shunt__load32(&lay->lk_word) &
		   (SHUNT__OWNER_MASK | SHUNT__LOCK_DIRTY)) != 0;
}

void
shunt_lock_close(struct shunt_lock **lock)
{
	if (lock == NULL || *lock == NULL || (*lock)->magic != MAGIC)
		return;
	(*lock)->magic = 0;
	shunt__seats_fini(&(*lock)->seats);
	shunt__object_detach((*lock)->obj, unrepaired);
	free(*lock);
	*lock = NULL;
}
