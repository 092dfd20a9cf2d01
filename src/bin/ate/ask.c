/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bin/ate/ask.h"
#include "base/err.h"
#include <string.h>
#include <unistd.h>

int ask_yes(const struct options *o, const char *what)
{
    char line[16];
    if (o->yes)
        return 0;
    if (ate__out.json || !isatty(STDIN_FILENO) || !ate__out.terminal)
        return ate__fail(ATE_DENIED, "%s; nothing was changed: --yes does it", what);
    ate__print("%s\ndo it? (yes or no) ", what);
    if (ate__out_flush() || !fgets(line, sizeof line, stdin) || strcmp(line, "yes\n") != 0)
        return ate__fail(ATE_DENIED, "nothing was changed");
    return 0;
}
