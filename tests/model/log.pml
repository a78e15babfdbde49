/* SPDX-License-Identifier: MIT */
/*
 * log.pml: the log server's drain.  Exactly once: what is committed reaches
 * the files whole and once, whoever is killed, write(2) cut after any byte
 * included.  In order (with ORDER): lines stand in the order of their stamps.
 *
 * A lane is a ring of CAP records with a counter as its commit word; lane.pml
 * shows that headers can be that counter.  A file is a row of cells; a cell
 * knows its record, the line length that was in force, and its place in the
 * line.  The server's successor starts at once: the kernel passed on the byte.
 *
 *   LANES CAP MSGS  lanes, records a lane holds, records of each client
 *   SK CK           kills of servers, of clients (replaced, or not)
 *   ENO EIO         times that write(2) finds no space, that fdatasync fails
 *   ROT             external renames of the log file, noticed when idle
 *   ORDER           busy words, stamps and the horizon; else batches are
 *                   arbitrary merges, which covers every order at once
 *   HOLD STOP       the hold limit may pass at any time; clients stopped for
 *                   ever inside a call
 *   FMT             a successor may render lines of another length
 *   BATCH           sync=batch: fdatasync before DONE; callers may flush
 *   LAZY            sync=never: flush by the words freq and dur
 *   BLIM            records in a batch at most
 *   SPARE           files have room for duplicates, so that a wrong version
 *                   fails on what it did and not on the end of the array
 *   M_...           wrong versions; README.md says what each one teaches
 */
#ifndef LANES
#define LANES 2
#endif
#ifndef CAP
#define CAP 2
#endif
#ifndef MSGS
#define MSGS 2
#endif
#ifndef SK
#define SK 0
#endif
#ifndef CK
#define CK 0
#endif
#ifndef ENO
#define ENO 0
#endif
#ifndef EIO
#define EIO 0
#endif
#ifndef ROT
#define ROT 0
#endif
#ifndef STOP
#define STOP 0
#endif
#ifndef BLIM
#define BLIM 99
#endif
#ifdef FMT
#define LONGEST 3
#else
#define LONGEST 2
#endif
#define FILES (ROT + 1)
#ifdef SPARE
#define FCELLS ((LANES * MSGS + LANES * CAP) * LONGEST)
#else
#define FCELLS (LANES * MSGS * LONGEST)
#endif
#define OCELLS (LANES * CAP * LONGEST)
#define NONE 255

/* Record r = lane * MSGS + position.  A two-byte line has parts 0 1, a three-byte one 2 3 4. */
#define CELL(r, part)	(1 + (r) * 6 + (part))
#define SLOT(i, p)	((i) * CAP + (p) % CAP)

/* The segment. */
byte body[LANES * CAP];		/* position + 1, or 0 while half written */
byte head[LANES], tail[LANES];
mtype = { IDLE, INTENT, DONE };
mtype st = IDLE;
byte note_file, note_off, note_len, note_tail[LANES];
#ifdef ORDER
byte busy[LANES];
bool held[LANES];		/* lane bytes, as a probe sees them */
byte stamp[LANES * CAP];
byte note_last, note_late, last_stamp, late_lines;
byte now = 1;			/* every reading of the clock is a new value */
byte call_of[LANES * CAP];	/* ghost: which call of the lane wrote it */
short waited_out[LANES];	/* ghost: calls that a hold limit passed on */
byte stamp_of[LANES * MSGS];	/* ghost */
#endif
#ifdef LAZY
byte dur[LANES], freq[LANES];
#endif

/* The file system. */
byte cell[FILES * FCELLS], size[FILES], synced[FILES];
#if EIO > 0
bool clean[FILES];		/* pages marked clean after a failed fdatasync */
#define SYNC(f)	if :: clean[f] -> skip :: else -> synced[f] = size[f] fi
#else
#define SYNC(f)	synced[f] = size[f]
#endif
byte path, made = 1;

byte skills = SK, ckills = CK, enos = ENO, eios = EIO, rots = ROT, stops = STOP;
byte over;

#define SKILL	if :: skills > 0 -> skills--; goto life :: skip fi
#define CKILL	if :: atomic { ckills > 0 -> ckills-- }; goto killed :: skip fi

#if LANES == 3
#define EACH(what)	(what(0) && what(1) && what(2))
#define ANY(what)	(what(0) || what(1) || what(2))
#else
#define EACH(what)	(what(0) && what(1))
#define ANY(what)	(what(0) || what(1))
#endif
#define PENDING(i)	(head[i] != tail[i])
#define DRAINED(i)	(head[i] == tail[i])
#define ASKED(i)	(freq[i] > dur[i])
#define REACHED(i)	(freq[i] <= tail[i])

/*
 * Reads the files in the order they were made, up to their end or up to what
 * is on disk, and leaves in lines[] how many of each lane are there.
 */
#define READER_VARS byte rf, rp, rend, rv, rlen, rrec, rmax, rlate, lines[LANES]
inline read_files(disk_only)
{
	d_step {
		rf = 0; rmax = 0; rlate = 0;
		do
		:: rf < LANES -> lines[rf] = 0; rf++
		:: else -> break
		od;
		rf = 0;
		do
		:: rf < FILES ->
			rp = 0;
			if :: disk_only -> rend = synced[rf] :: else -> rend = size[rf] fi;
			do
			:: rp < rend ->
				rv = cell[rf * FCELLS + rp];
				assert(rv > 0 && ((rv - 1) % 6 == 0 || (rv - 1) % 6 == 2));
				rlen = ((rv - 1) % 6 == 0 -> 2 : 3);
				rrec = (rv - 1) / 6;
				if
				:: rp + rlen > rend -> assert(disk_only); break
				:: else
				fi;
				assert(cell[rf * FCELLS + rp + 1] == rv + 1);
				if
				:: rlen == 3 -> assert(cell[rf * FCELLS + rp + 2] == rv + 2)
				:: else
				fi;
				/* each record once, and in its lane's order */
				assert(rrec % MSGS == lines[rrec / MSGS]);
				lines[rrec / MSGS] = lines[rrec / MSGS] + 1;
#ifdef ORDER
				if
				:: stamp_of[rrec] < rmax -> rlate++
				:: else -> rmax = stamp_of[rrec]
				fi;
#endif
				rp = rp + rlen
			:: else -> break
			od;
			rf++
		:: else -> break
		od;
		rf = 0; rp = 0; rend = 0; rv = 0; rlen = 0; rrec = 0; rmax = 0
	}
}
#define FORGET_LINES							\
	d_step {							\
		rlate = 0;						\
		do							\
		:: rf < LANES -> lines[rf] = 0; rf++			\
		:: else -> break					\
		od;							\
		rf = 0							\
	}

proctype client(byte me)
{
	byte h, b, s;
	READER_VARS;

enter:
#ifdef ORDER
	held[me] = true; CKILL;					/* L1 */
	d_step { h = head[me]; b = busy[me] };			/* L2 */
#ifdef M_NORESET
	if :: b % 2 == 1 -> b++ :: else fi;
#else
	if :: b % 2 == 1 -> atomic { b++; busy[me] = b; CKILL } :: else fi;	/* L3 */
#endif
#else
	h = head[me];
#endif
	do
	:: h < MSGS ->
#ifdef M_PRODNOTE
		(h - tail[me] < CAP || h - note_tail[me] < CAP);
#elif !defined(M_FULLINSIDE)
		(h - tail[me] < CAP);				/* C1 */
#endif
#ifdef ORDER
#ifdef M_STAMPFIRST
		atomic { s = now; now++; CKILL };
#endif
		atomic { b++; busy[me] = b; CKILL };		/* C2 */
#if STOP > 0
		if :: atomic { stops > 0 -> stops--; over++ }; goto stopped :: skip fi;
#endif
#ifndef M_STAMPFIRST
		atomic { s = now; now++; CKILL };		/* C3 */
#endif
#ifdef M_FULLINSIDE
		(h - tail[me] < CAP);
#endif
#endif
		atomic { body[SLOT(me, h)] = 0; CKILL };	/* C4, torn */
		atomic {					/* C4, whole */
			body[SLOT(me, h)] = h + 1;
#ifdef ORDER
			stamp[SLOT(me, h)] = s; call_of[SLOT(me, h)] = b / 2;
#endif
			CKILL
		};
#if STOP > 0
		if :: atomic { stops > 0 -> stops--; over++ }; goto stopped :: skip fi;
#endif
		atomic {					/* C5 */
#ifdef ORDER
			stamp_of[me * MSGS + h] = s; s = 0;
#endif
			h++; head[me] = h; CKILL
		};
#ifdef ORDER
		atomic { b++; busy[me] = b; CKILL };		/* C6 */
#endif
#ifdef BATCH
		if						/* F1, F2 */
		:: skip
		:: atomic { tail[me] >= h -> read_files(true);
			    assert(lines[me] >= h); FORGET_LINES }
		fi
#endif
#ifdef LAZY
		if
		:: skip
		:: atomic { freq[me] = h; CKILL };
			atomic { dur[me] >= h -> read_files(true);
				 assert(lines[me] >= h); FORGET_LINES }
		fi
#endif
	:: else -> break
	od;
	goto ended;
killed:
#ifdef ORDER
	atomic { held[me] = false; h = 0; b = 0; s = 0 };
#else
	h = 0;
#endif
	if :: goto enter :: skip fi;	/* a new owner, or never one */
ended:	atomic {
#ifdef ORDER
		held[me] = false; b = 0;
#endif
		over++; h = 0
	};
	goto out;
stopped:
end_stopped:
	false;
out:	skip
}

proctype renamer()
{
end:	do
	:: d_step { rots > 0 && path != NONE && made < FILES -> path = NONE; rots-- }
	od
}

#define TRUNCATE(f, at)							\
	d_step {							\
		i = at;							\
		do							\
		:: i < size[f] -> cell[(f) * FCELLS + i] = 0; i++	\
		:: else -> break					\
		od;							\
		i = 0;							\
		if :: size[f] > at -> size[f] = at :: else fi;		\
		if :: synced[f] > at -> synced[f] = at :: else fi;	\
		DIRTY(f)						\
	}
#if EIO > 0
#define DIRTY(f)	clean[f] = false
#else
#define DIRTY(f)	skip
#endif

/* Appends record nt[X] of lane X to the batch. */
#define RENDER(X)							\
	assert(body[SLOT(X, nt[X])] == nt[X] + 1);			\
	j = 0;								\
	do								\
	:: j < fmt -> out[used] = CELL((X) * MSGS + nt[X], (fmt - 2) * 2 + j); used++; j++	\
	:: else -> break						\
	od;								\
	nt[X] = nt[X] + 1; j = 0

#define EACH_LANE(step)							\
	i = 0;								\
	do								\
	:: i < LANES -> atomic { step; i++; SKILL }			\
	:: else -> break						\
	od;								\
	i = 0

proctype server()
{
	byte fd, fmt, used, pos, i, j, x, count;
	byte nt[LANES], out[OCELLS];
	READER_VARS;
#ifdef ORDER
	byte t0, b, least, last, late, hs[LANES], gave_up[LANES];
#endif

life:	skip;					/* S0: the server byte is ours */
	d_step {
		fd = NONE; fmt = 2; used = 0; pos = 0; j = 0; x = 0; count = 0;
		i = 0;
		do
		:: i < LANES ->
			nt[i] = 0;
#ifdef ORDER
			hs[i] = 0; gave_up[i] = 0;
#endif
			i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < OCELLS -> out[i] = 0; i++
		:: else -> break
		od;
		i = 0;
#ifdef ORDER
		t0 = 0; b = 0; least = 0; last = 0; late = 0
#endif
	}
#ifdef FMT
	if :: fmt = 2 :: fmt = 3 fi;
#endif
	if
	:: st == IDLE -> skip						/* R1 */
	:: st == DONE -> goto release					/* R2 */
	:: st == INTENT ->						/* R3 */
#ifdef M_BYNAME
		atomic {
			if :: path == NONE -> path = made; made++ :: else fi;
			x = path
		};
#else
		x = note_file;
#endif
		if
#ifdef M_ATLEAST
		:: size[x] >= note_off ->
#else
		:: size[x] == note_off + note_len ->
#endif
#if defined(BATCH) && !defined(M_NOSYNC)
#if EIO > 0 && !defined(M_NOREWRITE)
			/* The same bytes again: a page marked clean is dirty now. */
			atomic { clean[x] = false; SKILL };
#endif
			atomic { SYNC(x); SKILL };
#endif
			atomic { st = DONE; SKILL };
			goto release
		:: else ->
#ifdef M_RESUME
			if
			:: size[x] > note_off ->
				d_step {	/* render again, write what is missing */
					i = 0;
					do
					:: i < LANES ->
						nt[i] = tail[i];
						do
						:: nt[i] < note_tail[i] -> RENDER(i)
						:: else -> break
						od;
						i++
					:: else -> break
					od;
					i = 0;
					pos = size[x] - note_off;
					do
					:: pos < note_len ->
						cell[x * FCELLS + note_off + pos] = out[pos]; pos++
					:: else -> break
					od;
					size[x] = note_off + note_len; pos = 0; used = 0
				};
				st = DONE; goto release
			:: else
			fi;
#endif
#ifdef M_IDLEFIRST
			atomic { st = IDLE; SKILL };
#endif
			TRUNCATE(x, note_off); SKILL;
			atomic { st = IDLE; SKILL }
		fi
	fi;
recovered: skip;
#if defined(LAZY) && !defined(M_LAZYNOSYNC)
	atomic { SYNC(note_file); SKILL };				/* R4 */
#endif
open:	atomic {			/* one open(O_CREAT), and that descriptor */
		if :: path == NONE -> path = made; made++ :: else fi;
		fd = path; SKILL
	};
#ifdef LAZY
	atomic { SYNC(fd); SKILL };
	EACH_LANE(dur[i] = tail[i]);
#endif
idle:	skip;								/* S1 */
	d_step {
		used = 0; pos = 0; j = 0; x = 0; count = 0;
		i = 0;
		do
		:: i < LANES -> nt[i] = tail[i]; i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < OCELLS -> out[i] = 0; i++
		:: else -> break
		od;
		i = 0;
#ifdef ORDER
#ifndef M_LASTPRIVATE
		last = last_stamp;
#endif
		late = late_lines
#endif
	}
	if
	:: ANY(PENDING) -> skip
	:: over == LANES && EACH(DRAINED) -> goto quit
	:: path != fd ->						/* O1, O2 */
#if (defined(BATCH) || defined(LAZY)) && !defined(M_LEAVEUNSYNCED)
		atomic { SYNC(fd); SKILL };
#endif
		goto open
#ifdef LAZY
	:: ANY(ASKED) && EACH(REACHED) ->				/* 1.7 */
		atomic { SYNC(fd); SKILL };
		EACH_LANE(dur[i] = tail[i]);
		goto idle
#endif
	fi;
#ifdef ORDER
#ifdef M_HEADFIRST
	i = 0;
	do
	:: i < LANES -> atomic { hs[i] = head[i]; i++ }
	:: else -> break
	od;
	i = 0;
#endif
#ifndef M_HOIST
	d_step { t0 = now; now++ };					/* S2 */
#endif
	i = 0;
	do								/* S3 */
	:: i < LANES ->
		b = busy[i];
#ifdef M_HOIST
		if :: i == LANES - 1 -> d_step { t0 = now; now++ } :: else fi;
#endif
		if
		:: b % 2 == 0 || b == gave_up[i] -> skip
		:: else ->
			if
			:: busy[i] != b
			:: !held[i]
#ifdef HOLD
			:: d_step { gave_up[i] = b;
				    waited_out[i] = waited_out[i] | (1 << (b / 2)) }
#endif
			fi
		fi;
		i++
	:: else -> break
	od;
	b = 0; i = 0;
#ifndef M_HEADFIRST
	do								/* S4 */
	:: i < LANES -> atomic { hs[i] = head[i]; i++ }
	:: else -> break
	od;
	i = 0;
#endif
	d_step {							/* S5 */
		do
		:: true ->
			i = 0; x = NONE; least = 255;
			do
			:: i < LANES ->
				if
				:: nt[i] < hs[i] && stamp[SLOT(i, nt[i])] < t0 &&
				   stamp[SLOT(i, nt[i])] < least ->
					least = stamp[SLOT(i, nt[i])]; x = i
				:: else
				fi;
				i++
			:: else -> break
			od;
			if :: x == NONE || count == BLIM -> break :: else fi;
			if
			:: least < last ->
				late++;		/* only a call that was given up on */
				assert((waited_out[x] >> call_of[SLOT(x, nt[x])]) & 1)
			:: else -> last = least
			fi;
			RENDER(x);
			count++
		od;
		i = 0; x = 0; least = 0; t0 = 0; count = 0;
		do
		:: i < LANES -> hs[i] = 0; i++
		:: else -> break
		od;
		i = 0
	}
	if :: used == 0 -> goto idle :: else fi;
#else
	atomic {		/* any batch that keeps each lane's order */
		do
#if LANES == 3
		:: nt[2] < head[2] && count < BLIM -> d_step { RENDER(2); count++ }
#endif
		:: nt[0] < head[0] && count < BLIM -> d_step { RENDER(0); count++ }
		:: nt[1] < head[1] && count < BLIM -> d_step { RENDER(1); count++ }
		:: used > 0 -> break
		od;
		count = 0
	};
#endif
	SKILL;
#ifdef M_EARLYNOTE
	atomic { st = INTENT; SKILL };
	atomic { note_len = used; SKILL };
	atomic { note_file = fd; note_off = size[fd]; SKILL };
#else
	atomic { note_file = fd; SKILL };				/* S6 */
	atomic { note_off = size[fd]; note_len = used; SKILL };
#endif
	EACH_LANE(note_tail[i] = nt[i]);
#ifdef ORDER
	d_step { note_last = last; note_late = late };
#endif
	atomic { st = INTENT; SKILL };					/* S7 */
#ifdef M_RELEASEFIRST
	EACH_LANE(tail[i] = note_tail[i]);
#endif
	do								/* S8 */
	:: pos < used ->
		atomic {
			j = 1;		/* how much of the rest this write takes */
			do
			:: j < used - pos -> j++
			:: break
			od;
			skip;
			d_step {
				do
				:: j > 0 ->
					cell[fd * FCELLS + size[fd]] = out[pos];
					size[fd] = size[fd] + 1; pos++; j--
				:: else -> break
				od
			};
			SKILL
		};
		if :: enos > 0 && pos < used -> enos--; goto roll_back :: skip fi
	:: else -> break
	od;
#ifdef BATCH
#if EIO > 0
	if
	:: eios > 0 ->
		atomic { eios--; clean[fd] = true; SKILL };
#ifndef M_RETRYSYNC
		goto roll_back
#endif
	:: skip
	fi;
#endif
	atomic { SYNC(fd); SKILL };					/* S9 */
#endif
	atomic { st = DONE; SKILL };					/* S10 */
#ifdef M_CLEARFIRST
	atomic { st = IDLE; SKILL };
#endif
release:
	EACH_LANE(tail[i] = note_tail[i]);				/* S11 */
#ifdef ORDER
	atomic { last_stamp = note_last; SKILL };			/* S12 */
	atomic { late_lines = note_late; SKILL };
#endif
	atomic { st = IDLE; SKILL };					/* S13 */
	if :: fd == NONE -> goto recovered :: else -> goto idle fi;
roll_back: skip;
#ifdef M_IDLEFIRST
	atomic { st = IDLE; SKILL };
#endif
	TRUNCATE(fd, note_off); SKILL;					/* S8a */
	atomic { st = IDLE; SKILL };					/* S8b */
	goto idle;
quit:	skip;
	read_files(false);
	i = 0;
	do
	:: i < LANES -> assert(lines[i] == head[i]); i++
	:: else -> break
	od;
	i = 0;
#ifdef ORDER
	assert(rlate == late_lines);		/* counted, exactly */
#ifndef HOLD
	assert(late_lines == 0);
#endif
#endif
	FORGET_LINES
}

init {
	byte i;
	atomic {
		do
		:: i < LANES -> run client(i); i++
		:: else -> break
		od;
		i = 0;
#if ROT > 0
		run renamer();
#endif
		run server()
	}
}
