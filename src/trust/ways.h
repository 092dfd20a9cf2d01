/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * ways.h: walks from an object up to the top, in the state before a transaction that is judged.
 *
 * A transaction of thousands of events about objects that lie deep would walk the same thousand
 * steps for each of them. So what a walk has found is remembered at the objects that it passed, and
 * the next one ends where it meets one. Remembered is no more than what a fixed table holds, and
 * nothing of the first steps: where objects lie as deep as they do in most chains there is no
 * table. It changes what a judgment costs, never what it says.
 */
#pragma once
#include "trust/judge.h"

/* What is asked: a right, as enum ate__right, or who may delete. */
enum { ATE__WAY_DELETE = ATE__RIGHT_READ }; /* whether they read is asked of nobody here */

/* May the signers do it at an object that exists, by the first control event from there upwards
 * that sets the right, as trust/accept.h says? Of DELETE: does any write rule from there upwards
 * admit them; where the needs are asked for, whom each of them admits. *ret_answer: enum
 * ate__answer. Errors: NOT_FOUND (it is not live), TOO_BIG (too deep), and those of the facts. */
int ate__way_ask(struct ate__judge *j, const struct ate_id *id, unsigned what, uint32_t *ret_answer)
    ATE__CHECK;
/* From n, whose parent after the transaction is given, to the next node above: counts on in
 * n->steps, and sets n->passed where it is not set. ret_next NULL: there is none, because *ret_lost
 * does not live (*ret_is_lost; what it was), or it would be more than ATE__PARENTS_MAX steps to it.
 * Errors: those of the facts. */
int ate__way_climb(struct ate__judge *j, struct ate__node *n, const struct ate_id *parent,
                   struct ate__node **ret_next, bool *ret_is_lost, struct ate_id *ret_lost,
                   struct ate__object_facts *ret_lost_before) ATE__CHECK;
void ate__ways_free(struct ate__ways *w); /* takes NULL */
