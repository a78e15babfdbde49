/* SPDX-License-Identifier: MIT */
/*
 * server.pml: who may drain a log.  Two servers of one log object start, work
 * and end, either may be killed, while the log file is renamed away.  The
 * server byte lives on the object; the lock on the file only keeps two logs
 * from writing to one file.
 *
 *   PK ROT      kills (the dead server is started again), external renames
 *   M_FILEONLY  wrong: no server byte, the lock on the file decides
 */
#ifndef PK
#define PK 1
#endif
#ifndef ROT
#define ROT 2
#endif
#define NONE 255

byte path, made = 1, kills = PK;
bool object_byte, file_lock[ROT + 1];
byte draining;

#define KILL	if :: atomic { kills > 0 -> kills-- }; goto killed :: skip fi

proctype server()
{
	byte fd = NONE;
	bool has_byte, has_file, drains;

start:
#ifndef M_FILEONLY
	atomic { !object_byte -> object_byte = true; has_byte = true }; KILL;
#endif
reopen:	atomic {
		if :: path == NONE -> path = made; made++ :: else fi;
		fd = path
	};
	KILL;
	atomic { !file_lock[fd] -> file_lock[fd] = true; has_file = true }; KILL;
	if
	:: path != fd -> atomic { file_lock[fd] = false; has_file = false; fd = NONE };
		goto reopen
	:: else
	fi;
	KILL;
	atomic { draining++; drains = true; assert(draining == 1) }; KILL;
	if						/* SIGHUP after a rename */
	:: path != fd ->
		atomic { draining--; drains = false; file_lock[fd] = false;
			 has_file = false; fd = NONE };
		goto reopen
	:: skip
	fi;
killed:	atomic {
		draining = draining - drains; drains = false;
		if :: has_file -> file_lock[fd] = false :: else fi;
		if :: has_byte -> object_byte = false :: else fi;
		has_file = false; has_byte = false; fd = NONE
	};
	if :: goto start :: skip fi
}

active proctype renamer()
{
	byte n;
	do
	:: atomic { n < ROT && path != NONE && made <= ROT -> path = NONE; n++ }
	:: break
	od
}

init { atomic { run server(); run server() } }
