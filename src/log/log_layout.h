/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_LOG_LOG_LAYOUT_H
#define SHUNT_LOG_LOG_LAYOUT_H

/*
 * What a log has in its area (segment/object_layout.h) and in its records.
 * docs/layout.md has the same in bytes.
 *
 *   area       0  server: what the server is and has done
 *           4096  note: the one batch that is on its way to the file
 *           8192  per lane, u64 each: the note's new tail, then, for all
 *                 lanes again, the note's new count of told drops
 *
 * A record's lane header carries in its 16-bit tag: bits 0..7 level, bits
 * 8..15 length of the tag.  Payload: stamp (monotonic ns) u64, pid u32, tid
 * u32, tag bytes, message bytes.
 *
 * Who may include this: log, inspect and the tests.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/atomics.h"

#define SHUNT__LOG_NOTE_OFF  4096u
#define SHUNT__LOG_TAILS_OFF 8192u

struct shunt__log_record_lay {
	uint64_t lr_stamp;
	uint32_t lr_pid;
	uint32_t lr_tid;
	/* tag, then message */
};

_Static_assert(sizeof(struct shunt__log_record_lay) == 16, "");

/* Words of note.nt_state, in its two low bits; above them a batch number. */
enum { SHUNT__NOTE_IDLE = 0, SHUNT__NOTE_INTENT = 1, SHUNT__NOTE_DONE = 2 };

/* Figures that a batch moves; in the note: as they are once it is done. */
struct shunt__log_count_lay {
	uint64_t lc_last; /* the highest stamp that was written */
	uint64_t lc_lines;
	uint64_t lc_bytes;
	uint64_t lc_batches;
	uint64_t lc_late;
	uint64_t lc_skewed;
	uint64_t lc_dropped; /* told of in the file */
	uint64_t lc_repeated;
};

struct shunt__log_note_lay {
	struct shunt__u64 nt_state; /* the only commit word of the server */
	uint64_t nt_dev;            /* the file: device, inode, birth */
	uint64_t nt_ino;
	int64_t nt_btime_ns;
	uint64_t nt_off;   /* the batch goes here */
	uint64_t nt_len;   /* bytes */
	uint64_t nt_sum;   /* checksum of those bytes */
	uint32_t nt_lanes; /* so many tails and tolds belong to the note */
	uint32_t nt_spare;
	struct shunt__log_count_lay nt_count;
	uint64_t nt_check; /* checksum of the note from nt_dev to here, and of
			      its tails and tolds */
};

struct shunt__log_server_lay {
	struct shunt__u32 sv_stop;      /* 1: please drain and end */
	struct shunt__u32 sv_disk_full; /* 1: waiting for room on disk */
	struct shunt__u32 sv_sync;      /* 0 never, 1 batch, 2 interval */
	struct shunt__u32 sv_beat;      /* moves while the name leads here */
	struct shunt__u64 sv_wall;      /* wall clock minus monotonic, ns */
	struct shunt__u64 sv_syncs;     /* fdatasync calls */
	uint64_t sv_dev;                /* the file being written */
	uint64_t sv_ino;
	uint8_t sv_boot[16]; /* the boot whose clock sv_wall is about;
				zeros: the one of the header */
	struct shunt__log_count_lay sv_count; /* truth while the note is idle */
	char sv_file[256];                    /* as it was named, NUL inside */
};

_Static_assert(sizeof(struct shunt__log_count_lay) == 64, "");
_Static_assert(offsetof(struct shunt__log_note_lay, nt_dev) == 8, "");
_Static_assert(offsetof(struct shunt__log_note_lay, nt_ino) == 16, "");
_Static_assert(offsetof(struct shunt__log_note_lay, nt_btime_ns) == 24, "");
_Static_assert(offsetof(struct shunt__log_note_lay, nt_off) == 32, "");
_Static_assert(offsetof(struct shunt__log_note_lay, nt_len) == 40, "");
_Static_assert(offsetof(struct shunt__log_note_lay, nt_sum) == 48, "");
_Static_assert(offsetof(struct shunt__log_note_lay, nt_lanes) == 56, "");
_Static_assert(offsetof(struct shunt__log_note_lay, nt_count) == 64, "");
_Static_assert(offsetof(struct shunt__log_note_lay, nt_check) == 128, "");
_Static_assert(offsetof(struct shunt__log_server_lay, sv_sync) == 8, "");
_Static_assert(offsetof(struct shunt__log_server_lay, sv_beat) == 12, "");
_Static_assert(offsetof(struct shunt__log_server_lay, sv_wall) == 16, "");
_Static_assert(offsetof(struct shunt__log_server_lay, sv_syncs) == 24, "");
_Static_assert(offsetof(struct shunt__log_server_lay, sv_dev) == 32, "");
_Static_assert(offsetof(struct shunt__log_server_lay, sv_ino) == 40, "");
_Static_assert(offsetof(struct shunt__log_server_lay, sv_boot) == 48, "");
_Static_assert(offsetof(struct shunt__log_server_lay, sv_count) == 64, "");
_Static_assert(offsetof(struct shunt__log_server_lay, sv_file) == 128, "");
_Static_assert(sizeof(struct shunt__log_server_lay) == 384, "");

#endif /* SHUNT_LOG_LOG_LAYOUT_H */
