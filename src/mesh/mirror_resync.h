/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * mirror_resync.h: LEAVES and KEPT, decoded and handed on.
 */
#pragma once
#include "chain/resync.h"
#include "mesh/msg.h"

/* resync NULL: none was announced. Errors: BAD_PEER, and those of chain/resync.h. */
int ate__mirror_piece(struct ate__resync *resync, enum ate__message type, struct ate_bytes body)
    ATE__CHECK;
