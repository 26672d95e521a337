/* What verified evidence says, in one shape for every kind of attester.
 *
 * A verifier fills this from bytes whose signature it has checked; nothing of an unverified document is left in it.
 * Texts are plain (no control characters), so that they can be shown. Views point into the evidence. */
#ifndef BULLA_EVIDENCE_CLAIMS_H
#define BULLA_EVIDENCE_CLAIMS_H

#include "crypto/bytes.h"

enum bulla_evidence_kind {
    BULLA_EVIDENCE_NONE,
    BULLA_EVIDENCE_TPM,
    BULLA_EVIDENCE_NITRO,
    BULLA_EVIDENCE_SEV_SNP,
    BULLA_EVIDENCE_TDX,
    BULLA_EVIDENCE_SGX,
    BULLA_EVIDENCE_KINDS
};

/* How current the platform's firmware is, by collateral that the verifier was given. */
enum bulla_tcb_status {
    BULLA_TCB_UNKNOWN, /* no collateral was given, or the kind has none */
    BULLA_TCB_UP_TO_DATE,
    BULLA_TCB_CONFIGURATION_NEEDED, /* current, but configured weakly (SWHardeningNeeded, ConfigurationNeeded) */
    BULLA_TCB_OUT_OF_DATE,
    BULLA_TCB_REVOKED,
    BULLA_TCB_STATUSES
};
const char *bulla_tcb_status_name(enum bulla_tcb_status status); /* "up-to-date" */

/* What an SEV-SNP platform's TCB version is made of. */
enum bulla_snp_component {
    BULLA_SNP_BOOTLOADER,
    BULLA_SNP_TEE,
    BULLA_SNP_FIRMWARE,
    BULLA_SNP_MICROCODE,
    BULLA_SNP_COMPONENTS
};
const char *bulla_snp_component_name(enum bulla_snp_component component); /* "bootloader" */

enum { BULLA_MEASUREMENTS = 40, BULLA_MEASUREMENT_LARGEST = 64, BULLA_FACTS = 32 };

/* Named as policies name them: "pcr0" … "pcr31", "measurement", "mrtd", "rtmr0" …, "mrenclave", "mrsigner". */
struct bulla_measurement {
    char name[16];
    uint8_t size; /* 32, 48 or 64 */
    uint8_t value[BULLA_MEASUREMENT_LARGEST];
};

/* Something that a person wants to see: "module", "i-0f…-enc0…"; "signer", "CN=…". */
struct bulla_fact {
    char name[24];
    char text[160];
};

struct bulla_claims {
    enum bulla_evidence_kind kind;
    uint64_t made_at;                 /* Unix seconds, by the attester's signed clock; 0: it states none */
    uint64_t valid_from, valid_until; /* when all certificates of the chain are valid; 0, 0: there is no chain */
    bool pinned;                      /* it chains to a root, or is by a key, that the verifier pinned */
    bool debug;                       /* only where debugging was allowed by the caller, for explaining */
    bool migratable;                  /* could move to another machine: SNP's migration agent, TDX's migration bit */
    enum bulla_tcb_status tcb;
    uint8_t
        snp_tcb[BULLA_SNP_COMPONENTS]; /* of SEV-SNP: the reported TCB, which the signing key's certificate bears out */
    uint32_t snp_vmpl;                 /* of SEV-SNP: the level that asked for the report; 0 has every right */
    struct bulla_bytes report_data;    /* what the attester was asked to sign: extraData, user_data, REPORT_DATA */
    struct bulla_bytes nonce;          /* Nitro's own; else empty */
    struct bulla_bytes public_key;     /* Nitro's own; else empty */
    struct bulla_measurement measurements[BULLA_MEASUREMENTS];
    size_t measurement_count;
    struct bulla_fact facts[BULLA_FACTS];
    size_t fact_count;
};

/* BULLA_TOO_LARGE when there is no room, BULLA_MALFORMED for a size that no measurement has. */
enum bulla_reason bulla_claims_measure(
    struct bulla_claims *claims, const char *name, struct bulla_bytes value) BULLA_MUST_USE;
const struct bulla_measurement *bulla_claims_find(const struct bulla_claims *claims, const char *name);
/* Cut to the fact's size; what is not printable ASCII becomes a question mark. What there is no room for is left out.
 */
void bulla_claims_tell(struct bulla_claims *claims, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
