/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * error.c: results, sentences, versions and text forms as the public interface names them.
 */
#include "api/api.h"

const char *ate_error(void)
{
    return ate__error_text();
}

const char *ate_result_name(int result)
{
    return ate__result_name(result);
}

const char *ate_result_text(int result)
{
    return ate__result_text(result);
}

const char *ate_version(void)
{
    return ATE__VERSION;
}

char *ate_id_text(struct ate_id id, char ret_text[ATE_ID_TEXT])
{
    ate__id_text(&id, ret_text);
    return ret_text;
}

char *ate_hash_text(struct ate_hash hash, char ret_text[ATE_HASH_TEXT])
{
    ate__hash_text(&hash, ret_text);
    return ret_text;
}

int ate_id_parse(const char *text, struct ate_id *ret_id)
{
    return ate__id_parse(text, strlen(text), ret_id);
}

int ate_hash_parse(const char *text, struct ate_hash *ret_hash)
{
    return ate__hash_parse(text, strlen(text), ret_hash);
}
