/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * result.h: the one list of results.
 *
 * Positive: an answer that a caller, a peer or a file can cause, to be handled where it is given.
 * Negative: this machine failed; pass it on. A tenth of the number, without its sign, is the class
 * and the programs' exit status.
 */
#pragma once

/* clang-format off */
#define ATE_RESULTS(X) \
    X(NOT_FOUND, 11, "there is no such object, chain or type") \
    X(END, 12, "nothing more") \
    X(EXISTS, 13, "it exists already") \
    X(WRONG_TYPE, 14, "the object is of another type") \
    X(COMPACTED, 15, "that part of history was compacted away") \
    X(MISUSE, 21, "a call or argument that cannot be right") \
    X(WOULD_DEADLOCK, 22, "a waiting call inside a callback") \
    X(DENIED, 31, "the session's keys do not allow it") \
    X(NO_KEY, 32, "the session lacks the key that opens it") \
    X(NO_ACCESS, 33, "the server does not serve this to you") \
    X(STALE_KEY, 34, "the key was replaced by a newer epoch") \
    X(READ_ONLY, 35, "opened for reading only") \
    X(CONFLICT, 41, "someone changed it meanwhile") \
    X(STALE, 42, "begun, or shown to be new, too long ago") \
    X(TIMEOUT, 51, "not done in time, and not done later") \
    X(OFFLINE, 52, "the root cannot be reached") \
    X(UNKNOWN, 53, "no answer came; it may still be applied") \
    X(BUSY, 54, "a named limit is reached") \
    X(IN_USE, 55, "another process has it open") \
    X(NOT_LOCAL, 56, "the payload is at the root") \
    X(CANCELED, 57, "ended by its owner") \
    X(UNTRUSTED, 61, "nothing says which root key to trust") \
    X(WRONG_CHAIN, 62, "another chain than the one trusted") \
    X(TAMPERED, 63, "a hash or signature does not hold") \
    X(FORKED, 64, "two histories of one chain") \
    X(ROLLED_BACK, 65, "shorter than history already seen") \
    X(OMITTED, 66, "something was left out") \
    X(BAD_PEER, 67, "the other side broke the protocol") \
    X(MALFORMED, 71, "not in the documented form") \
    X(UNSUPPORTED, 72, "of a newer version or unknown algorithm") \
    X(TOO_BIG, 73, "over a named limit") \
    X(E_MEMORY, -81, "out of memory") \
    X(E_IO, -82, "the disk failed") \
    X(E_NO_SPACE, -83, "the disk is full") \
    X(E_SYSTEM, -84, "the system refused a call") \
    X(E_BUG, -85, "a fault in this library")
/* clang-format on */

enum ate_result {
    ATE_OK = 0,
#define ATE__X(name, number, text) ATE_##name = number,
    ATE_RESULTS(ATE__X)
#undef ATE__X
};
