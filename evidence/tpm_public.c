/* TPMT_PUBLIC and TPMT_SIGNATURE. What a key may be is a table of types, curves, schemes and symmetric algorithms; what
 * is in none of them is refused by its number. */
#include "tpm_structures.h"

enum {
    TPM_ALG_RSA = 0x0001,
    TPM_ALG_AES = 0x0006,
    TPM_ALG_NULL = 0x0010,
    TPM_ALG_ECC = 0x0023,
    TPM_ALG_CFB = 0x0043,
    TPMA_OBJECT_KNOWN = 0x000f0ff6, /* every bit that Part 2 defines; the others must be clear */
};

static const struct {
    uint16_t algorithm;
    uint16_t key_type;
    enum bulla_padding padding;
} schemes[BULLA_TPM_SCHEMES] = {
    [BULLA_TPM_NO_SCHEME] = {TPM_ALG_NULL, 0, BULLA_PADDING_NONE},
    [BULLA_TPM_ECDSA] = {0x0018, TPM_ALG_ECC, BULLA_PADDING_NONE},
    [BULLA_TPM_RSASSA] = {0x0014, TPM_ALG_RSA, BULLA_PADDING_PKCS1},
    [BULLA_TPM_RSAPSS] = {0x0016, TPM_ALG_RSA, BULLA_PADDING_PSS},
};

static const struct curve {
    uint16_t identifier;
    enum bulla_key_kind_public kind;
    size_t field;
} curves[] = {{0x0003, BULLA_PUBLIC_P256, 32}, {0x0004, BULLA_PUBLIC_P384, 48}};
enum { CURVES = sizeof curves / sizeof curves[0] };

/* A coordinate or half of a signature, which a TPM may send without its leading zeros, to the field's size. */
static enum bulla_reason read_integer(struct bulla_reader *reader, size_t field, uint8_t *out)
{
    struct bulla_bytes integer = bulla_tpm_read_sized(reader);
    if (!reader->failed && (integer.size == 0 || integer.size > field))
        return bulla_refuse(BULLA_MALFORMED, "an integer of %zu bytes for a field of %zu", integer.size, field);
    memset(out, 0, field);
    if (!reader->failed)
        memcpy(out + field - integer.size, integer.data, integer.size);
    return BULLA_OK;
}

static enum bulla_reason unsupported(const char *what, unsigned number)
{
    return bulla_refuse(BULLA_UNSUPPORTED, "TPM %s %04x", what, number);
}

static bool signing_hash(uint16_t algorithm, enum bulla_hash *hash)
{
    return bulla_tpm_hash(algorithm, hash) && *hash != BULLA_SHA1;
}

/* TPMT_SYM_DEF_OBJECT: AES in CFB mode, or none. */
static enum bulla_reason read_symmetric(struct bulla_reader *reader, uint16_t *aes_bits)
{
    uint16_t algorithm = bulla_read_u16(reader);
    *aes_bits = 0;
    if (reader->failed || algorithm == TPM_ALG_NULL)
        return BULLA_OK;
    if (algorithm != TPM_ALG_AES)
        return unsupported("symmetric algorithm", algorithm);
    *aes_bits = bulla_read_u16(reader);
    uint16_t mode = bulla_read_u16(reader);
    if (!reader->failed && ((*aes_bits != 128 && *aes_bits != 256) || mode != TPM_ALG_CFB))
        return bulla_refuse(BULLA_UNSUPPORTED, "TPM AES of %u bits in mode %04x", *aes_bits, mode);
    return BULLA_OK;
}

/* TPMT_RSA_SCHEME and TPMT_ECC_SCHEME. */
static enum bulla_reason read_scheme(struct bulla_reader *reader, uint16_t type, struct bulla_tpm_public *key)
{
    uint16_t algorithm = bulla_read_u16(reader);
    if (reader->failed || algorithm == TPM_ALG_NULL)
        return BULLA_OK;
    for (unsigned i = BULLA_TPM_NO_SCHEME + 1; i < BULLA_TPM_SCHEMES; i++)
        if (schemes[i].algorithm == algorithm && schemes[i].key_type == type)
            key->scheme = (enum bulla_tpm_scheme)i;
    if (key->scheme == BULLA_TPM_NO_SCHEME)
        return unsupported("signing scheme", algorithm);
    uint16_t hash = bulla_read_u16(reader);
    if (!reader->failed && !signing_hash(hash, &key->scheme_hash))
        return unsupported("signing hash", hash);
    return BULLA_OK;
}

/* TPMS_RSA_PARMS behind the scheme, and the modulus, whose highest bit a TPM always sets. An exponent of 0 is 2^16+1.
 */
static enum bulla_reason read_rsa(struct bulla_reader *reader, struct bulla_tpm_public *key)
{
    uint16_t bits = bulla_read_u16(reader);
    uint32_t exponent = bulla_read_u32(reader);
    key->kind = BULLA_PUBLIC_RSA;
    key->modulus = bulla_tpm_read_sized(reader);
    if (reader->failed)
        return BULLA_OK;
    if ((bits != 2048 && bits != 3072 && bits != 4096) || (exponent != 0 && exponent != 65537))
        return bulla_refuse(BULLA_UNSUPPORTED, "TPM RSA key of %u bits with exponent %u", bits, exponent);
    if (key->modulus.size != bits / 8 || !(key->modulus.data[0] & 0x80))
        return bulla_refuse(BULLA_MALFORMED, "a modulus of %zu bytes for %u bits", key->modulus.size, bits);
    return BULLA_OK;
}

static enum bulla_reason read_ecc(struct bulla_reader *reader, struct bulla_tpm_public *key)
{
    uint16_t identifier = bulla_read_u16(reader);
    uint16_t derivation = bulla_read_u16(reader);
    const struct curve *curve = NULL;
    for (size_t i = 0; i < CURVES; i++)
        if (curves[i].identifier == identifier)
            curve = &curves[i];
    if (reader->failed)
        return BULLA_OK;
    if (!curve)
        return unsupported("curve", identifier);
    if (derivation != TPM_ALG_NULL)
        return unsupported("key derivation scheme", derivation);
    key->kind = curve->kind;
    key->point[0] = 0x04;
    BULLA_TRY(read_integer(reader, curve->field, key->point + 1));
    return read_integer(reader, curve->field, key->point + 1 + curve->field);
}

static bool policy_fits(const struct bulla_tpm_public *key)
{
    return key->auth_policy.size == 0 || key->auth_policy.size == bulla_hash_size(key->name_hash);
}

static bool naming_hash(uint16_t algorithm, enum bulla_hash *hash)
{
    return bulla_tpm_hash(algorithm, hash) && (*hash == BULLA_SHA256 || *hash == BULLA_SHA384);
}

enum bulla_reason bulla_tpm_public_read(struct bulla_bytes bytes, struct bulla_tpm_public *key)
{
    struct bulla_reader reader;
    bulla_reader_open(&reader, bytes);
    *key = (struct bulla_tpm_public){.attributes = 0};
    uint16_t type = bulla_read_u16(&reader);
    uint16_t name = bulla_read_u16(&reader);
    if (!reader.failed && type != TPM_ALG_RSA && type != TPM_ALG_ECC)
        return unsupported("key type", type);
    if (!reader.failed && !naming_hash(name, &key->name_hash))
        return unsupported("name algorithm", name);
    key->attributes = bulla_read_u32(&reader);
    key->auth_policy = bulla_tpm_read_sized(&reader);
    BULLA_TRY(read_symmetric(&reader, &key->aes_bits));
    BULLA_TRY(read_scheme(&reader, type, key));
    BULLA_TRY(type == TPM_ALG_RSA ? read_rsa(&reader, key) : read_ecc(&reader, key));
    BULLA_TRY(bulla_reader_finish(&reader, "TPMT_PUBLIC"));
    if ((key->attributes & ~(uint32_t)TPMA_OBJECT_KNOWN) || !policy_fits(key))
        return bulla_refuse(BULLA_MALFORMED, "TPMT_PUBLIC: attributes %08x, policy of %zu bytes", key->attributes,
            key->auth_policy.size);
    return BULLA_OK;
}

struct bulla_bytes bulla_tpm_public_area(struct bulla_bytes bytes)
{
    struct bulla_reader reader;
    bulla_reader_open(&reader, bytes);
    struct bulla_bytes inside = bulla_tpm_read_sized(&reader);
    return reader.failed || bulla_reader_left(&reader) > 0 ? bytes : inside;
}

struct bulla_public_key bulla_tpm_public_key(const struct bulla_tpm_public *key)
{
    struct bulla_bytes point = {key->point, key->kind == BULLA_PUBLIC_P384 ? 97 : 65};
    return (struct bulla_public_key){
        .kind = key->kind,
        .value = key->kind == BULLA_PUBLIC_RSA ? key->modulus : point,
        .exponent = key->kind == BULLA_PUBLIC_RSA ? 65537 : 0,
    };
}

struct bulla_bytes bulla_tpm_name_bytes(const struct bulla_tpm_name *name)
{
    return (struct bulla_bytes){name->bytes, name->size};
}

enum bulla_reason bulla_tpm_public_name(struct bulla_bytes public_area, struct bulla_tpm_name *name)
{
    struct bulla_reader reader;
    enum bulla_hash hash;
    bulla_reader_open(&reader, public_area);
    (void)bulla_read_u16(&reader);
    uint16_t algorithm = bulla_read_u16(&reader);
    *name = (struct bulla_tpm_name){.size = 0};
    if (reader.failed)
        return bulla_reader_finish(&reader, "TPMT_PUBLIC");
    if (!naming_hash(algorithm, &hash))
        return unsupported("name algorithm", algorithm);
    name->bytes[0] = (uint8_t)(algorithm >> 8);
    name->bytes[1] = (uint8_t)algorithm;
    name->size = 2 + bulla_hash_size(hash);
    return bulla_hash_parts(hash, &public_area, 1, name->bytes + 2);
}

/* The halves to the curve's size; or a number as long as the modulus, which RSA signatures always are. */
static enum bulla_reason read_value(
    struct bulla_reader *reader, const struct bulla_tpm_public *key, uint8_t *value, size_t *size)
{
    if (key->kind == BULLA_PUBLIC_RSA) {
        struct bulla_bytes number = bulla_tpm_read_sized(reader);
        *size = key->modulus.size;
        if (!reader->failed && number.size != *size)
            return bulla_refuse(BULLA_MALFORMED, "an RSA signature of %zu bytes by a key of %zu", number.size, *size);
        if (!reader->failed)
            memcpy(value, number.data, number.size);
        return BULLA_OK;
    }
    size_t field = key->kind == BULLA_PUBLIC_P384 ? 48 : 32;
    *size = 2 * field;
    BULLA_TRY(read_integer(reader, field, value));
    return read_integer(reader, field, value + field);
}

enum bulla_reason bulla_tpm_signature_read(
    struct bulla_bytes bytes, const struct bulla_tpm_public *key, struct bulla_tpm_signature *signature)
{
    struct bulla_reader reader;
    enum bulla_hash said = BULLA_SHA1;
    size_t size = 0;
    bulla_reader_open(&reader, bytes);
    *signature = (struct bulla_tpm_signature){.signature = {.hash = key->scheme_hash}};
    if (key->scheme == BULLA_TPM_NO_SCHEME)
        return bulla_refuse(BULLA_UNSUPPORTED, "the key's own scheme does not say how it signs");
    uint16_t algorithm = bulla_read_u16(&reader);
    uint16_t hash = bulla_read_u16(&reader);
    if (!reader.failed &&
        (algorithm != schemes[key->scheme].algorithm || !signing_hash(hash, &said) || said != key->scheme_hash))
        return bulla_refuse(
            BULLA_EVIDENCE_MISMATCH, "signature by scheme %04x with hash %04x: the key has another", algorithm, hash);
    BULLA_TRY(read_value(&reader, key, signature->value, &size));
    signature->signature.padding = schemes[key->scheme].padding;
    signature->signature.value = (struct bulla_bytes){signature->value, size};
    return bulla_reader_finish(&reader, "TPMT_SIGNATURE");
}

enum bulla_reason bulla_tpm_public_attests(const struct bulla_tpm_public *key)
{
    const uint32_t needed = BULLA_TPM_FIXED_TPM | BULLA_TPM_FIXED_PARENT | BULLA_TPM_SENSITIVE_DATA_ORIGIN |
                            BULLA_TPM_RESTRICTED | BULLA_TPM_SIGN;
    if ((key->attributes & (needed | BULLA_TPM_DECRYPT)) != needed)
        return bulla_refuse(BULLA_EVIDENCE_UNTRUSTED,
            "the key (attributes %08x) is not a restricted signing key which its TPM made and keeps", key->attributes);
    if (key->aes_bits != 0)
        return bulla_refuse(BULLA_UNSUPPORTED, "a signing key with a symmetric algorithm");
    return BULLA_OK;
}
