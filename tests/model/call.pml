/* SPDX-License-Identifier: MIT */
/*
 * call.pml: the hand-over of calls.  A client sends requests into its lane, at
 * most OPEN at a time; servers claim the lane for the time of one request,
 * mark it begun, reply, release it, unclaim.  A server that is killed is
 * started again in the same slot; a client that is killed has a successor.
 * Positions are counted in records; who is asleep is park.pml's matter.
 *
 *   N OPEN SERVERS   requests, open at once, slots
 *   PK CK            kills of servers, of clients
 *   CANCEL           the client gives calls up
 *   EARLY            times that it asks though nothing has happened
 *
 * What holds, at every step:
 *   a request is executed once at most, and never one that was given up
 *     before it was begun
 *   two never put replies into one lane
 *   a call ends in its reply, or as lost: then it was begun, and its server is
 *     dead, and no reply to it is or comes
 *   each call ends, while there are servers
 *
 *   M_TAILFIRST     wrong: the request is released before the reply
 *   M_UNCLAIMFIRST  wrong: the lane is let go before the reply
 *   M_AGAIN         wrong: what a dead server had begun is begun again
 *   M_BLINDMARK     wrong: begun is stored, not compared and swapped
 *   M_NOGEN         wrong: the claim has no generation
 *   M_OLDTAIL       wrong: the position is read before the claim
 *   M_STALE         wrong: positions are remembered though others had the lane
 *   M_NORECOVER     wrong: a new owner of the slot leaves the old claim there
 *   M_NOLASTLOOK    wrong: dead is dead, whether it has replied or not
 *   M_NOSECOND      wrong: released without a reply a moment ago is lost
 *   M_NORECHECK     wrong: the claim is not read again after the probe
 *   M_UNBEGUN       wrong: lost if the owner is dead, begun or not
 */
#ifndef N
#define N 3
#endif
#ifndef OPEN
#define OPEN 2
#endif
#ifndef SERVERS
#define SERVERS 2
#endif
#ifndef PK
#define PK 1
#endif
#ifndef CK
#define CK 0
#endif

#ifndef EARLY
#define EARLY 1
#endif

#define WAITS	0
#define BEGUN	1
#define GIVENUP	2

byte gen, owner;	/* the claim: one word; owner: slot + 1, or 0 */
byte tail, head;	/* requests released; committed */
byte state[N];
byte reply[N + 1];	/* the lane of replies: request + 1, or 0 */
byte rtail;		/* replies released */
bool alive[SERVERS];	/* lock bytes */
byte kills = PK, ckills = CK, early = EARLY;

/* Ghosts. */
byte executed[N], runs[N];	/* runs: slot + 1 of who has it now */
bool replied[N], lost[N], unwanted[N];

#define KILL	if :: atomic { kills > 0 -> kills-- }; goto killed :: skip fi
#define CKILL	if :: atomic { ckills > 0 -> ckills-- }; goto killed :: skip fi
#define DEAD(o)	(!alive[(o) - 1])

inline cas_claim(ok)
{
	atomic {
		if
#ifdef M_NOGEN
		:: owner == o -> owner = s + 1; g = 0; ok = true
#else
		:: owner == o && gen == g ->
			g++; gen = g; owner = s + 1; ok = true
#endif
		:: else -> ok = false
		fi
	}
}

/* Where the others left the lanes: read after the claim. */
inline catch_up()
{
#ifndef M_OLDTAIL
	t = tail;
#endif
	d_step {
		h = 0;
		do :: reply[h] != 0 -> h++ :: else -> break od
	}
}

inline unclaim()
{
	atomic { gen = g; owner = 0; mine = true }
}

proctype server(byte s)
{
	byte g, o, t, h, mark;
	bool mine, won;

start:	atomic { alive[s] = true; mine = false; t = 0; h = 0 };
#ifndef M_NORECOVER
	atomic { g = gen; o = owner };
	if
	:: o == s + 1 ->
		KILL;
		cas_claim(won);
		if
		:: won ->
			KILL;
			catch_up();
#ifdef M_OLDTAIL
			t = tail;
#endif
			do
			:: t < head && state[t] != WAITS ->
				KILL; tail = t + 1; t++
			:: else -> break
			od;
			KILL;
			unclaim()
		:: else
		fi
	:: else
	fi;
#endif
end_wait:
	(tail < head && (owner == 0 || DEAD(owner)));
	KILL;
	atomic {
		mine = mine && gen == g && owner == 0;
#ifdef M_STALE
		mine = mine || h > 0;
#endif
		g = gen; o = owner; mark = 0
	};
#ifdef M_OLDTAIL
	t = tail;
#endif
	if :: o != 0 && !DEAD(o) -> goto end_wait :: else fi;
	cas_claim(won);
	if :: !won -> mine = false; goto end_wait :: else fi;
	KILL;
	if :: mine :: else -> catch_up() fi;
	KILL;
begin:	if :: t >= head -> goto let_go :: else fi;
#ifdef M_BLINDMARK
	mark = state[t];
	if :: mark == WAITS -> atomic { state[t] = BEGUN; runs[t] = s + 1 }; won = true
	   :: else -> won = false
	fi;
#else
	atomic {
		if
		:: state[t] == WAITS -> state[t] = BEGUN; runs[t] = s + 1; won = true
#ifdef M_AGAIN
		:: state[t] == BEGUN -> runs[t] = s + 1; won = true
#endif
		:: else -> won = false
		fi
	};
#endif
	KILL;
	if
	:: !won ->
		d_step { assert(tail <= t); tail = t + 1; t++ };
		KILL;
		goto begin
	:: else
	fi;
	d_step { executed[t]++; assert(executed[t] == 1 && !unwanted[t]) };
	KILL;
#ifdef M_TAILFIRST
	tail = t + 1; KILL;
#endif
#ifdef M_UNCLAIMFIRST
	unclaim(); KILL;
#endif
	d_step {
		assert(reply[h] == 0 && !lost[t]);
		reply[h] = t + 1; h++; replied[t] = true; runs[t] = 0
	};
	KILL;
#ifndef M_TAILFIRST
	d_step { assert(tail <= t); tail = t + 1 };
#endif
	t++;
	KILL;
let_go:
#ifndef M_UNCLAIMFIRST
	unclaim();
#endif
	KILL;
	goto end_wait;
killed:	atomic {
		alive[s] = false; mine = false;
		g = 0;
		do
		:: g < N -> if :: runs[g] == s + 1 -> runs[g] = 0 :: else fi; g++
		:: else -> break
		od;
		g = 0; o = 0; t = 0; h = 0; mark = 0; won = false
	};
	goto start
}

proctype client()
{
	byte i, n, rp, r, g, o, st;

start:	rp = rtail;
	do
	:: reply[rp] != 0 -> d_step { rp++; rtail = rp }; CKILL
	:: else -> break
	od;
	n = head; i = head;
	do
	:: n < N && n - i < OPEN -> d_step { head = n + 1; n++ }; CKILL
#ifdef CANCEL
	:: i < n ->
		atomic {
			if
			:: state[i] == WAITS -> state[i] = GIVENUP; unwanted[i] = true
			:: else
			fi;
			i++
		};
		CKILL
#endif
	:: i < n -> goto look
	:: i == N -> goto done
	od;
	/* Woken, or a time-out with something to find out; or one without,
	 * which is allowed so many times, or nobody would ever be stuck. */
look:	if
	:: atomic { early > 0 -> early-- }
	:: (reply[rp] != 0 || tail > i ||
	 (state[i] == BEGUN && (owner == 0 || DEAD(owner)))
#ifdef M_UNBEGUN
	 || (owner != 0 && DEAD(owner))
#endif
	)
	fi;
	CKILL;
	r = reply[rp];
	if
	:: r == i + 1 ->
		d_step { assert(!lost[i]); rp++; rtail = rp; i++ };
		CKILL;
		goto next
	:: r != 0 && r < i + 1 -> d_step { rp++; rtail = rp }; CKILL; goto look
	:: r > i + 1 -> goto gone
	:: else
	fi;
	if
	:: tail > i ->
#ifdef M_NOSECOND
		goto gone;
#endif
		r = reply[rp];
		if :: r == 0 -> goto gone :: else -> goto look fi
	:: else
	fi;
	/* The probe. */
	atomic { g = gen; o = owner };
	st = state[i];
	if
	:: tail > i -> goto look
	:: else
	fi;
	if :: o != 0 && !DEAD(o) -> goto look :: else fi;
#ifndef M_UNBEGUN
	if :: st != BEGUN -> goto look :: else fi;
#endif
#ifndef M_NORECHECK
	if :: gen != g || owner != o -> goto look :: else fi;
#endif
#ifndef M_NOLASTLOOK
	r = reply[rp];
	if :: r != 0 -> goto look :: else fi;
#endif
gone:	atomic {
		assert(state[i] == BEGUN && runs[i] == 0 && !replied[i]);
		lost[i] = true; i++
	};
	CKILL;
next:	if
	:: n < N && n - i < OPEN -> d_step { head = n + 1; n++ }; CKILL; goto next
#ifdef CANCEL
	:: i < n ->
		atomic {
			if
			:: state[i] == WAITS -> state[i] = GIVENUP; unwanted[i] = true
			:: else
			fi;
			i++
		};
		CKILL;
		goto next
#endif
	:: i < n -> goto look
	:: i == N -> goto done
	fi;
killed:	atomic { i = 0; n = 0; rp = 0; r = 0; g = 0; o = 0; st = 0 };
	goto start;
done:	skip
}

init {
	byte s;

	atomic {
		do
		:: s < SERVERS -> run server(s); s++
		:: else -> break
		od;
		run client()
	}
}
