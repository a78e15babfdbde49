/* SPDX-License-Identifier: MIT */
/*
 * mutex.pml: the lock.  One word {owner lane, DIRTY, WAITERS} that is also the
 * futex, and a lock byte for each lane, which the kernel frees at death.  Every
 * change of the word is a locked instruction, so there are no store buffers.
 *
 * A loop of load and compare-and-swap that decides by the word alone is one
 * atomic step here; what is decided by the word *and* a byte is two.
 *
 * A thread takes a lane, takes and gives back the lock R times and leaves.  One
 * that is killed comes again as a stranger, with the rounds it had left.  The
 * guarded data are `broken` in the middle of a critical section and of a repair.
 *
 * A sleep ends by itself only after a kill, and only if there is something to
 * find: another word, or the owner's byte free.  To wake and to find nothing
 * would be the same state again.  A waiter looks at the owner's byte before its
 * first sleep and after each that ended by itself.
 *
 *   NT NL R     threads, lanes, rounds of each thread
 *   K           kills
 *   NOREPAIR    no repair function: acquire returns 1, the caller looks
 *   RFAIL       repairs that fail: the lock is given back unrepaired
 *   LEAVE       leaves with the lock held: a handle is closed, a thread ends
 *   QUIT=mask   threads whose wait has a deadline, that may come at any moment
 *   CLEARFIRST  DIRTY goes before the repair, not after it: no mistake, since
 *               an owner that dies is found by its byte, DIRTY or not
 *   NOTIMEOUT   sleeps are not bounded
 *   M_...       wrong versions; README.md says what each one teaches
 */
#ifndef NT
#define NT 3
#endif
#ifndef NL
#define NL 3
#endif
#ifndef R
#define R 1
#endif
#ifndef K
#define K 0
#endif
#ifndef RFAIL
#define RFAIL 0
#endif
#ifndef LEAVE
#define LEAVE 0
#endif
#ifndef QUIT
#define QUIT 0
#endif

#define DIRTY 16
#define WAITERS 32
#define FLAGS (DIRTY | WAITERS)
#define OWNER(w) ((w) & 7)		/* the lane, from 1; 0: none */

byte word;
byte holder[NL + 1];			/* of the lane's byte: thread + 1, or 0 */
bool in_kernel[NT];			/* queued on the futex */
bool broken;				/* the guarded data */
bool owed;				/* ghost: a holder is gone, unrepaired */
byte inside;				/* ghost: live threads with the lock */
byte kills = K, rfails = RFAIL, leaves = LEAVE;
bool killed;

/*
 * The last thing of a step that others can see.  When the dead one's bytes
 * come free is another step, as late as you like.
 */
#define KILL if :: kills > 0 -> kills--; goto dead :: skip fi

/* Any one of those asleep, as the kernel likes; nobody is no error. */
inline wake_one()
{
	if
	:: in_kernel[0] -> in_kernel[0] = false
	:: in_kernel[1] -> in_kernel[1] = false
#if NT > 2
	:: in_kernel[2] -> in_kernel[2] = false
#endif
#if NT > 3
	:: in_kernel[3] -> in_kernel[3] = false
#endif
	:: else
	fi
}

/* With the lane's byte held: its owner is gone, whoever that was. */
inline disown()
{
	if
	:: atomic { OWNER(word) == lane ->
		word = (word & WAITERS) | DIRTY;
		owed = true;
		KILL };
#ifndef M_DISOWNQUIET
		atomic { wake_one(); KILL }
#endif
	:: atomic { OWNER(word) != lane -> skip }
	fi
}

#ifdef NOTIMEOUT
#define TIMEOUT	false
#else
#define TIMEOUT	(killed && (word != w || holder[OWNER(word)] == 0))
#endif
#define IMPATIENT ((QUIT >> me) & 1)

#ifdef M_TAKEBARE
#define KEPT	(word & DIRTY)
#else
#define KEPT	((word & FLAGS) | (slept -> WAITERS : 0))
#endif

inline taken()
{
	inside++; has = true;
	assert(inside == 1);
	dirty = (word & DIRTY) != 0;
	assert(dirty == owed)
}

#if defined(M_NODIRTY)
#define RECOVERED (lane | (word & FLAGS))
#else
#define RECOVERED (lane | DIRTY | (word & FLAGS))
#endif

/*
 * A waiter took the byte of a dead owner, and with it takes the lock.  The
 * byte is what keeps "still the owner" true until the word is changed.
 */
inline recover()
{
#ifdef M_BYTEFIRST
	atomic { holder[aux] = 0; KILL };
#endif
	if
	:: atomic { OWNER(word) == aux ->
		word = RECOVERED;
		owed = true;
		taken();
		KILL }
	:: atomic { OWNER(word) != aux -> skip }
	fi;
#if defined(M_NOBYTE) || defined(M_BYTEFIRST)
	aux = 0
#else
	atomic { holder[aux] = 0; aux = 0; KILL }
#endif
}

#ifdef M_FAILCLEAN
#define UNREPAIRED 0
#else
#define UNREPAIRED DIRTY
#endif

proctype thread(byte me)
{
	byte lane, aux, w, rounds = R;
	bool slept, dirty, has, look = true;

start:	/* a lane whose byte is free, new or used */
	if
	:: atomic { holder[1] == 0 -> holder[1] = me + 1; lane = 1; KILL }
	:: atomic { holder[2] == 0 -> holder[2] = me + 1; lane = 2; KILL }
#if NL > 2
	:: atomic { holder[3] == 0 -> holder[3] = me + 1; lane = 3; KILL }
#endif
	fi;
#ifndef M_CLAIMBLIND
	disown();
#endif
	do
	:: rounds > 0 ->
		if
		:: atomic { word == 0 -> rounds--; word = lane; taken(); KILL };
			goto got
		:: atomic { word != 0 -> rounds-- }
		fi;
		do
		:: atomic { OWNER(word) == 0 ->
			word = lane | KEPT;
			taken();
			KILL };
			break
		:: atomic { OWNER(word) != 0 ->
#ifdef M_QUITBARE
			if
			:: IMPATIENT && slept -> goto next
			:: else
			fi;
#endif
			word = word | WAITERS;
			w = word;
			KILL };
			if
			:: atomic { IMPATIENT && slept -> goto next }
			:: atomic { look && holder[OWNER(w)] == 0 ->
				look = false; aux = OWNER(w);
				w = 0;
#ifndef M_NOBYTE
				holder[aux] = me + 1;
#endif
				KILL };
				recover();
				if :: OWNER(word) == lane -> break :: else fi
			:: atomic { !look || holder[OWNER(w)] != 0 -> look = false };
				if
				:: atomic { word != w -> w = 0 }
				:: atomic { word == w ->
					in_kernel[me] = true; slept = true; KILL };
					if
					:: atomic { !in_kernel[me] -> w = 0; KILL }
					:: atomic { in_kernel[me] && (TIMEOUT || IMPATIENT) ->
						in_kernel[me] = false; w = 0; look = true }
					:: atomic { in_kernel[me] && kills > 0 ->
						kills--; goto dead }
					fi
				fi
			fi
		od;
got:
		if
		:: dirty ->
			atomic { w = 0; slept = false; look = true };
#ifdef CLEARFIRST
			atomic { word = word & ~DIRTY; owed = false; KILL };
#endif
			atomic { broken = true; KILL };
			if
			:: rfails > 0 ->
				/* Given back as it is, for somebody better. */
				atomic { rfails--; w = word; word = UNREPAIRED; inside--; has = false; KILL };
				if
				:: w & WAITERS -> atomic { wake_one(); KILL }
				:: else
				fi;
				goto next
			:: true
			fi;
			atomic { broken = false; KILL };
#if !defined(CLEARFIRST) && !defined(NOREPAIR)
			atomic { word = word & ~DIRTY; owed = false; KILL }
#endif
		:: else
		fi;
		atomic { assert(!broken); broken = true; w = 0; slept = false; look = true; KILL };
		if
		:: atomic { leaves > 0 -> leaves--; inside--; has = false; goto leave }
		:: true
		fi;
		atomic { broken = false; KILL };
		atomic {
			assert(OWNER(word) == lane);
			w = word; word = 0; inside--; has = false;
#ifdef NOREPAIR
			owed = false;
#endif
			KILL
		};
		if
		:: w & WAITERS -> atomic { wake_one(); KILL }
		:: else
		fi;
next:		atomic { slept = false; dirty = false; look = true; w = 0 }
	:: rounds == 0 -> break
	od;
leave:
#ifdef M_LEAVELATE
	atomic { holder[lane] = 0; KILL };
	disown();
#else
	disown();
	atomic { holder[lane] = 0 };
#endif
	atomic {
		lane = 0; slept = false; dirty = false; look = true; w = 0;
		if :: rounds > 0 -> goto start :: else -> goto out fi
	};
dead:	/* The kernel takes the bytes back, in any order. */
	atomic {
		in_kernel[me] = false;
		if
		:: has -> owed = true; inside--; has = false
		:: else
		fi;
		slept = false; dirty = false; look = true; w = 0; killed = true
	};
	if
	:: aux != 0 && holder[aux] == me + 1 ->
		if
		:: atomic { holder[aux] = 0; aux = 0 }
		:: atomic { holder[lane] = 0; lane = 0 }
		fi
	:: else
	fi;
	atomic {
		if :: lane != 0 && holder[lane] == me + 1 -> holder[lane] = 0 :: else fi;
		if :: aux != 0 && holder[aux] == me + 1 -> holder[aux] = 0 :: else fi;
		lane = 0; aux = 0;
		if :: rounds > 0 -> goto start :: else fi
	};
out:	skip
}

init {
	byte i;
	atomic {
		do
		:: i < NT -> run thread(i); i++
		:: else -> break
		od;
		i = 0
	};
	/* All are gone: who comes next finds what the last ones left. */
	(_nr_pr == 1);
	assert(OWNER(word) == 0 || (killed && owed));
	assert(!broken || OWNER(word) != 0 || (word & DIRTY))
}
