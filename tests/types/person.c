/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * person.c: every kind of field and every typed call, in C; what was committed comes back whole
 * when the chain is opened again.
 */
#include <ate/ate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum colour { RED, GREEN };
struct address {
    const char *city;
    uint16_t zip;
};
ATE_TYPE(address, ATE_FIELD(city), ATE_FIELD(zip));

struct person {
    struct ate_id boss;
    struct ate_hash key;
    const char *name;
    char *nick;
    bool active;
    int8_t mood;
    long long big;
    unsigned long size;
    double score;
    float f;
    enum colour colour;
    struct ate_bytes photo;
    struct address home;
    const int64_t *age;
    const char *const *title;
    const struct address *work;
    const char *const *tags;
    size_t tag_count;
    const struct address *past;
    size_t past_count;
    double *weights;
    size_t weight_count;
    const struct ate_id *friends;
    size_t friend_count;
};
ATE_TYPE_AS(person, "example.com/person", ATE_FIELD(boss), ATE_FIELD(key),
            ATE_FIELD_AS(name, "full_name"), ATE_FIELD(nick), ATE_FIELD(active), ATE_FIELD(mood),
            ATE_FIELD(big), ATE_FIELD(size), ATE_FIELD(score), ATE_FIELD(f), ATE_FIELD(colour),
            ATE_FIELD(photo), ATE_STRUCT(home, address), ATE_OPTIONAL(age), ATE_OPTIONAL(title),
            ATE_OPTIONAL_STRUCT_AS(work, address, "office"), ATE_LIST(tags, tag_count),
            ATE_STRUCT_LIST(past, past_count, address), ATE_LIST(weights, weight_count),
            ATE_LIST(friends, friend_count));

struct node { /* holds itself */
    const char *label;
    const struct node *kids;
    size_t kid_count;
};
ATE_TYPE(node, ATE_FIELD(label), ATE_STRUCT_LIST(kids, kid_count, node));

struct ping {
    const char *msg;
    int n;
};
ATE_TYPE(ping, ATE_FIELD(msg), ATE_FIELD(n));

#define CHECK(truth)                                                                               \
    do {                                                                                           \
        if (!(truth)) {                                                                            \
            fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #truth, ate_error());           \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

/* One of everything; what is not named is zero. */
static const struct person whole = {
    .boss = {{1, 2, 3, 255}},
    .key = {{9, 8, 0, 7}},
    .name = "Grace \xc3\xa9",
    .nick = (char[]){"G"},
    .active = true,
    .mood = INT8_MIN,
    .big = INT64_MIN,
    .size = UINT64_MAX,
    .score = -0.1,
    .f = 1e-30f,
    .colour = GREEN,
    .photo = {"\0\xff z", 4},
    .home = {"", UINT16_MAX},
    .age = &(const int64_t){-1},
    .title = &(const char *const){"Rear Admiral"},
    .work = &(const struct address){"New York", 0},
    .tags = (const char *const[]){"", "b", "\n"},
    .tag_count = 3,
    .past = (const struct address[]){{"X", 1}, {"Y", 2}},
    .past_count = 2,
    .weights = (double[]){0.5, -0.25, 1e300},
    .weight_count = 3,
    .friends = (const struct ate_id[]){{{4}}, {{5}}},
    .friend_count = 2,
};

static int same_address(const struct address *a, const struct address *b)
{
    return !strcmp(a->city, b->city) && a->zip == b->zip;
}

static void check_whole(const struct person *p)
{
    CHECK(!memcmp(&p->boss, &whole.boss, sizeof p->boss));
    CHECK(!memcmp(&p->key, &whole.key, sizeof p->key));
    CHECK(!strcmp(p->name, whole.name) && !strcmp(p->nick, whole.nick) && p->active);
    CHECK(p->mood == whole.mood && p->big == whole.big && p->size == whole.size);
    CHECK(p->score == whole.score && p->f == whole.f && p->colour == whole.colour);
    CHECK(p->photo.size == 4 && !memcmp(p->photo.data, whole.photo.data, 4));
    CHECK(same_address(&p->home, &whole.home) && same_address(p->work, whole.work));
    CHECK(*p->age == -1 && !strcmp(*p->title, *whole.title));
    CHECK(p->tag_count == 3 && p->past_count == 2 && p->weight_count == 3 && p->friend_count == 2);
    for (size_t i = 0; i < 3; i++)
        CHECK(!strcmp(p->tags[i], whole.tags[i]) && p->weights[i] == whole.weights[i]);
    for (size_t i = 0; i < 2; i++)
        CHECK(same_address(&p->past[i], &whole.past[i]) &&
              !memcmp(&p->friends[i], &whole.friends[i], sizeof *p->friends));
}

static void check_empty(const struct person *p)
{
    CHECK(!p->name && !p->nick && !p->active && !p->big && !p->home.city && !p->photo.size);
    CHECK(!p->age && !p->title && !p->work);
    CHECK(!p->tag_count && !p->past_count && !p->weight_count && !p->friend_count);
}

static void change(struct ate_txn *txn)
{
    struct ate_id id;
    /* Several fields in a literal: commas inside a macro's argument. */
    CHECK(!ate_store(txn, person,
                     &(struct person){.name = "Ada",
                                      .active = true,
                                      .mood = -3,
                                      .big = -5000000000,
                                      .score = 1.5,
                                      .f = 2.5f,
                                      .colour = GREEN,
                                      .photo = {"xyz", 3},
                                      .home = {"London", 7},
                                      .age = &(int64_t){36},
                                      .work = &(struct address){"Paris", 9},
                                      .tags = (const char *[]){"a", "b"},
                                      .tag_count = 2,
                                      .past = (struct address[]){{"X", 1}, {"Y", 2}},
                                      .past_count = 2,
                                      .weights = (double[]){0.5, 0.25},
                                      .weight_count = 2},
                     &id));
    const struct person *p, *q;
    CHECK(!ate_load(txn, person, id, &p));
    CHECK(!strcmp(p->past[1].city, "Y") && *p->age == 36 && !strcmp(p->work->city, "Paris"));
    CHECK(p->mood == -3 && p->colour == GREEN && p->weights[1] == 0.25);

    struct person changed = *p;
    changed.name = "Ada L.";
    changed.age = NULL;
    CHECK(!ate_put(txn, person, id, &changed));
    CHECK(!strcmp(p->name, "Ada")); /* what was lent stays as it was */
    CHECK(!ate_load(txn, person, id, &q) && !strcmp(q->name, "Ada L.") && !q->age);
    CHECK(!strcmp(q->tags[1], "b"));
    const struct ping *wrong;
    CHECK(ate_load(txn, ping, id, &wrong) == ATE_WRONG_TYPE);
}

static struct person *walk(struct ate_txn *txn)
{
    struct ate_id id, kid, at, again;
    CHECK(!ate_store(txn, node,
                     &(struct node){"root", (struct node[]){{.label = "l"}, {.label = "r"}}, 2},
                     &id));
    CHECK(!ate_push(txn, ping, id, &(struct ping){"one", 1}, &kid));
    CHECK(!ate_push(txn, ping, id, &(struct ping){"two", 2}, &kid));
    struct ate_cursor *kids;
    const struct ping *ping;
    int sum = 0;
    CHECK(!ate_children(txn, id, &kids));
    while (ate_next(kids, ping, &at, &ping) == 0)
        sum += ping->n;
    CHECK(sum == 3);
    CHECK(!ate_put_as(txn, ping, ate_top, "config", &(struct ping){.msg = "c", .n = 7}, &at));
    CHECK(!ate_find(txn, ping, ate_top, "config", &again, &ping) && ping->n == 7);
    CHECK(!memcmp(&at, &again, sizeof at));
    CHECK(ate_find(txn, ping, id, "config", &again, &ping) == ATE_NOT_FOUND);
    struct person *mine;
    CHECK(!ate_keep(person, &(struct person){.home = {"London", 7}}, &mine));
    return mine;
}

struct stored {
    struct ate_id person, empty, tree, kid;
};

static void store(struct ate_chain *chain, struct stored *ret_stored)
{
    struct ate_txn *txn;
    struct node leaf = {.label = "leaf"}, inner = {"inner", &leaf, 1};
    CHECK(!ate_txn_begin(chain, NULL, 0, &txn));
    CHECK(!ate_store(txn, person, &whole, &ret_stored->person));
    CHECK(!ate_store(txn, person, &(struct person){.mood = 0}, &ret_stored->empty));
    CHECK(!ate_store(txn, node, &(struct node){"root", &inner, 1}, &ret_stored->tree));
    CHECK(!ate_push(txn, ping, ret_stored->tree, &(struct ping){"one", -1}, &ret_stored->kid));
    CHECK(!ate_txn_commit(txn, NULL));
    ate_txn_end(txn);
}

static void load(struct ate_chain *chain, const struct stored *stored)
{
    struct ate_txn *txn;
    const struct person *p;
    const struct node *tree;
    const struct ping *ping;
    CHECK(!ate_txn_begin(chain, NULL, 0, &txn));
    CHECK(!ate_load(txn, person, stored->person, &p));
    check_whole(p);
    CHECK(!ate_load(txn, person, stored->empty, &p));
    check_empty(p);
    CHECK(!ate_load(txn, node, stored->tree, &tree) && tree->kid_count == 1);
    CHECK(!strcmp(tree->kids->label, "inner") && !strcmp(tree->kids->kids->label, "leaf"));
    CHECK(!tree->kids->kids->kid_count);
    CHECK(!ate_load(txn, ping, stored->kid, &ping) && !strcmp(ping->msg, "one") && ping->n == -1);
    CHECK(ate_load(txn, node, stored->kid, &tree) == ATE_WRONG_TYPE);
    ate_txn_end(txn);
}

int main(void)
{
    struct ate_session *me;
    struct ate_chain *chain;
    struct ate_txn *txn;
    struct stored stored;
    struct ate_chain_conf conf = {.sync = ATE_SYNC_INTERVAL, .sync_interval_ms = 100};
    CHECK(!ate_session_open("person.key", ATE_CREATE, &me));
    CHECK(!ate_chain_open("person.chain", me, ATE_CREATE, &conf, &chain));
    CHECK(!ate_txn_begin(chain, NULL, 0, &txn));
    change(txn);
    struct person *mine = walk(txn);
    ate_txn_end(txn);
    CHECK(!strcmp(mine->home.city, "London"));
    ate_free(mine);

    store(chain, &stored);
    load(chain, &stored);
    ate_chain_close(chain);
    CHECK(!ate_chain_open("person.chain", me, 0, NULL, &chain));
    load(chain, &stored);
    ate_chain_close(chain);
    ate_session_close(me);
    puts("ok");
    return 0;
}
