/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "api/fresh.h"
#include "base/err.h"
#include "base/text.h"
#include "crypto/keyfile.h"

_Static_assert((int)ATE_ZSTD == ATE__COMPRESSION_ZSTD, "one numbering");
_Static_assert((int)ATE_SHA256 == ATE__SHA256 && (int)ATE_SHA3_256 == ATE__SHA3_256,
               "one numbering");

/* Added to a time of our days it can still be told: 100,000 years. */
#define RETENTION_S_MAX (UINT64_C(100000) * 365 * 86400)

/* The bits of conf.allow. */
static const struct {
    unsigned bit;
    uint16_t algorithm;
} plain[] = {
    {ATE_ALLOW_MLDSA44, ATE__SIG_MLDSA44}, {ATE_ALLOW_MLDSA65, ATE__SIG_MLDSA65},
    {ATE_ALLOW_MLDSA87, ATE__SIG_MLDSA87}, {ATE_ALLOW_ED25519, ATE__SIG_ED25519},
    {ATE_ALLOW_ED448, ATE__SIG_ED448},
};

static uint64_t retention_us(const struct ate_chain_conf *conf)
{
    return conf->retention_s * 1000000;
}

static int only_at_creation(const char *field)
{
    return ate__fail(ATE_MISUSE,
                     "chain: conf.%s goes with CREATE: it is said when a chain is "
                     "created",
                     field);
}

static int check_keys(const struct ate_chain_conf *conf, unsigned flags)
{
    unsigned known = 0;
    for (size_t i = 0; i < ATE__COUNT_OF(plain); i++)
        known |= plain[i].bit;
    if (conf->strength && !ate__strength_known(conf->strength))
        return ate__fail(ATE_MISUSE, "chain: conf.strength %u is none of 128, 192 and 256",
                         conf->strength);
    if (conf->hash && !ate__hash_alg_known(conf->hash))
        return ate__fail(ATE_MISUSE, "chain: conf.hash: unknown");
    if (conf->allow & ~known)
        return ate__fail(ATE_MISUSE, "chain: conf.allow: unknown");
    if (flags & ATE_CREATE)
        return 0;
    return conf->strength ? only_at_creation("strength")
           : conf->hash   ? only_at_creation("hash")
           : conf->allow  ? only_at_creation("allow")
                          : 0;
}

int ate__fresh_check(const struct ate_chain_conf *conf, unsigned flags)
{
    if (conf->archive && !(flags & ATE_CREATE))
        return ate__fail(ATE_MISUSE, "chain: conf.archive goes with CREATE: a chain is made an "
                                     "archive when it is created");
    if (conf->compression > ATE_ZSTD)
        return ate__fail(ATE_MISUSE, "chain: conf.compression: unknown");
    if (conf->compression && !(flags & ATE_CREATE))
        return only_at_creation("compression");
    if (conf->log_key && !(flags & ATE_CREATE))
        return only_at_creation("log_key");
    if (conf->retention_s && !conf->archive)
        return ate__fail(ATE_MISUSE, "chain: conf.retention_s goes with conf.archive");
    if (conf->retention_s > RETENTION_S_MAX)
        return ate__fail(ATE_MISUSE, "chain: conf.retention_s: at most %llu; 0 is for ever",
                         (unsigned long long)RETENTION_S_MAX);
    return check_keys(conf, flags);
}

int ate__fresh_prepare(const struct ate_chain_conf *conf, struct ate__fresh *f)
{
    f->centralized = conf->centralized;
    if (conf->log_key) {
        int key_rc = ate__log_key_decode(ate__text_bytes(conf->log_key), &f->log_key);
        if (key_rc)
            return ate__context(key_rc, "conf.log_key");
    }
    f->strength = conf->strength;
    f->hash_alg = conf->hash;
    for (size_t i = 0; i < ATE__COUNT_OF(plain); i++)
        if (conf->allow & plain[i].bit)
            f->plain[f->plain_count++] = plain[i].algorithm;
    int rc = conf->archive ? ate__genesis_worm(retention_us(conf), &f->options) : 0;
    if (!rc && conf->compression)
        rc = ate__genesis_compression((enum ate__compression)conf->compression, &f->options);
    return rc;
}

void ate__fresh_deinit(struct ate__fresh *f)
{
    ate__buf_deinit(&f->options);
    ate__buf_deinit(&f->log_key);
}

struct ate__genesis_conf ate__fresh_genesis(const struct ate__fresh *f)
{
    return (struct ate__genesis_conf){
        .options = ate__buf_bytes(&f->options),
        .strength = f->strength,
        .hash_alg = f->hash_alg,
        .plain = f->plain,
        .plain_count = f->plain_count,
        .centralized = f->centralized,
        .log_key = ate__buf_bytes(&f->log_key),
    };
}

/* ---- what is there already ---- */

static int compression_matches(const struct ate_chain_conf *conf, const struct ate__genesis *g)
{
    if (!conf->compression || (int)conf->compression == g->compression)
        return 0;
    return ate__fail(ATE_EXISTS, "the chain is there already, and does not compress: that is said "
                                 "when it is created, and never later");
}

/* What is asked for is what the genesis says, whoever made it and when. */
static int archive_matches(const struct ate_chain_conf *conf, const struct ate__genesis *g)
{
    if (!conf->archive || (g->archive && g->retention_us == retention_us(conf)))
        return 0;
    if (!g->archive)
        return ate__fail(ATE_EXISTS, "the chain is there already, and is no archive: it is made "
                                     "one when it is created, and never later");
    if (!g->retention_us)
        return ate__fail(ATE_EXISTS, "the chain is there already, an archive that keeps everything "
                                     "for ever; how long is said when it is created, never later");
    return ate__fail(ATE_EXISTS,
                     "the chain is there already, an archive that keeps everything for "
                     "%llu s; how long is said when it is created, never later",
                     (unsigned long long)(g->retention_us / 1000000));
}

static int keys_match(const struct ate_chain_conf *conf, const struct ate__genesis *g)
{
    if (conf->strength && conf->strength != g->strength_min)
        return ate__fail(ATE_EXISTS,
                         "the chain is there already, and asks for keys of strength %u: that is "
                         "said when it is created, and never later",
                         g->strength_min);
    if (conf->hash && conf->hash != g->hash_alg)
        return ate__fail(ATE_EXISTS, "the chain is there already, with another hash: that is said "
                                     "when it is created, and never later");
    for (size_t i = 0; i < ATE__COUNT_OF(plain); i++)
        if ((conf->allow & plain[i].bit) && !ate__genesis_allows(g, plain[i].algorithm))
            return ate__fail(ATE_EXISTS,
                             "the chain is there already, and does not allow keys of %s: that is "
                             "said when it is created, and never later",
                             ate__algorithm(plain[i].algorithm)->name);
    return 0;
}

int ate__fresh_matches(const struct ate_chain_conf *conf, const struct ate__genesis *g)
{
    int rc = archive_matches(conf, g);
    if (!rc && conf->centralized && g->mode != ATE__CENTRALIZED)
        rc = ate__fail(ATE_EXISTS, "the chain is there already, and is not centralized: that is "
                                   "said when it is created, and never later");
    if (!rc)
        rc = compression_matches(conf, g);
    return rc ? rc : keys_match(conf, g);
}
