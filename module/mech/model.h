/* Opened models: decrypted into locked pages, shared by all sessions of the process, wiped when their lease ends. */
#ifndef BULLA_MECH_MODEL_H
#define BULLA_MECH_MODEL_H

#include <pthread.h>

#include "crypto/pages.h"
#include "evidence/claims.h"
#include "inference/engine.h"
#include "mechanism.h"

/* While it is opening only the one who opens it looks beyond `expires`. */
enum bulla_opening { BULLA_OPENING, BULLA_OPENED, BULLA_OPENING_REFUSED };

struct bulla_open_model {
    struct bulla_open_model *next;
    unsigned users; /* who open it, wait for it or compute with it now; the list's own hold is not counted */
    bool listed;
    enum bulla_opening opening;
    uint8_t serial[16], object[16];
    uint64_t sealing;    /* the key's latest sealing when this was opened: another one opens anew */
    uint64_t generation; /* of the file */
    uint64_t expires;    /* CLOCK_MONOTONIC seconds; 0: until logout */
    uint8_t manifest_digest[32];
    struct bulla_pages weights;
    const struct bulla_model *model;
    pthread_mutex_t workspace_lock;
    struct bulla_pages workspace; /* kept for the next call, empty of content between calls */
    char policy_version[48];      /* in force when this was opened: what its receipts name until it is closed */
    uint8_t *evidence;            /* the document that binds the receipt key, made when this was opened */
    size_t evidence_size;
    struct bulla_claims *claims; /* what that measured; NULL without evidence */
};

/* The model of the run's key: the opened one, or opened now. Give it back with bulla_model_release. While one is
 * opened, those who want it wait; nobody else does, and the functions below do not either: what they take off the list
 * in the middle of its opening is closed by its last user.
 * BULLA_MODEL_MISSING, _OTHER_KEY, _OTHER_TOKEN, _OLDER, _MALFORMED, _UNSUPPORTED, BULLA_AUTHENTICATION,
 * BULLA_MEMORY_LOCK. */
enum bulla_reason bulla_model_acquire(const struct bulla_run *run, struct bulla_open_model **model) BULLA_MUST_USE;
void bulla_model_release(struct bulla_open_model *model);

/* For the family's row. */
void bulla_models_close(void);
void bulla_models_forget(const uint8_t serial[static 16]);
void bulla_models_lapse(uint64_t now);
void bulla_models_abandon(void);

/* --- model_file.c: opening the sealed file --- */
/* Fills in generation, manifest_digest, weights and model. */
enum bulla_reason bulla_model_file_open(const struct bulla_run *run, struct bulla_open_model *model) BULLA_MUST_USE;
/* The reason for an engine's refusal, with its words as the detail. */
enum bulla_reason bulla_inference_refusal(const struct bulla_inference_error *error);

#endif
