/* SPDX-License-Identifier: MIT */
/*
 * permits.pml: the semaphore.  A word for each permit {FREE, ABSENT, owner
 * lane}, a lock byte for each lane, which the kernel frees at death, and one
 * crowd word {count, ASLEEP} on which all sleep.  Every change is a locked
 * instruction, so there are no store buffers; that a look for a permit goes
 * from word to word, and is no moment, is modelled.
 *
 * Pool: a thread waits for a permit, holds it, posts it, R times, and leaves.
 * Counter (USERS and MAKERS): users consume, makers post what they do not
 * hold; a user for whom none is left when all else is done goes.  One that is
 * killed comes again as a stranger, with the rounds it had left.
 *
 * A sleep ends by itself only after a kill, and only if there is something to
 * find: another crowd word, a permit, or the byte of an owner free.
 *
 *   NT NL R     threads, lanes, rounds of each thread
 *   NP FREEAT   permit words, 1 or 2; how many of them are FREE at the start
 *   USERS       mask of threads that consume
 *   MAKERS      mask of threads that post what they do not hold
 *   LEAVE       leaves with a permit held: a handle is closed, a thread ends
 *   K           kills
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
#ifndef NP
#define NP 1
#endif
#ifndef FREEAT
#define FREEAT NP
#endif
#ifndef USERS
#define USERS 0
#endif
#ifndef MAKERS
#define MAKERS 0
#endif
#ifndef LEAVE
#define LEAVE 0
#endif
#ifndef K
#define K 0
#endif

#define FREE 9
#define ABSENT 0
#define ASLEEP 1

byte permit[NP];
byte crowd;
byte holder[NL + 1];			/* of the lane's byte: thread + 1, or 0 */
bool in_kernel[NT];			/* queued on the futex */
byte kills = K, leaves = LEAVE;
bool killed;
byte inside;				/* ghost: permits that the living hold */
byte made, used;			/* ghosts */

/*
 * The last thing of a step that others can see.  When the dead one's bytes
 * come free is another step, as late as you like.
 */
#define KILL if :: kills > 0 -> kills--; goto dead :: skip fi

#define WAKE WAKE_ALL
#define WAKE_ALL in_kernel[0] = false; in_kernel[1] = false; in_kernel[NT - 1] = false	/* NT: 2 or 3 */

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

/* What a lane's owner held, with its byte held: it is gone, whoever it was. */
inline disown(whose)
{
	k = 0;
	do
	:: k < NP ->
		if
		:: atomic { permit[k] == whose -> permit[k] = FREE; any = true; KILL }
		:: atomic { permit[k] != whose -> skip }
		fi;
		k++
	:: else -> break
	od;
	k = 0
}

/* Somebody holds a permit and no longer lives. */
#define DEAD(i)	(permit[i] != FREE && permit[i] != ABSENT && holder[permit[i]] == 0)
#if NP == 1
#define FIND	(permit[0] == FREE || DEAD(0))
#else
#define FIND	(permit[0] == FREE || permit[NP - 1] == FREE || DEAD(0) || DEAD(NP - 1))
#endif
/* No permit is left and nobody is there to make one: that is no mistake. */
#define STARVED (permit[0] == ABSENT && permit[NP - 1] == ABSENT)
#ifdef NOTIMEOUT
#define TIMEOUT	false
#else
#define TIMEOUT	(killed && (crowd != armed || FIND))
#endif

#define CONSUMES ((USERS >> me) & 1)
#define MAKES ((MAKERS >> me) & 1)

/* From word to word; `got` says whether one was had. */
inline scan()
{
	k = 0;
	do
	:: k < NP && !got ->
		if
		:: atomic { permit[k] == FREE ->
			if
			:: CONSUMES -> permit[k] = ABSENT; used++
			:: else -> permit[k] = lane; inside++; has = true
			fi;
			got = true;
			KILL }
		:: atomic { permit[k] != FREE -> skip }
		fi;
		k++
	:: else -> break
	od;
	k = 0
}

/* Looks whether the holders live; `any` says that permits came back. */
inline probe()
{
	j = 0;
	do
	:: j < NP ->
		if
		:: atomic { DEAD(j) ->
			aux = permit[j];
#ifndef M_NOBYTE
			holder[aux] = me + 1;
#endif
			KILL };
#ifdef M_BYTEFIRST
			atomic { holder[aux] = 0; KILL };
#endif
			disown(aux);
#if defined(M_NOBYTE) || defined(M_BYTEFIRST)
			aux = 0
#else
			atomic { holder[aux] = 0; aux = 0; KILL }
#endif
		:: atomic { !DEAD(j) -> skip }
		fi;
		j++
	:: else -> break
	od;
	j = 0
}

proctype thread(byte me)
{
	byte lane, aux, armed, c, j, k, rounds = R;
	bool got, any, has;

start:	/* a lane whose byte is free, new or used */
	if
	:: atomic { holder[1] == 0 -> holder[1] = me + 1; lane = 1; KILL }
	:: atomic { holder[2] == 0 -> holder[2] = me + 1; lane = 2; KILL }
#if NL > 2
	:: atomic { holder[3] == 0 -> holder[3] = me + 1; lane = 3; KILL }
#endif
	fi;
#ifndef M_CLAIMBLIND
	disown(lane);
	if :: any -> any = false; wake() :: else fi;
#endif
	do
	:: rounds > 0 && MAKES ->
		rounds--;
		k = 0;
		do
		:: atomic { k < NP && permit[k] == ABSENT ->
			permit[k] = FREE; made++; got = true; KILL };
			break
		:: atomic { k < NP && permit[k] != ABSENT -> k++ }
		:: k == NP -> break
		od;
		k = 0;
		if
		:: got -> got = false; wake()
		:: else				/* -EOVERFLOW */
		fi
	:: rounds > 0 && !MAKES ->
		rounds--;
		scan();
		do
		:: got -> break
		:: !got ->
			/* Armed, it looks at everything once more. */
			atomic { crowd = crowd | ASLEEP; armed = crowd; KILL };
#ifndef M_NOLOOK
			scan();
#endif
			if
			:: got -> skip
			:: !got ->
				probe();
				if
				:: any -> any = false; wake(); scan()
				:: else ->
#ifdef M_BLINDWAIT
					atomic { armed = crowd };
#endif
					if
					:: atomic { crowd != armed -> skip }
					:: atomic { crowd == armed ->
						in_kernel[me] = true; KILL };
						if
						:: atomic { !in_kernel[me] -> KILL }
						:: atomic { in_kernel[me] && TIMEOUT ->
							in_kernel[me] = false }
						:: atomic { timeout && STARVED && in_kernel[me] ->
							in_kernel[me] = false;
							armed = 0; rounds = 0; goto leave }
						:: atomic { in_kernel[me] && kills > 0 ->
							kills--; goto dead }
						fi
					fi;
					scan()
				fi
			fi;
			armed = 0
		od;
		got = false;
		if
		:: CONSUMES
		:: else ->
			assert(inside <= FREEAT + made - used);
			if
			:: atomic { leaves > 0 ->
				leaves--; inside--; has = false; goto leave }
			:: true
			fi;
			k = 0;
			do
			:: atomic { k < NP && permit[k] == lane ->
				permit[k] = FREE; inside--; has = false; KILL };
				break
			:: atomic { k < NP && permit[k] != lane -> k++ }
			:: k == NP -> assert(false)	/* mine, and gone */
			od;
			k = 0;
			wake()
		fi
	:: rounds == 0 -> break
	od;
leave:
#ifdef M_LEAVELATE
	atomic { holder[lane] = 0; KILL };
	disown(lane);
	if :: any -> any = false; wake() :: else fi;
#else
	disown(lane);
	if :: any -> any = false; wake() :: else fi;
	atomic { holder[lane] = 0 };
#endif
	atomic {
		lane = 0; got = false;
		if :: rounds > 0 -> goto start :: else -> goto out fi
	};
dead:	/* The kernel takes the bytes back, in any order. */
	atomic {
		in_kernel[me] = false;
		if :: has -> inside--; has = false :: else fi;
		got = false; any = false; armed = 0; c = 0; j = 0; k = 0; killed = true
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
	byte i, n;
	atomic {
		do
		:: i < NP ->
			if :: i < FREEAT -> permit[i] = FREE :: else fi;
			i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < NT -> run thread(i); i++
		:: else -> break
		od;
		i = 0
	};
	/* All are gone: no permit was lost or made up. */
	atomic {
		(_nr_pr == 1);
		do
		:: i < NP ->
			if :: permit[i] != ABSENT -> n++ :: else fi;
			assert(permit[i] == FREE || permit[i] == ABSENT || killed);
			i++
		:: else -> break
		od;
		assert(n + used == FREEAT + made);
		assert(inside == 0)
	}
}
