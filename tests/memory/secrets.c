#include "secrets.h"

#include <dirent.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/arena.h"
#include "crypto/stream.h"
#include "support/folder.h"

enum { HALF = 16, KEY = 32, PIN_BLOCK = 12 };

/* What is there for anybody to read. */
struct public_bytes {
    uint8_t *data;
    size_t size;
};

static void publish(struct public_bytes *bytes, const uint8_t *data, size_t size)
{
    bytes->data = realloc(bytes->data, bytes->size + size);
    if (!bytes->data)
        abort();
    memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
}

/* Of a sealed model the first 64 KiB, which hold its header. */
static void publish_folder(struct public_bytes *bytes, const char *folder)
{
    char path[512];
    DIR *listing = opendir(folder);
    for (struct dirent *entry; listing && (entry = readdir(listing)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        test_folder_join(path, sizeof path, folder, entry->d_name);
        if (entry->d_type == DT_DIR) {
            publish_folder(bytes, path);
            continue;
        }
        size_t size = 0;
        uint8_t *data = test_file_read(path, &size);
        if (data)
            publish(bytes, data, strstr(path, ".bulla") && size > 65536 ? 65536 : size);
        free(data);
    }
    if (listing)
        (void)closedir(listing);
}

static bool is_public(const struct public_bytes *bytes, const struct draw *draw)
{
    return memmem(bytes->data, bytes->size, draw->bytes, HALF) ||
           memmem(bytes->data, bytes->size, draw->bytes + HALF, HALF);
}

static void derive(struct secrets *secrets, const char *name, const uint8_t *data, size_t size)
{
    if (secrets->derived_count == DERIVED_MOST)
        abort();
    uint8_t *kept = secrets->derived[secrets->derived_count++];
    memcpy(kept, data, size);
    needles_add(&secrets->needles, name, kept, size, HALF);
}

/* RFC 8032, 5.1.5: the first half of SHA-512 of the seed, clamped. */
static void add_scalar(struct secrets *secrets, const struct draw *draw)
{
    uint8_t hash[64];
    (void)crypto_hash_sha512(hash, draw->bytes, KEY);
    hash[0] &= 248;
    hash[31] = (uint8_t)((hash[31] & 127) | 64);
    derive(secrets, "a signing key's scalar and prefix", hash, sizeof hash);
}

/* The public salt belongs to the PIN's Argon2id with the parameters of pin-cost = quick. */
static void add_auth(struct secrets *secrets, const char *name, const uint8_t pin[PIN_SIZE], const struct draw *draw)
{
    struct bulla_argon2 argon2;
    uint8_t key[KEY];
    bulla_argon2_choose(&argon2, true);
    memcpy(argon2.salt, draw->bytes, sizeof argon2.salt);
    if (bulla_argon2_derive(&argon2, (struct bulla_bytes){pin, PIN_SIZE}, key) != BULLA_OK)
        abort();
    derive(secrets, name, key, sizeof key);
}

static void try_model_key(struct secrets *secrets, const struct draw *draw, const uint8_t *sealed, size_t size)
{
    struct bulla_stream_opener opener = {0};
    if (secrets->model_key ||
        bulla_stream_open_begin(&opener, (struct bulla_bytes){sealed, size}, size, draw->bytes) != BULLA_OK)
        return;
    secrets->model_key = draw;
    derive(secrets, "payload and MAC key of the sealed file", opener.keys, 64);
    bulla_stream_opener_wipe(&opener);
}

static void add_draw(struct secrets *secrets, const struct draw *draw, const uint8_t *sealed, size_t size)
{
    char name[48];
    if (sealed)
        try_model_key(secrets, draw, sealed, size);
    if (secrets->model_key == draw)
        (void)snprintf(name, sizeof name, "the model key");
    else
        (void)snprintf(name, sizeof name, "a key drawn before \"%s\"", draw->stage);
    needles_add(&secrets->needles, name, draw->bytes, KEY, HALF);
    add_scalar(secrets, draw);
    secrets->keys++;
}

void secrets_gather(struct secrets *secrets, const struct client *client, const char *token, const char *sealed)
{
    struct public_bytes bytes = {0};
    size_t size = 0;
    uint8_t *file = test_file_read(sealed, &size);
    *secrets = (struct secrets){.derived = calloc(DERIVED_MOST, sizeof *secrets->derived)};
    publish_folder(&bytes, token);
    for (size_t i = 0; i < client->answer_count; i++)
        publish(&bytes, client->answers[i], client->answer_sizes[i]);
    for (size_t i = 0; i < client->draw_count; i++) {
        const struct draw *draw = &client->draws[i];
        if (draw->size == KEY && !is_public(&bytes, draw))
            add_draw(secrets, draw, file, size);
        if (draw->size != 16 || !memmem(bytes.data, bytes.size, draw->bytes, 16))
            continue;
        add_auth(secrets, "Argon2id of the user's PIN", client->user, draw);
        add_auth(secrets, "Argon2id of the SO's PIN", client->officer, draw);
    }
    needles_add(&secrets->needles, "the user's PIN", client->user, PIN_SIZE, PIN_BLOCK);
    needles_add(&secrets->needles, "the SO's PIN", client->officer, PIN_SIZE, PIN_BLOCK);
    needles_add(&secrets->needles, "the request", client->text, TEXT_SIZE, HALF);
    needles_index(&secrets->needles);
    free(bytes.data);
    free(file);
}

void secrets_free(struct secrets *secrets)
{
    needles_free(&secrets->needles);
    free(secrets->derived);
}
