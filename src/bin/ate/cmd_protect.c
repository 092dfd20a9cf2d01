/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * cmd_protect.c: who may do what with an object and what lies below it: shown, and set.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "bin/ate/ask.h"
#include "bin/ate/describe.h"
#include "bin/ate/open.h"
#include "bin/ate/path.h"
#include "bin/ate/retry.h"
#include "bin/ate/stop.h"
#include "bin/ate/who.h"
#include <inttypes.h>

enum { RIGHTS = 4, LEFT_NAMED = 100, SHOWN = 512, QUESTION = 1024 };

static const char *const right_names[RIGHTS] = {"read", "write", "append", "admin"};

struct left {
    struct ate_id id;
    enum ate_result why;
};
struct protect {
    const struct options *o;
    struct path path;
    struct opened at;
    char shown[SHOWN]; /* the name, escaped */
    const char *given[RIGHTS];
    struct ate_rule rule[RIGHTS];
    struct ate_hash *keys[RIGHTS]; /* of the rules; owned */
    bool asked;
    struct ate_id id;
    struct ate_hash *came, *went; /* readers of the object, by the change; owned */
    size_t came_count, went_count;
    struct ate_resealed done;
    struct left left[LEFT_NAMED]; /* the first of them */
    size_t left_count;
};

static void protect_deinit(struct protect *p)
{
    for (unsigned i = 0; i < RIGHTS; i++)
        ate__free(p->keys[i]);
    ate__free(p->came);
    ate__free(p->went);
    path_deinit(&p->path);
}

static const struct ate_rule *rule_of(const struct ate_rules *rules, unsigned right)
{
    const struct ate_rule *all[RIGHTS] = {&rules->read, &rules->write, &rules->append,
                                          &rules->admin};
    return all[right];
}

static bool names(const struct ate_rule *rule, const struct ate_hash *key)
{
    for (size_t i = 0; i < rule->key_count; i++)
        if (ate__hash_equal(&rule->keys[i], key))
            return true;
    return false;
}

/* ---- to show ---- */

/* Which object sets each of the rules in force: how many parts of the path lead to it. -1: none. */
static int find_sources(struct protect *p, struct ate_txn *txn, int ret_source[RIGHTS])
{
    struct ate_id id = p->id;
    int rc = 0;
    for (unsigned i = 0; i < RIGHTS; i++)
        ret_source[i] = -1;
    for (size_t depth = p->path.count;; depth--) {
        struct ate_rules own;
        struct ate_object o;
        rc = ate_own_rules(txn, id, &own);
        for (unsigned i = 0; !rc && i < RIGHTS; i++)
            if (ret_source[i] < 0 && (rule_of(&own, i)->who || (i > 1 && own.write.who)))
                ret_source[i] = (int)depth;
        if (!rc && depth)
            rc = ate_load_raw(txn, id, ATE_NO_PAYLOAD, &o);
        if (rc || !depth)
            return rc;
        id = o.parent;
    }
}

/* The path to it, ended with NUL: "/", "docs/drafts". */
static int source_text(const struct protect *p, int source, struct ate__buf *ret_text)
{
    int rc = source ? 0 : ate__buf_append(ret_text, ate__text_bytes("/"));
    for (int i = 0; !rc && i < source; i++) {
        rc = i ? ate__buf_append(ret_text, ate__text_bytes("/")) : 0;
        if (!rc)
            rc = ate__buf_append(ret_text, ate__text_bytes(p->path.part[i]));
    }
    return rc ? rc : ate__buf_append(ret_text, ate__bytes("", 1));
}

static void print_keys(const struct protect *p, const struct ate_rule *rule,
                       const struct ate_scope *scope)
{
    const struct ate_hash *mine;
    size_t count = p->at.session ? ate_session_fingerprints(p->at.session, &mine) : 0;
    char text[ATE_HASH_TEXT];
    for (size_t i = 0; i < rule->key_count; i++) {
        const struct ate_hash *key = &rule->keys[i];
        ate__print("  %s", ate_hash_text(*key, text));
        for (size_t k = 0; k < scope->reader_count; k++)
            if (ate__hash_equal(&scope->readers[k].fingerprint, key) &&
                scope->readers[k].label[0]) {
                ate__print("  ");
                ate__print_escaped(ate__text_bytes(scope->readers[k].label));
            }
        for (size_t k = 0; k < count; k++)
            if (ate__hash_equal(&mine[k], key))
                ate__print("  (yours)");
        ate__print("%s\n",
                   ate_chain_has_revoked(p->at.chain, *key) ? "  revoked: it counts no more" : "");
    }
}

static int print_rule(const struct protect *p, unsigned right, const struct ate_rule *rule,
                      int source, const struct ate_scope *scope)
{
    static const char *const words[] = {"inherit", "everyone", "nobody"};
    ate__cleanup(ate__buf_deinit) struct ate__buf from = ATE__BUF_NULL;
    int rc = source < 0 ? 0 : source_text(p, source, &from);
    if (rc)
        return rc;
    ate__print("%-7s ", right_names[right]);
    if (rule->who == ATE_KEYS)
        ate__print("%s", source < 0 ? "the root keys" : "keys");
    else
        ate__print("%s", words[rule->who]);
    if (source >= 0 && (size_t)source != p->path.count) {
        ate__print(", as ");
        ate__print_escaped(ate__text_bytes((const char *)from.data));
        ate__print(" has it");
    }
    ate__print("\n");
    print_keys(p, rule, scope);
    return 0;
}

static int print_json(struct protect *p, struct ate_txn *txn, const int source[RIGHTS],
                      const struct ate_scope *scope)
{
    char text[ATE_ID_TEXT];
    json_t *object = json_object(), *from = json_object();
    ate__json_set_bytes(object, "name", ate__text_bytes(p->o->operand[1]));
    ate__json_set_text(object, "id", ate_id_text(p->id, text));
    int rc = describe_rights(txn, p->id, object);
    for (unsigned i = 0; !rc && i < RIGHTS; i++) {
        ate__cleanup(ate__buf_deinit) struct ate__buf path = ATE__BUF_NULL;
        if (source[i] < 0)
            continue;
        rc = source_text(p, source[i], &path);
        if (!rc)
            ate__json_set_bytes(from, right_names[i], ate__text_bytes((const char *)path.data));
    }
    (void)!json_object_set_new(object, "from", from);
    ate__json_set_text(object, "scope", ate_id_text(scope->id, text));
    if (scope->is_private)
        ate__json_set_number(object, "epoch", scope->epoch);
    ate__json_set_bool(object, "published", scope->published);
    if (rc)
        json_decref(object);
    else
        ate__print_json(object);
    return rc;
}

static int show(struct protect *p, struct ate_txn *txn)
{
    struct ate_rules rules;
    struct ate_scope scope;
    struct ate_object o;
    int source[RIGHTS];
    int rc = path_find(txn, &p->path, ATE_NO_PAYLOAD, &o, NULL);
    if (rc)
        return rc;
    p->id = o.id;
    rc = ate_protection(txn, p->id, &rules);
    if (!rc)
        rc = ate_readers(txn, p->id, &scope);
    if (!rc)
        rc = find_sources(p, txn, source);
    if (!rc && ate__out.json)
        return print_json(p, txn, source, &scope);
    for (unsigned i = 0; !rc && i < RIGHTS; i++)
        rc = print_rule(p, i, rule_of(&rules, i), source[i], &scope);
    return rc;
}

static int show_all(struct protect *p)
{
    struct ate_txn *txn;
    int rc = ate_txn_begin(p->at.chain, NULL, ATE_READ, &txn);
    if (rc)
        return rc;
    rc = show(p, txn);
    ate_txn_end(txn);
    return rc;
}

/* ---- to set ---- */

static bool nobody_has(const struct protect *p, const struct ate_rule *rule)
{
    if (rule->who != ATE_KEYS)
        return rule->who == ATE_NOBODY;
    for (size_t i = 0; i < rule->key_count; i++)
        if (!ate_chain_has_revoked(p->at.chain, rule->keys[i]))
            return false;
    return true;
}

/* What the change would open, or close for ever, is asked once. */
static int ask(struct protect *p, const struct ate_rules *before, const struct ate_rules *after)
{
    char question[QUESTION] = "";
    size_t at = 0;
    if (p->asked)
        return 0;
    for (unsigned i = 0; i < RIGHTS; i++)
        if (rule_of(after, i)->who == ATE_EVERYONE && rule_of(before, i)->who != ATE_EVERYONE)
            at += (size_t)snprintf(question + at, sizeof question - at, "%s%s",
                                   at ? ", " : "everyone could ", right_names[i]);
    if (p->o->publish)
        at += (size_t)snprintf(question + at, sizeof question - at,
                               "%severyone could read all that was ever written in it, what was "
                               "replaced and deleted too, and all its names, for ever",
                               at ? "; " : "");
    if (nobody_has(p, &after->admin) && !nobody_has(p, &before->admin))
        snprintf(question + at, sizeof question - at, "%snobody could ever change the rules again",
                 at ? "; " : "");
    p->asked = true;
    return question[0] ? ask_yes(p->o, question) : 0;
}

/* Those of one rule that the other does not name. */
static int difference(const struct ate_rule *rule, const struct ate_rule *other,
                      struct ate_hash **ret_keys, size_t *ret_count)
{
    ate__free(*ret_keys);
    *ret_count = 0;
    *ret_keys = ate__alloc_array(rule->key_count + 1, sizeof **ret_keys);
    if (!*ret_keys)
        return ate__no_memory();
    for (size_t i = 0; i < rule->key_count; i++)
        if (!names(other, &rule->keys[i]))
            (*ret_keys)[(*ret_count)++] = rule->keys[i];
    return 0;
}

static int note_readers(struct protect *p, const struct ate_rule *before,
                        const struct ate_rule *after)
{
    p->came_count = p->went_count = 0;
    if (before->who != ATE_KEYS || after->who != ATE_KEYS)
        return 0;
    int rc = difference(after, before, &p->came, &p->came_count);
    return rc ? rc : difference(before, after, &p->went, &p->went_count);
}

static int change(void *arg, struct ate_txn *txn)
{
    struct protect *p = arg;
    struct ate_rules before, own, after;
    struct ate_rule *each[RIGHTS] = {&own.read, &own.write, &own.append, &own.admin};
    struct ate_object o;
    int rc = path_find(txn, &p->path, ATE_NO_PAYLOAD, &o, NULL);
    if (rc)
        return rc;
    p->id = o.id;
    rc = ate_protection(txn, o.id, &before);
    if (!rc)
        rc = ate_own_rules(txn, o.id, &own);
    for (unsigned i = 0; !rc && i < RIGHTS; i++)
        if (p->given[i])
            *each[i] = p->rule[i];
    bool rules = p->given[0] || p->given[1] || p->given[2] || p->given[3];
    if (!rc && rules)
        rc = ate_protect_only(txn, o.id, &own);
    if (!rc && p->o->publish)
        rc = ate_publish(txn, o.id);
    if (!rc)
        rc = ate_protection(txn, o.id, &after);
    if (!rc)
        rc = ask(p, &before, &after);
    return rc ? rc : note_readers(p, &before.read, &after.read);
}

/* ---- what lay there before ---- */

static int each_resealed(void *arg, const struct ate_resealed *so_far)
{
    struct protect *p = arg;
    if (so_far->why && p->left_count < LEFT_NAMED)
        p->left[p->left_count++] = (struct left){so_far->id, so_far->why};
    if (ate__progress_due())
        ate__progress_line("%s: sealed anew %" PRIu64 " of %" PRIu64 " seen", ate__out.program,
                           so_far->resealed, so_far->seen);
    return 0;
}

static int reseal(struct protect *p)
{
    struct ate_txn *txn;
    int rc = ate_txn_begin(p->at.chain, NULL, 0, &txn);
    if (rc)
        return rc;
    rc = ate_reseal(txn, p->id, each_resealed, p, &p->done);
    ate__progress_end();
    ate_txn_end(txn);
    return rc ? ate__context(rc, "the rules are in force, but what lay there is not all sealed for "
                                 "them; give the same command again")
              : 0;
}

/* Its path, or its id. */
static void left_text(struct ate_txn *txn, struct ate_id id, char *ret_text, size_t capacity)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf path = ATE__BUF_NULL;
    char text[ATE_ID_TEXT];
    if (!txn || path_of(txn, id, ate_top, &path))
        snprintf(ret_text, capacity, "%s", ate_id_text(id, text));
    else
        ate__escaped(ate__text_bytes((const char *)path.data), ret_text, capacity);
}

static void say_keys(const struct ate_hash *keys, size_t count, const char *what)
{
    char text[ATE_HASH_TEXT];
    for (size_t i = 0; i < count; i++)
        ate__note("%s %s", ate_hash_text(keys[i], text), what);
}

static void say_left(const struct protect *p)
{
    struct ate_txn *txn = NULL;
    char shown[SHOWN];
    if (ate_txn_begin(p->at.chain, NULL, ATE_READ, &txn))
        txn = NULL;
    for (size_t i = 0; i < p->left_count; i++) {
        left_text(txn, p->left[i].id, shown, sizeof shown);
        ate__note("%s: left as it was: %s", shown, ate_result_text(p->left[i].why));
    }
    if (p->done.left > p->left_count)
        ate__note("and %" PRIu64 " more", p->done.left - p->left_count);
    ate_txn_end(txn);
}

static void say_done(const struct protect *p)
{
    say_keys(p->came, p->came_count, "reads it from now on, with all that it ever held");
    say_keys(p->went, p->went_count,
             "reads nothing that is written from now on; what was there it still can");
    if (p->done.resealed)
        ate__note("sealed anew: %" PRIu64, p->done.resealed);
    say_left(p);
}

static void done_json(const struct protect *p, const struct ate_receipt *receipt)
{
    char text[ATE_HASH_TEXT], id[ATE_ID_TEXT];
    json_t *object = json_object(), *left = json_array();
    ate__json_set_bytes(object, "name", ate__text_bytes(p->o->operand[1]));
    ate__json_set_text(object, "id", ate_id_text(p->id, id));
    ate__json_set_number(object, "sequence", receipt->sequence);
    ate__json_set_text(object, "head", ate_hash_text(receipt->head, text));
    (void)!json_object_set_new(object, "came", describe_hashes(p->came, p->came_count));
    (void)!json_object_set_new(object, "went", describe_hashes(p->went, p->went_count));
    ate__json_set_number(object, "resealed", p->done.resealed);
    ate__json_set_number(object, "left", p->done.left);
    for (size_t i = 0; left && i < p->left_count; i++) {
        json_t *one = json_object();
        ate__json_set_text(one, "id", ate_id_text(p->left[i].id, id));
        ate__json_set_text(one, "why", ate_result_name(p->left[i].why));
        (void)!json_array_append_new(left, one);
    }
    (void)!json_object_set_new(object, "left_as_they_were", left);
    ate__print_json(object);
}

static int read_rules(struct protect *p)
{
    static const char *const options[RIGHTS] = {"--read", "--write", "--append", "--admin"};
    int rc = 0;
    for (unsigned i = 0; !rc && i < RIGHTS; i++)
        if (p->given[i])
            rc = who_rule(options[i], p->given[i], p->at.session, &p->rule[i], &p->keys[i]);
    return rc;
}

static int set_all(struct protect *p)
{
    struct ate_receipt receipt = {0};
    int rc = read_rules(p);
    if (!rc)
        rc = retry_commit(p->o, p->at.chain, change, p, &receipt);
    if (!rc && p->given[0])
        rc = reseal(p);
    if (rc)
        return rc;
    if (ate__out.json)
        done_json(p, &receipt);
    else
        say_done(p);
    return p->done.left ? ate__fail((int)p->left[0].why,
                                    "the rules are in force, but %" PRIu64
                                    " objects stay readable for those who could read them: they "
                                    "are left as they were",
                                    p->done.left)
                        : 0;
}

static int run(const struct options *o)
{
    struct protect p = {.o = o, .given = {o->read, o->write, o->append, o->admin}};
    bool changes = o->read || o->write || o->append || o->admin || o->publish;
    if (o->read && o->publish)
        return ate__report_usage("--read and --publish exclude each other");
    char *subject = open_subject(o);
    int rc = path_parse(o->operand[1], &p.path);
    if (!rc)
        rc = open_chain(o, changes ? OPEN_CHANGES : OPEN_READS, &p.at);
    if (!rc)
        rc = changes ? set_all(&p) : show_all(&p);
    int status = rc ? open_report(rc, &p.at, subject) : 0;
    status = open_close(&p.at, status);
    protect_deinit(&p);
    ate__free(subject);
    return status;
}

const struct command cmd_protect = {
    .name = "protect",
    .summary = "show and set who may read, write, append, and administer",
    .operands = "CHAIN NAME",
    .operands_min = 2,
    .operands_max = 2,
    .options = OPTS_CHAIN | OPT(OPT_READ) | OPT(OPT_WRITE) | OPT(OPT_APPEND) | OPT(OPT_ADMIN) |
               OPT(OPT_PUBLISH) | OPT(OPT_YES),
    .run = run,
    .help =
        "ate protect CHAIN NAME\n"
        "ate protect CHAIN NAME [--read WHO] [--write WHO] [--append WHO] [--admin WHO]\n"
        "\n"
        "Shows who may do what with an object and all below it, and which object says so; or sets\n"
        "the object's own rules. A rule that is not given stays. NAME / is the top, above all.\n"
        "\n"
        "WHO is inherit (as the object above has it), everyone, nobody, or KEY[,KEY...]: each of\n"
        "them may. KEY is a fingerprint, or a key file; a key that the chain never saw needs its\n"
        "public file. --read has no nobody.\n"
        "\n"
        "A reader who is added reads what the object ever held. One who is taken away reads what\n"
        "was there, and nothing that is written from then on. Where others than before are to\n"
        "read, what is there is sealed anew, and what you may not write is named and left. What a\n"
        "rule names is a key: where several people hold one, all of them come and go with it.\n"
        "\n"
        "What would open something to everyone, or leave nobody to change the rules, is asked.\n"
        "Needs admin, which follows write where nothing else is said.\n"
        "\n"
        "  ate protect notes docs --read ME,ada.pub --write ME     ME: as ate key show prints it\n"
        "  ate protect notes docs\n"
        "  ate protect notes inbox --append ada.pub\n"
        "  ate protect notes docs --read inherit\n"
        "\n"
        "  --read WHO     open it, and what lies below\n"
        "  --write WHO    change, move and delete it, and what lies below\n"
        "  --append WHO   make something below it; as write where nothing is said\n"
        "  --admin WHO    change these rules; as write where nothing is said\n"
        "  --publish      open it to everyone without writing it anew: ALL that was ever\n"
        "                 written in it, and all names there, for ever; --read everyone opens\n"
        "                 what is there now, and names that were private stay so\n"
        "  -y, --yes      do not ask\n",
};
