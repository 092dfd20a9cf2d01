/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * raw.h: sockets whose bytes the attacker writes; in clear text, which shows no less of the limits.
 */
#pragma once
#include "base/buf.h"

struct ate__server;
uint16_t raw_port(const struct ate__server *s);

/* Connects to that port of 127.0.0.1, from 127.0.0.`source`. */
int raw_connect(uint16_t port, unsigned source);
/* False: the other side has closed it. */
bool raw_say(int fd, struct ate_bytes bytes);
/* The whole HELLO of a client of these protocol versions. */
struct ate_bytes raw_hello(uint16_t low, uint16_t high, uint8_t ret_frame[25]);
/* Waits: 0: a frame of that type came; BUSY: the connection ended instead. */
int raw_answer(int fd, uint16_t type);
