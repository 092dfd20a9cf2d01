/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * recover.h: what is changed in a log that was opened for writing before anything is appended
 * (docs/format/redo.md, "Opening for writing" and "The list").
 *
 * By then whoever opens has judged all that the survey says is whole: begin() asks for it, or, in a
 * process whose log failed, recover().
 *
 * Nothing is appended behind a torn tail, and no byte is written over that may have been
 * acknowledged. In this order; a crash anywhere leaves what the next open takes up again:
 *
 *   1. all segments are read through: nothing is changed in a damaged log
 *   2. meta.a and meta.b are made equal
 *   3. a listed `next` gets its name; files that the list does not name are removed
 *   4. if the log does not end cleanly at F:
 *      a. the torn tail is copied to trimmed/
 *      b. the whole groups above F are copied, framed under a new salt, to a new segment, `next`;
 *         it is synced (a sync that failed in a process that died left its pages in the cache,
 *         clean, and on no disk: new pages are the only ones that a sync can be asked about)
 *      c. meta.a, then meta.b say that the old segment ends at F and the new one follows; an old
 *         one without records leaves the list
 *      d. the new one gets its name, the old one is cut at F, or removed
 *   5. else an idle mark that no list vouches for is written once more, the same bytes, and synced,
 *      for the same reason as in 4b
 */
#pragma once
#include "redo/survey.h"

/* Whether there is anything to change; v without damage. */
bool ate__recover_due(const struct ate__survey *v);
/* v without damage. Changes the files and v to agree again; then nothing stands above F. Errors:
 * TAMPERED UNSUPPORTED (damage, told in v; nothing was changed) E_* */
int ate__recover_apply(struct ate__redo *r, struct ate__survey *v) ATE__CHECK;
