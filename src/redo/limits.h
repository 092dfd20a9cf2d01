/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * limits.h: the bounds of the redo layer (docs/format/limits.md has the table of all).
 */
#pragma once

enum {
    ATE__GROUP_BYTES_MAX = 16 << 20, /* a group, its header included */
    ATE__SEGMENT_BYTES_MIN = 64 << 10,
    ATE__SEGMENT_BYTES_MAX = 64 << 20,
    ATE__PAD_BYTES = 4096,        /* where a group starts in a padded segment */
    ATE__SEGMENTS_MAX = 65536,    /* in one log: 4 TiB of full ones */
    ATE__SEGMENTS_OPEN_MAX = 16,  /* descriptors that a log keeps; pinned ones may exceed it */
    ATE__INDEX_STEP_BYTES = 64 << 10, /* between two entries of the index */
    ATE__WINDOW_BYTES_MIN = 16 << 10, /* the first read of a search or scan */
    ATE__WINDOW_BYTES = 256 << 10,    /* and the largest */
    ATE__PREWRITE_BYTES = 512 << 10,   /* zeros in one step of prepare(), synced */
    ATE__RESERVE_BYTES_MIN = 16 << 10, /* the file `reserve` (redo/reserve.h) */
    ATE__RESERVE_BYTES_MAX = 1 << 20,
    ATE__ROOM_BYTES_MIN = 64 << 10, /* beyond the reserve, until a log is not full any more */
    ATE__TRIMMED_BYTES_MAX = 64 << 20, /* in trimmed/ unless configured */
    ATE__TRIMMED_FILES_MAX = 256,
    ATE__LOCK_WAIT_MS = 1000,
    ATE__LOCK_POLL_MS = 10,
    ATE__READER_TRIES = 16, /* of a reader beside a writer that changes the list meanwhile */
    ATE__TILE_LEVELS = 8,   /* 256^8 leaves */
    ATE__BACKUP_STEP_BYTES = 256 << 20, /* of a copy, between two lists */
    ATE__TILES_HELD_MAX = 4096, /* of level 0, in memory while they may not be written: 32 MiB */
};
