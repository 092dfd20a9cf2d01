/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A program outside the tree: what it sees is what `make install` installed. */
#include <ate/ate.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    const char *version = ate_version();
    puts(version);
    return strcmp(version, EXPECTED) == 0 ? 0 : 1;
}
