/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "base/assert.h"
#include "lib/check.h"
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* The first bytes that a child says before it aborts. */
static void died(int truth, char *said, size_t capacity)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        dup2(ends[1], STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        ate__assert(truth == 1);
        _exit(0);
    }
    close(ends[1]);
    ssize_t got = read(ends[0], said, capacity - 1);
    said[got > 0 ? got : 0] = 0;
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(truth == 1 ? WIFEXITED(status) : WIFSIGNALED(status));
    if (truth != 1)
        assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void test_assert(void **state)
{
    (void)state;
    char said[300];
    died(1, said, sizeof said);
    assert_string_equal(said, "");
    died(0, said, sizeof said);
    assert_non_null(strstr(said, "assert_test.c:"));
    assert_non_null(strstr(said, "truth == 1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_assert)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
