/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * person.cpp: every kind of field and every typed call, in C++; what was committed comes back whole
 * when the chain is opened again.
 */
#include <ate/ate.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace
{
enum colour { RED, GREEN };
enum class size : uint8_t { SMALL, LARGE };
enum class depth : short { DEEP = -1 };
} // namespace

struct address {
    const char *city;
    uint16_t zip;
};
ATE_TYPE(address, ATE_FIELD(city), ATE_FIELD(zip));

struct person {
    ate_id boss;
    ate_hash key;
    const char *name;
    char *nick;
    bool active;
    int8_t mood;
    long long big;
    double score;
    float f;
    colour shirt;
    size fit;
    depth level;
    ate_bytes photo;
    address home;
    const int64_t *age;
    const char *const *title;
    const address *work;
    const char *const *tags;
    size_t tag_count;
    const address *past;
    size_t past_count;
    double *weights;
    size_t weight_count;
};
ATE_TYPE_AS(person, "example.com/person", ATE_FIELD(boss), ATE_FIELD(key),
            ATE_FIELD_AS(name, "full_name"), ATE_FIELD(nick), ATE_FIELD(active), ATE_FIELD(mood),
            ATE_FIELD(big), ATE_FIELD(score), ATE_FIELD(f), ATE_FIELD(shirt), ATE_FIELD(fit),
            ATE_FIELD(level), ATE_FIELD(photo), ATE_STRUCT(home, address), ATE_OPTIONAL(age),
            ATE_OPTIONAL(title), ATE_OPTIONAL_STRUCT_AS(work, address, "office"),
            ATE_LIST(tags, tag_count), ATE_STRUCT_LIST(past, past_count, address),
            ATE_LIST(weights, weight_count));

struct node { /* holds itself */
    const char *label;
    const node *kids;
    size_t kid_count;
};
ATE_TYPE(node, ATE_FIELD(label), ATE_STRUCT_LIST(kids, kid_count, node));

static void check(bool truth, int line)
{
    if (truth)
        return;
    std::fprintf(stderr, "person.cpp:%d: %s\n", line, ate_error());
    std::exit(1);
}
#define CHECK(truth) check(truth, __LINE__)

static_assert(ATE_BOOL == ate__kind<bool>::value, "");
static_assert(ATE_UINT == ate__kind<size>::value, "");
static_assert(ATE_INT == ate__kind<depth>::value, "");
static_assert(ATE_UINT == ate__kind<uint64_t>::value, "");
static_assert(ATE_INT == ate__kind<int64_t>::value, "");

static const int64_t age = -1;
static const char *const title = "Rear Admiral";
static const address office = {"New York", 0}, past[] = {{"X", 1}, {"Y", 2}};
static const char *const tags[] = {"", "b", "\n"};
static double weights[] = {0.5, -0.25, 1e300};
static char nick[] = "G";

/* One of everything. */
static person whole()
{
    person p{};
    p.boss = {{1, 2, 3, 255}};
    p.key = {{9, 8, 0, 7}};
    p.name = "Grace \xc3\xa9";
    p.nick = nick;
    p.active = true;
    p.mood = INT8_MIN;
    p.big = INT64_MIN;
    p.score = -0.1;
    p.f = 1e-30f;
    p.shirt = GREEN;
    p.fit = size::LARGE;
    p.level = depth::DEEP;
    p.photo = {"\0\xff z", 4};
    p.home = {"", UINT16_MAX};
    p.age = &age;
    p.title = &title;
    p.work = &office;
    p.tags = tags;
    p.tag_count = 3;
    p.past = past;
    p.past_count = 2;
    p.weights = weights;
    p.weight_count = 3;
    return p;
}

static bool same(const char *a, const char *b)
{
    return !std::strcmp(a, b);
}

static bool same(const address &a, const address &b)
{
    return same(a.city, b.city) && a.zip == b.zip;
}

static void check_whole(const person &p)
{
    const person w = whole();
    CHECK(!std::memcmp(&p.boss, &w.boss, sizeof p.boss));
    CHECK(!std::memcmp(&p.key, &w.key, sizeof p.key));
    CHECK(same(p.name, w.name) && same(p.nick, w.nick) && p.active && p.mood == w.mood);
    CHECK(p.big == w.big && p.score == w.score && p.f == w.f);
    CHECK(p.shirt == w.shirt && p.fit == w.fit && p.level == w.level);
    CHECK(p.photo.size == 4 && !std::memcmp(p.photo.data, w.photo.data, 4));
    CHECK(same(p.home, w.home) && *p.age == age && same(*p.title, title) && same(*p.work, office));
    CHECK(p.tag_count == 3 && p.past_count == 2 && p.weight_count == 3);
    for (size_t i = 0; i < 3; i++)
        CHECK(same(p.tags[i], tags[i]) && p.weights[i] == weights[i]);
    CHECK(same(p.past[0], past[0]) && same(p.past[1], past[1]));
}

static ate_id store(ate_txn *txn)
{
    ate_id id;
    const person p = whole();
    CHECK(!ate_store(txn, person, &p, &id));
    const person *q;
    CHECK(!ate_load(txn, person, id, &q));
    check_whole(*q);
    return id;
}

static void load(ate_chain *chain, ate_id id)
{
    ate_txn *txn;
    ate_id at;
    const person *p;
    const address *place;
    CHECK(!ate_txn_begin(chain, nullptr, 0, &txn));
    CHECK(!ate_load(txn, person, id, &p));
    check_whole(*p);
    CHECK(!ate_find(txn, address, id, "home", &at, &place) && same(*place, {"Paris", 9}));
    CHECK(ate_load(txn, person, at, &p) == ATE_WRONG_TYPE);
    ate_txn_end(txn);
}

int main()
{
    ate_session *me;
    ate_chain *chain;
    ate_txn *txn;
    ate_chain_conf conf{};
    conf.sync = ATE_SYNC_NEVER;
    CHECK(!ate_session_open("person.key", ATE_CREATE, &me));
    CHECK(!ate_chain_open("person.chain", me, ATE_CREATE, &conf, &chain));
    CHECK(!ate_txn_begin(chain, nullptr, 0, &txn));
    ate_id id = store(txn), at;
    address place{"Paris", 9};
    const address *found;
    address *mine;
    ate_cursor *places;
    CHECK(!ate_push(txn, address, id, &place, &at) && !ate_put(txn, address, at, &place));
    CHECK(!ate_put_as(txn, address, id, "home", &place, &at));
    CHECK(!ate_find(txn, address, id, "home", &at, &found) && found->zip == 9);
    CHECK(!ate_children(txn, id, &places) && !ate_next(places, address, &at, &found));
    CHECK(!ate_keep(address, found, &mine));
    CHECK(!ate_txn_commit(txn, nullptr));
    ate_txn_end(txn);
    CHECK(mine->zip == 9);
    ate_free(mine);
    load(chain, id);
    ate_chain_close(chain);
    CHECK(!ate_chain_open("person.chain", me, 0, nullptr, &chain));
    load(chain, id);
    ate_chain_close(chain);
    ate_session_close(me);
    std::puts("ok");
}
