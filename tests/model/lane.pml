/* SPDX-License-Identifier: MIT */
/*
 * lane.pml: one lane.  A byte ring whose records are committed by one release
 * store of their own header word, a producer that may be killed and replaced
 * at any shared step, a consumer likewise.
 *
 * One word here is 8 bytes there.  word[] is what a reader takes for a header:
 * 0 for none, 1..MAXN for a record of so many words, PAD for the rest of the
 * ring.  tag[] is a ghost that says what the word really belongs to.  Payload
 * is hostile: every payload word looks like a valid header.  All words of a
 * new lane are garbage that looks like a header, save word 0.
 *
 * Waits are blocking guards, so whoever waits for ever shows up as an invalid
 * end state.  A kill is a choice after each step that the other side can see;
 * the dead process is replaced by a new owner that starts with the lane byte.
 *
 *   CAP MAXN MSGS   words in the ring, longest record, records in all
 *   PK CK           kills of producers, of consumers
 *   OWNERS          producers that want the lane; with GIVE they pass it on
 *   TSO             every plain store goes through a FIFO store buffer
 *   BATCH           one or two records, pads included, in one commit
 *   ABORT           a reservation may be given up once, before its commit
 *   LAZYREL         the consumer releases every second record, or when empty
 *   M_...           wrong versions; README.md says what each one teaches
 */
#ifndef CAP
#define CAP 4
#endif
#ifndef MAXN
#define MAXN (CAP / 2)
#endif
#ifndef MSGS
#define MSGS 5
#endif
#ifndef PK
#define PK 0
#endif
#ifndef CK
#define CK 0
#endif
#ifndef OWNERS
#define OWNERS 1
#endif
#ifdef M_NOSLACK
#define ROOM CAP
#else
#define ROOM (CAP - 1)		/* the next header needs its word */
#endif

#define PAD 9
#define GARBAGE 200		/* tag of a word nobody has written yet */
#define BODY(seq) (100 + (seq))	/* tag of a payload word of record seq */
#define AT(p) ((p) % CAP)
#define REST(p) (CAP - (p) % CAP)

byte word[CAP], tag[CAP];
byte tail;			/* the only position in shared memory */
bool plock, clock;		/* lane byte, consumer byte: true while held */

byte pkills = PK, ckills = CK, given = 1, finished;
byte committed_end, committed;	/* ghosts of the producing side */
byte released;			/* ghost: records the consumer let go of */

#ifdef TSO
chan pbuf = [6] of { byte, byte, byte };
chan cbuf = [2] of { byte };
#define PUT(p, w, t)	pbuf!AT(p), w, t
#define PUT_TAIL(v)	cbuf!v
#define P_DRAINED	empty(pbuf)
#define C_DRAINED	empty(cbuf)

active proctype producer_buffer()
{
	byte p, w, t;
end:	do
	:: atomic { pbuf?p, w, t -> word[p] = w; tag[p] = t;
		    p = 0; w = 0; t = 0 }
	od
}

active proctype consumer_buffer()
{
	byte v;
end:	do
	:: atomic { cbuf?v -> tail = v; v = 0 }
	od
}
#else
#define PUT(p, w, t)	atomic { word[AT(p)] = w; tag[AT(p)] = t }
#define PUT_TAIL(v)	tail = v
#define P_DRAINED	true
#define C_DRAINED	true
#endif

#define PKILL	if :: atomic { pkills > 0 -> pkills-- }; goto killed :: skip fi
#define CKILL	if :: atomic { ckills > 0 -> ckills-- }; goto killed :: skip fi

#define FORGET	h = 0; from = 0; k = 0; i = 0; n = 0; n2 = 0; p = 0; \
		total = 0; seq = 0; first_w = 0; first_t = 0; like = 0; two = false

/* The words of one record behind its header. */
#define PAYLOAD(at, len, s)						\
	i = 1;								\
	do								\
	:: i < len -> PUT(at + i, like, BODY(s)); PKILL; i++		\
	:: else -> break						\
	od;								\
	i = 0

proctype producer()
{
	byte h, from, k, i, n, n2, p, total, seq, first_w, first_t, like;
	bool two;

enter:
#ifdef M_EARLYTAIL
	from = tail;		/* wrong: the old owner may still append */
#endif
#ifdef M_STEAL
	plock = true;		/* wrong: the old owner is called dead by time */
#else
	atomic { !plock -> plock = true }	/* T1, the kernel arbitrates */
#endif
	PKILL;
#ifndef M_EARLYTAIL
	from = tail;				/* T2 */
#endif
	h = from;
	k = 1;
	do					/* T3: nothing shared is written */
	:: k != 0 ->
		k = word[AT(h)];
		PKILL;
		if
		:: k == 0 -> skip
		:: k == PAD ->
			assert(AT(h) != 0);
			h = h + REST(h); i++
		:: else ->
			assert(k <= MAXN && k <= REST(h));
			h = h + k; i++
		fi;
		assert(h - from <= CAP - 1 && i <= CAP - 1)
	:: else -> break
	od;
	assert(h == committed_end);		/* T4: exactly behind the last commit */
	from = 0; k = 0; i = 0;

	do
	:: committed < MSGS ->
		select (n : 1 .. MAXN);
		if :: like = 1 :: like = PAD fi;	/* what the payload looks like */
		total = n;
#ifndef M_PADFREE
		if :: REST(h) < n -> total = total + REST(h) :: else fi;
#endif
#ifdef BATCH
		if
		:: committed + 1 < MSGS ->
			if :: n2 = 0 :: n2 = 1 :: n2 = 2 fi;
			p = h + total;
			k = n2;
			if :: n2 > 0 && REST(p) < n2 -> k = k + REST(p) :: else fi;
			if
			:: n2 > 0 && total + k + 1 <= CAP ->
				total = total + k; two = true
			:: else -> n2 = 0
			fi;
			k = 0; p = 0
		:: else
		fi;
#endif
		(h - tail + total <= ROOM);			/* R3 */
		total = 0;
		PKILL;
		seq = committed + 1;
#ifndef BATCH
		if
		:: REST(h) < n ->				/* the pad is a commit of its own */
#ifndef M_NOPADZERO
			PUT(h + REST(h), 0, 0); PKILL;		/* C1 */
#endif
			atomic { PUT(h, PAD, 0); h = h + REST(h);
				 committed_end = h };		/* C2 */
			PKILL
		:: else
		fi;
		PAYLOAD(h, n, seq);				/* R4 */
#ifdef ABORT
		if :: atomic { given > 0 -> given-- }; goto next :: skip fi;
#endif
#if !defined(M_ZEROAFTER) && !defined(M_NOZERO)
		PUT(h + n, 0, 0); PKILL;			/* C3 */
#endif
		atomic { PUT(h, n, seq); h = h + n;
			 committed_end = h; committed++ };	/* C4 */
		PKILL;
#ifdef M_ZEROAFTER
		PUT(h, 0, 0); PKILL;
#endif
#else
		p = h;						/* B2 */
		first_w = n; first_t = seq;
		if
		:: REST(p) < n ->
			first_w = PAD; first_t = 0;
			p = p + REST(p);
			PUT(p, n, seq); PKILL
		:: else
		fi;
		PAYLOAD(p, n, seq);
		p = p + n;
		if
		:: two ->
			seq++;
			if
			:: REST(p) < n2 -> PUT(p, PAD, 0); PKILL; p = p + REST(p)
			:: else
			fi;
			PAYLOAD(p, n2, seq);
#ifndef M_BATCHORDER
			PUT(p, n2, seq); PKILL;
#endif
			p = p + n2
		:: else
		fi;
#ifdef ABORT
		if :: atomic { given > 0 -> given-- }; goto next :: skip fi;
#endif
		PUT(p, 0, 0); PKILL;				/* B3 */
		atomic { PUT(h, first_w, first_t); h = p; committed_end = p;
			 committed = committed + 1 + two };	/* B4 */
		PKILL;
#ifdef M_BATCHORDER
		if :: two -> PUT(h - n2, n2, seq); PKILL :: else fi;
#endif
#endif
next:
#ifdef GIVE
		if
		:: atomic { committed < MSGS && P_DRAINED -> plock = false;
			    FORGET }; goto enter
		:: skip
		fi;
#endif
		n = 0; n2 = 0; p = 0; seq = 0; first_w = 0; first_t = 0;
		like = 0; two = false
	:: else -> break
	od;
	atomic { P_DRAINED -> plock = false; finished++ };
	goto over;
killed:	/* a store buffer drains before the kernel frees the byte */
	atomic { P_DRAINED -> plock = false; FORGET };
	goto enter;
over:	skip
}

proctype consumer()
{
	byte t, k, s, i, expect, held;
	bool padded;

enter:
	atomic { !clock -> clock = true; t = tail; expect = released };	/* V0 */
	do
	:: atomic { k = word[AT(t)]; s = tag[AT(t)] };			/* V1 */
		CKILL;
		if
		:: k == 0 ->
#ifdef LAZYREL
			if
			:: held > 0 -> atomic { PUT_TAIL(t); released = expect;
						held = 0 }; CKILL
			:: else
			fi;
#endif
			if
			:: word[AT(t)] != 0 -> skip
			:: finished == OWNERS && P_DRAINED && word[AT(t)] == 0 -> break
			fi
		:: k == PAD ->						/* V2 */
			assert(AT(t) != 0 && !padded && s == 0);
			assert(REST(t) < MAXN);
			padded = true;
			t = t + REST(t);
			atomic { PUT_TAIL(t); released = expect; held = 0 };
			CKILL
		:: else ->
			padded = false;
			assert(k <= REST(t));
			assert(s == expect + 1);	/* not stale, lost or again */
#ifdef M_RELEASEFIRST
			atomic { PUT_TAIL(t + k); released = expect + 1 }; CKILL;
#endif
			i = 1;
			do					/* V3: use the record */
			:: i < k -> assert(tag[AT(t + i)] == BODY(s)); CKILL; i++
			:: else -> break
			od;
			i = 0;
			t = t + k; expect++; held++;
#ifndef M_RELEASEFIRST
#ifdef LAZYREL
			if
			:: held >= 2 ->
				atomic { PUT_TAIL(t); released = expect; held = 0 }; CKILL
			:: else
			fi
#else
			atomic { PUT_TAIL(t); released = expect; held = 0 };	/* V4 */
			CKILL
#endif
#endif
		fi;
		k = 0; s = 0
	od;
	assert(expect == committed && committed == MSGS);
	goto over;
killed:
	atomic { C_DRAINED -> clock = false;
		 t = 0; k = 0; s = 0; i = 0; expect = 0; held = 0; padded = false };
	goto enter;
over:	skip
}

init {
	byte j;
	atomic {
		do
		:: j < CAP -> word[j] = 1; tag[j] = GARBAGE; j++
		:: else -> break
		od;
		j = 0;
#ifndef M_NOCREATEZERO
		word[0] = 0; tag[0] = 0;
#endif
		do
		:: j < OWNERS -> run producer(); j++
		:: else -> break
		od;
		j = 0;
		run consumer()
	}
}
