/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * kit.c: a chain on a simulated disk or in memory.
 */
#include "kit.h"
#include <stdlib.h>

static struct ate__key *keys[KIT_KEYS];

static void free_keys(void)
{
    for (unsigned n = 0; n < KIT_KEYS; n++)
        ate__key_free(keys[n]);
}

const struct ate__key *kit_key(unsigned n)
{
    assert_true(n < KIT_KEYS);
    for (unsigned i = 0; !keys[0] && i < KIT_KEYS; i++) {
        struct ate__key32 seed;
        memset(&seed, 0x51 + (int)(KIT_KEYS - 1 - i), sizeof seed);
        kit_ok(ate__key_of_seed(&seed, NULL, &keys[KIT_KEYS - 1 - i]));
        if (!i)
            atexit(free_keys);
    }
    return keys[n];
}

/* ---- life ---- */

void kit_genesis(struct kit *k, const struct ate__auth *auth, uint64_t window, uint8_t variant)
{
    static const uint8_t algorithm[2] = {ATE__SIG_MLDSA65_ED25519, 0};
    struct ate__genesis g = {
        .format_version = ATE__FORMAT_VERSION,
        .rules_version = ATE__RULES_VERSION,
        .hash_alg = ATE__SHA256,
        .mode = ATE__DISTRIBUTED,
        .name = ate__text_bytes("/test"),
        .random = {variant, 1, 2, 3},
        .root_key_count = 1,
        .root_keys = {ate__buf_bytes(&kit_key(0)->public_key)},
        .window = window,
        .signature_algorithms = ate__bytes(algorithm, 2),
        .strength_min = 192,
    };
    struct ate__buf body = ATE__BUF_NULL, options = ATE__BUF_NULL, log_keys = ATE__BUF_NULL;
    struct ate__frontier empty;
    struct draft d;
    if (k->retention_us)
        kit_ok(ate__genesis_worm(k->retention_us, &options));
    g.options = ate__buf_bytes(&options);
    if (k->log_key) {
        struct ate_bytes log_key = ate__log_key_public(k->log_key);
        kit_ok(ate__genesis_key_list(&log_key, 1, &log_keys));
        g.mode = ATE__CENTRALIZED;
        g.log_keys = ate__buf_bytes(&log_keys);
    }
    kit_ok(ate__genesis_encode(&g, &body));
    kit_ok(ate__chain_id(ATE__SHA256, ate__buf_bytes(&body), &k->chain_id));
    draft_init(&d, &k->chain_id);
    ate__frontier_init(&empty);
    kit_ok(ate__frontier_root(&empty, &d.in.base_root));
    draft_item(&d, ATE__TAG_GENESIS, ate__buf_bytes(&body));
    if (auth)
        draft_control(&d, id_of(0), NULL, auth);
    d.signer[d.signer_count++] = kit_key(0);
    struct ate_bytes bytes = draft_encode(&d);
    assert_true(bytes.size <= sizeof k->genesis);
    memcpy(k->genesis, bytes.data, bytes.size);
    k->genesis_size = bytes.size;
    draft_deinit(&d);
    ate__buf_deinit(&options);
    ate__buf_deinit(&log_keys);
    ate__buf_deinit(&body);
}

static void take_root(struct kit *k)
{
    const struct ate__vfs *vfs = simdisk_vfs(k->disk);
    k->sim.env.vfs = vfs;
    kit_ok(vfs->open_root(vfs->user, "/c", &k->root));
}

void kit_init(struct kit *k, uint64_t seed)
{
    static struct kit made; /* the genesis of an open chain, signed once */
    struct ate__auth open = auth_write(ATE__RULE_EVERYONE);
    *k = (struct kit){.disk = simdisk_new(seed), .origin = 1};
    simenv_init(&k->sim, seed, NULL);
    simdisk_mkdir(k->disk, "/c");
    take_root(k);
    if (!made.genesis_size)
        kit_genesis(&made, &open, 1000, 0);
    memcpy(k->genesis, made.genesis, made.genesis_size);
    k->genesis_size = made.genesis_size;
    k->chain_id = made.chain_id;
}

void kit_take(struct kit *k, const struct kit *from, struct simdisk *take_disk, uint64_t seed)
{
    struct simenv *sim = &k->sim;
    *k = *from;
    k->disk = take_disk;
    k->chain = NULL;
    k->gate = NULL;
    simenv_init(sim, seed, NULL);
    sim->wall_us = from->sim.wall_us;
    take_root(k);
}

void kit_deinit(struct kit *k)
{
    kit_close(k);
    k->sim.env.vfs->close_dir(k->root);
    simenv_deinit(&k->sim);
    simdisk_free(k->disk);
}

static int host_key(void *arg, bool make, struct ate__host_key **ret_key)
{
    (void)make;
    const struct kit *k = arg;
    return ate__host_key_new(&(struct ate__key32){{k->host}}, ret_key);
}

struct ate__chain_conf kit_conf(struct kit *k)
{
    return (struct ate__chain_conf){
        .env = &k->sim.env,
        .workers = k->workers,
        .sync = k->sync,
        .sync_interval_ms = k->sync_interval_ms,
        .compact = k->compact,
        .image_secrets = k->image_secrets,
        .image_secret_count = k->image_secret_count,
        .host_key = k->host ? host_key : NULL,
        .host_key_arg = k,
    };
}

int kit_storage(struct kit *k, unsigned flags, struct ate__storage **ret_storage)
{
    struct ate__storage_conf conf = {.sync = k->sync, .sync_interval_ms = k->sync_interval_ms};
    struct ate__storage *s;
    int rc = k->memory ? ate__storage_open_mem(&k->sim.env, &k->chain_id, ATE__ROLE_ROOT, &s)
                       : ate__storage_open_file(&k->sim.env, k->root, flags, &k->chain_id,
                                                ATE__ROLE_ROOT, &conf, &s);
    if (!rc && k->gated) {
        k->gate = gate_new(s);
        s = &k->gate->base;
    }
    if (!rc)
        *ret_storage = s;
    return rc;
}

static int begin(struct kit *k)
{
    int rc = ate__chain_begin(k->chain);
    if (rc)
        kit_close(k);
    return rc;
}

int kit_chain_open(struct kit *k, const struct ate__chain_conf *conf,
                   struct ate__storage *take_storage, unsigned flags)
{
    int rc = ate__chain_open(conf, take_storage, flags, &k->chain);
    return rc ? rc : begin(k);
}

int kit_create(struct kit *k)
{
    struct ate__chain_conf conf = kit_conf(k);
    struct ate__storage *s;
    assert_null(k->chain);
    int rc = kit_storage(k, ATE__STORAGE_CREATE, &s);
    return rc ? rc
              : ate__chain_create(&conf, s, ate__bytes(k->genesis, k->genesis_size), &k->chain);
}

int kit_open(struct kit *k, unsigned flags)
{
    struct ate__chain_conf conf = kit_conf(k);
    struct ate__storage *s;
    bool locked = simdisk_exists(k->disk, "/c/,chain/lock");
    uint64_t calls = simdisk_count(k->disk, SIMDISK_MUTATING);
    assert_null(k->chain);
    int rc = kit_storage(k, flags, &s);
    if (!rc)
        rc = ate__chain_open(&conf, s, flags, &k->chain);
    if (!flags && locked)
        assert_true(simdisk_count(k->disk, SIMDISK_MUTATING) == calls);
    return rc ? rc : begin(k);
}

void kit_create_ok(struct kit *k)
{
    kit_ok(kit_create(k));
}

void kit_open_ok(struct kit *k, unsigned flags)
{
    kit_ok(kit_open(k, flags));
}

void kit_close(struct kit *k)
{
    struct ate__chain *c = k->chain;
    k->chain = NULL; /* whoever watches the disk sees none that is about to go */
    ate__chain_close(c);
    k->gate = NULL;
}

void kit_reopen_ok(struct kit *k)
{
    kit_close(k);
    kit_open_ok(k, 0);
}

static void go_on(struct kit *k, struct simdisk *next)
{
    simdisk_stop(k->disk, 0);
    kit_close(k);
    k->sim.env.vfs->close_dir(k->root);
    simdisk_free(k->disk);
    k->disk = next;
    take_root(k);
}

void kit_kill(struct kit *k)
{
    go_on(k, simdisk_clone(k->disk));
}

void kit_crash(struct kit *k, uint64_t seed)
{
    go_on(k, simdisk_crash(k->disk, seed));
}

/* ---- transactions ---- */

void kit_begin(struct kit *k, struct draft *d)
{
    draft_init(d, &k->chain_id);
    memset(d->in.id.origin, k->origin, sizeof d->in.id.origin);
    d->in.id.number = ++k->number;
    ate__chain_head(k->chain, &d->in.base_size, &d->in.base_root);
}

int kit_commit_bytes(struct kit *k, struct ate_bytes encoded)
{
    struct ate__offer offer = {.encoded = encoded, .waits = true, .timeout_ms = -1};
    if (k->log_key)
        offer.proved = &k->chain_id; /* by a server to which nobody has proved anything */
    ate__chain_wait(k->chain, &offer);
    k->receipt = offer.receipt;
    k->verdict = offer.verdict;
    snprintf(k->text, sizeof k->text, "%s", offer.text);
    if (offer.result)
        ate__error_set(offer.text);
    return offer.result;
}

int kit_commit(struct kit *k, struct draft *d)
{
    return kit_commit_bytes(k, draft_encode(d));
}

struct ate__object_facts kit_facts(struct kit *k, unsigned object)
{
    struct ate__view_snapshot s;
    struct ate__object_facts f;
    struct ate_id id = id_of(object);
    kit_ok(ate__view_begin(ate__chain_view(k->chain), ate__monotonic_ms(&k->sim.env), &s));
    kit_ok(ate__view_object(&s, &id, &f));
    ate__view_end(&s);
    return f;
}

void kit_draft_put(struct kit *k, struct draft *d, unsigned object, const char *text)
{
    struct ate__object_facts f = kit_facts(k, object);
    draft_text(d, id_of(object), f.live ? &f.body : NULL, text);
}

int kit_put(struct kit *k, unsigned object, const char *text)
{
    struct draft d;
    kit_begin(k, &d);
    kit_draft_put(k, &d, object, text);
    int rc = kit_commit(k, &d);
    draft_deinit(&d);
    return rc;
}

void kit_put_ok(struct kit *k, unsigned object, const char *text)
{
    kit_ok(kit_put(k, object, text));
}

const char *kit_text(struct kit *k, unsigned object)
{
    static _Thread_local char text[KIT_TEXT];
    struct ate__view_snapshot s;
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate__event e;
    struct ate_id id = id_of(object);
    kit_ok(ate__view_begin(ate__chain_view(k->chain), ate__monotonic_ms(&k->sim.env), &s));
    int rc = ate__chain_event(k->chain, &s, &id, &buf, &e, NULL);
    ate__view_end(&s);
    text[0] = 0;
    if (!rc) {
        size_t size = ate__min(e.payload.size, sizeof text - 1);
        memcpy(text, e.payload.data, size);
        text[size] = 0;
    } else if (rc != ATE_NOT_FOUND) {
        fail_msg("event: %s: %s", ate__result_name(rc), ate__error_text());
    }
    ate__buf_deinit(&buf);
    return text;
}

uint64_t kit_size(struct kit *k)
{
    uint64_t size;
    struct ate_hash root;
    ate__chain_head(k->chain, &size, &root);
    assert_true(size == ate__view_published(ate__chain_view(k->chain)));
    return size;
}

void kit_at_once(void *(*run)(void *arg), void *arg)
{
    struct timespec until;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run, arg), 0);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    if (pthread_timedjoin_np(thread, NULL, &until))
        fail_msg("it waits for the disk");
}
