/* SPDX-License-Identifier: MIT */
/*
 * cast.pml: one ring of a topic.  Its publisher moves the tail itself before
 * it overwrites, and may be killed and replaced at any shared step; a reader
 * reads along.  Two kinds of readers:
 *
 *   lossy   writes nothing; what it has read it believes if the tail is not
 *           beyond it afterwards, else it goes to the tail and counts
 *   KEPT    has a cursor that the publisher must not overwrite, and is killed
 *           and replaced, too; its publisher takes a dead one's cursor away
 *
 * One word here is 8 bytes there.  A record is a header, its number, and
 * perhaps a word more; word[] is what a reader takes for a header (0 none, 2..3
 * a record of so many words, PAD), num[] what it takes for the number or the
 * payload; own[] is a ghost that says what the header really belongs to.  Where
 * the publisher puts the tail is free: any beginning of a record that makes
 * room, but none behind the newest record.
 *
 *   CAP MSGS FROM   words in the ring, records in all, first position
 *   PK CK           kills of publishers, of readers (KEPT)
 *   TSO             every plain store goes through a FIFO store buffer
 *   M_...           wrong versions; README.md says what each one teaches
 */
#ifndef CAP
#define CAP 8
#endif
#define MAXN (CAP / 4)		/* the quarter: 2 or 3 */
#ifndef MSGS
#define MSGS 6
#endif
#ifndef FROM
#define FROM (CAP - 3)
#endif
#ifndef PK
#define PK 0
#endif
#ifndef CK
#define CK 0
#endif

#define PAD 9
#define NONE 255
#define AT(p) ((p) % CAP)
#define REST(p) (CAP - (p) % CAP)

byte word[CAP], num[CAP], own[CAP];
byte tail = FROM;
byte cursor = NONE;		/* NONE: nobody is waited for */
bool pbyte, rbyte;		/* lock bytes: true while held */

byte pkills = PK, ckills = CK, committed;
bool finished;

#ifdef TSO
chan pbuf = [6] of { byte, byte, byte, byte };
chan cbuf = [2] of { byte };
#define PUT(p, w, n, o)	pbuf!AT(p), w, n, o
#define PUT_TAIL(v)	pbuf!NONE, v, 0, 0
#define PUT_CURSOR(v)	cbuf!v
#define P_DRAINED	empty(pbuf)
#define C_DRAINED	empty(cbuf)

active proctype publisher_buffer()
{
	byte p, w, n, o;
end:	do
	:: atomic { pbuf?p, w, n, o ->
		if
		:: p == NONE -> tail = w
		:: else -> word[p] = w; num[p] = n; own[p] = o
		fi;
		p = 0; w = 0; n = 0; o = 0 }
	od
}

active proctype reader_buffer()
{
	byte v;
end:	do
	:: atomic { cbuf?v -> cursor = v; v = 0 }
	od
}
#else
#define PUT(p, w, n, o)	atomic { word[AT(p)] = w; num[AT(p)] = n; own[AT(p)] = o }
#define PUT_TAIL(v)	tail = v
#define PUT_CURSOR(v)	cursor = v
#define P_DRAINED	true
#define C_DRAINED	true
#endif

#define PKILL	if :: atomic { pkills > 0 -> pkills-- }; goto killed :: skip fi
#define CKILL	if :: atomic { ckills > 0 -> ckills-- }; goto killed :: skip fi

#define HELD_BELOW(x)	(cursor != NONE && cursor < (x))

proctype publisher()
{
	byte h, t, last, next, k, n, pad, wanted, to, c;

enter:
	atomic { !pbyte -> pbyte = true };
	PKILL;
	t = tail; h = t; last = t; next = 0;
	k = 1;
	do				/* the walk of who takes over */
	:: k != 0 ->
		k = word[AT(h)];
		if
		:: k == 0 -> skip
		:: k == PAD -> assert(AT(h) != 0); h = h + REST(h)
		:: else ->
			assert(k >= 2 && k <= MAXN && k <= REST(h));
			last = h; next = num[AT(h + 1)] + 1; h = h + k
		fi;
		assert(h - t <= CAP - 1)
	:: else -> break
	od;
	if :: next == 0 -> next = 1 :: else fi;
	assert(next == committed + 1);	/* the newest record is always there */

	do
	:: committed < MSGS ->
		select (n : 2 .. MAXN);
		if :: REST(h) < n -> pad = REST(h) :: else -> pad = 0 fi;
		/* make room */
		if
		:: h + pad + n + 1 > CAP && t < h + pad + n + 1 - CAP ->
			wanted = h + pad + n + 1 - CAP;
#ifdef M_PASTLAST
			to = wanted;
			if :: to < h -> to = h :: else fi;
#else
			/* any beginning of a record from wanted on; d_step: all
			 * of this is the publisher's own */
			to = t;
			do
			:: to < wanted ->
				k = word[AT(to)];
				if :: k == PAD -> to = to + REST(to)
				   :: else -> to = to + k fi
			:: to >= wanted && to < last ->
				if
				:: break
				:: k = word[AT(to)];
				   if :: k == PAD -> to = to + REST(to)
				      :: else -> to = to + k fi
				fi
			:: to >= wanted && to >= last -> break
			od;
			k = 0;
			assert(to <= last);
#endif
#ifdef KEPT
scan1:			c = cursor;
			PKILL;
			if
			:: c != NONE && c < to ->
				/* full: he moves on, or he is dead */
#ifdef M_REAPBARE
				if
				:: cursor != c
				:: !rbyte ->
					PKILL;
					PUT_CURSOR(NONE)	/* wrong */
				fi;
#else
				if
				:: cursor != c
				:: atomic { !rbyte -> rbyte = true };
					if
					:: atomic { pkills > 0 -> pkills--;
						rbyte = false }; goto killed
					:: cursor = NONE; rbyte = false
					fi
				fi;
#endif
				goto scan1
			:: else
			fi;
#endif
			t = to;
#ifndef M_TAILAFTER
			PUT_TAIL(t);
			PKILL;
#ifndef M_NOFENCE
			P_DRAINED;
#endif
#endif
			wanted = 0; to = 0
		:: else
		fi;
#if defined(KEPT) && !defined(M_SCANONCE)
scan2:		c = cursor;
		PKILL;
		if
		:: c != NONE && h + pad + n + 1 > CAP && c < h + pad + n + 1 - CAP ->
			/* one who came just now and stands below: he sees the
			 * tail and moves, or he has joined there */
			if
			:: cursor != c
			:: atomic { !rbyte -> rbyte = true };
				if
				:: atomic { pkills > 0 -> pkills--;
					rbyte = false }; goto killed
				:: cursor = NONE; rbyte = false
				fi
			fi;
			goto scan2
		:: else
		fi;
#endif
		c = 0;
		if
		:: pad > 0 ->
			PUT(h + pad, 0, 0, 0); PKILL;
			atomic { PUT(h, PAD, 0, 0); h = h + pad };
			PKILL;
			pad = 0
		:: else
		fi;
		PUT(h + 1, n, next, next); PKILL;	/* a number looks like a header */
		if :: n == 3 -> PUT(h + 2, n, next, next); PKILL :: else fi;
		PUT(h + n, 0, 0, 0); PKILL;
		atomic { PUT(h, n, 0, next); last = h; h = h + n;
			 committed++; next++ };
		PKILL;
#ifdef M_TAILAFTER
		if :: tail < t -> PUT_TAIL(t) :: else fi;
#endif
		n = 0; pad = 0
	:: else -> break
	od;
	P_DRAINED;
	atomic { finished = true; pbyte = false };
	goto over;
killed:	/* a store buffer drains before the kernel frees the byte */
	atomic { P_DRAINED -> pbyte = false; h = 0; t = 0; last = 0; next = 0;
		 k = 0; n = 0; pad = 0; wanted = 0; to = 0; c = 0 };
	goto enter;
over:	skip
}

#ifdef KEPT
proctype reader()
{
	byte c, k, o, s, s2, e, t;

enter:
	atomic { !rbyte -> rbyte = true };
	PUT_CURSOR(NONE);		/* what the last one left */
	CKILL;
join:
	c = tail; e = 0;
	do				/* anywhere from the tail on */
	:: k = word[AT(c)]; s = num[AT(c + 1)];
		if
		:: tail > c -> c = tail; e = 0
		:: else ->
			if
			:: k == 0 -> break
			:: k == PAD -> c = c + REST(c)
			:: k != 0 && k != PAD -> break	/* history */
			:: k != 0 && k != PAD -> c = c + k
			fi
		fi
	od;
	k = 0; s = 0;
	PUT_CURSOR(c);
	CKILL;
#ifndef M_NOREADFENCE
	C_DRAINED;
#endif
#ifndef M_NORECHECK
	t = tail;
	if
	:: t > c -> PUT_CURSOR(NONE); CKILL; t = 0; c = 0; goto join
	:: else -> t = 0
	fi;
#endif
	do
	:: atomic { k = word[AT(c)]; o = own[AT(c)] };
		CKILL;
		if
		:: k == 0 ->
			if
			:: word[AT(c)] != 0
			:: finished && word[AT(c)] == 0 -> break
			fi
		:: k == PAD ->
			assert(AT(c) != 0);
			c = c + REST(c);
			PUT_CURSOR(c); CKILL
		:: else ->
			assert(k >= 2 && k <= MAXN && k <= REST(c));
			s = num[AT(c + 1)];
			CKILL;
			s2 = num[AT(c + k - 1)];
			assert(s == o && s2 == o);	/* whole */
			assert(e == 0 || s == e + 1);	/* none is missing */
			e = s;
			c = c + k;
			PUT_CURSOR(c); CKILL
		fi;
		k = 0; o = 0; s = 0; s2 = 0
	od;
	assert(e == 0 || e == MSGS);
	C_DRAINED;
	atomic { rbyte = false };
	goto over;
killed:
	atomic { C_DRAINED -> rbyte = false; c = 0; k = 0; o = 0; s = 0;
		 s2 = 0; e = 0; t = 0 };
	goto enter;
over:	skip
}
#else
proctype reader()
{
	byte c, k, o, s, s2, e, t, got, lost;

	c = FROM;
	do
	:: atomic { k = word[AT(c)]; o = own[AT(c)] };
#ifdef M_CHECKFIRST
		t = tail;
#endif
		s = num[AT(c + 1)];
		s2 = s;
		if :: k == 3 -> s2 = num[AT(c + 2)] :: else fi;
#ifndef M_CHECKFIRST
		t = tail;
#endif
		if
#ifdef M_ZEROBLIND
		:: k == 0 ->
#else
		:: t > c -> c = t	/* overrun */
		:: t <= c && k == 0 ->
#endif
			if
			:: word[AT(c)] != 0
			:: tail > c
			:: finished && word[AT(c)] == 0 && tail <= c -> break
#ifdef M_ZEROBLIND
			:: finished && word[AT(c)] == 0 -> break
#endif
			fi
		:: t <= c && k == PAD ->
			assert(AT(c) != 0);
			c = c + REST(c)
		:: t <= c && k != 0 && k != PAD ->
			assert(k >= 2 && k <= MAXN && k <= REST(c));
			assert(s == o && s2 == o);	/* whole */
			assert(s > e);
			lost = lost + s - e - 1;
			e = s;
			got++;
			c = c + k
#ifdef M_ZEROBLIND
		:: t > c && k != 0 -> c = t
#endif
		fi;
		k = 0; o = 0; s = 0; s2 = 0; t = 0
	od;
	assert(e == MSGS && got + lost == MSGS)
}
#endif

init {
	byte j;
	atomic {
		do
		:: j < CAP -> word[j] = 2; num[j] = 200; own[j] = 201; j++
		:: else -> break
		od;
		j = 0;
		word[AT(FROM)] = 0;
		run publisher();
		run reader()
	}
}
