/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * golden-make DIR: a set of golden chains as this version makes them, in DIR, whose last part is
 * the set's number and which is made, and beside each the text of what is in it. See
 * tests/vectors/golden/README.md.
 */
#include "golden.h"
#include "lib/shell.h"
#include "lib/tmpdir.h"
#include <stdlib.h>
#include <sys/stat.h>

static void write_text(const char *dir, const char *name, const struct ate__buf *text)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/%s.txt", dir, name);
    FILE *f = fopen(path, "wx");
    assert_non_null(f);
    assert_true(fwrite(text->data, 1, text->size, f) == text->size);
    assert_int_equal(fclose(f), 0);
}

static void describe(const char *dir, const char *name, const char *scratch)
{
    char line[9000], path[4200];
    struct ate__buf text = ATE__BUF_NULL;
    snprintf(line, sizeof line,
             "cd '%s' && from=. && if [ -d '%s.keys' ]; then from='%s.keys'; fi && "
             "cp \"$from\"/*.key \"$from\"/*.pub '%s' && cp -r '%s' '%s/' && chmod 600 '%s'/*.key",
             dir, name, name, scratch, name, scratch, scratch);
    assert_int_equal(shell(line), 0);
    snprintf(path, sizeof path, "%s/%s", scratch, name);
    golden_describe(path, scratch, ATE_READ, &text);
    write_text(dir, name, &text);
    ate__buf_deinit(&text);
}

int main(int argc, char **argv)
{
    const char *slash = argc == 2 ? strrchr(argv[1], '/') : NULL;
    unsigned set = slash ? (unsigned)strtoul(slash + 1, NULL, 10) : 0;
    if (!set || set > GOLDEN_SETS || mkdir(argv[1], 0755)) {
        fprintf(stderr, "usage: golden-make .../NUMBER, a directory which is made\n");
        return 2;
    }
    const char *scratch = tmpdir_new();
    golden_still_openssl();
    golden_make_keys(argv[1]);
    for (unsigned i = 0; i < GOLDEN_CHAINS; i++) {
        if (golden_chains[i].set != set)
            continue;
        golden_make(&golden_chains[i], argv[1]);
        describe(argv[1], golden_chains[i].name, scratch);
    }
    return 0;
}
