/* Certificates from files that a command names: the roots that its caller trusts, and what lies between. */
#ifndef BULLA_TOOLS_CERTIFICATES_H
#define BULLA_TOOLS_CERTIFICATES_H

#include "crypto/certificate.h"
#include "options.h"

enum { BULLA_CERTIFICATES_LARGEST = 32, BULLA_CERTIFICATES_LISTS = 16 };

struct bulla_certificates {
    struct bulla_certificate *list[BULLA_CERTIFICATES_LARGEST];
    size_t count;
    bool trusted[BULLA_CERTIFICATES_LARGEST];     /* the roots among them */
    uint8_t pins[BULLA_CERTIFICATES_LARGEST][32]; /* SHA-256 of these */
    size_t root_count;
    struct bulla_crl *lists[BULLA_CERTIFICATES_LISTS];
    size_t list_count;
};

/* Every certificate of a PEM file, or the one of a DER file. `root`: they are trusted. BULLA_FILE, BULLA_TOO_LARGE, and
 * those of crypto/certificate.h. */
enum bulla_reason bulla_certificates_add(
    struct bulla_certificates *certificates, const char *path, bool root) BULLA_MUST_USE;
/* All that --root names. */
enum bulla_reason bulla_certificates_add_roots(
    struct bulla_certificates *certificates, const struct bulla_list *paths) BULLA_MUST_USE;
/* The revocation lists that a command names, one in each file, PEM or DER. Each must be by one of the certificates that
 * were added before (BULLA_CERTIFICATE_INVALID): a list of somebody else would be looked at by nobody. */
enum bulla_reason bulla_certificates_add_lists(
    struct bulla_certificates *certificates, const struct bulla_list *paths) BULLA_MUST_USE;
/* Those by any of `issuers` into `lists`; how many. */
size_t bulla_certificates_lists_by(const struct bulla_certificates *certificates,
    const struct bulla_certificate *const *issuers, size_t count,
    const struct bulla_crl *lists[static BULLA_CERTIFICATES_LISTS]);
/* Asks `judge` of each path from a trusted root to the one that names itself `leaf`'s issuer, root first, until one is
 * right. BULLA_CERTIFICATE_UNTRUSTED when none leads to a root; else why the first path was not right. */
typedef enum bulla_reason bulla_certificates_judge(
    void *context, const struct bulla_certificate *const *issuers, size_t count);
enum bulla_reason bulla_certificates_chain(const struct bulla_certificates *certificates,
    const struct bulla_certificate *leaf, bulla_certificates_judge *judge, void *context) BULLA_MUST_USE;
void bulla_certificates_free(struct bulla_certificates *certificates);
#define BULLA_CERTIFICATES __attribute__((cleanup(bulla_certificates_free)))

#endif
