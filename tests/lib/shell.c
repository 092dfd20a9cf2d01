/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "lib/shell.h"
#include <spawn.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

int shell(const char *line)
{
    char *words[] = {"sh", "-c", (char *)(uintptr_t)line, NULL};
    pid_t child;
    int status;
    if (posix_spawn(&child, "/bin/sh", NULL, NULL, words, environ))
        return -1;
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
        return -1;
    return WEXITSTATUS(status);
}
