/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "api/names.h"
#include "base/alloc.h"
#include "base/err.h"
#include "lib/check.h"
#include "lib/tmpdir.h"
#include <stdlib.h>

static const char one[] = "tcp://h:5000/a/b#pin=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

static void put_config(const char *home, const char *text)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/ate/config", home);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int collect(void *arg, const char *name, const char *address)
{
    char *names = arg;
    snprintf(names + strlen(names), 64 - strlen(names), "%s ", name);
    return address[0] == 't' ? 0 : ATE_MISUSE;
}

static void keeps_names_sorted(void **state)
{
    (void)state;
    char names[64] = "", *address;
    setenv("XDG_CONFIG_HOME", tmpdir_new(), 1);
    assert_int_equal(ate__name_lookup("work", &address), ATE_NOT_FOUND);
    assert_string_equal(ate__error_text(), "no such name: @work");
    assert_int_equal(ate__name_set("work", one), 0);
    assert_int_equal(ate__name_set("a.b", one), 0);
    assert_int_equal(ate__name_set("zoo", one), 0);
    assert_int_equal(ate__name_set("home", one), 0);
    assert_int_equal(ate__name_each(collect, names), 0);
    assert_string_equal(names, "a.b home work zoo ");
    assert_int_equal(ate__name_lookup("home", &address), 0);
    assert_string_equal(address, one);
    ate__free(address);
    assert_int_equal(ate__name_set("home", "tcp://other/x/y"), 0);
    assert_int_equal(ate__name_lookup("home", &address), 0);
    assert_string_equal(address, "tcp://other/x/y");
    ate__free(address);
    assert_int_equal(ate__name_set("home", NULL), 0);
    assert_int_equal(ate__name_set("home", NULL), ATE_NOT_FOUND);
    names[0] = 0;
    assert_int_equal(ate__name_each(collect, names), 0);
    assert_string_equal(names, "a.b work zoo ");
}

static void refuses_what_is_no_name_or_address(void **state)
{
    (void)state;
    char *address;
    setenv("XDG_CONFIG_HOME", tmpdir_new(), 1);
    assert_int_equal(ate__name_set("a b", one), ATE_MALFORMED);
    assert_int_equal(ate__name_set("", one), ATE_MALFORMED);
    assert_int_equal(ate__name_set("-x", one), ATE_MALFORMED);
    assert_int_equal(ate__name_set("x/y", one), ATE_MALFORMED);
    assert_int_equal(ate__name_set("x", "http://h/x"), ATE_MALFORMED);
    assert_int_equal(ate__name_set("x", "tcp://h/a\nname y tcp://evil/a"), ATE_MALFORMED);
    assert_int_equal(ate__name_lookup("x", &address), ATE_NOT_FOUND);
}

static void refuses_a_damaged_file(void **state)
{
    (void)state;
    static const char *const damaged[] = {
        "nonsense\n", "name x\n", "name x tcp://h/a", "name - tcp://h/a\n", "\n",
    };
    char *address;
    const char *home = tmpdir_new();
    setenv("XDG_CONFIG_HOME", home, 1);
    assert_int_equal(ate__name_set("x", one), 0);
    for (size_t i = 0; i < ATE__COUNT_OF(damaged); i++) {
        put_config(home, damaged[i]);
        assert_int_equal(ate__name_lookup("y", &address), ATE_MALFORMED);
        assert_int_equal(ate__name_set("y", one), ATE_MALFORMED);
    }
    /* Behind a byte 0 there may be more, which would be lost. */
    char path[4096];
    snprintf(path, sizeof path, "%s/ate/config", home);
    FILE *f = fopen(path, "w");
    fprintf(f, "name x %s\n%cname z %s\n", one, 0, one);
    fclose(f);
    assert_int_equal(ate__name_lookup("x", &address), ATE_MALFORMED);
    assert_int_equal(ate__name_set("y", one), ATE_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_names_sorted),
        cmocka_unit_test(refuses_what_is_no_name_or_address),
        cmocka_unit_test(refuses_a_damaged_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
