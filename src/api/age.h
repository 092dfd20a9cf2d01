/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * age.h: how old what a handle shows of a chain at a server may be (trust/age.h), against the
 * conf's max_age_s: a program is told, or what is too old is not read. Thread-safe.
 */
#pragma once
#include "ate/base.h"
#include "base/compiler.h"
#include "trust/age.h"
#include <pthread.h>

enum { ATE__AGE_DEFAULT_S = 120 };

struct ate_chain;
struct ate_chain_conf;
struct ate__checkpoint;
struct ate__aging {
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t heard;  /* of a checkpoint */
    struct ate__age age;
    uint64_t size;        /* of the newest that held, and its root: */
    struct ate_hash root;
    uint64_t most_ms;     /* UINT64_MAX: any */
    bool strict;
    bool expected;        /* the server signs, or the conf says so */
    bool told;            /* the program, and nothing held since */
    bool remote;
};
int ate__aging_check_conf(const struct ate_chain_conf *conf) ATE__CHECK; /* MISUSE */
void ate__aging_init(struct ate_chain *c, const struct ate_chain_conf *conf);
void ate__aging_deinit(struct ate_chain *c);
/* Before it is opened at a server; its memory is there. */
void ate__aging_begin(struct ate_chain *c);
/* A checkpoint came; 0: it held. */
void ate__aging_heard(struct ate_chain *c, int result, const struct ate__checkpoint *checkpoint);
/* For struct ate__remote_conf; arg: the handle. */
uint64_t ate__aging_look(void *arg);
/* Of a strict one: waits for the first; at the end of the open. Errors: STALE; as the pipe ended.*/
int ate__aging_await(struct ate_chain *c) ATE__CHECK;
/* Of a strict one. STALE: it is too old. */
int ate__aging_check(struct ate_chain *c) ATE__CHECK;
/* Of a strict one: in how many ms it will be, if nothing comes; else UINT64_MAX. */
uint64_t ate__aging_left_ms(struct ate_chain *c);
