/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * thin_world.h: a thin snapshot of a history made by hand, behind a source that is the test's.
 */
#pragma once
#include "lib/simenv.h"
#include "mesh/thin.h"
#include "past.h"

struct thin_world {
    struct simenv sim;
    struct past *past;
    uint64_t size;       /* newest that the server has */
    struct ate__trust *trust;
    struct ate__thin_chain chain;
    struct ate__thin_source source;
    struct ate__pipe pipe;
    unsigned refs, asked;
    int fail;            /* the next question fails so */
    bool no_snapshots;   /* every question at a size is STALE */
    uint64_t no_snapshots_before; /* those at smaller sizes are */
    void (*twist)(struct past_answer *a);
    int condemned;
    struct ate__snapshot *s;
    const struct ate__facts *facts;
};
void thin_init(struct thin_world *w, struct past *take_past);
void thin_deinit(struct thin_world *w);
void thin_begin(struct thin_world *w); /* a snapshot, where the one before was ended */
void thin_end(struct thin_world *w);

/* Of a commit that ended the history of that size. */
struct ate__receipt thin_receipt(struct thin_world *w, uint64_t size);

int thin_object(struct thin_world *w, unsigned id, struct ate__object_facts *ret);
int thin_holder(struct thin_world *w, unsigned parent, const char *name, struct ate_id *ret);
int thin_next(struct thin_world *w, unsigned parent, uint64_t *at, struct ate_id *ret);

/* Fails the test unless it is that result, with a sentence that holds this one. */
void thin_expect(int line, int rc, int expected, const char *sentence);
/* An object of this history is asked for, alone; twist NULL: the server shows what it should.
 * take_past: consumed. */
#define thin_ask(past, id, twist, expected, sentence)                                              \
    thin_ask_(past, id, twist, expected, sentence, __LINE__)
void thin_ask_(struct past *take_past, unsigned id, void (*twist)(struct past_answer *a),
               int expected, const char *sentence, int line);

/* Where the root key and alice may write. */
struct past *thin_bare(void);
/* A bit of everything:
 *
 * top       write: root, alice
 *   1       alice's; write: alice, bob (from its creation on); named "one"
 *     2     bob's, named "two"
 *       3   alice's, changed by bob; named "three"
 *   4       root's, named "four", with a payload that is left out where it is not asked for */
struct past *thin_family(void);
enum { THIN_LARGE = ATE__GET_PAYLOAD_MAX + 1 /* bytes of it */ };
/* Object 1 with the children 10, 11, ... in one transaction; an answer lists three. */
struct past *thin_crowd(void);
enum { THIN_CROWD = 10 };
