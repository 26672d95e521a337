/* The key that AMD's firmware derives for a guest of SEV-SNP, bound to what the guest was launched as. */
#ifndef BULLA_ENCLAVE_BACKEND_SNP_KEY_H
#define BULLA_ENCLAVE_BACKEND_SNP_KEY_H

#include "crypto/bytes.h"

enum { BULLA_SNP_KEY_SIZE = 32, BULLA_SNP_KEY_ANSWER = 64 };

/* MSG_KEY_REQ's fields (SEV-SNP Firmware ABI, 7.2). */
struct bulla_snp_key_request {
    uint64_t fields; /* what the key is mixed with: bits below */
    uint32_t vmpl, guest_svn;
    uint64_t tcb_version;
};
enum {
    BULLA_SNP_MIX_POLICY = 1 << 0,
    BULLA_SNP_MIX_IMAGE_ID = 1 << 1,
    BULLA_SNP_MIX_FAMILY_ID = 1 << 2,
    BULLA_SNP_MIX_MEASUREMENT = 1 << 3,
    BULLA_SNP_MIX_GUEST_SVN = 1 << 4,
    BULLA_SNP_MIX_TCB_VERSION = 1 << 5,
};

struct bulla_snp_transport {
    const char *name; /* for people: "/dev/sev-guest" */
    bool (*present)(void);
    /* MSG_KEY_RSP into `answer`, which lies in the arena: status, 28 reserved bytes, the key.
     * BULLA_ENCLAVE_UNREACHABLE, BULLA_ENCLAVE_FAILED. */
    enum bulla_reason (*derive)(
        const struct bulla_snp_key_request *request, uint8_t answer[static BULLA_SNP_KEY_ANSWER]);
};
/* The device of this machine. */
const struct bulla_snp_transport *bulla_snp_transport(void);

/* `key` lies in the arena; it is wiped on refusal. */
enum bulla_reason bulla_snp_key_derive(const struct bulla_snp_transport *transport,
    const struct bulla_snp_key_request *request, uint8_t key[static BULLA_SNP_KEY_SIZE]) BULLA_MUST_USE;

#endif
