/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "cli/process.h"
#include "lib/check.h"
#include "net/addr.h"
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

const char *server_program;

pid_t server_launch(const char *logs, uint16_t port, int *ret_out)
{
    int pipe_fd[2];
    char port_text[8];
    snprintf(port_text, sizeof port_text, "%u", port);
    assert_int_equal(pipe(pipe_fd), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(pipe_fd[1], STDOUT_FILENO);
        close(pipe_fd[0]);
        close(pipe_fd[1]);
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves no server behind */
        execl(server_program, server_program, "-q", "--no-auth", "-p", port_text, "--limit",
              "create-bytes=1000000000000", logs, (char *)NULL);
        _exit(127);
    }
    close(pipe_fd[1]);
    *ret_out = pipe_fd[0];
    return pid;
}

struct server server_start(const char *logs, uint16_t port)
{
    struct server s = {.pid = -1};
    static struct ate__addr addr;
    char line[4096];
    int out_fd;
    s.pid = server_launch(logs, port, &out_fd);
    FILE *out = fdopen(out_fd, "r");
    assert_non_null(out);
    if (!fgets(line, sizeof line, out))
        fail_msg("%s is not ready", server_program);
    fclose(out);
    *strchr(line, ' ') = 0;
    snprintf(s.address, sizeof s.address, "%.500s", line);
    assert_int_equal(ate__addr_parse(line, &addr), 0);
    s.port = addr.port;
    s.pin = addr.pins[0];
    return s;
}

static int end(struct server *s, int signal_number)
{
    int status;
    assert_int_equal(kill(s->pid, signal_number), 0);
    assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
    return status;
}

void server_kill(struct server *s)
{
    assert_true(WIFSIGNALED(end(s, SIGKILL)));
}

void server_end(struct server *s)
{
    assert_int_equal(end(s, SIGTERM), 0);
}
