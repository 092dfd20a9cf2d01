/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * attacks          every attack; the test fails unless each is held off
 * attacks NAME     that one; the status says what became of it, and the last line too
 * attacks --list   their names
 */
#include "attack.h"
#include "lib/tmpdir.h"
#include <stdlib.h>

enum outcome { HELD, SUCCEEDED, REFUSED, MIXED, NOTHING_TRIED };
/* As a status they are counted from here on, far from what a sanitizer ends with; HELD is 0. */
enum { EXIT_FIRST = 40, EXIT_BROKEN = 50 };
static const char *const outcome_names[] = {
    "HELD", "SUCCEEDED", "REFUSED OTHERWISE", "SUCCEEDED IN SOME WAYS", "NOTHING TRIED",
};

static const struct attack *const tables[] = {
    attacks_history,    attacks_archive, attacks_keys,    attacks_server,    attacks_thin,
    attacks_proofs,     attacks_net,     attacks_disk,    attacks_secrets,   attacks_destroy,
    attacks_payload,    attacks_afar,    attacks_reset,   attacks_resync,    attacks_image,
    attacks_dns,        attacks_members, attacks_plugins, attacks_central,   attacks_two_keys,
    attacks_neighbours, attacks_wire,    attacks_crowds,  attacks_compacted, attacks_readers,
    attacks_told,
};
static struct {
    unsigned tried, held, succeeded;
    bool talks;
} now;

void attack_must(int rc)
{
    if (rc)
        fail_msg("%s: %s", ate_result_name(rc), ate__error_text());
}

void attack_tried(const char *way, int result, int documented)
{
    now.tried++;
    now.held += result == documented;
    now.succeeded += !result;
    if (now.talks || (result && result != documented))
        printf("%s: %s (%s)\n", way, ate_result_name(result), result ? ate__error_text() : "");
    fflush(stdout);
}

static enum outcome outcome(void)
{
    if (!now.tried)
        return NOTHING_TRIED;
    if (now.held == now.tried)
        return HELD;
    if (now.succeeded == now.tried)
        return SUCCEEDED;
    return now.succeeded ? MIXED : REFUSED;
}

static void run(void **state)
{
    const struct attack *a = *state;
    bool talks = now.talks;
    memset(&now, 0, sizeof now);
    now.talks = talks;
    setenv("HOME", tmpdir_new(), 1);
    unsetenv("XDG_STATE_HOME");
    unsetenv("XDG_CONFIG_HOME");
    a->run();
    if (!talks && outcome() != HELD)
        fail_msg("%s: %s", a->name, outcome_names[outcome()]);
}

/* Those of this name, or all. */
static struct CMUnitTest *collect(const char *name, size_t *ret_count)
{
    size_t count = 0, room = 1;
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const struct attack *a = tables[t]; a->name; a++)
            room++;
    struct CMUnitTest *tests = calloc(room, sizeof *tests);
    if (!tests)
        abort();
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const struct attack *a = tables[t]; a->name; a++)
            if (!name || !strcmp(name, a->name))
                tests[count++] = (struct CMUnitTest){
                    .name = a->name, .test_func = run, .initial_state = (void *)(uintptr_t)a};
    *ret_count = count;
    return tests;
}

int main(int argc, char **argv)
{
    size_t count;
    bool list = argc == 2 && !strcmp(argv[1], "--list");
    struct CMUnitTest *tests = collect(list || argc < 2 ? NULL : argv[1], &count);
    if (list) {
        for (size_t i = 0; i < count; i++)
            puts(tests[i].name);
        free(tests);
        return 0;
    }
    if (!count) {
        free(tests);
        fprintf(stderr, "attacks: there is none of this name\n");
        return EXIT_BROKEN;
    }
    now.talks = argc == 2;
    int failed = _cmocka_run_group_tests("attacks", tests, count, NULL, NULL);
    free(tests);
    past_keys_free();
    if (!now.talks)
        return failed != 0;
    printf("%s: %s\n", argv[1], failed ? "BROKEN" : outcome_names[outcome()]);
    return failed ? EXIT_BROKEN : outcome() == HELD ? 0 : EXIT_FIRST + (int)outcome();
}
