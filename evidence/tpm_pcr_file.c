/* The C structures of tpm2-tss as they lie in memory, on a little-endian machine: TPML_PCR_SELECTION (count, 16 slots
 * of hash, size of the selection and 4 bytes of it, padded to 8), a count of lists, and lists of 8 slots of
 * TPM2B_DIGEST (size, 64 bytes). Slots that are not counted are zeros. */
#include "tpm_quote.h"

enum { SLOTS = 16, SLOT = 8, SELECT_SIZE = 3, LIST_SLOTS = 8, LISTS = BULLA_PCR_COUNT / LIST_SLOTS };

static enum bulla_reason malformed(const char *what)
{
    return bulla_refuse(BULLA_MALFORMED, "file of PCR values: %s", what);
}

static enum bulla_reason read_selection(struct bulla_reader *reader, enum bulla_hash *bank, uint32_t *mask)
{
    uint32_t count = bulla_read_u32_little(reader);
    uint16_t hash = bulla_read_u16_little(reader);
    uint8_t size = bulla_read_u8(reader);
    *mask = bulla_read_u8(reader);
    *mask |= (uint32_t)bulla_read_u8(reader) << 8;
    *mask |= (uint32_t)bulla_read_u8(reader) << 16;
    bool rest = bulla_read_zeros(reader, SLOT - 6 + (SLOTS - 1) * SLOT);
    if (reader->failed)
        return bulla_reader_finish(reader, "file of PCR values");
    if (count != 1 || !bulla_tpm_hash(hash, bank))
        return bulla_refuse(BULLA_UNSUPPORTED, "file of PCR values: %u banks, the first %04x", count, hash);
    return size == SELECT_SIZE && *mask && rest ? BULLA_OK : malformed("its selection is not one of 24 PCRs");
}

/* The next value, or what must fill the place of none. */
static enum bulla_reason read_slot(struct bulla_reader *reader, size_t expected, uint8_t *value)
{
    uint16_t size = bulla_read_u16_little(reader);
    struct bulla_bytes bytes = bulla_read(reader, expected);
    bool rest = bulla_read_zeros(reader, BULLA_HASH_LARGEST - expected);
    if (reader->failed)
        return bulla_reader_finish(reader, "file of PCR values");
    if (size != expected || !rest)
        return malformed("a value is not of the bank's size, or there are more or fewer than were selected");
    if (value)
        memcpy(value, bytes.data, bytes.size);
    return BULLA_OK;
}

static unsigned next_pcr(uint32_t *left)
{
    unsigned pcr = (unsigned)__builtin_ctz(*left);
    *left &= *left - 1;
    return pcr;
}

enum bulla_reason bulla_tpm_pcr_file_read(struct bulla_bytes file, enum bulla_hash *bank, uint32_t *pcr_mask,
    uint8_t values[static BULLA_PCR_COUNT][BULLA_HASH_LARGEST])
{
    struct bulla_reader reader;
    bulla_reader_open(&reader, file);
    memset(values, 0, (size_t)BULLA_PCR_COUNT * BULLA_HASH_LARGEST);
    BULLA_TRY(read_selection(&reader, bank, pcr_mask));
    uint32_t lists = bulla_read_u32_little(&reader), left = *pcr_mask;
    if (!reader.failed && lists > LISTS)
        return malformed("more values than there are PCRs");
    for (uint32_t list = 0; list < lists; list++) {
        uint32_t count = bulla_read_u32_little(&reader);
        if (!reader.failed && (count > LIST_SLOTS || count > (unsigned)__builtin_popcount(left)))
            return malformed("more values than were selected");
        for (uint32_t slot = 0; slot < LIST_SLOTS; slot++)
            BULLA_TRY(slot < count ? read_slot(&reader, bulla_hash_size(*bank), values[next_pcr(&left)])
                                   : read_slot(&reader, 0, NULL));
    }
    BULLA_TRY(bulla_reader_finish(&reader, "file of PCR values"));
    return left == 0 ? BULLA_OK : malformed("fewer values than were selected");
}
