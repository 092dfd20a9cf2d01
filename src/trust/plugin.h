/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * plugin.h: what plug-ins are asked by the layers below api, which implements it
 * (api/plugin_hooks.c; include/ate/plugin.h is what they see).
 *
 * A plug-in may refuse before a transaction has a place in the chain, at its writer and at its
 * root, and nowhere else: what is in the chain is judged by acceptance alone (trust/accept.h), the
 * same at everybody.
 */
#pragma once
#include "event/tx.h"
#include "trust/state.h"

struct ate__linted { /* a change of an object, before it is encrypted */
    struct ate_id id, parent;
    bool existed, deleted, json;
    struct ate_bytes name, type, payload; /* empty of one that is deleted */
};
/* Outlives what uses it; any thread. A function of NULL refuses nothing. The sentence names the
 * plug-in. */
struct ate__plugins {
    void *arg;
    int (*lint)(void *arg, struct ate__trust *trust, const struct ate__linted *change);
    /* tx: whole; its signatures hold. */
    int (*validate)(void *arg, struct ate__trust *trust, const struct ate__tx *tx);
};
