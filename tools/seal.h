/* A sealing, from its folder to its file: model_seal.c does it, seal_key.c finds or makes its key. */
#ifndef BULLA_TOOLS_SEAL_H
#define BULLA_TOOLS_SEAL_H

#include "archive.h"
#include "client.h"
#include "file.h"
#include "options.h"

struct bulla_seal_settings {
    struct bulla_common common;
    const char *label, *release, *authority;
    uint64_t epoch;
    bool force;
};

struct bulla_sealing {
    const struct bulla_seal_settings *settings;
    struct bulla_client client;
    struct bulla_archive *archive;
    CK_OBJECT_HANDLE key;
    bool key_made, began;
    char id[2 * BULLA_MODEL_ID + 1];
    char path[4096];
    struct bulla_file_writer file;
    uint8_t *output; /* ciphertext */
};

/* Fills in key, key_made and id. A key under which something was sealed needs --force, a new one takes the settings. */
enum bulla_reason bulla_seal_key(struct bulla_sealing *sealing) BULLA_MUST_USE;

#endif
