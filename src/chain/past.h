/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * past.h: a pipe that shows a chain as it was at one size (docs/decisions/0021). Nothing can be
 * written to it.
 *
 *  1. What did not change since is answered by the chain's view. What did is looked for in the log,
 * backwards, once; the answer is kept: what it costs is the way back to the version that was
 * current then, and about 300 bytes.
 *  2. The first walk over the children of an object reads the log once, from the creation of that
 * object to the size, and keeps as much for each of them. `whole`: all of it is read once, into a
 * view of the pipe's own, when the pipe is opened; every question is answered by that.
 *  3. Control events are all in the chain's view, so rules and keys of that time cost nothing.
 *
 * By one thread at a time.
 */
#pragma once
#include "chain/search.h"

struct ate__past_conf {
    uint64_t size; /* 1 to the published one */
    bool whole;
    struct ate__progress progress;
};
/* chain: the one that `now` shows; a reference to `now` is taken. Errors: NOT_FOUND: the chain was
 * never of that size; COMPACTED: what was there then is not; TAMPERED E_*. */
int ate__past_open(struct ate__pipe *now, struct ate__chain *chain,
                   const struct ate__past_conf *conf, struct ate__pipe **ret_pipe) ATE__CHECK;
