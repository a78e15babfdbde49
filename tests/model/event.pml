/* SPDX-License-Identifier: MIT */
/*
 * event.pml: the event.  A count of notifications of all, a count of pending
 * notifications of one, and the crowd word {count, ASLEEP} on which all
 * sleep.  Every change is a locked instruction, so there are no store buffers;
 * the two counts are looked at one after the other.
 *
 * Waiters have a handle each, or share one (SHARED), and wait again and again;
 * one who sleeps when all notifiers are done and nothing is there for it goes.
 * A waiter that is killed comes again with a new handle, a notifier does not.
 *
 * A sleep ends by itself only after a kill, and only if there is something to
 * find.
 *
 *   NW NN       waiters (to 3), notifiers (to 2)
 *   ALLS ONES   notifications of all and of one that each notifier makes
 *   SHARED      the waiters share a handle
 *   K           kills
 *   NOTIMEOUT   sleeps are not bounded
 *   M_...       wrong versions; README.md says what each one teaches
 */
#ifndef NW
#define NW 2
#endif
#ifndef NN
#define NN 2
#endif
#ifndef ALLS
#define ALLS 1
#endif
#ifndef ONES
#define ONES 1
#endif
#ifndef K
#define K 0
#endif

#define ASLEEP 1

byte all, one, crowd;
#ifdef SHARED
byte seen[1];				/* of each handle */
#define HANDLE 0
#else
byte seen[NW];
#define HANDLE me
#endif
bool in_kernel[NW];
byte kills = K, busy = NN;
bool killed;
byte made, had;				/* ghosts, of one */
byte times[NW];				/* ghost: returns of a handle because of all */

#define KILL if :: kills > 0 -> kills--; goto dead :: skip fi

#if NW > 2
#define WAKE_ALL in_kernel[0] = false; in_kernel[1] = false; in_kernel[2] = false
#else
#define WAKE_ALL in_kernel[0] = false; in_kernel[NW - 1] = false
#endif
inline wake_one()
{
	if
	:: in_kernel[0] -> in_kernel[0] = false
	:: in_kernel[NW - 1] -> in_kernel[NW - 1] = false
	:: else
	fi
}

#ifdef M_WAKEONE
#define WAKE wake_one()
#else
#define WAKE WAKE_ALL
#endif
#ifdef M_NOCOUNT
#define WOKEN (crowd & ~ASLEEP)
#else
#define WOKEN ((crowd | ASLEEP) + 1)
#endif

/* After a change.  Who loses the swap lost it to another waker, who wakes. */
inline wake()
{
	c = crowd;
	if
	:: c & ASLEEP ->
#ifdef M_WAKEFIRST
		atomic { WAKE_ALL; KILL };
		if
		:: atomic { crowd == c -> crowd = WOKEN; KILL }
		:: atomic { crowd != c -> skip }
		fi
#else
		if
		:: atomic { crowd == c -> crowd = WOKEN; c = 0; KILL };
			atomic { WAKE; KILL }
		:: atomic { crowd != c -> skip }
		fi
#endif
	:: else
	fi;
	c = 0
}

proctype notifier(byte me)
{
	byte a = ALLS, o = ONES, c;

	do
	:: a > 0 ->
#ifdef M_WAKEBEFORE
		wake();
		atomic { a--; all++; KILL }
#else
		atomic { a--; all++; KILL };
		wake()
#endif
	:: o > 0 ->
		atomic { o--; one++; made++; KILL };
		wake()
	:: a == 0 && o == 0 -> break
	od;
	atomic { busy--; goto out };
dead:	atomic { busy--; killed = true; a = 0; o = 0; c = 0 };
out:	skip
}

#ifdef NOTIMEOUT
#define TIMEOUT	false
#else
#define TIMEOUT	(killed && (crowd != armed || all != seen[HANDLE] || one > 0))
#endif

/* A thread that was slow must not take back what another has seen. */
#ifdef M_SEENBACK
#define UNSEEN(a) (seen[HANDLE] != a)
#else
#define UNSEEN(a) (seen[HANDLE] < a)
#endif

/* Looks at both counts; `got` says that the wait is over. */
inline look()
{
	a = all;
	if
	:: atomic { UNSEEN(a) ->
		seen[HANDLE] = a; times[HANDLE]++;
		assert(times[HANDLE] <= all); got = true }
	:: atomic { !UNSEEN(a) -> skip }
	fi;
	a = 0;
	if
	:: !got ->
#ifdef M_PLAINTAKE
		a = one;
		if
		:: a > 0 -> atomic { one = a - 1; had++; got = true; KILL }
		:: else
		fi;
		a = 0
#else
		if
		:: atomic { one > 0 -> one--; had++; got = true; KILL }
		:: atomic { one == 0 -> skip }
		fi
#endif
	:: got
	fi
}

proctype waiter(byte me)
{
	byte armed, a;
	bool got;

start:	do
	:: true ->
		look();
		do
		:: got -> break
		:: !got ->
			atomic { crowd = crowd | ASLEEP; armed = crowd; KILL };
#ifndef M_NOLOOK
			look();
#endif
			if
			:: got -> skip
			:: !got ->
#ifdef M_BLINDWAIT
				atomic { armed = crowd };
#endif
				if
				:: atomic { crowd != armed -> skip }
				:: atomic { crowd == armed -> in_kernel[me] = true; KILL };
					if
					:: atomic { !in_kernel[me] -> KILL }
					:: atomic { in_kernel[me] && TIMEOUT ->
						in_kernel[me] = false }
					:: atomic { in_kernel[me] && busy == 0 &&
						seen[HANDLE] == all && one == 0 ->
						in_kernel[me] = false; goto out }
					:: atomic { in_kernel[me] && kills > 0 ->
						kills--; goto dead }
					fi
				fi;
				look()
			fi;
			armed = 0
		od;
		atomic { got = false; KILL }
	od;
dead:	atomic {
		in_kernel[me] = false; got = false; armed = 0; a = 0; killed = true;
#ifndef SHARED
		seen[HANDLE] = all; times[HANDLE] = all;
#endif
		goto start
	};
out:	skip
}

init {
	byte i;
	atomic {
		do
		:: i < NW -> run waiter(i); i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < NN -> run notifier(i); i++
		:: else -> break
		od;
		i = 0
	};
	/* Each notification of one was had once; nobody slept through any. */
	atomic { (_nr_pr == 1); assert(had + one == made) }
}
