/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * thread.h: the library's own threads.
 */
#pragma once
#include "base/compiler.h"
#include <pthread.h>

/* As pthread_create(), whose errno it gives; the thread takes no signals, since those of the
 * program are none of its business. Any thread. */
int ate__thread_start(pthread_t *ret_thread, const pthread_attr_t *attr, void *(*run)(void *arg),
                      void *arg) ATE__CHECK;
