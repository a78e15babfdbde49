/* SPDX-License-Identifier: MIT */
/*
 * attach.pml: one name, several processes that create, attach, use and close
 * an ephemeral object, any of them killed between any two steps.
 *
 * An inode has two lock bytes.  A is read-locked by everybody who is attached.
 * M is read-locked while somebody attaches and write-locked while somebody
 * removes.  The kernel drops a dead process's locks.  An inode that has no name
 * and no descriptor is used again, so numbers come back as they may in life.
 *
 * Asserted: nobody is attached to an object without a name, unless it was
 * removed by force; all who attached by the name since it was last removed
 * have the same inode; an orderly removal takes no committed record with it
 * and hits the remover's own object; nobody waits for ever.
 *
 *   NP LIVES    processes, times each comes and goes
 *   PK          kills
 *   FORCE       one `rm --force`: it takes M, then removes what is in use
 *   FOREIGN     one unlink by a program that knows no locks
 *   TIDY        with no kill, nothing empty is left behind at the end
 *   PATIENT     a closer lets go of A first and then waits for M (briefly),
 *               instead of leaving the object when M is held
 *   M_...       wrong versions; README.md says what each one teaches
 */
#ifndef NP
#define NP 3
#endif
#ifndef LIVES
#define LIVES 1
#endif
#ifndef PK
#define PK 0
#endif
#ifdef FORCE
#define NI (NP + 2)
#else
#define NI (NP + 1)
#endif
#define NONE 255

byte path = NONE;		/* the inode that the name leads to */
byte a_readers[NI], m_readers[NI];
bool m_writer[NI];
byte opens[NI], unread[NI];
bool excused[NI];		/* ghost: lost its name by force */
byte users[NI];			/* ghost: processes that believe they are attached */
byte current = NONE;		/* ghost: what was attached since the last removal */
byte kills = PK, ended;

#define KILL	if :: atomic { kills > 0 -> kills-- }; goto killed :: skip fi

/* What the kernel does for a process that closes its descriptor or dies. */
#define DROP								\
	if								\
	:: fd != NONE ->						\
		a_readers[fd] = a_readers[fd] - has_a;			\
		m_readers[fd] = m_readers[fd] - reads_m;		\
		if :: writes_m -> m_writer[fd] = false :: else fi;	\
		users[fd] = users[fd] - attached;			\
		opens[fd]--;						\
		if							\
		:: opens[fd] == 0 && path != fd ->			\
			unread[fd] = 0; excused[fd] = false		\
		:: else							\
		fi							\
	:: else								\
	fi;								\
	fd = NONE; has_a = false; reads_m = false; writes_m = false;	\
	attached = false

#define ATTACHED							\
	assert(path == fd || excused[fd]);				\
	assert(current == NONE || current == fd);			\
	if :: path == fd -> current = fd :: else fi;			\
	users[fd]++; attached = true

#define FREE(i)	(opens[i] == 0 && path != (i))

proctype process()
{
	byte fd = NONE, round, i;
	bool has_a, reads_m, writes_m, attached, empty_seen;

	do
	:: round < LIVES ->
		round++;
again:
		atomic {
			fd = path;
			if :: fd != NONE -> opens[fd]++ :: else fi
		};
		KILL;
		if
		:: fd == NONE ->		/* create: an inode nobody can see */
			atomic {
				i = 0;
				do
				:: i < NI && !FREE(i) -> i++
				:: else -> break
				od;
				fd = i; i = 0;
				opens[fd] = 1
			};
			KILL;
#ifndef M_LATELOCK
			atomic { a_readers[fd]++; has_a = true }; KILL;
#endif
			atomic {		/* linkat fails if the name exists */
				if
				:: path == NONE -> path = fd; ATTACHED
				:: else -> DROP
				fi
			};
			KILL;
			if :: fd == NONE -> goto again :: else fi;
#ifdef M_LATELOCK
			atomic { a_readers[fd]++; has_a = true }; KILL;
#endif
		:: else ->
#ifndef M_NOMBYTE
			atomic { !m_writer[fd] -> m_readers[fd]++; reads_m = true };
			KILL;
#endif
			atomic { a_readers[fd]++; has_a = true }; KILL;
			atomic {
				if
#ifdef M_NOCHECK
				:: true -> ATTACHED
#else
				:: path == fd -> ATTACHED
				:: else -> DROP
#endif
				fi
			};
			KILL;
			if :: fd == NONE -> goto again :: else fi;
#ifndef M_NOMBYTE
			atomic { m_readers[fd]--; reads_m = false }; KILL;
#endif
		fi;

		if				/* use it */
		:: skip
		:: unread[fd]++; KILL		/* commit a record */
		:: atomic { unread[fd] > 0 -> unread[fd]-- }; KILL
		fi;

		/* The orderly close of an ephemeral object. */
		atomic { users[fd]--; attached = false };
#ifdef M_UNREADEARLY
		empty_seen = (unread[fd] == 0); KILL;
#endif
#ifdef PATIENT
		atomic { a_readers[fd]--; has_a = false }; KILL;
		atomic { m_readers[fd] == 0 && !m_writer[fd] ->
			 m_writer[fd] = true; writes_m = true };
#else
		atomic {
			if
			:: m_readers[fd] == 0 && !m_writer[fd] ->
				m_writer[fd] = true; writes_m = true
			:: else
			fi
		};
#endif
		KILL;
		if :: !writes_m -> goto leave :: else fi;
#ifdef M_UNREADFIRST
		empty_seen = (unread[fd] == 0); KILL;
#endif
		if :: a_readers[fd] > has_a -> goto leave :: else fi;
		KILL;
#if !defined(M_UNREADEARLY) && !defined(M_UNREADFIRST)
		empty_seen = (unread[fd] == 0); KILL;
#endif
		if :: !empty_seen -> goto leave :: else fi;
#ifndef M_BLINDREMOVE
		if :: path != fd -> goto leave :: else fi;
		KILL;
#endif
		atomic {			/* unlink hits whatever has the name */
			if
			:: path != NONE ->
				assert(path == fd);
				assert(users[path] == 0);
				assert(unread[path] == 0);
				path = NONE; current = NONE
			:: else
			fi
		};
		KILL;
leave:
		atomic { DROP; empty_seen = false }
	:: else -> break
	od;
	goto over;
killed:
	atomic { DROP; empty_seen = false };
	if
	:: round < LIVES -> round++; goto again	/* its successor */
	:: else
	fi;
over:	ended++
}

#ifdef FORCE
active proctype remove_by_force()
{
	byte fd = NONE;
	bool has_a, reads_m, writes_m, attached;

again:	atomic {
		fd = path;
		if :: fd != NONE -> opens[fd]++ :: else -> goto out fi
	};
	atomic { m_readers[fd] == 0 && !m_writer[fd] -> m_writer[fd] = true; writes_m = true };
	if
	:: path != fd -> atomic { DROP }; goto again
	:: else
	fi;
	atomic { assert(path == fd); excused[fd] = true; path = NONE; current = NONE };
	atomic { DROP };
out:	skip
}
#endif

#ifdef FOREIGN
active proctype foreign_rm()
{
	atomic {
		if
		:: path != NONE -> excused[path] = true; path = NONE; current = NONE
		:: skip
		fi
	}
}
#endif

init {
	byte i;
	atomic {
		do
		:: i < NP -> run process(); i++
		:: else -> break
		od;
		i = 0
	}
#ifdef TIDY
	atomic { ended == NP -> assert(path == NONE || unread[path] > 0) }
#endif
}
