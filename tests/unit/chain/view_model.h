/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * view_model.h: what the view has to say, kept in the plainest way: every version of every object
 * for ever, looked through from one end to the other.
 */
#pragma once
#include "chain/view_private.h"
#include "draft.h"
#include "lib/rnd.h"
#include "lib/simenv.h"

enum {
    MODEL_OBJECTS = 24, /* ids 1 to 24; 0 is the top */
    MODEL_TAGS = 7,
    MODEL_SEQUENCES = 60000
};

struct model_version {
    uint64_t sequence, created_sequence, joined;
    bool deleted;
    unsigned parent, collection, tag_count, tag[2];
    struct ate_hash hash;
    uint32_t offset, size;
    uint32_t event; /* while the transaction is made */
};
struct model_rules {
    uint64_t sequence;
    struct ate_hash hash;
    uint32_t event;
};
struct model_object {
    struct model_version *versions;
    struct model_rules *rules;
    size_t count, rule_count, capacity, rule_capacity;
};
struct model {
    struct simenv sim;
    struct ate__view *view;
    struct rnd r;
    struct model_object object[MODEL_OBJECTS + 1];
    unsigned collections; /* objects lie in those below it */
    uint64_t next, published, joins;
    uint64_t time_us[MODEL_SEQUENCES]; /* of each sequence, once it is placed */
};

void model_init(struct model *m, uint64_t seed);
void model_deinit(struct model *m);
/* One random transaction, installed in the view and here. */
void model_install(struct model *m);
void model_publish(struct model *m, uint64_t size); /* places and publishes */
void model_rollback(struct model *m);
const struct model_version *model_at(const struct model *m, unsigned object, uint64_t size);
/* Live children in the order in which they joined; returns how many. */
unsigned model_children(const struct model *m, unsigned parent, uint64_t size, unsigned ret[]);
/* All that a snapshot answers is what the model has at its size. */
void model_check(const struct model *m, const struct ate__view_snapshot *s);
void model_check_latest(const struct model *m);
void model_tag(unsigned tag, uint8_t ret_tag[ATE__NAME_TAG]);
