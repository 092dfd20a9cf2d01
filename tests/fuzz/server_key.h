/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * server_key.h: a server's key for as long as the target runs.
 */
#pragma once
#include "crypto/tls.h"

extern struct ate__tls_server_key *server_key;
