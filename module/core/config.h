/* bulla.conf: which tokens there are and where they live (bulla.conf(5)).
 *
 * Found in this order: $BULLA_CONF (ignored under AT_SECURE), $XDG_CONFIG_HOME/bulla/bulla.conf (or ~/.config), and
 * /etc/bulla/bulla.conf; with none of them, one user token in $XDG_DATA_HOME/bulla. A file that others than its owner
 * may write is refused (BULLA_CONFIG_PERMISSION), and so are unknown settings, and TCTI strings that run commands. */
#ifndef BULLA_CORE_CONFIG_H
#define BULLA_CORE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/signature.h"

enum { BULLA_TOKENS_LARGEST = 32, BULLA_CONFIG_PATH = 1024, BULLA_CONFIG_TEXT = 256 };

struct bulla_token_config {
    char name[33]; /* of the section; the label that bulla init proposes */
    unsigned long slot;
    char serial[17];                       /* 16 characters; "" until chosen at initialisation */
    char path[BULLA_CONFIG_PATH];          /* the token's folder */
    char models[BULLA_CONFIG_PATH];        /* default: <path>/models */
    char tcti[BULLA_CONFIG_TEXT];          /* "" when there is no TPM */
    char release[BULLA_CONFIG_TEXT];       /* the token key's tree: default "tpm" with a tcti, else "passphrase" */
    char model_release[BULLA_CONFIG_TEXT]; /* the default tree of model keys; "": the token key alone */
    char attester[16];                     /* of evidence: a name, "auto", "none"; "": auto */
    uint32_t pcrs;                         /* quoted; default 0–7 */
    enum bulla_hash pcr_bank;              /* that they are quoted from; default SHA-256 */
    unsigned long lease;                   /* seconds; default 300 */
    unsigned long threads;                 /* 0: as many as processors */
    bool quick_pin;                        /* pin-cost = quick: a cheap Argon2id, for tests */
    bool so_recovery;                      /* the SO's secret opens the token key too */
};
struct bulla_config {
    char source[BULLA_CONFIG_PATH]; /* the file read; "" for the built-in default */
    struct bulla_token_config tokens[BULLA_TOKENS_LARGEST];
    unsigned count;
};

enum bulla_reason bulla_config_load(struct bulla_config *config) BULLA_MUST_USE;
/* Parses text of a file called `source`; for tests and bulla_config_load. */
enum bulla_reason bulla_config_parse(const char *text, const char *source, struct bulla_config *config) BULLA_MUST_USE;

#endif
