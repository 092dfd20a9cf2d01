/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * who.h: WHO and KEY of the command line: rules, and keys by fingerprint or file.
 */
#pragma once
#include "bin/ate/cmd.h"

/* KEY: 43 characters of a fingerprint, or a public or private key file. session: learns the public
 * key of a file that is public; NULL: nobody does. Errors: as ate_key_show(). */
int who_key(const char *word, size_t size, struct ate_session *session, struct ate_hash *ret_key)
    ATE__CHECK;
/* "inherit", "everyone", "nobody", or KEY[,KEY...]. *ret_owned: the keys of the rule, ended with
 * ate__free(). Errors: MISUSE, TOO_BIG, and as above. */
int who_rule(const char *option, const char *text, struct ate_session *session,
             struct ate_rule *ret_rule, struct ate_hash **ret_owned) ATE__CHECK;
