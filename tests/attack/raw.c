/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "raw.h"
#include "attack.h"
#include "base/endian.h"
#include "mesh/server.h"
#include "net/addr.h"
#include "net/frame.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000 };

static struct sockaddr_in address(unsigned host, uint16_t port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr.s_addr = htonl(0x7f000000 + host)};
}

uint16_t raw_port(const struct ate__server *s)
{
    static struct ate__addr addr; /* too big for a stack */
    attack_must(ate__addr_parse(ate__server_address(s), &addr));
    return addr.port;
}

int raw_connect(uint16_t port, unsigned source)
{
    struct sockaddr_in from = address(source, 0), to = address(1, port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0 && !bind(fd, (const struct sockaddr *)&from, sizeof from) &&
                !connect(fd, (const struct sockaddr *)&to, sizeof to));
    return fd;
}

bool raw_say(int fd, struct ate_bytes bytes)
{
    return send(fd, bytes.data, bytes.size, MSG_NOSIGNAL) == (ssize_t)bytes.size;
}

struct ate_bytes raw_hello(uint16_t low, uint16_t high, uint8_t ret_frame[25])
{
    memset(ret_frame, 0, 25);
    ate__store32(ret_frame, 21);
    ate__store16(ret_frame + 4, ATE__NET_HELLO);
    ate__store16(ret_frame + ATE__NET_FRAME_HEAD, low);
    ate__store16(ret_frame + ATE__NET_FRAME_HEAD + 2, high);
    return ate__bytes(ret_frame, 25);
}

static bool receive(int fd, uint8_t *to, size_t size)
{
    for (size_t at = 0; at < size;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
        ssize_t got = recv(fd, to + at, size - at, 0);
        if (got <= 0)
            return false;
        at += (size_t)got;
    }
    return true;
}

int raw_answer(int fd, uint16_t type)
{
    uint8_t head[ATE__NET_FRAME_HEAD];
    if (!receive(fd, head, sizeof head))
        return ate__fail(ATE_BUSY, "the connection ended");
    if (ate__load16(head + 4) != type)
        return ate__fail(ATE_BAD_PEER, "a frame of type %u", ate__load16(head + 4));
    return 0;
}
