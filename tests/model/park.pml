/* SPDX-License-Identifier: MIT */
/*
 * park.pml: sleeping and waking on one futex word of bits, with explicit TSO
 * store buffers.  Two lanes, one producer each, one receiver.  A lane is a pair
 * of counters; lane.pml shows that a lane is one.
 *
 * A storer makes something visible with a plain store and then makes one plain
 * load of the other side's word.  A sleeper sets ASLEEP in its own word, makes
 * the others' stores visible, looks at everything it could miss, and sleeps if
 * the word is still as it left it.  Without ROOM only the receiver sleeps and
 * lanes never fill.  With ROOM a lane holds CAP records: then a producer sleeps
 * too, on its lane's `waiting` word, and the receiver is the storer, of tails.
 * Both directions run the same two inlines, which is all that is symmetric.
 *
 * A sleep ends by itself only where this page says so, hence a lost wake-up is
 * an invalid end state.
 *
 *   N CAP       records of each producer, records a lane holds (with ROOM)
 *   ROOM        the other direction as well
 *   WHENEMPTY   with ROOM: the receiver looks at `waiting` only when it has
 *               emptied the lane, not after each record
 *   SELF=mask   producers that could not register: they fence after a commit
 *   RSELF       the receiver could not register: it fences after each tail
 *   RFENCE      the receiver has no membarrier: FENCE in `sleeping` for ever,
 *               set before any producer attached
 *   LATEFENCE   the same, set when the receiver first sleeps: its sleeps are
 *               short until one of them has ended by itself, which is assumed
 *               to take longer than a store stays in a store buffer
 *   WFENCE=mask producers that have no membarrier: FENCE in `waiting`
 *   NAP         the receiver may also nap: it sets NAPPING in place of ASLEEP,
 *               without a membarrier, and is woken only for a lane more than
 *               half full; a nap lasts a millisecond and always ends by itself
 *   KEEPNAP     a new receiver leaves the bit of a predecessor killed napping
 *   PK CK       kills of producers (not replaced), of the receiver (replaced);
 *               after a kill the sleeps of the other side may end by themselves
 *   NOTIMEOUT   not even then
 *   M_...       wrong versions; README.md says what each one teaches
 */
#define NP 2
#ifndef N
#define N 2
#endif
#ifndef CAP
#define CAP 1
#endif
#ifndef SELF
#define SELF 0
#endif
#ifndef WFENCE
#define WFENCE 0
#endif
#ifndef PK
#define PK 0
#endif
#ifndef CK
#define CK 0
#endif

#define ASLEEP 1
#define FENCE 2
#define NAPPING 4

/* Words 0..NP-1 are the lanes' `waiting`, word NP is the receiver's `sleeping`. */
#define RX NP
byte word[NP + 1];
bool in_kernel[NP + 1];		/* queued on the futex */
byte head[NP], tail[NP];	/* as memory holds them */
bool gone[NP];			/* producer ended or dead, its buffer drained */
byte pkills = PK, ckills = CK;
bool p_killed, r_killed;	/* a producer, a receiver died */
byte sent, got;			/* ghosts */
#ifdef LATEFENCE
bool young = true;		/* no sleep has ended by itself since FENCE was set */
#endif

/* Store buffers: 0..NP-1 hold heads, rbuf holds {lane, tail}. */
chan pbuf[NP] = [2] of { byte };
chan rbuf = [2] of { byte, byte };

#ifdef NOTIMEOUT
#define TIMEOUT(side_killed) false
#else
#define TIMEOUT(side_killed) side_killed
#endif

proctype producer_buffer(byte me)
{
	byte v;
end:	do
	:: atomic { pbuf[me]?v -> head[me] = v; v = 0 }
	od
}
#ifdef ROOM
active proctype receiver_buffer()
{
	byte i, v;
end:	do
	:: atomic { rbuf?i, v -> tail[i] = v; i = 0; v = 0 }
	od
}
#define PUT_TAIL(i, v)	rbuf!i, v
#define R_DRAINED	empty(rbuf)
#else
#define PUT_TAIL(i, v)	tail[i] = v
#define R_DRAINED	true
#endif
#define P_DRAINED	empty(pbuf[me])

/* A dead man's stores reach memory before anybody can learn of his death. */
#define PKILL if :: atomic { pkills > 0 -> pkills--; p_killed = true }; goto out :: skip fi
#define RKILL if :: atomic { ckills > 0 -> ckills--; r_killed = true }; goto dead :: skip fi

/*
 * The storer's half, after its plain store.  w is the other side's word, mine
 * is what drains my buffer, myself says that I could not register, deep says
 * that what I stored makes the lane more than half full.
 */
#define TELL(w, mine, myself, deep, KILL)				\
	if :: myself -> (mine); KILL :: else fi;			\
	s = word[w]; KILL;						\
	FENCE_IF_TOLD(w, mine, KILL)					\
	bits = WANTED(s, deep);						\
	if								\
	:: bits -> WAKE(w, mine, KILL)					\
	:: else								\
	fi;								\
	s = 0; bits = 0

#ifdef M_IGNOREFENCE
#define FENCE_IF_TOLD(w, mine, KILL)
#else
#define FENCE_IF_TOLD(w, mine, KILL)					\
	if								\
	:: s & FENCE -> (mine); s = word[w]; KILL			\
	:: else								\
	fi;
#endif
#ifdef M_NAPFIRST
#define WANTED(s, deep)	(((s) & NAPPING) -> ((deep) -> NAPPING : 0) : (s) & ASLEEP)
#else
/* The bit to answer, or 0: ASLEEP comes first, whatever else is set. */
#define WANTED(s, deep)	(((s) & ASLEEP) -> ASLEEP : (((s) & NAPPING) && (deep) -> NAPPING : 0))
#endif

#if defined(M_NOCLEAR)
#define WAKE(w, mine, KILL)						\
	atomic { (mine) -> in_kernel[w] = false }; KILL
#elif defined(M_WAKEFIRST)
#define WAKE(w, mine, KILL)						\
	atomic { (mine) -> in_kernel[w] = false }; KILL;		\
	atomic { (mine) -> word[w] = word[w] & ~bits }; KILL
#else
#ifdef M_WIPE
#define CLEARED(w)	0
#else
#define CLEARED(w)	(word[w] & ~bits)
#endif
#define WAKE(w, mine, KILL)						\
	atomic { (mine) -> s = word[w]; word[w] = CLEARED(w) }; KILL;	\
	if								\
	:: s & bits -> in_kernel[w] = false; KILL			\
	:: else								\
	fi
#endif

/* The sleeper's barrier: a step per storer, in any order the kernel likes. */
#ifdef M_NOMEMBARRIER
#define BARRIER(i)	true
#else
#define BARRIER(i)	(empty(pbuf[i]) || ((SELF >> i) & 1))
#endif

/* Whether the word still says what its sleeper waits for. */
#ifdef M_BLINDWAIT
#define ASKED(set)	true
#else
#define ASKED(set)	((set) != 0)
#endif

#define FULL(i)		(h - tail[i] >= CAP)
#define DEEP(i)		(2 * (h - tail[i]) > CAP)

proctype producer(byte me)
{
	byte h, s, bits;

	do
	:: h < N ->
#ifdef ROOM
		do
		:: FULL(me) ->
			/* The fetch_or is the sleeper's own full fence. */
			atomic { P_DRAINED -> word[me] = word[me] | ASLEEP }; PKILL;
			if
			:: (WFENCE >> me) & 1 -> skip
			:: else ->
#ifndef M_NOMEMBARRIER_ROOM
#ifdef RSELF
				skip
#else
				(R_DRAINED)
#endif
#else
				skip
#endif
			fi;
			PKILL;
			if
			:: !FULL(me) -> skip
			:: else ->
				s = word[me];
				if
				:: !ASKED(s & ASLEEP)
				:: atomic { ASKED(s & ASLEEP) && P_DRAINED && word[me] == s -> in_kernel[me] = true };
					PKILL;
					if
					:: !in_kernel[me]
					:: atomic { TIMEOUT(r_killed) -> in_kernel[me] = false }
					fi
				:: atomic { ASKED(s & ASLEEP) && P_DRAINED && word[me] != s ->
					    assert(!(word[me] & ASLEEP)) }
				fi
			fi;
			s = 0;
			atomic { P_DRAINED -> word[me] = word[me] & ~ASLEEP }; PKILL
		:: else -> break
		od;
#endif
		atomic { pbuf[me]!h + 1; h++; sent++ }; PKILL;	/* commit */
#ifdef NAP
		TELL(RX, P_DRAINED, (SELF >> me) & 1, DEEP(me), PKILL)
#else
		TELL(RX, P_DRAINED, (SELF >> me) & 1, true, PKILL)
#endif
	:: else -> break
	od;
out:	atomic { P_DRAINED -> gone[me] = true; in_kernel[me] = false; h = 0; s = 0; bits = 0 }
}

#define UNREAD(i)	(head[i] != t[i])
#define OVER(i)		(gone[i] && !UNREAD(i))
#ifdef WHENEMPTY
#define RING(i)		!UNREAD(i)
#else
#define RING(i)		true
#endif
#ifdef RSELF
#define R_SELF		true
#else
#define R_SELF		false
#endif
#ifdef NAP
#define ASK		ask	/* the bit that the receiver waits under */
#else
#define ASK		ASLEEP
#endif

proctype receiver()
{
	byte t[NP], i, s, bits;
#ifdef NAP
	byte ask;
#endif

enter:	/* a new receiver looks at everything before it sleeps */
	atomic {
		i = 0;
		do
		:: i < NP -> t[i] = tail[i]; i++
		:: else -> break
		od;
		i = 0;
#ifdef KEEPNAP
		word[RX] = word[RX] & ~ASLEEP
#else
		word[RX] = word[RX] & ~(ASLEEP | NAPPING)
#endif
	}
	do
	:: UNREAD(0) || UNREAD(1) ->
		if
		:: UNREAD(0) -> i = 0
		:: UNREAD(1) -> i = 1
		fi;
		RKILL;
		atomic { PUT_TAIL(i, t[i] + 1); t[i] = t[i] + 1; got++ }; RKILL;
#ifdef ROOM
		if
		:: RING(i) -> TELL(i, R_DRAINED, R_SELF, true, RKILL)
		:: else
		fi;
#endif
		i = 0
	:: OVER(0) && OVER(1) -> break
	:: !UNREAD(0) && !UNREAD(1) && !(OVER(0) && OVER(1)) ->
#ifdef NAP
		if :: ask = ASLEEP :: ask = NAPPING fi;
#endif
		/* A locked fetch_or: the sleeper's own full fence. */
		atomic { R_DRAINED -> word[RX] = word[RX] | ASK }; RKILL;
#ifdef LATEFENCE
		/* The membarrier failed. */
		atomic { R_DRAINED -> word[RX] = word[RX] | FENCE }; RKILL;
#elif !defined(RFENCE)
		if
		:: ASK == ASLEEP -> BARRIER(0); BARRIER(1); RKILL
		:: else
		fi;
#endif
#ifdef M_NORESCAN
		if
		:: false -> skip
#elif defined(M_ONELANE)
		if
		:: UNREAD(0) -> skip
#else
		if
		:: UNREAD(0) || UNREAD(1) -> skip
#endif
		:: else ->
			s = word[RX];
#ifdef M_EXPECTONE
			s = ASLEEP;
#endif
			if
			:: !ASKED(s & ASK)			/* somebody took it */
			:: atomic { ASKED(s & ASK) && R_DRAINED && word[RX] == s -> in_kernel[RX] = true };
				RKILL;
				if
				:: !in_kernel[RX]
				:: atomic { TIMEOUT(p_killed) && in_kernel[RX] -> in_kernel[RX] = false }
				:: atomic { gone[0] && gone[1] && in_kernel[RX] &&
					    !UNREAD(0) && !UNREAD(1) ->
					    in_kernel[RX] = false }	/* nobody left: the probe */
#ifdef NAP
				:: atomic { ask == NAPPING && in_kernel[RX] ->
					    in_kernel[RX] = false }
#endif
#if defined(LATEFENCE) && !defined(M_LONGFIRST)
				:: atomic { young && in_kernel[RX] &&
					    empty(pbuf[0]) && empty(pbuf[1]) ->
					    in_kernel[RX] = false; young = false }
#endif
				fi
			:: atomic { ASKED(s & ASK) && R_DRAINED && word[RX] != s ->
#ifdef KEEPNAP
				    skip
#else
				    assert(!(word[RX] & ASK))	/* EAGAIN: somebody woke us */
#endif
			}
			fi
		fi;
		s = 0;
		atomic { R_DRAINED -> word[RX] = word[RX] & ~ASK }; RKILL
	od;
	assert(got == sent);
	goto over;
dead:	atomic {
		R_DRAINED -> in_kernel[RX] = false; i = 0; s = 0; bits = 0;
#ifdef NAP
		ask = 0
#else
		skip
#endif
	};
	goto enter;
over:	skip
}

init {
	atomic {
#ifdef RFENCE
		word[RX] = FENCE;
#endif
		if :: WFENCE & 1 -> word[0] = FENCE :: else fi;
		if :: WFENCE & 2 -> word[1] = FENCE :: else fi;
		run producer_buffer(0);
		run producer_buffer(1);
		run producer(0);
		run producer(1);
		run receiver()
	}
}
