#include <pthread.h>
#include <signal.h>

#include "kes_inside.h"

struct half {
    bulla_kes_work *work;
    void *context;
};

static void *begin(void *context)
{
    const struct half *half = context;
    half->work(half->context);
    return NULL;
}

void bulla_kes_halves(bool apart, bulla_kes_work *work, void *first, void *second)
{
    struct half half = {work, second};
    pthread_t thread;
    sigset_t all, before;
    if (apart) {
        (void)sigfillset(&all);
        (void)pthread_sigmask(SIG_SETMASK, &all, &before);
        apart = pthread_create(&thread, NULL, begin, &half) == 0;
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    work(first);
    if (apart)
        (void)pthread_join(thread, NULL);
    else
        work(second);
}
