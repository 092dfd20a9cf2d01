/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "api/age.h"
#include "api/limits.h"
#include "api/proof_fork.h"
#include "api/proof_source.h"
#include <time.h>

enum {
    SLICE_MS = 500,  /* between two looks whether it has ended */
    AWAIT_MS = 10000 /* for the first; a server that signs sends it at once */
};

int ate__aging_check_conf(const struct ate_chain_conf *conf)
{
    if (conf->max_age_s && conf->max_age_s < ATE__AGE_MIN_S)
        return ate__fail(ATE_MISUSE, "chain: conf.max_age_s is below %d: a server signs each 30 s",
                         ATE__AGE_MIN_S);
    if (conf->max_age_strict && conf->max_age_s == UINT32_MAX)
        return ate__fail(ATE_MISUSE, "chain: conf.max_age_strict, and any age will do");
    return ate__reserved_check("chain", conf->reserved_age, sizeof conf->reserved_age);
}

void ate__aging_init(struct ate_chain *c, const struct ate_chain_conf *conf)
{
    struct ate__aging *a = &c->aging;
    uint32_t most_s = conf->max_age_s ? conf->max_age_s : ATE__AGE_DEFAULT_S;
    pthread_condattr_t monotonic;
    a->most_ms = most_s == UINT32_MAX ? UINT64_MAX : (uint64_t)most_s * 1000;
    a->strict = conf->max_age_strict;
    a->expected = conf->max_age_s || a->strict;
    pthread_mutex_init(&a->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&a->heard, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

void ate__aging_deinit(struct ate_chain *c)
{
    pthread_cond_destroy(&c->aging.heard);
    pthread_mutex_destroy(&c->aging.mutex);
}

void ate__aging_begin(struct ate_chain *c)
{
    struct ate__aging *a = &c->aging;
    bool signed_before = ate__fork_has_note(&c->memory);
    pthread_mutex_lock(&a->mutex);
    ate__age_begin(&a->age, ate__clock_boot_ms());
    a->remote = true;
    a->expected |= signed_before;
    pthread_mutex_unlock(&a->mutex);
}

void ate__aging_heard(struct ate_chain *c, int result, const struct ate__checkpoint *checkpoint)
{
    struct ate__aging *a = &c->aging;
    uint64_t wall_s = ate__wall_us(&ate__env_real) / 1000000, now_ms = ate__clock_boot_ms();
    pthread_mutex_lock(&a->mutex);
    if (!result) {
        ate__age_signed(&a->age, now_ms, wall_s, a->most_ms / 1000, checkpoint->time_s);
        a->expected = true;
        a->told &= ate__age_ms(&a->age, now_ms) > a->most_ms;
        if (a->age.known && checkpoint->size >= a->size) {
            a->size = checkpoint->size;
            a->root = checkpoint->root;
        }
    }
    pthread_cond_broadcast(&a->heard);
    pthread_mutex_unlock(&a->mutex);
}

/* ---- what is said of it ---- */

/* With the mutex held. */
static bool is_stale(const struct ate__aging *a)
{
    return a->remote && ate__age_ms(&a->age, ate__clock_boot_ms()) > a->most_ms;
}

/* By what its address says: the name may still be made. */
static int fail_stale(const struct ate_chain *c, const struct ate__age *age)
{
    const char *name = c->ask->addr.path;
    uint64_t most_ms = c->aging.most_ms;
    unsigned long long old_s = ate__age_ms(age, ate__clock_boot_ms()) / 1000,
                       most_s = most_ms / 1000;
    if (age->doubted_s)
        return ate__fail(
            ATE_STALE,
            "%s: its newest head was signed %llu s ago, by the signer's clock and this "
            "machine's: one of them is wrong, or an old view is shown; %llu s are "
            "allowed",
            name, (unsigned long long)age->doubted_s, most_s);
    if (!age->known)
        return ate__fail(
            ATE_STALE,
            "%s: no log key of the chain has signed a head since it was opened, %llu s "
            "ago: how old this view is cannot be known; its server may not sign (atedb "
            "log-key, ate checkpoint --add-log-key), or shows an old view",
            name, old_s);
    return ate__fail(ATE_STALE,
                     "%s: nothing shows that this view is newer than %llu s, and %llu s are "
                     "allowed: its server is not reached, does not sign, or shows an old view",
                     name, old_s, most_s);
}

int ate__aging_check(struct ate_chain *c)
{
    struct ate__aging *a = &c->aging;
    pthread_mutex_lock(&a->mutex);
    bool stale = a->strict && is_stale(a);
    struct ate__age age = a->age;
    pthread_mutex_unlock(&a->mutex);
    return stale ? fail_stale(c, &age) : 0;
}

uint64_t ate__aging_left_ms(struct ate_chain *c)
{
    struct ate__aging *a = &c->aging;
    pthread_mutex_lock(&a->mutex);
    uint64_t old_ms = ate__age_ms(&a->age, ate__clock_boot_ms());
    uint64_t left_ms = !a->strict || !a->remote ? UINT64_MAX
                       : old_ms > a->most_ms    ? 0
                                                : a->most_ms - old_ms + 1;
    pthread_mutex_unlock(&a->mutex);
    return left_ms;
}

bool ate_chain_age(const struct ate_chain *chain, struct ate_age *ret_age)
{
    struct ate__aging *a = &((struct ate_chain *)(uintptr_t)chain)->aging; /* for its mutex */
    pthread_mutex_lock(&a->mutex);
    bool remote = a->remote;
    struct ate_age age = {
        .known = a->age.known,
        .stale = is_stale(a),
        .age_ms = (int64_t)ate__age_ms(&a->age, ate__clock_boot_ms()),
        .signed_ns = ate__ns_of(ate__min(a->age.signed_s, INT64_MAX / 1000000) * 1000000),
        .head = {a->size, a->root},
    };
    pthread_mutex_unlock(&a->mutex);
    if (remote)
        *ret_age = age;
    return remote;
}

/* ---- the program is told ---- */

uint64_t ate__aging_look(void *arg)
{
    struct ate_chain *c = arg;
    struct ate__aging *a = &c->aging;
    if (a->most_ms == UINT64_MAX || !c->checkpoint_seen)
        return 0;
    pthread_mutex_lock(&a->mutex);
    uint64_t old_ms = ate__age_ms(&a->age, ate__clock_boot_ms());
    bool tell = old_ms > a->most_ms && a->expected && !a->told;
    uint64_t again_ms = old_ms > a->most_ms ? a->most_ms : a->most_ms - old_ms + 1;
    a->told |= tell;
    struct ate__age age = a->age;
    pthread_mutex_unlock(&a->mutex);
    if (tell && fail_stale(c, &age))
        c->checkpoint_seen(c->checkpoint_arg, ATE_STALE, ate__error_text(), NULL);
    return again_ms;
}

/* ---- at the end of a strict open ---- */

static int check_has_log_key(struct ate_chain *c)
{
    struct ate__log_keys keys;
    int rc = ate__proof_log_keys(c, &keys);
    if (!rc && !keys.count)
        rc = ate__fail(ATE_STALE,
                       "%s: it names no log key, so nobody signs its head, and how old it is "
                       "cannot be known",
                       c->name);
    if (rc != ATE_STALE && rc)
        return rc;
    if (!rc)
        ate__log_keys_deinit(&keys);
    return rc;
}

/* Waits for a checkpoint; gives what is known then. */
static struct ate__age wait_slice(struct ate__aging *a, uint64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    until.tv_sec += (time_t)(ms / 1000) + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&a->mutex);
    if (!a->age.known)
        pthread_cond_timedwait(&a->heard, &a->mutex, &until);
    struct ate__age age = a->age;
    pthread_mutex_unlock(&a->mutex);
    return age;
}

int ate__aging_await(struct ate_chain *c)
{
    struct ate__aging *a = &c->aging;
    if (!a->strict || !a->remote)
        return 0;
    uint64_t begun_ms = ate__monotonic_ms(&ate__env_real);
    /* Half: so that what a whole command has is left for it to say why. */
    uint64_t half_ms = c->timeout_ms < 0 ? AWAIT_MS : (uint64_t)c->timeout_ms / 2;
    uint64_t most_ms = half_ms < AWAIT_MS ? half_ms : AWAIT_MS;
    struct ate__age age = {.known = false};
    int rc = check_has_log_key(c);
    while (!rc && !age.known) {
        uint64_t passed_ms = ate__monotonic_ms(&ate__env_real) - begun_ms;
        bool over = passed_ms >= most_ms;
        age = wait_slice(a, most_ms < SLICE_MS ? most_ms : SLICE_MS);
        rc = c->pipe->v->far->ended(c->pipe);
        if (!rc && !age.known && (over || age.doubted_s))
            rc = fail_stale(c, &age);
    }
    return rc ? rc : ate__aging_check(c);
}
