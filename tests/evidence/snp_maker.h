/* A processor of paper: SEV-SNP reports at the ABI's offsets, signed by a VCEK or VLEK of its own below an ARK of its
 * own, each field of which a test can get wrong while the signatures stay right. */
#ifndef BULLA_TESTS_SNP_MAKER_H
#define BULLA_TESTS_SNP_MAKER_H

#include "evidence/sev_snp.h"

struct snp_maker {
    void *ark, *ask, *vcek; /* keys; P-384 */
    uint8_t report[BULLA_SNP_REPORT_SIZE];
    /* of the certificate */
    uint8_t hwid[64], tcb[8];
    size_t hwid_size;     /* 0: no HWID */
    bool wrapped;         /* the HWID is an OCTET STRING inside the octets */
    bool fmc;             /* a component that only later processors have */
    int left_out;         /* index of the TCB component that it does not name; -1 */
    const char *provider; /* a VLEK's; NULL: none */
    const char *tcb_hex;  /* of one component's octets instead of an INTEGER; NULL */
    uint64_t from, until; /* of the VCEK */
    long serial, ask_serial;
    bool p256; /* the VCEK has a P-256 key */

    uint8_t certificates[3 * 4096]; /* VCEK, ASK, ARK */
    size_t certificates_size, sizes[3];
    uint8_t root[1][32];
};

enum { SNP_MAKER_FROM = 1700000000, SNP_MAKER_AT = 1750000000, SNP_MAKER_UNTIL = 1900000000 };

/* Everything right: a version 5 report of a guest whose measurement is 48 bytes of 0x11. */
void snp_maker_init(struct snp_maker *maker);
void snp_maker_free(struct snp_maker *maker);
/* Little-endian into the report. */
void snp_maker_put(struct snp_maker *maker, size_t offset, uint64_t value, size_t size);
/* Signs the report and makes the certificates. */
void snp_maker_make(struct snp_maker *maker);
/* The revocation list of the ARK; returns its size. */
size_t snp_maker_crl(const struct snp_maker *maker, long revoked, uint8_t *der, size_t capacity);
/* What a verifier is given. */
struct bulla_verification snp_maker_verification(const struct snp_maker *maker);

#endif
