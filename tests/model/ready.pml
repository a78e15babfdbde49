/* SPDX-License-Identifier: MIT */
/*
 * ready.pml: the bitmap of ready lanes is a hint.  Two lanes, one producer
 * each, one receiver that visits only the lanes on its private list.
 * A lane is a pair of counters; the futex word knows ASLEEP alone (park.pml
 * has the rest).
 *
 * The receiver puts a lane on its list when it sees the lane's bit, and takes
 * it off when it finds the lane empty: clear the bit, then look once more.
 * Before it sleeps it looks at all lanes, bits or no bits.
 *
 *   NL MSGS     lanes, records of each
 *   TSO         a producer's commit waits in a store buffer
 *   LIMIT       at most one record a visit
 *   BUSY        the receiver never sleeps: it waits for a bit, or for the
 *               full scan that it makes once a millisecond
 *   NOSCAN      with BUSY: there is no such scan
 *   SCAN        the full scan may come at any time (without BUSY)
 *   PK CK       kills of producers (not replaced), of the receiver (replaced);
 *               after a producer's death the receiver's sleep may end by itself
 *   M_...       wrong versions; README.md says what each one teaches
 */
#ifndef NL
#define NL 2
#endif
#ifndef MSGS
#define MSGS 2
#endif
#ifndef PK
#define PK 0
#endif
#ifndef CK
#define CK 0
#endif

byte head[NL], tail[NL];
bool bit_of[NL];
bool asleep_word, in_kernel;
byte pkills = PK, ckills = CK, gone, sent, got;
bool p_killed;

#ifdef TSO
chan pbuf[NL] = [1] of { byte };
proctype producer_buffer(byte me)
{
	byte v;
end:	do
	:: atomic { pbuf[me]?v -> head[me] = v; v = 0 }
	od
}
#define PUT_HEAD(v)	pbuf[me]!v
#define DRAINED(i)	empty(pbuf[i])
#else
#define PUT_HEAD(v)	head[me] = v
#define DRAINED(i)	true
#endif

#define PKILL if :: atomic { pkills > 0 -> pkills--; p_killed = true }; goto out :: skip fi
#define RKILL if :: atomic { ckills > 0 -> ckills-- }; goto dead :: skip fi

proctype producer(byte me)
{
	byte h;
	bool b, s;

	do
	:: h < MSGS ->
#ifdef M_BITFIRST
		b = bit_of[me]; PKILL;
		if :: !b -> atomic { DRAINED(me) -> bit_of[me] = true }; PKILL :: else fi;
#endif
		atomic { PUT_HEAD(h + 1); h++; sent++ }; PKILL;		/* commit */
#ifndef M_BITFIRST
		b = bit_of[me]; PKILL;			/* a plain load, no fence */
		if
		:: !b -> atomic { DRAINED(me) -> bit_of[me] = true }; PKILL
		:: else
		fi;
#endif
		s = asleep_word; PKILL;
		if
		:: s ->
			atomic { DRAINED(me) -> s = asleep_word; asleep_word = false }; PKILL;
			if :: s -> in_kernel = false; PKILL :: else fi
		:: else
		fi;
		b = false; s = false
	:: else -> break
	od;
out:	atomic { DRAINED(me) -> gone++; h = 0; b = false; s = false }
}

#define UNREAD(i)	(head[i] != tail[i])
#if NL == 2
#define ANY_UNREAD	(UNREAD(0) || UNREAD(1))
#define ANY_BIT		(bit_of[0] || bit_of[1])
#define ANY_LISTED	(listed[0] || listed[1])
#else
#define ANY_UNREAD	(UNREAD(0) || UNREAD(1) || UNREAD(2))
#define ANY_BIT		(bit_of[0] || bit_of[1] || bit_of[2])
#define ANY_LISTED	(listed[0] || listed[1] || listed[2])
#endif
#define ALL_OVER	(gone == NL && !ANY_UNREAD)

#define FULL_SCAN							\
	j = 0;								\
	do								\
	:: j < NL -> listed[j] = true; j++				\
	:: else -> break						\
	od;								\
	j = 0

proctype receiver()
{
	bool listed[NL], b;
	byte i, j;

enter:	atomic { FULL_SCAN };
	do
	:: atomic { ALL_OVER -> break }
	:: atomic { !ALL_OVER -> i = 0 };
#ifdef SCAN
		if :: d_step { FULL_SCAN } :: skip fi;
#endif
		do
		:: i < NL ->
			b = bit_of[i];
			if :: b -> listed[i] = true :: else fi;
			b = false;
			if
			:: listed[i] && UNREAD(i) ->
				RKILL;
				do
				:: UNREAD(i) ->
					atomic { tail[i] = tail[i] + 1; got++ }; RKILL
#ifdef LIMIT
					; break
#endif
				:: else -> break
				od
			:: listed[i] && !UNREAD(i) ->
#ifdef M_LOOKFIRST
				if :: UNREAD(i) -> skip :: else -> listed[i] = false fi;
				bit_of[i] = false; RKILL
#else
				bit_of[i] = false; RKILL;	/* a locked fetch_and */
#ifdef M_NOLOOK
				listed[i] = false
#else
				if :: UNREAD(i) -> skip :: else -> listed[i] = false fi
#endif
#endif
			:: !listed[i] -> skip
			fi;
			i++
		:: else -> break
		od;
		i = 0;
		if
		:: ANY_LISTED -> skip
		:: else ->
#ifdef BUSY
			if
			:: ANY_BIT || ALL_OVER -> skip
#ifndef NOSCAN
			:: d_step { ANY_UNREAD -> FULL_SCAN }
#endif
			fi
#else
			asleep_word = true; RKILL;
#if defined(TSO) && !defined(M_NOMEMBARRIER)
			i = 0;
			do
			:: i < NL -> DRAINED(i); i++
			:: else -> break
			od;
			i = 0;
			RKILL;
#endif
			do
			:: i < NL ->
#ifdef M_BITONLY
				b = bit_of[i];
#else
				b = UNREAD(i);
#endif
				if :: b -> listed[i] = true :: else fi;
				b = false;
				i++
			:: else -> break
			od;
			i = 0;
			if
			:: ANY_LISTED -> skip
			:: else ->
				if
				:: atomic { asleep_word -> in_kernel = true };
					RKILL;
					if
					:: !in_kernel
					:: atomic { ALL_OVER && in_kernel -> in_kernel = false }
					:: d_step { p_killed && in_kernel ->
						in_kernel = false; FULL_SCAN }
					fi
				:: !asleep_word
				fi
			fi;
			asleep_word = false; RKILL
#endif
		fi
	od;
	assert(got == sent);
	goto over;
dead:	atomic {
		in_kernel = false; i = 0; b = false;
		do
		:: j < NL -> listed[j] = false; j++
		:: else -> break
		od;
		j = 0
	};
	goto enter;
over:	skip
}

init {
	byte i;
	atomic {
		do
		:: i < NL ->
#ifdef TSO
			run producer_buffer(i);
#endif
			run producer(i); i++
		:: else -> break
		od;
		i = 0;
		run receiver()
	}
}
