/* Stands between bulla and the TPM: sees every command, and lets one of them go wrong. */
#ifndef BULLA_TESTS_TPM_PROXY_H
#define BULLA_TESTS_TPM_PROXY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/swtpm.h"

enum proxy_form {
    PROXY_UNIX,      /* as swtpm on a unix socket */
    PROXY_TCP,       /* as swtpm on TCP */
    PROXY_SIMULATOR, /* as Microsoft's simulator: framed, one connection for all commands */
};

enum proxy_act {
    PROXY_FORWARD,
    PROXY_ERROR, /* answers with `error` and does not forward */
    PROXY_HANG,  /* does not answer at all */
    PROXY_CLOSE, /* hangs up without forwarding */
    PROXY_DELAY, /* forwards, and answers after `delay_ms` */
    PROXY_FLIP,  /* flips a bit of the last byte of the answer */
    PROXY_SHORT, /* sends half of the answer and hangs up */
    PROXY_HUGE,  /* says in the answer that it has 2^31 bytes */
};

struct proxy {
    const struct test_swtpm *tpm;
    enum proxy_form form;
    char tcti[160];
    /* What goes wrong: at the command of this number (from 0, FlushContext not counted), or at the first of this code.
     */
    int at;
    uint32_t at_code;
    enum proxy_act act;
    uint32_t error;
    unsigned delay_ms;
    void (*before)(struct proxy *proxy); /* called where it goes wrong, before the act; may be NULL */
    /* What was seen. */
    atomic_int seen;
    atomic_bool struck;
    uint8_t *wire; /* all commands and answers */
    size_t wire_size, wire_capacity;
    int listener;
    pthread_t thread;
};

/* Nothing goes wrong after start: set the fields above between calls. */
void proxy_start(struct proxy *proxy, const struct test_swtpm *tpm, enum proxy_form form);
/* Forgets what was seen and what was to go wrong. */
void proxy_reset(struct proxy *proxy);
void proxy_stop(struct proxy *proxy);
bool proxy_saw(const struct proxy *proxy, const uint8_t *bytes, size_t size);

#endif
