/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A chain on a disk that runs full: what was acknowledged stays and is read, what was refused or is
 * not known is said to be so, and with room it goes on, in the same process or the next.
 */
#include "chain/chain_private.h"
#include "kit.h"

#include <stdlib.h>

enum { PUTS = 120, TEXT = 3000, ROOM_STEP = 4096, ROOMS = 40 };

static struct kit kit;
static struct {
    unsigned long refused, unknown, stood, reopened_full, stuck, deleted;
} counts;

/* Object n has the text of its number, if it is there at all. */
static void check(const bool *there, unsigned count)
{
    for (unsigned n = 0; n < count; n++) {
        const char *text = kit_text(&kit, 1 + n);
        if (there[n] ? strtoul(text, NULL, 10) != 1000 + n : text[0])
            fail_msg("object %u of %u: %d, '%.20s'", n, count, there[n], text);
    }
}

static int put(unsigned n)
{
    static char text[TEXT + 1];
    memset(text, ' ', TEXT);
    snprintf(text, 8, "%u", 1000 + n);
    text[strlen(text)] = ' ';
    return kit_put(&kit, 1 + n, text);
}

/* What became of a commit whose outcome was not known; a log that cannot recover yet says so. */
static bool is_there(uint64_t number)
{
    struct ate__receipt receipt;
    struct ate__txn_id id = {.number = number};
    memset(id.origin, kit.origin, sizeof id.origin);
    int rc = ate__chain_outcome(kit.chain, &id, NULL, &receipt);
    if (rc && rc != ATE_NOT_FOUND)
        fail_msg("outcome: %s: %s", ate__result_name(rc), ate__error_text());
    return !rc;
}

/* Whatever is open shows what was acknowledged; with room it takes more. */
static void go_on(bool *there, unsigned *count, uint64_t unknown)
{
    simdisk_limit(kit.disk, UINT64_MAX);
    simenv_pass_ms(&kit.sim, 2000);
    kit_ok(put(*count));
    there[(*count)++] = true;
    if (unknown) {
        there[*count - 2] = is_there(unknown);
        counts.stood += there[*count - 2];
    }
    check(there, *count);
}

/* The next process, the disk still being full. */
static void reopen_full(void)
{
    kit_open_ok(&kit, ATE__STORAGE_READ);
    kit_close(&kit);
    int rc = kit_open(&kit, 0);
    if (rc && rc != ATE_E_NO_SPACE)
        fail_msg("open: %s: %s", ate__result_name(rc), ate__error_text());
    counts.reopened_full += !rc;
    counts.stuck += rc != 0;
    kit_close(&kit);
    simdisk_limit(kit.disk, UINT64_MAX);
    kit_open_ok(&kit, 0);
}

static int delete(unsigned object)
{
    struct draft d;
    kit_begin(&kit, &d);
    draft_tombstone(&d, id_of(object), kit_facts(&kit, object).body, false);
    int rc = kit_commit(&kit, &d);
    draft_deinit(&d);
    return rc;
}

/* What is kept is enough for deletions, and for a log that has to recover. */
static void deletes(bool *there, unsigned count)
{
    for (unsigned n = 0; n < 2 && n < count; n++)
        if (there[n]) {
            kit_ok(delete (1 + n));
            there[n] = false;
            counts.deleted++;
        }
    check(there, count);
    assert_int_equal(put(count), ATE_E_NO_SPACE);
    if (!strstr(kit.text, "nothing was applied: the disk is full") ||
        !strstr(kit.text, "delete and compact"))
        fail_msg("%s", kit.text);
}

static void fill(uint64_t room, unsigned way, bool grows)
{
    bool there[PUTS + 1] = {false};
    unsigned count = 0;
    uint64_t unknown = 0;
    int rc = 0;
    kit_init(&kit, 100 + room + way);
    simdisk_set_copy_on_write(kit.disk, grows);
    kit_create_ok(&kit);
    simdisk_limit(kit.disk, simdisk_used(kit.disk) + room);
    while (!rc && count < PUTS - 1) {
        rc = put(count);
        there[count++] = !rc;
    }
    if (rc != ATE_E_NO_SPACE && rc != ATE_UNKNOWN)
        fail_msg("put: %s: %s", ate__result_name(rc), kit.text);
    counts.refused += rc == ATE_E_NO_SPACE;
    counts.unknown += rc == ATE_UNKNOWN;
    unknown = rc == ATE_UNKNOWN ? kit.number : 0;
    check(there, count - 1);
    if (way != 1)
        deletes(there, count - 1);
    if (way == 1) {
        kit_crash(&kit, room);
        simdisk_limit(kit.disk, simdisk_used(kit.disk));
        reopen_full();
    } else if (way == 2) {
        kit_kill(&kit);
        simdisk_limit(kit.disk, simdisk_used(kit.disk));
        reopen_full();
    }
    go_on(there, &count, unknown);
    kit_reopen_ok(&kit);
    check(there, count);
    kit_deinit(&kit);
}

static void a_disk_that_is_full(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < ROOMS; i++)
        for (unsigned way = 0; way < 3; way++)
            for (unsigned grows = 0; grows < 2; grows++)
                fill(i * ROOM_STEP, way, grows);
    print_message("%lu refused, %lu not known, of which %lu stood; %lu opened while full, %lu only "
                  "for reading; %lu deleted\n",
                  counts.refused, counts.unknown, counts.stood, counts.reopened_full, counts.stuck,
                  counts.deleted);
    assert_true(counts.refused && counts.unknown && counts.deleted);
    assert_true(!counts.stuck);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_disk_that_is_full)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
