#include "crypto/arena.h"
#include "crypto/text_envelope.h"
#include "file.h"
#include "kes.h"

enum { KEY_SIZE = 32, CBOR_OF_KEY = 34 };

static enum bulla_reason refuse_vkey(const char *text)
{
    return bulla_refuse(BULLA_KEY_INVALID,
        "%.80s is not a KES verification key: a text envelope, 64 hex digits, CBOR, or 32 bytes", text);
}

/* --- verification keys --- */

static enum bulla_reason vkey_of_cbor(struct bulla_bytes cbor, uint8_t key[static KEY_SIZE])
{
    struct bulla_bytes bytes;
    BULLA_TRY(bulla_kes_cbor_read(cbor, KEY_SIZE, "a KES verification key", &bytes));
    memcpy(key, bytes.data, KEY_SIZE);
    return BULLA_OK;
}

static enum bulla_reason vkey_of_envelope(
    const struct bulla_text_envelope *envelope, uint8_t key[static KEY_SIZE], int *depth)
{
    static const char type[] = BULLA_KES_VKEY_TYPE;
    uint8_t cbor[CBOR_OF_KEY];
    size_t size = 0;
    if (envelope->type.size != sizeof type || memcmp(envelope->type.data, type, sizeof type - 1) != 0)
        return bulla_refuse(BULLA_KEY_INVALID, "the envelope is of another type");
    *depth = envelope->type.data[sizeof type - 1] - '0';
    if (*depth < 0 || *depth > BULLA_KES_DEPTH_LARGEST)
        return bulla_refuse(BULLA_KEY_INVALID, "the envelope names a depth that there is not");
    BULLA_TRY(bulla_text_envelope_cbor(envelope, "a KES verification key", cbor, sizeof cbor, &size));
    return vkey_of_cbor((struct bulla_bytes){cbor, size}, key);
}

static bool vkey_of_hex(struct bulla_bytes text, uint8_t key[static KEY_SIZE])
{
    char digits[2 * KEY_SIZE + 1] = "";
    struct bulla_hex hex;
    while (text.size && (text.data[text.size - 1] == '\n' || text.data[text.size - 1] == '\r'))
        text.size--;
    if (text.size != sizeof digits - 1)
        return false;
    memcpy(digits, text.data, text.size);
    if (bulla_hex_parse(digits, "a key", &hex) != BULLA_OK || hex.size != KEY_SIZE)
        return false;
    memcpy(key, hex.data, KEY_SIZE);
    return true;
}

static enum bulla_reason vkey_of_file(struct bulla_bytes file, uint8_t key[static KEY_SIZE], int *depth)
{
    struct bulla_text_envelope envelope;
    if (bulla_text_envelope_read(file, &envelope))
        return vkey_of_envelope(&envelope, key, depth);
    if (vkey_of_hex(file, key))
        return BULLA_OK;
    if (file.size != KEY_SIZE)
        return vkey_of_cbor(file, key);
    memcpy(key, file.data, KEY_SIZE);
    return BULLA_OK;
}

enum bulla_reason bulla_kes_vkey_read(const char *text, uint8_t key[static KEY_SIZE], int *depth)
{
    uint8_t *data = NULL;
    size_t size = 0;
    *depth = BULLA_KES_DEPTH_UNKNOWN;
    if (vkey_of_hex(BULLA_TEXT(text), key))
        return BULLA_OK;
    BULLA_TRY(bulla_file_read(text, BULLA_KES_FILE_LARGEST, &data, &size));
    enum bulla_reason reason = vkey_of_file((struct bulla_bytes){data, size}, key, depth);
    bulla_file_free(data, size);
    return reason == BULLA_OK ? BULLA_OK : refuse_vkey(text);
}

/* --- envelopes --- */

static enum bulla_reason envelope_take(
    struct bulla_bytes file, const char *path, const char *type, uint8_t *cbor, size_t room, size_t *size)
{
    struct bulla_text_envelope envelope;
    if (bulla_text_envelope_read(file, &envelope)) {
        if (!bulla_bytes_equal_text(envelope.type, type))
            return bulla_refuse(BULLA_MALFORMED, "%s is an envelope of another type than %s", path, type);
        return bulla_text_envelope_cbor(&envelope, path, cbor, room, size);
    }
    if (file.size > room || (file.size && *file.data == '{')) /* no CBOR of such an envelope begins so */
        return bulla_refuse(BULLA_MALFORMED, "%s is neither a text envelope nor the CBOR of one", path);
    memcpy(cbor, file.data, file.size);
    *size = file.size;
    return BULLA_OK;
}

enum bulla_reason bulla_kes_envelope_read(const char *path, const char *type, uint8_t *cbor, size_t room, size_t *size)
{
    uint8_t *data = NULL;
    size_t file_size = 0;
    BULLA_TRY(bulla_file_read(path, BULLA_KES_FILE_LARGEST, &data, &file_size));
    enum bulla_reason reason = envelope_take((struct bulla_bytes){data, file_size}, path, type, cbor, room, size);
    bulla_file_free(data, file_size);
    return reason;
}

enum bulla_reason bulla_kes_envelope_write(
    const char *path, const char *type, const char *description, struct bulla_bytes cbor)
{
    uint8_t text[1024];
    struct bulla_writer writer;
    bulla_writer_open(&writer, text, sizeof text);
    bulla_text_envelope_write(type, description, cbor, &writer);
    BULLA_TRY(bulla_writer_finish(&writer, "a text envelope"));
    return bulla_file_write(path, 0644, bulla_writer_bytes(&writer));
}

/* --- the cold key --- */

enum bulla_reason bulla_kes_cold_read(const char *path, uint8_t seed[static KEY_SIZE])
{
    BULLA_SECRET uint8_t *file = NULL;
    BULLA_SECRET uint8_t *cbor = NULL;
    struct bulla_bytes bytes;
    size_t size = 0, cbor_size = 0;
    BULLA_TRY(bulla_file_read_secret(path, BULLA_KES_FILE_LARGEST, &file, &size));
    BULLA_TRY(bulla_secret_allocate(CBOR_OF_KEY, (void **)&cbor));
    enum bulla_reason reason = envelope_take(
        (struct bulla_bytes){file, size}, path, "StakePoolSigningKey_ed25519", cbor, CBOR_OF_KEY, &cbor_size);
    if (reason == BULLA_OK)
        reason = bulla_kes_cbor_read((struct bulla_bytes){cbor, cbor_size}, KEY_SIZE, "a cold key", &bytes);
    if (reason != BULLA_OK)
        return bulla_refuse_within(BULLA_KEY_INVALID, "the cold key: ");
    memcpy(seed, bytes.data, KEY_SIZE);
    return BULLA_OK;
}
