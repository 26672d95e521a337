/* The wire form is big-endian throughout; a TPM2B is a u16 size and that many bytes. Each reader takes all fields in
 * order, asks the byte reader whether they were there, and only then looks at what they say. */
#include "tpm_structures.h"

static const uint32_t TPM_GENERATED_VALUE = 0xff544347; /* 0xff ‖ "TCG" */

enum { TPM_ST_ATTEST_QUOTE = 0x8018, PCR_SELECT_SIZE = BULLA_PCR_COUNT / 8 };

struct bulla_bytes bulla_tpm_read_sized(struct bulla_reader *reader)
{
    return bulla_read(reader, bulla_read_u16(reader));
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
    attest->qualified_signer = bulla_tpm_read_sized(reader);
    attest->extra_data = bulla_tpm_read_sized(reader);
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
static enum bulla_reason read_selection(struct bulla_reader *reader, struct bulla_tpm_attest *attest)
{
    uint32_t banks = bulla_read_u32(reader);
    uint16_t bank = bulla_read_u16(reader);
    uint8_t size = bulla_read_u8(reader);
    if (reader->failed)
        return BULLA_OK; /* the end says so */
    if (banks != 1 || !bulla_tpm_hash(bank, &attest->bank) || size != PCR_SELECT_SIZE)
        return bulla_refuse(BULLA_EVIDENCE_MISMATCH,
            "the quote is over %u banks (first %04x, %u bytes of PCRs), not over one that is known", banks, bank, size);
    attest->pcr_mask = bulla_read_u8(reader);
    attest->pcr_mask |= (uint32_t)bulla_read_u8(reader) << 8;
    attest->pcr_mask |= (uint32_t)bulla_read_u8(reader) << 16;
    return BULLA_OK;
}

enum bulla_reason bulla_tpm_attest_read(struct bulla_bytes bytes, struct bulla_tpm_attest *attest)
{
    struct bulla_reader reader;
    bulla_reader_open(&reader, bytes);
    *attest = (struct bulla_tpm_attest){.clock = 0};
    BULLA_TRY(read_head(&reader, attest));
    BULLA_TRY(read_clock(&reader, attest));
    BULLA_TRY(read_selection(&reader, attest));
    attest->pcr_digest = bulla_tpm_read_sized(&reader);
    return bulla_reader_finish(&reader, "TPMS_ATTEST");
}
