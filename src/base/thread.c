/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "base/thread.h"
#include <signal.h>

int ate__thread_start(pthread_t *ret_thread, const pthread_attr_t *attr, void *(*run)(void *arg),
                      void *arg)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(ret_thread, attr, run, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}
