/* The log of what firmware and boot loaders measured (TCG PC Client Platform Firmware Profile): it explains a PCR, and
 * proves nothing by itself.
 *
 * A log is replayed into PCR values; where these are the quoted ones, its digests are what was measured. Nothing else
 * of it is signed (CVE-2022-0317): an event's type is whatever somebody wrote, and its data is believed only where its
 * digest is the measured one. Both forms are taken: SHA-1 alone, and crypto-agile (TCG_EfiSpecIdEvent03). */
#ifndef BULLA_EVIDENCE_TPM_EVENT_LOG_H
#define BULLA_EVIDENCE_TPM_EVENT_LOG_H

#include "tpm_structures.h"

enum { BULLA_EVENT_LOG_LARGEST = 1 << 20, BULLA_EVENT_BANKS = 8 };

struct bulla_tpm_event_log {
    struct bulla_reader reader;
    bool agile;
    size_t bank_count;
    struct {
        uint16_t algorithm, size;
    } banks[BULLA_EVENT_BANKS]; /* as the log's head lists them; those that are not known here are passed over */
    size_t index;               /* of the next event; 0 is the first of the log */
    bool pcr0_measured;
};

/* Views into the log. */
struct bulla_tpm_event {
    size_t index;
    uint32_t pcr; /* 0 to 23; or 0xffffffff where nothing is extended */
    uint32_t type;
    const char *type_name;                    /* "EV_SEPARATOR" */
    struct bulla_bytes digests[BULLA_HASHES]; /* empty where the log has no such bank */
    struct bulla_bytes data;
    bool extends;          /* false: EV_NO_ACTION */
    bool data_is_digested; /* every digest of a bank known here is that of `data`, which is therefore as good as the
                              digest */
    int locality;          /* of a StartupLocality event; else -1 */
};

/* BULLA_TOO_LARGE, BULLA_TRUNCATED, BULLA_MALFORMED, BULLA_UNSUPPORTED (another specification, too many banks). The
 * first event is read here and given by the first call of the next. */
enum bulla_reason bulla_tpm_event_log_open(struct bulla_bytes bytes, struct bulla_tpm_event_log *log) BULLA_MUST_USE;
/*     BULLA_TRY(bulla_tpm_event_log_open(bytes, &log));
 *     while (bulla_reader_left(&log.reader)) BULLA_TRY(bulla_tpm_event_log_next(&log, &event));
 * BULLA_UNKNOWN_FIELD: a type that the profile does not have; BULLA_EVIDENCE_MISMATCH: the data is not what was
 * measured although the profile says that it is; and the reasons above. */
enum bulla_reason bulla_tpm_event_log_next(
    struct bulla_tpm_event_log *log, struct bulla_tpm_event *event) BULLA_MUST_USE;

/* What `data` says, for people: printable text of it, or "" where it was not digested or is no text. */
void bulla_tpm_event_text(const struct bulla_tpm_event *event, char *text, size_t size);

/* A bank's PCRs after all events of a log. */
struct bulla_tpm_replay {
    enum bulla_hash bank;
    uint32_t extended; /* the PCRs that the log has events of */
    uint8_t values[BULLA_PCR_COUNT][BULLA_HASH_LARGEST];
};
/* BULLA_EVIDENCE_MISMATCH: the log has no such bank. */
enum bulla_reason bulla_tpm_event_log_replay(
    struct bulla_bytes bytes, enum bulla_hash bank, struct bulla_tpm_replay *replay) BULLA_MUST_USE;
/* Those PCRs of `mask` whose values are others than the log gives, as a mask. What the system extends after boot (PCR
 * 10 by IMA, and 8 to 15 by some loaders) is in no firmware log and differs: the caller says which PCRs must not. */
uint32_t bulla_tpm_replay_differs(const struct bulla_tpm_replay *replay, uint32_t mask,
    const uint8_t values[static BULLA_PCR_COUNT][BULLA_HASH_LARGEST]);
/* BULLA_EVIDENCE_MISMATCH when any differs; the detail names the first. */
enum bulla_reason bulla_tpm_replay_check(const struct bulla_tpm_replay *replay, uint32_t mask,
    const uint8_t values[static BULLA_PCR_COUNT][BULLA_HASH_LARGEST]) BULLA_MUST_USE;

#endif
