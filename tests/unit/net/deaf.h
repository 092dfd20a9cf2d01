/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * deaf.h: a name server that takes questions and never answers, and a trust anchor.
 */
#pragma once
#include "lib/check.h"
#include "net/lookup.h"
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct deaf {
    int fd;
    char server[64], anchor[64];
    struct ate__lookup lookup;
};

static inline void deaf_init(struct deaf *d)
{
    static const char ds[] =
        ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n";
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    d->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(d->fd >= 0 && !bind(d->fd, (const struct sockaddr *)&at, size) &&
                !getsockname(d->fd, (struct sockaddr *)&at, &size));
    snprintf(d->server, sizeof d->server, "127.0.0.1@%u", ntohs(at.sin_port));
    snprintf(d->anchor, sizeof d->anchor, "/tmp/ate-anchor-XXXXXX");
    int fd = mkstemp(d->anchor);
    assert_true(fd >= 0 && write(fd, ds, sizeof ds - 1) == sizeof ds - 1 && !close(fd));
    d->lookup = (struct ate__lookup){.dns_server = d->server, .dns_anchor = d->anchor};
}

/* Waits until it was asked something. */
static inline void deaf_hear(const struct deaf *d)
{
    char question[512];
    assert_true(recv(d->fd, question, sizeof question, 0) > 0);
}

static inline void deaf_deinit(struct deaf *d)
{
    close(d->fd);
    unlink(d->anchor);
}
