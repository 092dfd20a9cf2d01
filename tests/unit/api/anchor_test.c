/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * What a chain is trusted for: which source decides, and that it decides alone.
 */
#include "api/anchor.h"
#include "base/text.h"
#include "unit/trust/world.h"

static struct world w;
static struct ate__key *added, *stranger;
static struct ate_session *owner, *nobody;
static char root_text[ATE__HASH_TEXT], added_text[ATE__HASH_TEXT], wrong_text[ATE__HASH_TEXT],
    chain_text[ATE__HASH_TEXT];

#define PATH "/example.com/trust" /* that the chain declares */

/* root: of conf; items: of the address, behind `#`; NULL: a directory. facts: of DNS, or NULL. */
static int checked(const char *root, const char *path, const char *items,
                   struct ate_session *session, const struct ate__dns_facts *facts)
{
    struct ate__anchor a;
    struct ate__addr addr;
    char text[1024];
    if (path) {
        snprintf(text, sizeof text, "tcp://db.ate.example%s%s%s", path, items ? "#" : "",
                 items ? items : "");
        assert_int_equal(ate__addr_parse(text, &addr), 0);
    }
    int rc = ate__anchor_init(&a, root, path ? &addr : NULL, session);
    if (rc)
        return rc;
    if (facts && ate__anchor_is_open(&a))
        assert_int_equal(ate__anchor_add(&a, facts), 0);
    rc = ate__anchor_check(&a, w.t);
    ate__anchor_deinit(&a);
    return rc;
}

static const char *item(const char *name, const char *value)
{
    static char texts[4][128];
    static unsigned next;
    char *text = texts[next++ % 4];
    snprintf(text, sizeof texts[0], "%s=%s", name, value);
    return text;
}

static const char *both(const char *one, const char *other)
{
    static char text[256];
    snprintf(text, sizeof text, "%s,%s", one, other);
    return text;
}

static void the_first_source_decides(void **state)
{
    (void)state;
    const char *good = item("root", root_text), *bad = item("root", wrong_text);
    const char *chain = item("chain", chain_text), *other = item("chain", wrong_text);
    assert_int_equal(checked(NULL, PATH, NULL, NULL, NULL), ATE_UNTRUSTED);
    assert_int_equal(checked(NULL, PATH, NULL, nobody, NULL), ATE_UNTRUSTED);
    assert_int_equal(checked(NULL, PATH, NULL, owner, NULL), 0);
    assert_int_equal(checked(NULL, PATH, good, NULL, NULL), 0);
    assert_int_equal(checked(root_text, PATH, NULL, NULL, NULL), 0);
    assert_int_equal(checked(NULL, PATH, chain, NULL, NULL), 0);
    /* each before those behind it, and final */
    assert_int_equal(checked(wrong_text, PATH, both(good, chain), owner, NULL), ATE_WRONG_CHAIN);
    assert_int_equal(checked(root_text, PATH, both(bad, other), nobody, NULL), 0);
    assert_int_equal(checked(NULL, PATH, both(good, other), owner, NULL), ATE_WRONG_CHAIN);
    assert_int_equal(checked(NULL, PATH, bad, owner, NULL), ATE_WRONG_CHAIN);
    /* several are as good as one */
    assert_int_equal(checked(both(wrong_text, root_text), PATH, NULL, NULL, NULL), 0);
    assert_int_equal(checked(NULL, PATH, both(bad, good), NULL, NULL), 0);
    assert_int_equal(checked("", PATH, good, owner, NULL), ATE_MISUSE);
}

static void dns_is_the_last(void **state)
{
    (void)state;
    struct ate__dns_facts facts = {.root_count = 1}, chain = {.has_chain = true};
    facts.roots[0] = w.root->fingerprint;
    chain.chain = *ate__trust_chain_id(w.t);
    assert_int_equal(checked(NULL, PATH, NULL, NULL, &facts), 0);
    assert_int_equal(checked(NULL, PATH, NULL, nobody, &facts), 0);
    assert_int_equal(checked(NULL, PATH, NULL, NULL, &chain), 0);
    assert_int_equal(checked(wrong_text, PATH, NULL, NULL, &facts), ATE_WRONG_CHAIN);
    assert_int_equal(checked(NULL, PATH, item("root", wrong_text), NULL, &facts), ATE_WRONG_CHAIN);
    assert_int_equal(checked(NULL, PATH, item("chain", wrong_text), NULL, &chain), ATE_WRONG_CHAIN);
    facts.roots[0].b[0] ^= 1;
    chain.chain.b[0] ^= 1;
    assert_int_equal(checked(NULL, PATH, NULL, nobody, &facts), ATE_WRONG_CHAIN);
    assert_int_equal(checked(NULL, PATH, NULL, nobody, &chain), ATE_WRONG_CHAIN);
    assert_int_equal(checked(root_text, PATH, NULL, NULL, &facts), 0);
}

/* A root key that was added, and one that is gone, stand for the chain, under its own name alone;
 * a chain id stands for it under any. */
static void added_later_and_the_declared_name(void **state)
{
    (void)state;
    const char *good[] = {root_text, added_text};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(checked(good[i], PATH, NULL, NULL, NULL), 0);
        assert_int_equal(checked(good[i], NULL, NULL, NULL, NULL), 0);
        assert_int_equal(checked(good[i], PATH "2", NULL, NULL, NULL), ATE_WRONG_CHAIN);
        assert_int_equal(checked(NULL, "/other", item("root", good[i]), NULL, NULL),
                         ATE_WRONG_CHAIN);
    }
    assert_int_equal(checked(NULL, "/other", NULL, owner, NULL), ATE_WRONG_CHAIN);
    assert_int_equal(checked(NULL, "/other", item("chain", chain_text), NULL, NULL), 0);
}

static int checked_mode(bool centralized, const char *root, const struct ate_hash *chain,
                        struct ate__trust *t)
{
    struct ate__anchor a;
    assert_int_equal(ate__anchor_init(&a, root, NULL, NULL), 0);
    a.centralized = centralized;
    a.has_chain = chain != NULL;
    if (chain)
        a.chain = *chain;
    int whole = ate__anchor_check(&a, t), genesis = ate__anchor_check_genesis(&a, t);
    assert_int_equal(whole, genesis);
    ate__anchor_deinit(&a);
    return whole;
}

/* Nobody is given a chain whose server says who wrote, but who said that he expects it, or named
 * its genesis, which says it. */
static void the_mode_is_what_the_caller_says(void **state)
{
    (void)state;
    struct world c;
    struct terms terms = {.centralized = true};
    world_init_of(&c, 1, NULL, &terms);
    const struct ate_hash *id = ate__trust_chain_id(c.t), *other = ate__trust_chain_id(w.t);
    assert_int_equal(checked_mode(false, root_text, NULL, c.t), ATE_UNTRUSTED);
    assert_non_null(strstr(ate__error_text(), "conf.centralized"));
    assert_int_equal(checked_mode(true, root_text, NULL, c.t), 0);
    assert_int_equal(checked_mode(false, NULL, id, c.t), 0);
    assert_int_equal(checked_mode(true, NULL, other, c.t), ATE_WRONG_CHAIN);
    assert_int_equal(checked_mode(false, root_text, NULL, w.t), 0);
    world_deinit(&c);
}

/* The sentence has all that is needed to decide. */
static void the_refusal_names_them(void **state)
{
    (void)state;
    assert_int_equal(checked(NULL, PATH, NULL, NULL, NULL), ATE_UNTRUSTED);
    assert_non_null(strstr(ate__error_text(), chain_text));
    assert_non_null(strstr(ate__error_text(), root_text));
    assert_non_null(strstr(ate__error_text(), added_text));
    assert_non_null(strstr(ate__error_text(), "conf.root"));
    assert_int_equal(checked(wrong_text, PATH, NULL, NULL, NULL), ATE_WRONG_CHAIN);
    assert_non_null(strstr(ate__error_text(), chain_text));
    assert_non_null(strstr(ate__error_text(), added_text));
}

static struct ate_session *session_of(struct ate__key *take_key)
{
    struct ate_session *session;
    assert_int_equal(ate__session_new(&session), 0);
    assert_int_equal(ate__session_add(session, take_key), 0);
    return session;
}

static int setup(void **state)
{
    (void)state;
    world_init(&w, 1, NULL);
    added = world_key(NULL, 7);
    stranger = world_key(NULL, 8);
    struct ate__root_change change = {ATE__ROOT_ADD, ate__buf_bytes(&added->public_key)};
    struct draft *d = draft_new(&w);
    draft_root(d, &change, 1);
    draft_sign(d, w.root->fingerprint);
    draft_sign(d, added->fingerprint);
    commit(&w, d);
    owner = session_of(world_key(NULL, 1));
    nobody = session_of(world_key(NULL, 8));
    ate__hash_text(&w.root->fingerprint, root_text);
    ate__hash_text(&added->fingerprint, added_text);
    ate__hash_text(&stranger->fingerprint, wrong_text);
    ate__hash_text(ate__trust_chain_id(w.t), chain_text);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ate__session_unref(owner);
    ate__session_unref(nobody);
    ate__key_free(added);
    ate__key_free(stranger);
    world_deinit(&w);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_source_decides),
        cmocka_unit_test(dns_is_the_last),
        cmocka_unit_test(added_later_and_the_declared_name),
        cmocka_unit_test(the_mode_is_what_the_caller_says),
        cmocka_unit_test(the_refusal_names_them),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
