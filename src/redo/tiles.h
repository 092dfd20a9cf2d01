/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * tiles.h: the leaf hashes of the tree and the hashes above them, in tiles (C2SP tlog-tiles).
 *
 * A tile is 256 hashes of one level, 8 KiB: tile (l, k) holds the nodes 256k to 256k + 255 of tree
 * level 8l. All tiles lie in one file, `tiles`, in the order in which they are begun, so that it
 * grows at its end alone: behind the first tile of each level follow the tiles of the level below
 * until that tile's first hash is known. The place of tile (l, k), counted in tiles, is computed:
 *
 *   begun(l, n)  how many tiles of level l >= 1 are begun once n tiles of level 0 are full:
 *                0 where n <= 256^(l-1) - 1, else (n - 256^(l-1)) / 256^l + 1
 *   place(0, k)  = k + begun(1, k) + begun(2, k) + ...
 *   place(l, k)  = place(0, n) + 1 with n = 256^l * k + 256^(l-1) - 1, the tile that begins it
 *
 *   leaves 0-255: (0,0) | (1,0) | (0,1) (0,2) ... (0,255) | (2,0) | (0,256) | (1,1) | (0,257) ...
 *
 *  1. Only the right edge is in memory: the last, unfinished tile of each level. A tile is written
 *     when the hash behind it comes, the edge at close. Nothing is synced: tiles are made of the
 *     records and are never believed before they were compared with them. But for what compaction
 *     leaves out: the leaves of missing records stand here alone, so that keep() brings full tiles
 *     to stable storage first, and they are believed where the tree that they make is.
 *  2. After truncate(0) the file keeps what it had. A tile that is finished is compared with what
 *     the file holds at its place, and written only where it differs.
 *  3. A tile that may not be written (a reader's, a memory log's, any after hold()) is kept in
 *     memory; after hold() at most ATE__TILES_HELD_MAX of level 0 are: of the others only that the
 *     file has them not, and they are made anew from the records when they are read.
 *  4. A tile of level l + 1 gets a hash when the tile of level l below it is full and the next hash
 *     of level l comes; until then that hash is computed when it is asked for.
 *
 * Thread-safe by a mutex of its own.
 */
#pragma once
#include "base/vfs.h"
#include "redo/limits.h"
#include <pthread.h>

enum { ATE__TILE_HASHES = 256, ATE__TILE_BYTES = ATE__TILE_HASHES * 32 };

struct ate__tile_edge {
    struct ate_hash *hashes; /* ATE__TILE_HASHES; NULL until the level is reached */
    unsigned count;
    uint64_t index; /* of the tile in its level */
};
struct ate__tiles {
    pthread_mutex_t mutex; /* guards all */
    const struct ate__vfs *vfs;
    struct ate__dir *dir;   /* borrowed; NULL: memory alone */
    struct ate__file *file; /* NULL: not there */
    bool writable;
    uint64_t size; /* leaves */
    uint64_t file_bytes;
    struct ate__tile_edge edge[ATE__TILE_LEVELS];
    bool held;      /* nothing is written */
    bool left;      /* nor ever again */
    int (*leaves)(void *arg, uint64_t first, struct ate_hash *ret_leaves); /* NULL: none */
    void *leaves_arg;
    uint8_t **kept; /* by place: tiles that are not in the file; NULL: it is there */
    size_t kept_capacity;
    size_t kept_leaves; /* of level 0, in memory */
    struct ate_hash *read; /* the tile that was read last */
    uint64_t read_place;   /* UINT64_MAX: none */
};

/* Where tile (level, index) stands, in tiles. */
uint64_t ate__tile_place(unsigned level, uint64_t index);

/* dir NULL: in memory. Opens nothing yet: begins with no leaves. */
void ate__tiles_init(struct ate__tiles *t, const struct ate__vfs *vfs, struct ate__dir *dir,
                     bool writable);
/* From now on they may be written. Either none was appended yet, or they are held, and release()
 * follows. */
void ate__tiles_may_write(struct ate__tiles *t);
/* Writes the edge where it may, as far as it can. */
void ate__tiles_deinit(struct ate__tiles *t);
/* From now on nothing is written, not even the file made, until release(). leaves: gives the 256
 * leaves from `first` on, as the records say them; it is called under the mutex, also after
 * release(), and lives as long as the tiles. */
void ate__tiles_hold(struct ate__tiles *t,
                     int (*leaves)(void *arg, uint64_t first, struct ate_hash *ret_leaves),
                     void *arg);
/* Writes what was held back, where it may. What is not written stays readable. Errors: E_*, and
 * those of leaves(). */
int ate__tiles_release(struct ate__tiles *t) ATE__CHECK;
/* Errors: E_*; as many are appended as size() then says. */
int ate__tiles_append(struct ate__tiles *t, const struct ate_hash *leaves, size_t count) ATE__CHECK;
uint64_t ate__tiles_size(struct ate__tiles *t);
/* Errors: MISUSE (above the size) E_* */
int ate__tiles_truncate(struct ate__tiles *t, uint64_t size) ATE__CHECK;
/* The root of the complete subtree of 2^level leaves at index * 2^level. Errors: NOT_FOUND E_* */
int ate__tiles_node(struct ate__tiles *t, unsigned level, uint64_t index, struct ate_hash *ret_hash)
    ATE__CHECK;
uint64_t ate__tiles_bytes(struct ate__tiles *t); /* of the file */
/* The leaves of a full tile as the file has them. first: a multiple of 256. Errors: NOT_FOUND E_*
 */
int ate__tiles_stored(struct ate__tiles *t, uint64_t first, struct ate_hash *ret_leaves) ATE__CHECK;
/* Brings full tiles of leaves to stable storage, from where records may then be left out: those
 * from `from` on, below which that was done before, to `to`. *ret_full: of all leaves below it that
 * is so. hold() was called once, and gives the leaves. Errors: READ_ONLY E_*, those of leaves() */
int ate__tiles_keep(struct ate__tiles *t, uint64_t from, uint64_t to, uint64_t *ret_full)
    ATE__CHECK;
/* The same of the full tiles below `to` that other tiles have, which nobody else uses; these do not
 * show them. Errors: READ_ONLY E_* */
int ate__tiles_keep_of(struct ate__tiles *t, struct ate__tiles *of, uint64_t to) ATE__CHECK;
/* The leaves of others, which nobody else uses, take the place of all from `same` on. Errors: E_*;
 * some may have been taken then. */
int ate__tiles_take(struct ate__tiles *t, struct ate__tiles *of, uint64_t same) ATE__CHECK;
/* The file is left as it is, by deinit() too: it may be that of what these tiles do not show. */
void ate__tiles_leave(struct ate__tiles *t);
