/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * survey.h: what stands on the disk, and how much of it counts. Reads alone; what then has to be
 * changed is done by redo/recover.h.
 *
 * 1. The list: the higher valid revision of meta.a and meta.b.
 * 2. Each segment in it: its header, and its footer or its length. Sealed and full segments are not
 *    read through: scan() does that, and ate__survey_verify() where something is to be changed.
 * 3. The last segment group by group, from its beginning (or from where the handle knows it) to the
 *    first thing that is not a whole group in sequence. With F, the highest floor in any sound
 *    group header or list:
 *
 *      WHAT STANDS THERE                                        MEANS
 *      zeros to the end of the file, nothing below F missing    the end
 *      an unknown kind, flag or version                         UNSUPPORTED
 *      damage below the length that the list gives              TAMPERED
 *      damage at a sequence below F                             TAMPERED
 *      a file longer than its header's capacity                 TAMPERED
 *      damage, behind which a header begins with the same       TAMPERED (an idle mark, which is
 *      sequence                                                 synced before anything follows)
 *      any other                                                a torn tail
 *
 *    Headers behind damage are sought as redo/scan.h says.
 * 4. A reader beside a writer looks at nothing behind the first group that is not whole, and shows
 *    what lies below F.
 */
#pragma once
#include "redo/redo.h"

enum ate__survey_mode {
    ATE__SURVEY_WRITER, /* has the exclusive lock */
    ATE__SURVEY_ALONE,  /* a reader that has the shared lock */
    ATE__SURVEY_BESIDE, /* a reader beside a writer */
};

struct ate__survey {
    enum ate__survey_mode mode;
    struct ate__pair pair;
    /* The segments that may be read: a prefix of the list. The last one's end and length are in
     * size and length, those of the others in the list. */
    struct ate__list list;
    uint64_t size, length;
    uint64_t floor; /* F; as far as a reader knows */
    uint64_t witnessed; /* the same by the files alone, without known_floor */
    uint64_t above_end; /* groups above F begin at this sequence */
    uint64_t above; /* and this offset of the last segment; length: there are none */
    uint64_t torn_bytes; /* behind `length`, to the last byte that is not zero */
    uint64_t idle_offset; /* of an idle mark that no list vouches for, at the end; 0: none */
    uint64_t root_time_us;
    bool next_named; /* the last segment is listed, and its file still `next` */
    uint64_t compact_named; /* id of a segment that is listed, and its file still `compact` */
    bool new_named; /* listed ones, and their files still ID.new */
    bool leftovers; /* segment files that the list does not name */
    bool newer; /* one of them is newer than the only list that is whole */
    struct ate__storage_damage damage;
};

/* known_floor: what the handle itself knows to be on stable storage. reuse: segments that are
 * open already, by which a reader goes on where it was; NULL: all is opened anew. The result is the
 * caller's to deinit; damage in a segment is told in it. Errors: NOT_FOUND TAMPERED UNSUPPORTED (of
 * the lists) STALE (the writer changed the list meanwhile) E_* */
int ate__survey_take(struct ate__redo *r, enum ate__survey_mode mode, uint64_t known_floor,
                     const struct ate__list *reuse, struct ate__survey *ret_survey) ATE__CHECK;
void ate__survey_deinit(struct ate__redo *r, struct ate__survey *v);
/* Reads all segments but the last through. Damage is told in v. Errors: E_* */
int ate__survey_verify(struct ate__redo *r, struct ate__survey *v) ATE__CHECK;
