/* The wire form is big-endian throughout; a TPM2B is a u16 size and that many bytes. Each reader takes all fields in
 * order, asks the byte reader whether they were there, and only then looks at what they say. */
#include "tpm_structures.h"

#include "crypto/cipher.h"

static const uint32_t TPM_GENERATED_VALUE = 0xff544347; /* 0xff ‖ "TCG" */

enum {
    TPM_ST_ATTEST_QUOTE = 0x8018,
    TPM_ALG_SHA256 = 0x000b,
    TPM_ALG_NULL = 0x0010,
    TPM_ALG_ECDSA = 0x0018,
    TPM_ALG_ECC = 0x0023,
    TPM_ECC_NIST_P256 = 0x0003,
    TPMA_OBJECT_KNOWN = 0x000f0ff6, /* every bit that Part 2 defines; the others must be clear */
    PCR_SELECT_SIZE = 3,            /* 24 PCRs */
};

static struct bulla_bytes read_sized(struct bulla_reader *reader)
{
    return bulla_read(reader, bulla_read_u16(reader));
}

/* A coordinate or half of a signature, which a TPM may send without its leading zeros, to 32 bytes. */
static enum bulla_reason read_integer(struct bulla_reader *reader, uint8_t out[static 32])
{
    struct bulla_bytes integer = read_sized(reader);
    if (!reader->failed && (integer.size == 0 || integer.size > 32))
        return bulla_refuse(BULLA_MALFORMED, "a P-256 integer of %zu bytes", integer.size);
    memset(out, 0, 32);
    if (!reader->failed)
        memcpy(out + 32 - integer.size, integer.data, integer.size);
    return BULLA_OK;
}

static enum bulla_reason read_head(struct bulla_reader *reader, struct bulla_tpm_attest *attest)
{
    uint32_t magic = bulla_read_u32(reader);
    uint16_t type = bulla_read_u16(reader);
    if (reader->failed)
        return bulla_reader_finish(reader, "TPMS_ATTEST");
    if (magic != TPM_GENERATED_VALUE)
        return bulla_refuse(BULLA_MALFORMED, "TPMS_ATTEST: magic %08x: no TPM made this", magic);
    if (type != TPM_ST_ATTEST_QUOTE)
        return bulla_refuse(BULLA_MALFORMED, "TPMS_ATTEST: type %04x is not a quote", type);
    attest->qualified_signer = read_sized(reader);
    attest->extra_data = read_sized(reader);
    return BULLA_OK;
}

/* TPMS_CLOCK_INFO and the firmware's version. */
static enum bulla_reason read_clock(struct bulla_reader *reader, struct bulla_tpm_attest *attest)
{
    attest->clock = bulla_read_u64(reader);
    attest->reset_count = bulla_read_u32(reader);
    attest->restart_count = bulla_read_u32(reader);
    uint8_t safe = bulla_read_u8(reader);
    attest->clock_safe = safe == 1;
    attest->firmware = bulla_read_u64(reader);
    if (safe > 1)
        return bulla_refuse(BULLA_MALFORMED, "TPMS_ATTEST: %u is neither yes nor no", safe);
    return BULLA_OK;
}

/* TPML_PCR_SELECTION: a second bank, even an empty one, changes what the digest is over and is refused. */
static enum bulla_reason read_selection(struct bulla_reader *reader, uint32_t *mask)
{
    uint32_t banks = bulla_read_u32(reader);
    uint16_t bank = bulla_read_u16(reader);
    uint8_t size = bulla_read_u8(reader);
    if (reader->failed)
        return bulla_reader_finish(reader, "TPMS_ATTEST");
    if (banks != 1 || bank != TPM_ALG_SHA256 || size != PCR_SELECT_SIZE)
        return bulla_refuse(BULLA_EVIDENCE_MISMATCH,
            "the quote is over %u banks (first %04x), not the SHA-256 bank alone", banks, bank);
    *mask = bulla_read_u8(reader);
    *mask |= (uint32_t)bulla_read_u8(reader) << 8;
    *mask |= (uint32_t)bulla_read_u8(reader) << 16;
    return BULLA_OK;
}

enum bulla_reason bulla_tpm_attest_read(struct bulla_bytes bytes, struct bulla_tpm_attest *attest)
{
    struct bulla_reader reader;
    bulla_reader_open(&reader, bytes);
    *attest = (struct bulla_tpm_attest){.clock = 0};
    BULLA_TRY(read_head(&reader, attest));
    BULLA_TRY(read_clock(&reader, attest));
    BULLA_TRY(read_selection(&reader, &attest->pcr_mask));
    attest->pcr_digest = read_sized(&reader);
    return bulla_reader_finish(&reader, "TPMS_ATTEST");
}

/* One row for each algorithm identifier that stands in the public area, in its order. */
struct expected {
    const char *what;
    uint16_t value;
};

static enum bulla_reason read_expected(struct bulla_reader *reader, const struct expected *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint16_t value = bulla_read_u16(reader);
        if (!reader->failed && value != rows[i].value)
            return bulla_refuse(BULLA_UNSUPPORTED, "TPM %s %04x: only %04x is", rows[i].what, value, rows[i].value);
    }
    return BULLA_OK;
}

/* TPMT_PUBLIC up to its attributes, and TPMS_ECC_PARMS: a restricted signing key has no symmetric algorithm. */
static const struct expected public_head[] = {
    {"key type", TPM_ALG_ECC},
    {"name algorithm", TPM_ALG_SHA256},
};
static const struct expected ecc_parameters[] = {
    {"symmetric algorithm", TPM_ALG_NULL},
    {"signing scheme", TPM_ALG_ECDSA},
    {"signing hash", TPM_ALG_SHA256},
    {"curve", TPM_ECC_NIST_P256},
    {"key derivation scheme", TPM_ALG_NULL},
};
static const struct expected signature_head[] = {
    {"signature algorithm", TPM_ALG_ECDSA},
    {"signature hash", TPM_ALG_SHA256},
};

enum bulla_reason bulla_tpm_public_read(struct bulla_bytes bytes, struct bulla_tpm_public *key)
{
    struct bulla_reader reader;
    bulla_reader_open(&reader, bytes);
    *key = (struct bulla_tpm_public){.attributes = 0};
    BULLA_TRY(read_expected(&reader, public_head, 2));
    key->attributes = bulla_read_u32(&reader);
    struct bulla_bytes auth_policy = read_sized(&reader);
    BULLA_TRY(read_expected(&reader, ecc_parameters, 5));
    key->point[0] = 0x04;
    BULLA_TRY(read_integer(&reader, key->point + 1));
    BULLA_TRY(read_integer(&reader, key->point + 33));
    BULLA_TRY(bulla_reader_finish(&reader, "TPMT_PUBLIC"));
    if ((key->attributes & ~(uint32_t)TPMA_OBJECT_KNOWN) || (auth_policy.size != 0 && auth_policy.size != 32))
        return bulla_refuse(
            BULLA_MALFORMED, "TPMT_PUBLIC: attributes %08x, policy of %zu bytes", key->attributes, auth_policy.size);
    return BULLA_OK;
}

void bulla_tpm_public_name(struct bulla_bytes public_area, uint8_t name[static 34])
{
    name[0] = TPM_ALG_SHA256 >> 8;
    name[1] = TPM_ALG_SHA256 & 0xff;
    bulla_sha256(public_area, name + 2);
}

enum bulla_reason bulla_tpm_signature_read(struct bulla_bytes bytes, uint8_t signature[static 64])
{
    struct bulla_reader reader;
    bulla_reader_open(&reader, bytes);
    BULLA_TRY(read_expected(&reader, signature_head, 2));
    BULLA_TRY(read_integer(&reader, signature));
    BULLA_TRY(read_integer(&reader, signature + 32));
    return bulla_reader_finish(&reader, "TPMT_SIGNATURE");
}
