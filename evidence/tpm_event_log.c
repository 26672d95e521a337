/* Everything is little-endian. The log's first event has the old form (one SHA-1 digest) in any case; when its data
 * begins with "Spec ID Event03" it lists the banks, and each event after it has one digest for each of them.
 *
 * Data whose digest must be the measured one is that of the types for which the profile (section 10.4) says so, and no
 * more: EV_EFI_VARIABLE_BOOT and EV_EFI_VARIABLE_AUTHORITY are measured by their value alone on some firmware, EV_IPL
 * by whatever the loader likes. For these, `data_is_digested` says how it is. */
#include "tpm_event_log.h"

enum { EV_NO_ACTION = 3, SHA1_SIZE = 20, DIGEST_LARGEST = 64 };

static const uint32_t NO_PCR = 0xffffffff; /* of an EV_NO_ACTION that is about the whole platform */
static const char spec_id[16] = "Spec ID Event03";
static const char startup_locality[16] = "StartupLocality";

static const struct type {
    uint32_t type;
    bool digested; /* the profile says that the digest is the data's */
    const char *name;
} types[] = {
    {0x00000001, false, "EV_POST_CODE"},
    {EV_NO_ACTION, false, "EV_NO_ACTION"},
    {0x00000004, true, "EV_SEPARATOR"},
    {0x00000005, true, "EV_ACTION"},
    {0x00000006, false, "EV_EVENT_TAG"},
    {0x00000007, false, "EV_S_CRTM_CONTENTS"},
    {0x00000008, true, "EV_S_CRTM_VERSION"},
    {0x00000009, false, "EV_CPU_MICROCODE"},
    {0x0000000a, false, "EV_PLATFORM_CONFIG_FLAGS"},
    {0x0000000b, false, "EV_TABLE_OF_DEVICES"},
    {0x0000000c, false, "EV_COMPACT_HASH"},
    {0x0000000d, false, "EV_IPL"},
    {0x0000000e, false, "EV_IPL_PARTITION_DATA"},
    {0x0000000f, false, "EV_NONHOST_CODE"},
    {0x00000010, false, "EV_NONHOST_CONFIG"},
    {0x00000011, false, "EV_NONHOST_INFO"},
    {0x00000012, false, "EV_OMIT_BOOT_DEVICE_EVENTS"},
    {0x00000013, false, "EV_POST_CODE2"},
    {0x80000001, true, "EV_EFI_VARIABLE_DRIVER_CONFIG"},
    {0x80000002, false, "EV_EFI_VARIABLE_BOOT"},
    {0x80000003, false, "EV_EFI_BOOT_SERVICES_APPLICATION"},
    {0x80000004, false, "EV_EFI_BOOT_SERVICES_DRIVER"},
    {0x80000005, false, "EV_EFI_RUNTIME_SERVICES_DRIVER"},
    {0x80000006, true, "EV_EFI_GPT_EVENT"},
    {0x80000007, true, "EV_EFI_ACTION"},
    {0x80000008, false, "EV_EFI_PLATFORM_FIRMWARE_BLOB"},
    {0x80000009, false, "EV_EFI_HANDOFF_TABLES"},
    {0x8000000a, false, "EV_EFI_PLATFORM_FIRMWARE_BLOB2"},
    {0x8000000b, false, "EV_EFI_HANDOFF_TABLES2"},
    {0x8000000c, true, "EV_EFI_VARIABLE_BOOT2"},
    {0x8000000d, false, "EV_EFI_GPT_EVENT2"},
    {0x80000010, false, "EV_EFI_HCRTM_EVENT"},
    {0x800000e0, false, "EV_EFI_VARIABLE_AUTHORITY"},
    {0x800000e1, false, "EV_EFI_SPDM_FIRMWARE_BLOB"},
    {0x800000e2, false, "EV_EFI_SPDM_FIRMWARE_CONFIG"},
    {0x800000e3, false, "EV_EFI_SPDM_DEVICE_POLICY"},
    {0x800000e4, false, "EV_EFI_SPDM_DEVICE_AUTHORITY"},
};
enum { TYPES = sizeof types / sizeof types[0] };

static enum bulla_reason malformed(const struct bulla_tpm_event_log *log, const char *what)
{
    return bulla_refuse(BULLA_MALFORMED, "event %zu of the log: %s", log->index, what);
}

static enum bulla_reason truncated(const struct bulla_tpm_event_log *log)
{
    return bulla_refuse(BULLA_TRUNCATED, "the event log ends within event %zu", log->index);
}

static bool begins_with(struct bulla_bytes data, const char name[static 16])
{
    return data.size >= 16 && memcmp(data.data, name, 16) == 0;
}

/* -- the head -- */

static enum bulla_reason read_banks(struct bulla_tpm_event_log *log, struct bulla_reader *head)
{
    uint32_t count = bulla_read_u32_little(head);
    if (!head->failed && (count == 0 || count > BULLA_EVENT_BANKS))
        return bulla_refuse(BULLA_UNSUPPORTED, "an event log of %u banks", count);
    for (; log->bank_count < count && !head->failed; log->bank_count++) {
        enum bulla_hash hash;
        uint16_t algorithm = bulla_read_u16_little(head), size = bulla_read_u16_little(head);
        if (head->failed)
            break;
        if (size == 0 || size > DIGEST_LARGEST || (bulla_tpm_hash(algorithm, &hash) && size != bulla_hash_size(hash)))
            return malformed(log, "a bank whose digests have another size than its hash");
        for (size_t i = 0; i < log->bank_count; i++)
            if (log->banks[i].algorithm == algorithm)
                return bulla_refuse(BULLA_DUPLICATE, "the event log lists bank %04x twice", algorithm);
        log->banks[log->bank_count].algorithm = algorithm;
        log->banks[log->bank_count].size = size;
    }
    return BULLA_OK;
}

/* TCG_EfiSpecIdEvent: platform class, versions (2.0), size of uintn, banks, vendor's information. */
static enum bulla_reason read_spec_id(struct bulla_tpm_event_log *log, struct bulla_bytes data)
{
    struct bulla_reader head;
    bulla_reader_open(&head, data);
    (void)bulla_read(&head, sizeof spec_id + 4);
    uint8_t minor = bulla_read_u8(&head), major = bulla_read_u8(&head);
    (void)bulla_read(&head, 2);
    if (!head.failed && (major != 2 || minor != 0))
        return bulla_refuse(BULLA_UNSUPPORTED, "an event log by version %u.%u of its profile", major, minor);
    BULLA_TRY(read_banks(log, &head));
    (void)bulla_read(&head, bulla_read_u8(&head));
    return bulla_reader_finish(&head, "the event log's head");
}

static enum bulla_reason take(struct bulla_tpm_event_log *log, struct bulla_tpm_event *event);

enum bulla_reason bulla_tpm_event_log_open(struct bulla_bytes bytes, struct bulla_tpm_event_log *log)
{
    struct bulla_tpm_event_log first;
    struct bulla_tpm_event event;
    *log = (struct bulla_tpm_event_log){.agile = false};
    if (bytes.size > BULLA_EVENT_LOG_LARGEST)
        return bulla_refuse(BULLA_TOO_LARGE, "an event log of %zu bytes", bytes.size);
    bulla_reader_open(&log->reader, bytes);
    if (bytes.size == 0)
        return truncated(log);
    first = *log;
    BULLA_TRY(take(&first, &event));
    if (event.type == EV_NO_ACTION && begins_with(event.data, spec_id)) {
        BULLA_TRY(read_spec_id(log, event.data));
        log->agile = true;
        return BULLA_OK;
    }
    log->bank_count = 1;
    log->banks[0].algorithm = bulla_tpm_hash_algorithm(BULLA_SHA1);
    log->banks[0].size = SHA1_SIZE;
    return BULLA_OK;
}

/* -- an event -- */

static enum bulla_reason take_digest(struct bulla_tpm_event_log *log, struct bulla_tpm_event *event, uint32_t *seen)
{
    enum bulla_hash hash;
    uint16_t algorithm = bulla_read_u16_little(&log->reader);
    for (size_t i = 0; i < log->bank_count && !log->reader.failed; i++) {
        if (log->banks[i].algorithm != algorithm)
            continue;
        if (*seen >> i & 1)
            return malformed(log, "two digests for one bank");
        *seen |= UINT32_C(1) << i;
        struct bulla_bytes digest = bulla_read(&log->reader, log->banks[i].size);
        if (bulla_tpm_hash(algorithm, &hash))
            event->digests[hash] = digest;
        return BULLA_OK;
    }
    return log->reader.failed ? truncated(log) : malformed(log, "a digest for a bank that the log does not list");
}

/* TPML_DIGEST_VALUES: one for each bank of the log, in any order. */
static enum bulla_reason take_digests(struct bulla_tpm_event_log *log, struct bulla_tpm_event *event)
{
    uint32_t count = bulla_read_u32_little(&log->reader), seen = 0;
    if (!log->reader.failed && count != log->bank_count)
        return malformed(log, "more or fewer digests than the log has banks");
    for (uint32_t i = 0; i < count && !log->reader.failed; i++)
        BULLA_TRY(take_digest(log, event, &seen));
    return BULLA_OK;
}

static enum bulla_reason take(struct bulla_tpm_event_log *log, struct bulla_tpm_event *event)
{
    struct bulla_reader *reader = &log->reader;
    *event = (struct bulla_tpm_event){.index = log->index, .locality = -1};
    event->pcr = bulla_read_u32_little(reader);
    event->type = bulla_read_u32_little(reader);
    if (log->agile && log->index > 0)
        BULLA_TRY(take_digests(log, event));
    else
        event->digests[BULLA_SHA1] = bulla_read(reader, SHA1_SIZE);
    event->data = bulla_read(reader, bulla_read_u32_little(reader));
    return reader->failed ? truncated(log) : BULLA_OK;
}

static enum bulla_reason compare_digests(struct bulla_tpm_event *event)
{
    bool all = true, any = false;
    for (unsigned hash = 0; hash < BULLA_HASHES; hash++) {
        uint8_t digest[BULLA_HASH_LARGEST];
        if (event->digests[hash].size == 0)
            continue;
        BULLA_TRY(bulla_hash_parts((enum bulla_hash)hash, &event->data, 1, digest));
        any = true;
        all = all && memcmp(digest, event->digests[hash].data, event->digests[hash].size) == 0;
    }
    event->data_is_digested = all && any;
    return BULLA_OK;
}

/* PCR 0 begins at the locality from which the TPM was started: 0, 3, or 4 after an H-CRTM. */
static enum bulla_reason judge_no_action(struct bulla_tpm_event_log *log, struct bulla_tpm_event *event)
{
    if (begins_with(event->data, spec_id) && log->index > 0)
        return malformed(log, "a second head");
    if (!begins_with(event->data, startup_locality))
        return BULLA_OK;
    if (event->data.size != sizeof startup_locality + 1 || event->pcr != 0 || log->pcr0_measured)
        return malformed(log, "a StartupLocality that is not one byte for a PCR 0 as yet unmeasured");
    event->locality = event->data.data[sizeof startup_locality];
    if (event->locality != 0 && event->locality != 3 && event->locality != 4)
        return malformed(log, "a StartupLocality from which no TPM is started");
    return BULLA_OK;
}

static enum bulla_reason judge(struct bulla_tpm_event_log *log, struct bulla_tpm_event *event)
{
    const struct type *type = NULL;
    for (size_t i = 0; i < TYPES; i++)
        if (types[i].type == event->type)
            type = &types[i];
    if (!type)
        return bulla_refuse(
            BULLA_UNKNOWN_FIELD, "event %zu of the log: type %08x is not known", log->index, event->type);
    if (event->pcr >= BULLA_PCR_COUNT && !(event->type == EV_NO_ACTION && event->pcr == NO_PCR))
        return malformed(log, "a PCR that there is not");
    event->type_name = type->name;
    event->extends = event->type != EV_NO_ACTION;
    if (!event->extends)
        return judge_no_action(log, event);
    log->pcr0_measured |= event->pcr == 0;
    BULLA_TRY(compare_digests(event));
    if (type->digested && !event->data_is_digested)
        return bulla_refuse(BULLA_EVIDENCE_MISMATCH,
            "event %zu of the log (%s, PCR %u): its data is not what was measured", log->index, type->name, event->pcr);
    return BULLA_OK;
}

enum bulla_reason bulla_tpm_event_log_next(struct bulla_tpm_event_log *log, struct bulla_tpm_event *event)
{
    BULLA_TRY(take(log, event));
    BULLA_TRY(judge(log, event));
    log->index++;
    return BULLA_OK;
}
