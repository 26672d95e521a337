/* A TCTI of our own: carries TPM commands over a unix socket, TCP or a device, with one deadline for all of them.
 *
 * Not the TCTI modules of tpm2-tss 3.2: tcti-swtpm ignores the timeout of its receive and writes with write(2), so a
 * TPM that hangs hangs us and one that dies ends the host's process by SIGPIPE; and their loader opens whatever library
 * the string names. A channel also sees every handle that the TPM gives out: whatever is still loaded when it closes is
 * flushed, however the work ended.
 *
 * A channel that was muted, broke or timed out gives ESAPI an answer of its own, TPM_RC_FAILURE in a buffer that is
 * zero otherwise: ESAPI then still works, on its own memory only, and can be made to overwrite what it keeps. */
#ifndef BULLA_TPM_BACKEND_CHANNEL_H
#define BULLA_TPM_BACKEND_CHANNEL_H

#include <tss2/tss2_tcti.h>
#include <tss2/tss2_tpm2_types.h>

#include "address.h"

enum {
    BULLA_TPM_MESSAGE_LARGEST = 4096,
    BULLA_TPM_FRAME_LARGEST = BULLA_TPM_MESSAGE_LARGEST + 16,
    BULLA_TPM_HANDLES = 8,
    BULLA_TPM_GRACE_MS = 500, /* past the deadline: once for a late answer, once for flushing */
};

enum bulla_tpm_channel_state {
    BULLA_TPM_CHANNEL_IDLE,
    BULLA_TPM_CHANNEL_WAITING, /* a command was sent, its response has not come */
    BULLA_TPM_CHANNEL_LATE,    /* and the deadline has passed */
    BULLA_TPM_CHANNEL_BROKEN,  /* the other side has gone or talks nonsense */
};

struct bulla_tpm_channel {
    TSS2_TCTI_CONTEXT_COMMON_V2 tcti; /* first: ESAPI is given its address */
    struct bulla_tpm_address address;
    int fd;
    int lock;          /* of the folder of a unix socket */
    int error;         /* errno of what broke it */
    uint64_t deadline; /* CLOCK_MONOTONIC, ms */
    enum bulla_tpm_channel_state state;
    bool timed_out;
    bool muted;       /* sends nothing more */
    uint32_t command; /* code of the last command, and the handle after it */
    uint32_t command_handle;
    uint32_t loaded[BULLA_TPM_HANDLES]; /* transient objects and sessions that the TPM gave us */
    size_t loaded_count;
    uint8_t frame[BULLA_TPM_FRAME_LARGEST];
};

/* BULLA_CONFIG_TCTI, BULLA_TPM_TIMEOUT. Nothing is connected before the first command. Close it in any case. */
enum bulla_reason bulla_tpm_channel_open(
    struct bulla_tpm_channel *channel, const char *tcti, uint64_t deadline) BULLA_MUST_USE;
/* Flushes, disconnects, wipes. */
void bulla_tpm_channel_close(struct bulla_tpm_channel *channel);
/* One command past ESAPI; the response's code, or a code of the TCTI layer. */
TSS2_RC bulla_tpm_channel_command(struct bulla_tpm_channel *channel, const uint8_t *command, size_t size);

/* The refusal for a channel that timed out or broke. */
enum bulla_reason bulla_tpm_channel_refuse(const struct bulla_tpm_channel *channel, const char *doing) BULLA_MUST_USE;

uint64_t bulla_tpm_now_ms(void);

#endif
