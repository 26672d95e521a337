#include <sodium.h>
#include <string.h>

#include "file.h"
#include "kes_serve.h"
#include "output.h"

enum { FILE_LARGEST = 8192 };

/* Cardano's TextEnvelope: JSON with a type, a description and the CBOR in hex. */
static enum bulla_reason envelope_read(const char *path, struct bulla_bytes text, uint8_t *cbor, size_t *size)
{
    json_error_t error;
    json_t *envelope = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, &error);
    const char *type = json_string_value(json_object_get(envelope, "type"));
    const char *hex = json_string_value(json_object_get(envelope, "cborHex"));
    const char *end = NULL;
    enum bulla_reason reason = BULLA_OK;
    if (!type || !hex || strcmp(type, "NodeOperationalCertificate") != 0)
        reason = bulla_refuse(BULLA_MALFORMED, "%.200s is no envelope of a NodeOperationalCertificate", path);
    else if (sodium_hex2bin(cbor, BULLA_OPERATIONAL_CERTIFICATE_LARGEST, hex, strlen(hex), NULL, size, &end) != 0 ||
             *end)
        reason = bulla_refuse(BULLA_MALFORMED, "the cborHex of %.200s is no certificate in hex", path);
    json_decref(envelope);
    return reason;
}

static enum bulla_reason read_any(
    const char *path, struct bulla_bytes bytes, struct bulla_operational_certificate *certificate)
{
    uint8_t cbor[BULLA_OPERATIONAL_CERTIFICATE_LARGEST];
    size_t size = 0;
    if (!bytes.size || *bytes.data != '{')
        return bulla_operational_certificate_read(bytes, certificate);
    BULLA_TRY(envelope_read(path, bytes, cbor, &size));
    return bulla_operational_certificate_read((struct bulla_bytes){cbor, size}, certificate);
}

static enum bulla_reason check(
    const struct bulla_served_key *key, const struct bulla_operational_certificate *certificate)
{
    BULLA_TRY(bulla_operational_certificate_verify(certificate));
    if (memcmp(certificate->hot, key->verification_key, sizeof certificate->hot) != 0)
        return bulla_refuse(BULLA_KEY_INVALID, "the operational certificate is another key's");
    if (key->slots && key->first / key->slots != certificate->period)
        return bulla_refuse(BULLA_KEY_INVALID,
            "the operational certificate begins with period %llu, and the key's clock with %llu",
            (unsigned long long)certificate->period, (unsigned long long)(key->first / key->slots));
    return BULLA_OK;
}

enum bulla_reason bulla_served_certificate_read(
    const char *path, const struct bulla_served_key *key, struct bulla_operational_certificate *certificate)
{
    uint8_t *data = NULL;
    size_t size = 0;
    BULLA_TRY(bulla_file_read(path, FILE_LARGEST, &data, &size));
    enum bulla_reason reason = read_any(path, (struct bulla_bytes){data, size}, certificate);
    bulla_file_free(data, size);
    return reason == BULLA_OK ? check(key, certificate) : reason;
}
