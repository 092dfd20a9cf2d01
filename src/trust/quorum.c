/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "trust/quorum.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"

enum {
    WITNESS = 0x04, /* as verifier keys name algorithms; ML-DSA-44, 0x06, is for both */
    LOG = 0x01,
    NODES_MAX = ATE__POLICY_WITNESSES_MAX + ATE__POLICY_GROUPS_MAX,
    NOWHERE = NODES_MAX
};

struct node { /* a witness or a group, in the order of the text */
    struct ate_bytes name;
    unsigned key;   /* of a witness; of a group NOWHERE */
    unsigned least; /* members of a group */
    unsigned above; /* the group that it is a member of; NOWHERE: none */
};
struct ate__quorum {
    struct ate__note_key log[ATE__POLICY_LOGS_MAX];
    struct ate__note_key witness[ATE__POLICY_WITNESSES_MAX];
    struct node node[NODES_MAX];
    unsigned logs, witnesses, groups, nodes;
    unsigned quorum; /* a node; NOWHERE: none is needed */
    bool has_quorum;
};

void ate__quorum_free(struct ate__quorum *q)
{
    ate__free(q);
}

/* ---- words ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Empty at the end of the line. */
static struct ate_bytes take_word(struct ate_bytes *line)
{
    const char *p = line->data;
    size_t from = 0, to;
    while (from < line->size && is_blank(p[from]))
        from++;
    for (to = from; to < line->size && !is_blank(p[to]); to++)
        continue;
    struct ate_bytes word = ate__bytes(p + from, to - from);
    *line = ate__bytes(p + to, line->size - to);
    return word;
}

static bool is_word(struct ate_bytes word, const char *text)
{
    return ate__bytes_equal(word, ate__text_bytes(text));
}

static int check_ends(struct ate_bytes *line)
{
    return take_word(line).size ? ate__fail(ATE_MALFORMED, "a word too many") : 0;
}

/* ---- names ---- */

/* NOWHERE: there is none of that name. */
static unsigned find_node(const struct ate__quorum *q, struct ate_bytes name)
{
    for (unsigned i = 0; i < q->nodes; i++)
        if (ate__bytes_equal(q->node[i].name, name))
            return i;
    return NOWHERE;
}

static int new_node(struct ate__quorum *q, struct ate_bytes name, struct node **ret_node)
{
    if (!name.size || is_word(name, "none"))
        return ate__fail(ATE_MALFORMED, "a witness or group has a name, and not \"none\"");
    if (find_node(q, name) != NOWHERE)
        return ate__fail(ATE_MALFORMED, "that name stands for another already");
    *ret_node = &q->node[q->nodes];
    **ret_node = (struct node){.name = name, .key = NOWHERE, .above = NOWHERE};
    return 0;
}

/* ---- keys ---- */

static bool same_key(const struct ate__note_key *a, const struct ate__note_key *b)
{
    return a->size == b->size && !memcmp(a->typed + 1, b->typed + 1, a->size - 1);
}

static int take_key(struct ate_bytes *line, uint8_t type, const char *what,
                    struct ate__note_key *all, unsigned count, unsigned most)
{
    if (count == most)
        return ate__fail(ATE_TOO_BIG, "more than %u keys of a %s", most, what);
    int rc = ate__note_key_decode(take_word(line), &all[count]);
    if (rc)
        return rc;
    uint8_t own = all[count].typed[0];
    if (own != type && (own == WITNESS || own == LOG))
        return ate__fail(ATE_MALFORMED, "a key of algorithm 0x%02x is none of a %s", own, what);
    for (unsigned i = 0; i < count; i++)
        if (same_key(&all[i], &all[count]))
            return ate__fail(ATE_MALFORMED, "that key is there already");
    (void)take_word(line); /* a URL */
    return check_ends(line);
}

static int take_log(struct ate__quorum *q, struct ate_bytes *line)
{
    int rc = take_key(line, LOG, "log", q->log, q->logs, ATE__POLICY_LOGS_MAX);
    q->logs += !rc;
    return rc;
}

static int take_witness(struct ate__quorum *q, struct ate_bytes *line)
{
    struct node *node;
    int rc = new_node(q, take_word(line), &node);
    if (!rc)
        rc =
            take_key(line, WITNESS, "witness", q->witness, q->witnesses, ATE__POLICY_WITNESSES_MAX);
    if (rc)
        return rc;
    node->key = q->witnesses++;
    q->nodes++;
    return 0;
}

/* ---- groups ---- */

static int take_member(struct ate__quorum *q, struct ate_bytes name)
{
    unsigned i = find_node(q, name);
    if (i == NOWHERE)
        return ate__fail(ATE_MALFORMED, "a member that no line above defines");
    if (q->node[i].above != NOWHERE)
        return ate__fail(ATE_MALFORMED, "a member that is one already, here or of another group");
    q->node[i].above = q->nodes;
    return 0;
}

static int take_least(struct ate_bytes word, unsigned count, unsigned *ret_least)
{
    uint64_t least = is_word(word, "any") ? 1 : count;
    int rc = is_word(word, "any") || is_word(word, "all")
                 ? 0
                 : ate__decimal_parse(word.data, word.size, &least);
    if (rc || least < 1 || least > count)
        return ate__fail(ATE_MALFORMED, "a group takes any, all or from 1 to all of its members");
    *ret_least = (unsigned)least;
    return 0;
}

static int take_group(struct ate__quorum *q, struct ate_bytes *line)
{
    struct ate_bytes word, least;
    struct node *node;
    unsigned count = 0;
    if (q->groups == ATE__POLICY_GROUPS_MAX)
        return ate__fail(ATE_TOO_BIG, "more than %d groups", ATE__POLICY_GROUPS_MAX);
    int rc = new_node(q, take_word(line), &node);
    least = take_word(line);
    for (; !rc && (word = take_word(line)).size; count++)
        rc = take_member(q, word);
    if (!rc)
        rc = take_least(least, count, &node->least);
    if (rc)
        return rc;
    q->groups++;
    q->nodes++;
    return 0;
}

static int take_quorum(struct ate__quorum *q, struct ate_bytes *line)
{
    struct ate_bytes name = take_word(line);
    if (q->has_quorum)
        return ate__fail(ATE_MALFORMED, "a second quorum");
    q->has_quorum = true;
    q->quorum = find_node(q, name);
    if (q->quorum == NOWHERE && !is_word(name, "none"))
        return ate__fail(ATE_MALFORMED, "the quorum is a name that no line above defines");
    return check_ends(line);
}

/* ---- the text ---- */

static int take_line(struct ate__quorum *q, struct ate_bytes line)
{
    const uint8_t *p = line.data;
    for (size_t i = 0; i < line.size; i++)
        if ((p[i] < 0x20 && p[i] != '\t') || p[i] == 0x7f)
            return ate__fail(ATE_MALFORMED, "a control character");
    struct ate_bytes word = take_word(&line);
    if (!word.size || *(const char *)word.data == '#')
        return 0;
    if (is_word(word, "log"))
        return take_log(q, &line);
    if (is_word(word, "witness"))
        return take_witness(q, &line);
    if (is_word(word, "group"))
        return take_group(q, &line);
    if (is_word(word, "quorum"))
        return take_quorum(q, &line);
    return ate__fail(ATE_MALFORMED, "it begins with none of log, witness, group and quorum");
}

int ate__quorum_parse(struct ate_bytes text, struct ate__quorum **ret_quorum)
{
    ate__cleanup(ate__quorum_freep) struct ate__quorum *q = NULL;
    struct ate_bytes line;
    unsigned number = 0;
    if (text.size > ATE__POLICY_MAX)
        return ate__fail(ATE_TOO_BIG, "a policy has at most %d bytes", ATE__POLICY_MAX);
    q = ate__alloc(sizeof *q);
    if (!q)
        return ate__no_memory();
    while (ate__take_line(&text, &line)) {
        number++;
        int rc = take_line(q, line);
        if (rc)
            return ate__context(rc, "policy, line %u", number);
    }
    if (text.size)
        return ate__fail(ATE_MALFORMED, "policy: its last line has no end");
    if (!q->has_quorum)
        return ate__fail(ATE_MALFORMED, "policy: it has no quorum");
    *ret_quorum = ate__steal(&q);
    return 0;
}

/* ---- a checkpoint ---- */

/* The name of a log is its origin. */
static int check_logs(const struct ate__quorum *q, const struct ate__note *n)
{
    struct ate__note_tree tree;
    int rc = ate__note_tree_parse(n->text, &tree);
    for (unsigned i = 0; !rc && i < q->logs; i++) {
        bool is_signed = false;
        uint64_t ignored;
        if (ate__bytes_equal(q->log[i].name, tree.origin))
            rc = ate__note_signed_by(n, &q->log[i], &is_signed, &ignored);
        if (!rc && is_signed)
            return 0;
    }
    if (!rc && q->logs)
        rc = ate__fail(ATE_UNTRUSTED, "no log of the policy signed it");
    return rc;
}

int ate__quorum_check(const struct ate__quorum *q, const struct ate__note *n,
                      struct ate__quorum_verdict *ret_verdict)
{
    struct ate__quorum_verdict verdict = {0, 0};
    unsigned count[NODES_MAX] = {0}; /* of a group: members that have witnessed it */
    bool reached = q->quorum == NOWHERE;
    int rc = check_logs(q, n);
    for (unsigned i = 0; !rc && i < q->nodes; i++) { /* members come before their group */
        const struct node *node = &q->node[i];
        bool has = node->key == NOWHERE && count[i] >= node->least;
        uint64_t time_s = 0;
        if (node->key != NOWHERE)
            rc = ate__note_signed_by(n, &q->witness[node->key], &has, &time_s);
        if (rc || !has)
            continue;
        if (node->key != NOWHERE) {
            verdict.witnesses++;
            verdict.time_s = verdict.time_s && verdict.time_s < time_s ? verdict.time_s : time_s;
        }
        reached |= i == q->quorum;
        if (node->above != NOWHERE)
            count[node->above]++;
    }
    if (!rc && !reached)
        rc = ate__fail(ATE_UNTRUSTED,
                       "%u of the witnesses of the policy cosigned it, which is not its quorum",
                       verdict.witnesses);
    if (!rc)
        *ret_verdict = verdict;
    return rc;
}
