/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <shunt/semaphore.h>

#include "base/error.h"
#include "base/options.h"
#include "lock/named.h"
#include "sync/permits.h"

#define MAGIC   0x53656d61u
#define COUNTER 1024u /* permits there may be, where none is at first */
#define FLAGS                                                                  \
	(SHUNT_SEMAPHORE_EXISTING | SHUNT_SEMAPHORE_EXCLUSIVE |                \
	    SHUNT_SEMAPHORE_PERSISTENT | SHUNT_SEMAPHORE_EMPTY)

struct shunt_semaphore {
	uint32_t magic;
	struct shunt__object *obj;
	struct shunt__permits permits;
	struct shunt__seats seats;
	struct shunt__owners owners;
};

static struct shunt__permits_hand *
hand_of(struct shunt__seat *seat)
{
	return (struct shunt__permits_hand *)(void *)seat->end;
}

/* The lane's last owner may have died with permits: with his byte in our hand
 * he would look alive from now on. */
static int
claim(struct shunt__seat *seat, void *arg, int last)
{
	struct shunt_semaphore *sem = arg;
	struct shunt__permits_hand *hand = hand_of(seat);

	(void)last;
	hand->me = seat->lane + 1;
	/* Not all begin at one word: 16 of them share a cache line. */
	hand->hint = seat->lane * 16 % sem->permits.n;
	shunt__permits_free(&sem->permits, hand->me, &sem->owners);
	/* Of those who come, ask once and go, each asks others than the one
	 * who had the lane before. */
	hand->ask = hand->hint + 16 * shunt__lock_sign(sem->obj, seat->lane);
	return 0;
}

/* The thread ends, or the handle: as by death. */
static void
leave(struct shunt__seat *seat, void *arg)
{
	struct shunt_semaphore *sem = arg;
	struct shunt__permits_hand *hand = hand_of(seat);

	if (hand->held != 0)
		shunt__permits_free(&sem->permits, hand->me, &sem->owners);
	hand->held = 0;
}

/* How many at first, and at most. */
static int
read_permits(struct shunt__spec *spec, const struct shunt_semaphore_options *o)
{
	uint32_t empty = (o->flags & SHUNT_SEMAPHORE_EMPTY) != 0;
	uint32_t first = empty ? 0 : o->permits != 0 ? o->permits : 1;
	uint32_t most = o->max != 0 ? o->max : empty ? COUNTER : first;

	if (empty && o->permits != 0)
		return shunt__fail(-EINVAL,
		    "empty, and with %u permits: it "
		    "cannot be both",
		    o->permits);
	if (most > SHUNT__PERMITS_MAX)
		return shunt__fail(-EINVAL,
		    "%u permits at one semaphore; %u "
		    "are the most",
		    most, SHUNT__PERMITS_MAX);
	if (first > most)
		return shunt__fail(-EINVAL,
		    "%u permits at first are more than the %u there may be",
		    first, most);
	spec->param = (uint64_t)most << 32 | first;
	return 0;
}

static int
read_options(
    struct shunt__spec *spec, const struct shunt_semaphore_options *opts)
{
	struct shunt_semaphore_options o;
	int e = shunt__options_read(&o, sizeof(o), sizeof(o), opts);

	if (e < 0 || (o.flags & ~(uint32_t)FLAGS) || o.reserved != 0 ||
	    (o.mode & ~0777u))
		return shunt__options_refuse(opts);
	if (o.threads > SHUNT__LANES_MAX)
		return shunt__fail(-EINVAL,
		    "%u threads at one semaphore; %u are the most", o.threads,
		    SHUNT__LANES_MAX);
	*spec = (struct shunt__spec){.kind = SHUNT_KIND_SEMAPHORE,
	    .lanes = o.threads != 0 ? o.threads : SHUNT__LOCK_THREADS,
	    .mode = o.mode,
	    .existing = (o.flags & SHUNT_SEMAPHORE_EXISTING) != 0,
	    .exclusive = (o.flags & SHUNT_SEMAPHORE_EXCLUSIVE) != 0,
	    .persistent = (o.flags & SHUNT_SEMAPHORE_PERSISTENT) != 0,
	    .group = o.group,
	    .owner = o.owner};
	return read_permits(spec, &o);
}

/* The permits are there with the name: nobody finds one too few. */
static int
attach(struct shunt__object **out, const char *name, struct shunt__spec *spec)
{
	uint32_t first = (uint32_t)spec->param;
	size_t size = sizeof(struct shunt__semaphore_lay) +
		      first * sizeof(struct shunt__u32);
	struct shunt__semaphore_lay *lay = calloc(1, size);

	if (lay == NULL)
		return shunt__fail(-ENOMEM, "out of memory");
	for (uint32_t i = 0; i < first; i++)
		shunt__store32(&lay->sm_permit[i], SHUNT__PERMIT_FREE);
	spec->init = lay;
	spec->init_len = size;
	int e = shunt__lock_attach(out, name, spec);
	free(lay);
	return e;
}

/* The words of an object, which has room for them: named.c saw to it. */
static struct shunt__permits
permits_of(struct shunt__object *obj)
{
	struct shunt__semaphore_lay *lay = (void *)obj->area;

	return (struct shunt__permits){.crowd = &lay->sm_crowd,
	    .used = &lay->sm_used,
	    .word = lay->sm_permit,
	    .n = (uint32_t)(obj->geo.param >> 32)};
}

int
shunt_semaphore_open(struct shunt_semaphore **out, const char *name,
    const struct shunt_semaphore_options *opts)
{
	struct shunt__spec spec;
	struct shunt_semaphore *sem;
	int e;

	if (out == NULL)
		return shunt__nowhere();
	*out = NULL;
	e = read_options(&spec, opts);
	if (e < 0)
		return e;
	sem = calloc(1, sizeof(*sem));
	if (sem == NULL)
		return shunt__fail(-ENOMEM, "out of memory");
	e = attach(&sem->obj, name, &spec);
	if (e < 0) {
		free(sem);
		return e;
	}
	sem->magic = MAGIC;
	sem->permits = permits_of(sem->obj);
	shunt__lock_owners(&sem->owners, sem->obj);
	shunt__seats_init(&sem->seats, sem->obj,
	    sizeof(struct shunt__permits_hand), claim, leave, sem);
	*out = sem;
	return e;
}

static inline int
check(const struct shunt_semaphore *sem)
{
	if (__builtin_expect(sem == NULL || sem->magic != MAGIC, 0))
		return -EINVAL;
	return shunt__object_forked(sem->obj) ? SHUNT_E_FORKED : 0;
}

static inline int
check_there(const struct shunt_semaphore *sem)
{
	int e = check(sem);

	if (e == 0 && shunt__load32(&sem->obj->control->ct_removed) != 0)
		e = SHUNT_E_REMOVED;
	return e;
}

static int
enter(struct shunt_semaphore *sem, struct shunt__seat **out)
{
	struct shunt__seat *seat;
	int e = check_there(sem);

	if (e == 0)
		e = shunt__seat_get(&sem->seats, &seat);
	if (e != 0)
		return e;
	if (seat->in_call)
		return -EBUSY;
	seat->in_call = 1;
	shunt__compiler_barrier();
	*out = seat;
	return 0;
}

static void
end_call(struct shunt__seat *seat)
{
	shunt__compiler_barrier();
	seat->in_call = 0;
}

/* Holds it, or uses it up. */
static int
take(struct shunt_semaphore *sem, int hold, int64_t wait_ns)
{
	struct shunt__seat *seat;
	int e = enter(sem, &seat);

	if (e != 0)
		return e;
	struct shunt__permits_hand *hand = hand_of(seat);
	e = shunt__permits_take(&sem->permits, hand,
	    hold ? hand->me : SHUNT__PERMIT_ABSENT, &sem->owners,
	    shunt__lock_deadline(wait_ns));
	end_call(seat);
	return shunt__lock_late(e, wait_ns);
}

int
shunt_semaphore_wait(struct shunt_semaphore *sem, int64_t wait_ns)
{
	return take(sem, 1, wait_ns);
}

int
shunt_semaphore_consume(struct shunt_semaphore *sem, int64_t wait_ns)
{
	return take(sem, 0, wait_ns);
}

int
shunt_semaphore_post(struct shunt_semaphore *sem)
{
	struct shunt__seat *seat;
	int e = enter(sem, &seat);

	if (e != 0)
		return e;
	e = shunt__permits_post(&sem->permits, hand_of(seat));
	end_call(seat);
	return e;
}

int
shunt_semaphore_value(struct shunt_semaphore *sem)
{
	int e = check_there(sem);

	return e != 0 ? e : (int)shunt__permits_count(&sem->permits, 0);
}

int
shunt_semaphore_fd(struct shunt_semaphore *sem)
{
	int e = check(sem);

	return e != 0 ? e : shunt__lock_fd(sem->obj);
}

/* Are there more or fewer than at first?  Asked while nobody else is attached:
 * who holds one is dead, and it is as good as free. */
static int
changed(struct shunt__object *obj)
{
	struct shunt__permits permits = permits_of(obj);

	return shunt__permits_count(&permits, 1) != (uint32_t)obj->geo.param;
}

void
shunt_semaphore_close(struct shunt_semaphore **sem)
{
	if (sem == NULL || *sem == NULL || (*sem)->magic != MAGIC)
		return;
	(*sem)->magic = 0;
	shunt__seats_fini(&(*sem)->seats);
	shunt__object_detach((*sem)->obj, changed);
	free(*sem);
	*sem = NULL;
}
