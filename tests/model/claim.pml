/* SPDX-License-Identifier: MIT */
/*
 * claim.pml - many receivers on one lane of a queue: claims that a lone one
 * keeps (biased), how another makes him share, records in hand, done out of
 * order, redelivery.  src/channel/{claim,records,receiver_slot}.c.
 *
 * All records are there from the beginning; waking is in park and ready.  The
 * store of BUSY waits in a store buffer (pend) until the next store of its
 * processor or a membarrier; all other stores come after it.  Kills at each
 * shared step; the dead one's slot is taken again, with another number of
 * taking.  Without a kill nobody looks at a lane that is free for the sake of
 * a record that is done: who gave it back must have looked.
 *
 *   NC receivers, MSGS records, CK kills, NOPEEK recv only, NORECV peek only
 *   M_NOBAR     no membarrier between REVOKE and the look at BUSY
 *   M_NOREVOKE  BUSY is looked at, and nobody told
 *   M_NOGEN     the swap of a claim compares the owner alone
 *   M_NOINHERIT who gets another's lane does not look for records in hand
 *   M_HANDFIRST who shares gives the claim back before he marks his record
 *   M_NORECHECK no look at the first record after the claim was given back
 *   M_TAILOLD   the tail is read before the claim is taken
 *   M_NOINC     a slot's new owner is taken for the old one
 *   M_REBIAS    REVOKE is cleared while claims are held
 */
#ifndef NC
#define NC 2
#endif
#ifndef MSGS
#define MSGS 2
#endif
#ifndef CK
#define CK 0
#endif
#define N (NC + 1)
#define NONE 9
byte tail, cgen, cown, cinc;
byte mk[MSGS], mki[MSGS];
bit dn[MSGS];
bit busy[N], pend[N], revoke[N], alive[N];
byte inc[N], hand[N], hinc[N];
byte holder[MSGS];              /* ghost: alive, and it was given to him */
bit had[MSGS], lost[MSGS];      /* ghost: was given; its receiver died */
byte ck = CK;
bit killed;

#ifdef M_NOINC
#define SAME(s, i) 1
#else
#define SAME(s, i) (inc[s] == i)
#endif
#define LIVES(s, i) (alive[s] && SAME(s, i))
#define K if :: atomic { ck > 0 -> ck--; killed = 1; goto dead } :: skip fi
#define FLUSH if :: pend[me] -> busy[me] = 1; pend[me] = 0 :: else fi
#define LEFT(r) (tail <= r && !dn[r] && (mk[r] == 0 || !LIVES(mk[r], mki[r])))
#if MSGS == 2
#define ANY (LEFT(0) || LEFT(1))
#define FIRSTDONE ((tail == 0 && dn[0]) || (tail == 1 && dn[1]))
#else
#define ANY (LEFT(0) || LEFT(1) || LEFT(2))
#define FIRSTDONE \
	((tail == 0 && dn[0]) || (tail == 1 && dn[1]) || (tail == 2 && dn[2]))
#endif
#define MAYTAKE (cown == 0 || cown == me || !busy[cown] || \
	!LIVES(cown, cinc))
#define ALLDONE (tail == MSGS)

#ifdef M_NOGEN
#define UNCHANGED (cown == o)
#else
#define UNCHANGED (cgen == g && cown == o)
#endif

inline swap() {
	atomic {
		FLUSH;
		if
		:: UNCHANGED ->
			cgen = cgen + 1; cown = me; cinc = inc[me];
			myg = cgen; got = 1
		:: else
		fi
	};
	K
}

inline mark(r, s, i) {
	atomic {
		FLUSH;
		if
		:: !dn[r] && (mk[r] == 0 ||
		       (LIVES(s, i) && !LIVES(mk[r], mki[r]))) ->
			mk[r] = s; mki[r] = i
		:: else
		fi
	};
	K
}

inline inherit() {
#ifdef M_NOINHERIT
	skip
#else
	k = 1;
	do
	:: k <= NC ->
		atomic { h = hand[k]; hi = hinc[k] };
		if
		:: h != 0 && h > tail ->
			mark(h - 1, k, hi)
		:: else
		fi;
		atomic {
			if
			:: h != 0 && !LIVES(k, hi) && hand[k] == h &&
			       hinc[k] == hi -> hand[k] = 0
			:: else
			fi
		};
		K; h = 0; hi = 0; k++
	:: else -> break
	od;
	k = 0
#endif
}

inline acquire() {
	got = 0;
	atomic { g = cgen; o = cown; oi = cinc };
#ifdef M_TAILOLD
	t = tail;
#endif
	if
	:: o == 0 -> swap()
	:: o == me -> swap(); if :: got -> inherit() :: else fi
	:: o != 0 && o != me ->
#ifndef M_NOREVOKE
		if :: !revoke[o] -> atomic { FLUSH; revoke[o] = 1 }; K :: else fi;
#endif
		if
		:: busy[o] -> may = !LIVES(o, oi)
		:: else ->
#ifndef M_NOBAR
			d_step {
				k = 1;
				do
				:: k <= NC ->
					if
					:: pend[k] -> busy[k] = 1; pend[k] = 0
					:: else
					fi; k++
				:: else -> break
				od; k = 0
			};
#endif
			may = !busy[o]
		fi;
		if
		:: may -> may = 0; swap();
			if :: got -> inherit() :: else fi
		:: else
		fi
	fi;
	g = 0; o = 0; oi = 0;
#ifndef M_TAILOLD
	if :: got -> t = tail :: else fi;
#endif
	mine = got; got = 0
}

inline unclaim() {
	atomic {
		FLUSH;
		if
		:: cown == me && cgen == myg -> cgen = cgen + 1; cown = 0
		:: else
		fi;
		mine = 0
	};
	K
}

inline advance() {
	do
	:: t < MSGS && dn[t] -> t++
	:: else -> break
	od;
	if :: t != tail -> atomic { FLUSH; assert(t > tail); tail = t }; K
	   :: else
	fi
}

inline give_back() {
	do
	:: mine ->
		unclaim();
#ifndef M_NORECHECK
		if
		:: FIRSTDONE -> acquire();
			if :: mine -> advance() :: else fi
		:: else
		fi
#endif
	:: else -> break
	od
}

inline share() {
	sharing = 1;
#ifdef M_HANDFIRST
	if :: mine -> unclaim() :: else fi;
#endif
	if
	:: inhand == 1 -> mark(rec, me, inc[me]);
		atomic { FLUSH; hand[me] = 0 }; inhand = 2; K
	:: else
	fi;
	if :: mine -> unclaim() :: else fi
}

/* The first record that is for us, of a lane that is ours. */
inline find() {
	rec = t;
	do
	:: rec == MSGS -> rec = NONE; break
	:: rec < MSGS && LEFT(rec) -> break
	:: rec < MSGS && !LEFT(rec) -> rec++
	od
}

inline given() {
	assert(holder[rec] == 0);
	assert(!had[rec] || mk[rec] != 0);
	holder[rec] = me
}

inline receive() {
	atomic { given() }; K;
	if
	:: rec == t -> t++; atomic { FLUSH; assert(t > tail); tail = t };
		atomic { lost[rec] = 1 }
	:: else -> atomic { FLUSH; dn[rec] = 1; lost[rec] = 1 }
	fi;
	K;
	atomic { had[rec] = 1; lost[rec] = 0; holder[rec] = 0 };
	rec = NONE
}

inline peek() {
	atomic { given() };
	if
	:: !sharing -> atomic { FLUSH; hand[me] = rec + 1;
			hinc[me] = inc[me]; inhand = 1 }
	:: else -> atomic { FLUSH; mk[rec] = me; mki[rec] = inc[me];
			inhand = 2 }
	fi;
	K;
	had[rec] = 1
}

inline release() {
	if
	:: inhand == 1 ->
		atomic {
			holder[rec] = 0; FLUSH;
			if
			:: rec == t -> t++; assert(t > tail); tail = t
			:: else -> dn[rec] = 1
			fi
		};
		K;
		atomic { hand[me] = 0; inhand = 0 }
	:: else ->
		atomic { holder[rec] = 0; FLUSH; dn[rec] = 1; inhand = 0 };
		K;
		if :: !mine -> acquire() :: else fi;
		if :: mine -> advance(); if :: sharing -> give_back() :: else fi
		   :: else
		fi
	fi;
	rec = NONE
}

proctype Receiver(byte me) {
	byte t, rec, g, o, oi, k, h, hi, myg, inhand;
	bit mine, sharing, got, may, stale;

life:
	rec = NONE;
	atomic { alive[me] = 1; inc[me] = inc[me] + 1; busy[me] = 1;
		pend[me] = 0; revoke[me] = 0 };
	stale = hand[me] != 0;
	if
	:: stale -> sharing = 1; revoke[me] = 1;
		acquire(); if :: mine -> inherit(); unclaim() :: else fi;
		stale = hand[me] != 0
	:: else
	fi;
	busy[me] = 0;
	do
	:: inhand != 0 || (ANY && MAYTAKE) ||
		((killed || cown != 0) && FIRSTDONE && MAYTAKE) ->
		pend[me] = 1;
		if
		:: revoke[me] && !sharing -> share()
		:: else
		fi;
		/* Alone: claims are kept from now on. */
		if
		:: sharing && !stale && (NC == 1 || !alive[3 - me]) ->
#ifndef M_REBIAS
			assert(!mine);
#endif
			FLUSH; revoke[me] = 0; sharing = 0
		:: else
		fi;
		if
		:: inhand != 0 -> release()
		:: else ->
			if :: !mine -> acquire() :: else fi;
			if
			:: mine ->
				advance();
				find();
				if
				:: rec == NONE
#ifndef NOPEEK
				:: rec != NONE -> peek()
#endif
#ifndef NORECV
				:: rec != NONE -> receive()
#endif
				fi;
#ifdef M_REBIAS
				if :: sharing && inhand == 0 -> revoke[me] = 0;
					sharing = 0
				   :: else
				fi;
#endif
				if :: sharing -> give_back() :: else fi
			:: else
			fi
		fi;
		FLUSH; busy[me] = 0; K
	:: ALLDONE && inhand == 0 -> break
	od;
	/* Closes. */
	goto fin;
dead:
	skip;
	d_step {
		FLUSH; alive[me] = 0;
		k = 0;
		do
		:: k < MSGS ->
			if :: holder[k] == me -> holder[k] = 0 :: else fi; k++
		:: else -> break
		od;
		t = 0; g = 0; o = 0; oi = 0; k = 0; h = 0; hi = 0; myg = 0;
		inhand = 0; mine = 0; sharing = 0; got = 0; may = 0; stale = 0;
		rec = 0
	};
	goto life;
fin:
	skip
}

init {
	byte j = 1;
	atomic {
		do
		:: j <= NC -> run Receiver(j); j++
		:: else -> break
		od; j = 0
	};
	(ALLDONE && _nr_pr == 1);
	d_step {
		j = 0;
		do
		:: j < MSGS -> assert(had[j] || lost[j]);
			assert(!lost[j] || killed); j++
		:: else -> break
		od
	}
}
