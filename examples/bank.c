/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A bank: two hundred accounts, each with a list of its entries, which grows without the account
 * being read or written for it; amounts are decimal and exact. Money goes round in a circle, so
 * what all accounts hold together never changes, and each balance is the sum of its entries.
 */
#include <ate/ate.h>
#include <stdio.h>

enum { ACCOUNTS = 200, ROUNDS = 10 };

struct amount { /* digits * 10^-places: 12.50 is {1250, 2} */
    int64_t digits;
    uint8_t places;
};
ATE_TYPE(amount, ATE_FIELD(digits), ATE_FIELD(places));
struct person {
    const char *first, *last;
};
ATE_TYPE(person, ATE_FIELD(first), ATE_FIELD(last));
struct account {
    struct person owner;
    struct amount balance;
    struct ate_vec entries;
};
ATE_TYPE(account, ATE_STRUCT(owner, person), ATE_STRUCT(balance, amount), ATE_FIELD(entries));
struct entry {
    struct ate_id with; /* a weak reference: the other account */
    const char *description;
    struct amount value; /* below zero: it goes out */
};
ATE_TYPE(entry, ATE_FIELD(with), ATE_FIELD(description), ATE_STRUCT(value, amount));

/* One half of a transfer: an entry, and the balance with it. */
static int book(struct ate_txn *txn, struct ate_id id, struct ate_id with, struct amount value)
{
    const struct account *a;
    struct entry e = {.with = with, .description = "rent", .value = value};
    int rc = ate_load(txn, account, id, &a);
    if (rc)
        return rc;
    struct account changed = *a;
    changed.balance.digits += value.digits;
    rc = ate_vec_push(txn, entry, a->entries, &e, NULL);
    return rc ? rc : ate_put(txn, account, id, &changed);
}

/* Both halves, or neither. */
static int transfer(struct ate_txn *txn, struct ate_id from, struct ate_id to, struct amount value)
{
    struct amount out = {-value.digits, value.places};
    int rc = book(txn, from, to, out);
    return rc ? rc : book(txn, to, from, value);
}

static int open_accounts(struct ate_txn *txn, struct ate_id ids[ACCOUNTS])
{
    static const char *const first[] = {"Ada", "Grace", "Alan", "Edsger", "Barbara"};
    static const char *const last[] = {"Lovelace", "Hopper", "Turing", "Dijkstra", "Liskov"};
    int rc = 0;
    for (unsigned i = 0; !rc && i < ACCOUNTS; i++) {
        struct account a = {.owner = {first[i % 5], last[i / 5 % 5]}, .balance = {10000, 2}};
        struct entry opening = {.description = "opened with", .value = a.balance};
        rc = ate_store(txn, account, &a, &ids[i]);
        if (!rc)
            rc = ate_vec_push(txn, entry, ate_vec_of(ids[i], "entries"), &opening, NULL);
    }
    return rc ? rc : ate_txn_commit(txn, NULL);
}

/* What the accounts hold, and whether each balance is the sum of its entries. */
static int audit(struct ate_txn *txn)
{
    struct ate_cursor *accounts, *entries;
    const struct account *a;
    const struct entry *e;
    int64_t total = 0;
    unsigned count = 0, booked = 0, wrong = 0;
    int rc = ate_children(txn, ate_top, &accounts);
    while (!rc && !(rc = ate_next(accounts, account, NULL, &a))) {
        int64_t sum = 0;
        rc = ate_list(txn, a->entries.at, NULL, &entries);
        while (!rc && !(rc = ate_next(entries, entry, NULL, &e))) {
            sum += e->value.digits;
            booked++;
        }
        if (rc == ATE_END)
            rc = 0;
        wrong += sum != a->balance.digits;
        total += a->balance.digits;
        count++;
    }
    if (rc != ATE_END)
        return rc;
    printf("%u accounts, %u entries, together %lld.%02lld, %u wrong\n", count, booked,
           (long long)(total / 100), (long long)(total % 100), wrong);
    return 0;
}

int main(void)
{
    struct ate_session *me = NULL;
    struct ate_chain *chain = NULL;
    struct ate_txn *txn = NULL;
    struct ate_id ids[ACCOUNTS];
    int rc = ate_session_open("bank.key", ATE_CREATE, &me);
    if (!rc)
        rc = ate_chain_open("accounts", me, ATE_CREATE, NULL, &chain);
    if (!rc)
        rc = ate_txn_begin(chain, NULL, 0, &txn);
    if (!rc)
        rc = open_accounts(txn, ids);
    for (unsigned round = 0; !rc && round < ROUNDS; round++) { /* each round at once */
        for (unsigned i = 0; !rc && i < ACCOUNTS; i++)
            rc = transfer(txn, ids[i], ids[(i + 1) % ACCOUNTS], (struct amount){1250, 2});
        if (!rc)
            rc = ate_txn_commit(txn, NULL);
    }
    if (!rc)
        rc = audit(txn);
    if (rc)
        fprintf(stderr, "bank: %s\n", ate_error());
    ate_txn_end(txn);
    ate_chain_close(chain);
    ate_session_close(me);
    return rc != 0;
}
