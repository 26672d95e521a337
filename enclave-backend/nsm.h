/* The Nitro Secure Module as an enclave talks to it: CBOR requests and answers, over a transport of one exchange.
 *
 * Requests are written byte for byte as AWS's library writes them. Answers are foreign: read leniently as far as their
 * encoding goes, strictly as to what stands in them. An answer {"Error": word} is BULLA_ENCLAVE_FAILED with the word.
 */
#ifndef BULLA_ENCLAVE_BACKEND_NSM_H
#define BULLA_ENCLAVE_BACKEND_NSM_H

#include "crypto/bytes.h"

enum {
    BULLA_NSM_REQUEST_LARGEST = 0x1000,
    BULLA_NSM_ANSWER_LARGEST = 0x3000,
    BULLA_NSM_PCRS = 32,
    BULLA_NSM_PCR_LARGEST = 64,
    BULLA_NSM_USER_DATA_LARGEST = 512, /* also of the nonce */
    BULLA_NSM_KEY_LARGEST = 1024,
};

struct bulla_nsm_transport {
    const char *name; /* for people: "/dev/nsm" */
    bool (*present)(void);
    /* BULLA_ENCLAVE_UNREACHABLE where there is no device; BULLA_ENCLAVE_FAILED when it takes no request. */
    enum bulla_reason (*exchange)(
        struct bulla_bytes request, uint8_t answer[static BULLA_NSM_ANSWER_LARGEST], size_t *size);
};
/* The device of this machine. */
const struct bulla_nsm_transport *bulla_nsm_transport(void);

struct bulla_nsm_description {
    unsigned version_major, version_minor, version_patch;
    char module_id[128];
    unsigned pcrs;
    uint32_t locked_pcrs; /* bit i: PCR i */
    char digest[8];       /* "SHA384" */
};
enum bulla_reason bulla_nsm_describe(
    const struct bulla_nsm_transport *transport, struct bulla_nsm_description *description) BULLA_MUST_USE;

struct bulla_nsm_pcr {
    bool locked;
    size_t size; /* 32, 48 or 64 */
    uint8_t value[BULLA_NSM_PCR_LARGEST];
};
enum bulla_reason bulla_nsm_pcr(
    const struct bulla_nsm_transport *transport, unsigned index, struct bulla_nsm_pcr *pcr) BULLA_MUST_USE;

/* What a document is to carry; an empty part is left out of it. */
struct bulla_nsm_attestation {
    struct bulla_bytes user_data, nonce, public_key;
};
/* Appends the document, a COSE_Sign1 as the module signed it: nothing of it is judged here. */
enum bulla_reason bulla_nsm_attest(const struct bulla_nsm_transport *transport,
    const struct bulla_nsm_attestation *attestation, struct bulla_writer *document) BULLA_MUST_USE;

/* The readers of answers, for whoever has no device. Views point into `answer`. */
enum bulla_reason bulla_nsm_description_read(
    struct bulla_bytes answer, struct bulla_nsm_description *description) BULLA_MUST_USE;
enum bulla_reason bulla_nsm_pcr_read(struct bulla_bytes answer, struct bulla_nsm_pcr *pcr) BULLA_MUST_USE;
enum bulla_reason bulla_nsm_document_read(struct bulla_bytes answer, struct bulla_bytes *document) BULLA_MUST_USE;

#endif
