/* SPDX-License-Identifier: MIT */
/*
 * What a child of fork(2) finds.  Objects are not mapped in it at all
 * (MADV_DONTFORK), so each entry must know before it touches one.  The mark
 * is a word in a page that the kernel wipes in every child, also one made by
 * clone(2) past the atfork handlers; a handle keeps the mark of its opener.
 *
 * Lock bytes belong to the open description, which a child shares: while it
 * has the descriptor open, its dead parent looks alive.  The handler closes
 * them; where it cannot run, exec or the child's end does.  So that it finds
 * them all, nobody forks between the call that opens a descriptor and the note
 * of it in its object, which is listed by then; nor between close and note.
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "os/os.h"
#include "segment/object.h"
#include "segment/seat_fork.h"

static const uint64_t nobody;
const uint64_t *shunt__fork_page = &nobody;

/* Guards all of these; who forks keeps it meanwhile. */
static pthread_mutex_t list_mutex = PTHREAD_MUTEX_INITIALIZER;
static uint32_t openers; /* between hold and let go */
static uint32_t forkers; /* that wait for them, and go first */
/* Holds of this thread: who forks in the middle of its own waits for no other
 * than others. */
static _Thread_local uint32_t mine;
static struct shunt__object *list;
static uint64_t *page;
static uint64_t last_mark; /* inherited, so a child's marks are new ones */
static int handlers;

/* Forks are rare and an open takes microseconds: nobody needs a wake. */
static void
others_first(void)
{
	pthread_mutex_unlock(&list_mutex);
	shunt__os.nanosleep(20000);
	pthread_mutex_lock(&list_mutex);
}

static void
before(void)
{
	shunt__seats_before_fork();
	pthread_mutex_lock(&list_mutex);
	forkers++;
	while (openers > mine)
		others_first();
	forkers--;
}

static void
in_parent(void)
{
	pthread_mutex_unlock(&list_mutex);
	shunt__seats_after_fork(0);
}

static void
in_child(void)
{
	if (page != NULL)
		*page = 0; /* where the kernel has no MADV_WIPEONFORK */
	for (struct shunt__object *o = list; o != NULL; o = o->next) {
		if (o->fd >= 0)
			shunt__os.close(o->fd);
		o->fd = -1;
		o->base = NULL; /* not mapped here */
	}
	list = NULL;
	pthread_mutex_init(&list_mutex, NULL);
	forkers = 0; /* theirs are not here, nor are other openers */
	openers = mine;
	shunt__seats_after_fork(1);
}

static int
make_page(void)
{
	long size = sysconf(_SC_PAGESIZE);
	void *at;
	int e = shunt__os.mmap(&at, (size_t)size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1);

	if (e < 0)
		return e;
	shunt__os.madvise(at, (size_t)size, MADV_WIPEONFORK);
	page = at;
	shunt__fork_page = page;
	return 0;
}

uint64_t
shunt__fork_mark(void)
{
	pthread_mutex_lock(&list_mutex);
	if (!handlers)
		handlers = pthread_atfork(before, in_parent, in_child) == 0;
	if (handlers && (page != NULL || make_page() == 0) && *page == 0)
		*page = ++last_mark;
	uint64_t mark = page != NULL ? *page : 0;
	pthread_mutex_unlock(&list_mutex);
	return mark;
}

void
shunt__fork_hold(void)
{
	pthread_mutex_lock(&list_mutex);
	while (forkers > 0 && mine == 0)
		others_first();
	openers++;
	mine++;
	pthread_mutex_unlock(&list_mutex);
}

void
shunt__fork_let_go(void)
{
	pthread_mutex_lock(&list_mutex);
	openers--;
	mine--;
	pthread_mutex_unlock(&list_mutex);
}

void
shunt__fork_enlist(struct shunt__object *obj)
{
	pthread_mutex_lock(&list_mutex);
	obj->prev = NULL;
	obj->next = list;
	if (list != NULL)
		list->prev = obj;
	list = obj;
	pthread_mutex_unlock(&list_mutex);
}

void
shunt__fork_delist(struct shunt__object *obj)
{
	pthread_mutex_lock(&list_mutex);
	if (obj->next != NULL)
		obj->next->prev = obj->prev;
	if (obj->prev != NULL)
		obj->prev->next = obj->next;
	else if (list == obj)
		list = obj->next;
	pthread_mutex_unlock(&list_mutex);
}
