/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * compact.h: a log gets shorter, while it is read and written.
 *
 * What is dropped are payloads that nobody can ask for any more: those of versions that were
 * superseded, and of deleted objects. Every header, hash and signature stays, so that all of the
 * history still verifies from the root key on, and every proof made before stays valid. What a
 * transaction that has begun may still read stays too.
 */
#pragma once
#include <ate/chain.h>

ATE__BEGIN

struct ate_compact_conf { /* zero means the default in every field */
    uint64_t below; /* only what lies below this sequence; 0: all that is old enough by itself */
    unsigned gain_percent; /* a file is written anew if so much of it goes; 0: 10 */
    uint64_t bytes_per_second; /* of reading and writing; 0: as fast as it goes */
    /* bytes; runs inside the call, on its thread, and may not call the library */
    void (*progress)(void *arg, const char *stage, uint64_t done, uint64_t total);
    void *progress_arg;
    uint64_t reserved[8]; /* zero */
};
struct ate_compacted {
    uint64_t files, rewritten; /* that were looked at; that were written anew */
    uint64_t payloads; /* that went */
    uint64_t bytes_before, bytes_after; /* of the chain on disk */
};

/* WAITS. Of a chain in a directory, opened for writing; conf NULL: all defaults. Needs room on the
 * disk for one file of the log, at most 64 MiB. It can be stopped at any moment, by the death of
 * the process too: what was done until then stands. The stage that progress is told is "compact".
 * Any thread; one at a time.
 * Errors: UNSUPPORTED: the chain is at a server, which compacts it; BUSY: it is being compacted
 * already; READ_ONLY, E_NO_SPACE, TAMPERED, WOULD_DEADLOCK, E_*. */
ATE_CALL int ate_chain_compact(struct ate_chain *chain, const struct ate_compact_conf *conf,
                               struct ate_compacted *ret_compacted);

ATE__END
