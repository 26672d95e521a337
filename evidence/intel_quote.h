/* Intel's quotes, of TDX guests (versions 4 and 5) and SGX enclaves (version 3), signed with ECDSA P-256 (Intel TDX
 * DCAP Quoting Library API and Intel SGX ECDSA QuoteGeneration Reference API, appendix A; Intel TDX Module ABI;
 * SDM 38.15).
 *
 * A quote is a header, a body (the guest's or enclave's report) and signature data: the attestation key's signature
 * over header and body, that key, the quoting enclave's report which names the key, that report's signature by the PCK,
 * and the PCK's certificates as PEM. All numbers are little-endian. */
#ifndef BULLA_EVIDENCE_INTEL_QUOTE_H
#define BULLA_EVIDENCE_INTEL_QUOTE_H

#include "verifier.h"

enum { BULLA_QUOTE_HEADER = 48, BULLA_ENCLAVE_REPORT = 384, BULLA_TD_REPORT = 584, BULLA_TD_REPORT_15 = 648 };

/* An enclave's REPORT body: an SGX quote's own, and the quoting enclave's. */
enum {
    BULLA_SGX_INIT = 1 << 0,
    BULLA_SGX_DEBUG = 1 << 1,
};
struct bulla_enclave_report {
    struct bulla_bytes cpu_svn, misc_select, extended_product, attributes, mrenclave, mrsigner, config_id;
    uint64_t flags; /* the first half of the attributes; the second is XFRM */
    uint16_t product, svn, config_svn;
    struct bulla_bytes family_id, report_data;
};
/* BULLA_MALFORMED: reserved bytes or flags, or not initialised. `bytes`: BULLA_ENCLAVE_REPORT of them. */
enum bulla_reason bulla_enclave_report_read(
    struct bulla_bytes bytes, const char *what, struct bulla_enclave_report *report) BULLA_MUST_USE;

/* A TD report as quotes carry it; the last two only in version 1.5. */
enum {
    BULLA_TD_DEBUG_BITS = 0xff, /* DEBUG is bit 0; the others of its group put a guest under debugging too */
    BULLA_TD_MIGRATABLE = 1 << 29,
};
struct bulla_td_report {
    struct bulla_bytes tcb_svn, mrseam, mrsignerseam, mrtd, mrconfigid, mrowner, mrownerconfig, rtmr[4], report_data;
    uint64_t seam_attributes, attributes, xfam;
    bool has_service;
    struct bulla_bytes tcb_svn_now, mrservicetd;
};

struct bulla_quote {
    uint16_t version;
    bool is_td;
    struct bulla_td_report td;           /* is_td */
    struct bulla_enclave_report enclave; /* else */
    struct bulla_bytes signed_part;      /* header and body */
    struct bulla_bytes signature;        /* 64 bytes, r ‖ s */
    struct bulla_bytes attestation_key;  /* 64 bytes, x ‖ y */
    struct bulla_bytes qe_report;        /* the quoting enclave's, BULLA_ENCLAVE_REPORT bytes */
    struct bulla_enclave_report qe;
    struct bulla_bytes qe_signature; /* by the PCK */
    struct bulla_bytes qe_auth_data;
    struct bulla_bytes certificates; /* PEM: the PCK's, its issuer's, the root's */
};
/* By the header's vendor and kind of TEE. */
bool bulla_quote_recognised(struct bulla_bytes bytes, bool is_td);
/* Form only. BULLA_UNSUPPORTED: another version, key type, TEE, vendor, body or kind of certification data;
 * BULLA_TRUNCATED; BULLA_TRAILING: the parts don't fill their lengths, or bytes that are not zero follow the quote;
 * BULLA_MALFORMED: reserved bits, or what no module of Intel's reports. */
enum bulla_reason bulla_quote_read(struct bulla_bytes bytes, struct bulla_quote *quote) BULLA_MUST_USE;

extern const struct bulla_evidence_verifier bulla_tdx_verifier;
extern const struct bulla_evidence_verifier bulla_sgx_verifier;

#endif
