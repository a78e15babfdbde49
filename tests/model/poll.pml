/* SPDX-License-Identifier: MIT */
/*
 * poll.pml: receivers in poll(2), whose sleep has no bound of ours, on one bell
 * of bits.  Memory is in one order here: park.pml has the store buffers.
 *
 * A producer commits and looks at the bell.  Where it finds POLL it touches the
 * file, which makes the descriptor of every receiver readable, and takes back
 * the bits of the word that it has seen.  Killed, the kernel closes its file,
 * which is readable, too.  Stopped, it stays where it is for ever.
 *
 * (Who sleeps on the bell itself besides, is in park.pml: his sleep is bounded.)
 *
 * A receiver that finds nothing empties its descriptor.  If that was empty and
 * its arming still stands, it polls; else it arms, looks again, and polls.
 *
 * At the end of every run nothing may be left that a producer has sent that was
 * not stopped: whoever was stopped has an own message at most that waits.
 *
 *   N NR        messages of each producer, receivers
 *   PK STOP     kills, stops of producers
 *   M_...       wrong versions; README.md says what each one teaches
 */
#define NP 2
#ifndef N
#define N 1
#endif
#ifndef NR
#define NR 1
#endif
#ifndef PK
#define PK 0
#endif
#ifndef STOP
#define STOP 0
#endif

#define ASLEEP 1
#define POLL 2
#define RUNG (ASLEEP | POLL)
#define TURN 4			/* from here on: counts armings, 0..7 */
#define WORD 31

byte bell;
bool readable[NR];		/* descriptors */
byte head[NP], tail[NP];
bool over[NP], stopped[NP];
byte kills = PK, stops = STOP;

#define UNREAD(i)	(head[i] != tail[i])
#define ANY		(UNREAD(0) || UNREAD(1))

inline touch()
{
	atomic {
		r = 0;
		do
		:: r < NR -> readable[r] = true; r++
		:: else -> break
		od;
		r = 0
	}
}

#ifdef M_NODEATH
#define DEATH	skip
#else
#define DEATH	touch()
#endif

#define HURT								\
	if								\
	:: atomic { kills > 0 -> kills-- }; DEATH; goto out		\
	:: atomic { stops > 0 -> stops--; stopped[me] = true }; goto still \
	:: skip								\
	fi

/* As shunt__ring(): what is taken back was there before the touch. */
inline ring()
{
	s = bell; HURT;
	do
	:: (s & RUNG) == 0 -> break
	:: (s & RUNG) != 0 ->
#ifdef M_CLEARFIRST
		atomic { s = bell; bell = bell & ~RUNG }; HURT;
		if
		:: s & POLL -> touch(); HURT
		:: else
		fi;
		break
#else
		if
#ifdef M_TOUCHONCE
		:: (s & POLL) && !touched -> touched = true; touch(); HURT
#else
		:: (s & POLL) -> touch(); HURT
#endif
		:: else
		fi;
#ifdef M_ANDBLIND
		atomic { bell = bell & ~RUNG }; HURT;
		break
#else
		if
		:: atomic { bell == s -> bell = s & ~RUNG }; HURT; break
		:: atomic { bell != s -> s = bell }
		fi
#endif
#endif
	od;
	s = 0
}

proctype producer(byte me)
{
	byte s, r;
#ifdef M_TOUCHONCE
	bool touched;
#endif

	do
	:: head[me] < N ->
		head[me]++; HURT;
#ifdef M_TOUCHONCE
		touched = false;
#endif
		ring()
	:: head[me] == N -> break
	od;
out:	atomic { s = 0; over[me] = true };
still:	skip
}

/* Which one comes first is all the same here. */
#define TAKE								\
	atomic { UNREAD(0) -> tail[0]++ }				\
	:: atomic { !UNREAD(0) && UNREAD(1) -> tail[1]++ }

proctype poller(byte me)
{
	bool armed, news;

	do
	:: TAKE
	:: else ->
		atomic { news = readable[me]; readable[me] = false };
		if
		:: !news && armed && (bell & RUNG) == RUNG
		:: else ->
#ifndef M_NOTURN
			atomic { bell = (bell + TURN) & WORD };
#endif
			bell = bell | RUNG;
			armed = true;
#ifdef M_DRAINLATE
			if
			:: ANY -> goto again
			:: else
			fi;
			readable[me] = false;
#endif
#ifndef M_NOLOOK
			if
			:: ANY -> goto again
			:: else
			fi
#endif
		fi;
end:		readable[me];
again:		skip
	od
}

/* Nobody can go on: is that all right? */
active proctype judge()
{
	byte i;

end:	timeout;
	do
	:: i < NP ->
		assert(over[i] || stopped[i]);
		assert(stopped[i] || !UNREAD(i));
		i++
	:: else -> break
	od
}

init {
	byte i;

	atomic {
		do
		:: i < NR -> run poller(i); i++
		:: else -> break
		od;
		run producer(0);
		run producer(1)
	}
}
