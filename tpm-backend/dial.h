/* Reaching a TPM, and waiting for it no longer than until the channel's deadline. */
#ifndef BULLA_TPM_BACKEND_DIAL_H
#define BULLA_TPM_BACKEND_DIAL_H

#include "channel.h"

/* Sets channel->fd; 0 or an errno, with channel->timed_out where it was the deadline. */
int bulla_tpm_dial(struct bulla_tpm_channel *channel);
/* Takes this burst's turn on a unix socket, by a lock on its folder; false at the deadline. Where the folder can't be
 * opened for reading, bursts go without. */
bool bulla_tpm_turn_take(struct bulla_tpm_channel *channel);

/* Polls channel->fd; false at the deadline, with channel->timed_out, or with an error of the descriptor. */
bool bulla_tpm_wait(struct bulla_tpm_channel *channel, short events);
/* Whether an errno means: again. */
bool bulla_tpm_passing(int error);

#endif
