/* A quoting enclave of paper: quotes at the specifications' offsets, signed below a root of its own, and the collateral
 * to them; each field of which a test can get wrong while the signatures stay right. */
#ifndef BULLA_TESTS_INTEL_MAKER_H
#define BULLA_TESTS_INTEL_MAKER_H

#include "evidence/intel_quote.h"

enum intel_shape { INTEL_TD_V4, INTEL_TD_V5, INTEL_TD_V5_SERVICE, INTEL_SGX_V3 };

struct intel_maker {
    void *root, *ca, *pck, *attestation, *tcb_signer; /* keys; P-256 */
    enum intel_shape shape;
    uint8_t header[48], body[648], qe[384], auth[32];
    size_t body_size;
    uint16_t body_type;   /* of version 5 */
    uint32_t body_stated; /* of version 5 */
    uint16_t outer_type, inner_type;
    long slack;                /* added to the stated length of the signature data, without the bytes */
    uint8_t behind;            /* the byte that follows the quote four times */
    bool key_unbound;          /* leave qe[320…] as it is */
    bool ca_left_out, swapped; /* of the PCK's chain */
    bool no_terminator;        /* no zero behind the PEM */

    uint8_t components[16], fmspc[6], pce_id[2];
    uint16_t pce_svn;
    const char *pck_extension;                 /* hex instead of the right one; "" for none; NULL */
    const char *extension_from, *extension_to; /* hex within the right one, of the same length; NULL: nothing */
    bool pck_is_ca, pck_p384, signer_p384;     /* keys that can't have signed */
    uint64_t pck_until;
    long pck_serial;

    char tcb_info[16384], qe_identity[4096];
    long pck_revoked, root_revoked, signer_serial; /* 0: nothing is */
    uint64_t crl_until;
    bool signer_is_ca;

    uint8_t quote[12288];
    size_t quote_size;
    char *root_pem;
    char *collateral; /* JSON; made by intel_maker_collateral */
    uint8_t pin[1][32];
};

enum { INTEL_MAKER_FROM = 1700000000, INTEL_MAKER_AT = 1750000000, INTEL_MAKER_UNTIL = 1900000000 };

/* Everything right, up to date by its collateral. */
void intel_maker_init(struct intel_maker *maker, enum intel_shape shape);
void intel_maker_free(struct intel_maker *maker);
void intel_maker_put(uint8_t *at, uint64_t value, size_t size); /* little-endian */
void intel_maker_make(struct intel_maker *maker);
void intel_maker_collateral(struct intel_maker *maker);
/* The first `from` in a statement becomes `to`; aborts where there is none. */
void intel_maker_replace(char *statement, size_t capacity, const char *from, const char *to);
struct bulla_verification intel_maker_verification(const struct intel_maker *maker);

#endif
