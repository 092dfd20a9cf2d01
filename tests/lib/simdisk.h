/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * simdisk.h: a disk in memory that loses power, runs full and breaks on demand.
 *
 * It is a struct ate__vfs. What the process sees is the cache; what a power loss leaves is what was
 * synced, and of the rest anything that a disk may do:
 * 1. Data that were not synced: each page of 4 KiB by itself is as it is now, as it was at the last
 *    sync, as it was after any write in between, a mixture of two of these by sectors of 512 bytes,
 *    or garbled. Bytes outside the written ranges never change.
 * 2. The size of a file that was not synced is any that it had since, or one on the way; a part
 * that it was extended by and whose pages are lost is zeros. A truncation is there or not.
 * 3. Creations, renames and removals in a directory that was not synced are each there or not. A
 *    rename is atomic; a file has one name. A file or directory without a name is gone with all in
 *    it, whatever of it was synced.
 * 4. sync() covers data and size of one file and no name; sync_dir() covers the names in one
 *    directory and nothing inside.
 * All follows from the calls and the seeds alone. Handles, locks and faults belong to one disk and
 * are not copied. Thread-safe by one mutex. Does not use the library's memory (base/alloc.h).
 * With ATE_SIMDISK_TRACE in the environment every mutating call is printed.
 */
#pragma once
#include "base/vfs.h"

struct simdisk;

/* Kinds of calls. open() is CREATE where it makes the file, else OPEN; open_dir() with create is
 * CREATE where it makes the directory, then SYNC_DIR, then OPEN. */
enum {
    SIMDISK_CREATE = 1,
    SIMDISK_WRITE = 2,
    SIMDISK_TRUNCATE = 4,
    SIMDISK_SYNC = 8,
    SIMDISK_SYNC_DIR = 16,
    SIMDISK_RENAME = 32,
    SIMDISK_REMOVE = 64,
    SIMDISK_MUTATING = 127,
    SIMDISK_TAKING = SIMDISK_MUTATING & ~SIMDISK_REMOVE, /* may find a disk full */
    SIMDISK_OPEN = 128, /* also open_root() */
    SIMDISK_READ = 256,
    SIMDISK_STAT = 512,
    SIMDISK_LIST = 1024,
    SIMDISK_LOCK = 2048,
    SIMDISK_ALL = 4095
};

/* --- life --- */

struct simdisk *simdisk_new(uint64_t seed);          /* an empty root directory "/" */
void simdisk_free(struct simdisk *d); /* takes NULL; a handle still open fails the test */
const struct ate__vfs *simdisk_vfs(struct simdisk *d); /* lives as long as d */
size_t simdisk_handles(struct simdisk *d); /* open ones */

/* A new disk as d may be after a power loss at this moment. */
struct simdisk *simdisk_crash(struct simdisk *d, uint64_t seed);
/* The same disk once more, also what is not yet synced: so it is after the process was killed. */
struct simdisk *simdisk_clone(struct simdisk *d);
void simdisk_settle(struct simdisk *d); /* all is durable now, as after sync(2) */

/* --- faults; every call counts from the one of these functions that set it up --- */

/* The machine stops after the n-th mutating call (0: at once): all later calls fail with ATE_E_IO
 * and change nothing. */
void simdisk_stop(struct simdisk *d, uint64_t n);
bool simdisk_stopped(struct simdisk *d);

/* The n-th call of these kinds (1: the next) and the `count` - 1 after it fail with `result`; n 0:
 * none. A failed write has written a part of its bytes. After a failed sync each page is durable,
 * still to be synced, or taken as clean and lost, as Linux does. Any other failed call did nothing.
 */
void simdisk_fail(struct simdisk *d, unsigned kinds, uint64_t n, uint64_t count, int result);
bool simdisk_failed(struct simdisk *d); /* such a call was made */

/* Room for so many bytes of file data in whole pages, beyond which a write stops with
 * ATE_E_NO_SPACE, and which room() tells; UINT64_MAX: no limit. */
void simdisk_limit(struct simdisk *d, uint64_t bytes);
uint64_t simdisk_used(struct simdisk *d); /* bytes that count against it */

/* Calls of these kinds since simdisk_new(); failed ones too. Mutating calls are numbered so,
 * from 1. */
uint64_t simdisk_count(struct simdisk *d, unsigned kinds);

/* Called in the thread of the caller after each mutating call, failed or not, with its number and
 * without the mutex: it may take a simdisk_crash() of d. NULL: none. */
void simdisk_watch(struct simdisk *d, void (*each)(void *arg, uint64_t number), void *arg);
void simdisk_set_copy_on_write(struct simdisk *d, bool truth);

/* --- by the hand of the test: not counted, never failing, durable at once with all else in that
 * file and directory. Paths go from the root; where something is missing the test fails, unless
 * stated --- */

void simdisk_mkdir(struct simdisk *d, const char *path); /* with those above it; may be there */
bool simdisk_exists(struct simdisk *d, const char *path);
uint64_t simdisk_size(struct simdisk *d, const char *path);
uint8_t *simdisk_get(struct simdisk *d, const char *path, size_t *ret_size); /* to be free()d */
void simdisk_put(struct simdisk *d, const char *path, const void *data,
                 size_t size); /* or makes it */
void simdisk_patch(struct simdisk *d, const char *path, uint64_t at, const void *data, size_t size);
void simdisk_flip(struct simdisk *d, const char *path, uint64_t at,
                  uint8_t mask); /* byte ^= mask */
void simdisk_cut(struct simdisk *d, const char *path, uint64_t size); /* or extends with zeros */
void simdisk_unlink(struct simdisk *d, const char *path); /* with all in it; may be missing */
/* In the order of the names. */
void simdisk_each(struct simdisk *d, const char *path,
                  void (*each)(void *arg, const char *name, bool is_dir, uint64_t size), void *arg);
uint64_t simdisk_digest(struct simdisk *d); /* of all names and bytes; equal disks are equal */
