/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * seal_open_fuzz.c: ate__data_key_open(), ate__name_key_open(), ate__body_decrypt(): RECIPIENTS,
 * LINK, NAMEKEY and a ciphertext as a hostile writer may have stored them. Two epochs of a scope
 * and a body in it, each with patches (patch.h). Whatever opens is what was sealed.
 */
#include "base/assert.h"
#include "patch.h"
#include "unit/trust/scopes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SCOPE = 1, BODY = 2 };
static struct world w;
static struct ate__seal_env e;
static struct ate__buf control_header[2], body;
static struct ate__data_key *key[2]; /* of the epochs */
static struct ate__key32 name_key;
static const struct ate_bytes secret = {"the payload", 11};

/* Secrets, and what they point to, lie in memory that leak checkers do not look through. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return 1;
}

/* The library begins no epoch above 0 yet. */
static void make_next_epoch(struct ate_session *s, const struct ate__control *first)
{
    static const uint8_t seal_public[ATE__XWING_PUBLIC];
    struct ate__key32 d = {{2, 0x44}};
    struct ate_id object = id_of(SCOPE);
    struct ate__epoch_of of = {&e, &object, 1};
    struct ate__rule readers = rule_of_keys(&w, 1 << 1);
    struct ate__auth auth = {{readers}};
    struct ate__public_parts parts;
    struct ate__buf sealed = ATE__BUF_NULL;
    uint8_t link[ATE__LINK_SIZE];
    must(!ate__data_key_new(&e, &d, &key[1]));
    must(!ate__public_key_parse(ate__buf_bytes(&ate__session_key(s, 0)->public_key), &parts));
    struct ate__recipient entry = {.method = ATE__SEALED_TO_KEM};
    memcpy(&entry.fingerprint, readers.keys, sizeof entry.fingerprint);
    must(!ate__data_key_seal(&of, key[1], &entry.fingerprint, &parts, &sealed));
    must(!ate__link_make(&of, key[1], key[0], link));
    entry.sealed = ate__buf_bytes(&sealed);
    struct ate__header_wr wr = ate__header_wr_of(&control_header[1]);
    ate__header_item(&wr, ATE__TAG_OBJECT, ate__bytes(&object, sizeof object));
    ate__header_auth(&wr, &auth);
    ate__header_epoch(&wr, &(struct ate__epoch_item){1, key[1]->id, ATE__KEM_XWING,
                                                     ate__bytes(seal_public, sizeof seal_public)});
    ate__header_recipients(&wr, &entry, 1);
    ate__header_item(&wr, ATE__TAG_LINK, ate__bytes(link, sizeof link));
    ate__header_namekey(&wr, &first->header.namekey);
    must(!ate__header_end(&wr));
    ate__buf_deinit(&sealed);
}

static void make_body(void)
{
    struct ate_id id = id_of(BODY), parent = id_of(SCOPE);
    struct ate__buf header = ATE__BUF_NULL, cipher = ATE__BUF_NULL;
    struct ate__conf_item conf;
    must(!ate__body_encrypt(&e, key[0], 0, &id, ate__bytes(NULL, 0), &parent, 0,
                            ate__bytes(NULL, 0), secret, &conf, &cipher));
    struct ate__header_wr hw = ate__header_wr_of(&header);
    ate__header_item(&hw, ATE__TAG_OBJECT, ate__bytes(&id, sizeof id));
    ate__header_parent(&hw, &parent, 0);
    ate__header_conf(&hw, &conf);
    must(!ate__header_end(&hw));
    struct ate__wr wr = ate__wr_of(&body);
    ate__wr_u8(&wr, ATE__CIPHER);
    ate__wr_bytes32(&wr, ate__buf_bytes(&header));
    ate__wr_bytes32(&wr, ate__buf_bytes(&cipher));
    must(!ate__wr_end(&wr));
    ate__buf_deinit(&header);
    ate__buf_deinit(&cipher);
}

static void begin(void)
{
    simenv_init(&w.sim, 7, NULL);
    e = (struct ate__seal_env){&w.sim.env, hash_of(1), ATE__SHA256, 192};
    struct ate_session *s = session_of(1 << 1);
    struct ate__scope_plan plan = plan_of(&w, SCOPE, 1 << 1, s);
    must(!ate__control_make(&e, s, &plan, &control_header[0], &key[0]));
    struct ate__buf copy = ATE__BUF_NULL;
    must(!ate__buf_append(&copy, ate__buf_bytes(&control_header[0])));
    struct ate__control *first = control_from(&copy, NULL);
    must(!ate__name_key_open(&e, s, first, first, &name_key));
    make_next_epoch(s, first);
    make_body();
    ate__control_unref(first);
    ate__session_unref(s);
}

/* NULL: the header is none of a control event any more. */
static struct ate__control *patched_control(struct ate__rd *r, unsigned epoch,
                                            struct ate__control *older)
{
    struct ate__event event = {.form = ATE__BARE};
    struct ate__buf bytes = ATE__BUF_NULL;
    enum ate__event_kind kind;
    struct ate__control *c = NULL;
    must(!ate__buf_append(&bytes, ate__buf_bytes(&control_header[epoch])));
    fuzz_patch(r, bytes.data, bytes.size);
    event.bytes = ate__buf_bytes(&bytes);
    if (!ate__header_decode(event.bytes, &event.header) &&
        !ate__header_kind(&event.header, &kind) && kind == ATE__EVENT_CONTROL) {
        event.kind = (uint8_t)kind;
        must(!ate__control_new(&event, epoch + 1, older, &c));
    }
    ate__buf_deinit(&bytes);
    return c;
}

static void open_body(struct ate__rd *r, const struct ate__data_key *with)
{
    struct ate__buf bytes = ATE__BUF_NULL, plain = ATE__BUF_NULL;
    struct ate__event event;
    struct ate__header items;
    struct ate_bytes payload;
    must(!ate__buf_append(&bytes, ate__buf_bytes(&body)));
    bool changed = fuzz_patch(r, bytes.data, bytes.size);
    if (!ate__event_decode(ate__buf_bytes(&bytes), ATE__SHA256, &event)) {
        int rc = ate__body_decrypt(&e, with, &event, &plain, &items, &payload);
        ate__assert(changed || !rc);
        ate__assert(rc || ate__bytes_equal(payload, secret));
    }
    ate__buf_deinit(&plain);
    ate__buf_deinit(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!key[0])
        begin();
    struct ate__rd r = ate__rd_of(ate__bytes(data, size));
    struct ate_session *s = session_of(1 << 1);
    struct ate__control *first = patched_control(&r, 0, NULL);
    struct ate__control *newest = first ? patched_control(&r, 1, first) : NULL;
    struct ate__data_key *opened = NULL;
    struct ate__key32 name = {{0}};
    if (newest && !ate__data_key_open(&e, s, newest, &key[1]->id, &opened)) {
        ate__assert(!memcmp(&opened->d, &key[1]->d, sizeof opened->d));
        ate__data_key_unref(opened);
    }
    if (newest && !ate__data_key_open(&e, s, newest, &key[0]->id, &opened)) {
        ate__assert(!memcmp(&opened->d, &key[0]->d, sizeof opened->d));
        ate__data_key_unref(opened);
    }
    /* A NAMEKEY in clear is what it says; a header without one names nothing. */
    bool names =
        first && ate__header_has(&first->header, ATE__TAG_NAMEKEY) && first->header.namekey.wrapped;
    if (names && !ate__name_key_open(&e, s, first, newest ? newest : first, &name))
        ate__assert(!memcmp(&name, &name_key, sizeof name));
    open_body(&r, key[0]);
    ate__control_unref(newest);
    ate__control_unref(first);
    ate__session_unref(s);
    return 0;
}
