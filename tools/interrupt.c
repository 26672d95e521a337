#include "interrupt.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>

static volatile sig_atomic_t came;

static void note(int signal_number)
{
    came = signal_number;
}

void bulla_interrupt_watch(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = note;
    action.sa_flags = (int)(SA_RESTART | SA_RESETHAND); /* a second one ends the process at once */
    (void)sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        (void)sigaction(signals[i], &action, NULL);
}

enum bulla_reason bulla_interrupt_check(void)
{
    return came ? bulla_refuse(BULLA_CANCELLED, "interrupted by SIG%s", sigabbrev_np(came)) : BULLA_OK;
}

void bulla_interrupt_repeat(void)
{
    if (!came)
        return;
    (void)signal(came, SIG_DFL);
    (void)raise(came);
}
