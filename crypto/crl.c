/* Certificate revocation lists (RFC 5280, 5): whole lists by the issuer itself. Delta lists and lists for others are
 * marked by critical extensions, which are all refused. */
#include <openssl/err.h>
#include <stdlib.h>

#include "certificate_inside.h"
#include "library.h"
#include "pem.h"

enum { USAGE_CRL_SIGN = 6 };

void bulla_crl_free(struct bulla_crl **crl)
{
    if (!*crl)
        return;
    X509_CRL_free((*crl)->crl);
    free((*crl)->der);
    free(*crl);
    *crl = NULL;
}

static bool encoded_alike(X509_CRL *crl, struct bulla_bytes der)
{
    unsigned char *again = NULL;
    int size = i2d_X509_CRL(crl, &again);
    bool alike = size >= 0 && bulla_bytes_equal((struct bulla_bytes){again, (size_t)size}, der);
    OPENSSL_free(again);
    return alike;
}

static enum bulla_reason check_extensions(const X509_CRL *crl, const char *what)
{
    for (int i = 0; i < X509_CRL_get_ext_count(crl); i++)
        if (X509_EXTENSION_get_critical(X509_CRL_get_ext(crl, i)))
            return bulla_refuse(BULLA_CERTIFICATE_INVALID, "%s is no plain list: it has a critical extension", what);
    return BULLA_OK;
}

static enum bulla_reason parse(struct bulla_crl *list, const char *what)
{
    const unsigned char *at = list->der;
    list->crl = bulla_openssl_context() ? X509_CRL_new_ex(bulla_openssl_context(), NULL) : NULL;
    if (!list->crl)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "reading %s", what);
    if (!d2i_X509_CRL(&list->crl, &at, (long)list->der_size))
        return bulla_refuse(BULLA_MALFORMED, "%s is no revocation list", what);
    if (at != list->der + list->der_size)
        return bulla_refuse(BULLA_TRAILING, "%s has bytes behind its end", what);
    if (!encoded_alike(list->crl, (struct bulla_bytes){list->der, list->der_size}))
        return bulla_refuse(BULLA_MALFORMED, "%s is not encoded as DER asks", what);
    const ASN1_TIME *next = X509_CRL_get0_nextUpdate(list->crl);
    if (!bulla_asn1_seconds(X509_CRL_get0_lastUpdate(list->crl), &list->this_update) || !next ||
        !bulla_asn1_seconds(next, &list->next_update))
        return bulla_refuse(BULLA_MALFORMED, "%s does not say from when to when it is in force", what);
    return check_extensions(list->crl, what);
}

/* One list that is the only block of a PEM text. */
static enum bulla_reason from_pem(struct bulla_bytes pem, const char *what, struct bulla_crl *list)
{
    struct bulla_bytes der;
    struct bulla_bytes second;
    BULLA_TRY(bulla_pem_next(&pem, "X509 CRL", what, list->der, list->der_size, &der));
    if (!der.data)
        return bulla_refuse(BULLA_MALFORMED, "%s holds no revocation list", what);
    list->der_size = der.size;
    uint8_t nothing[1];
    if (bulla_pem_next(&pem, "X509 CRL", what, nothing, sizeof nothing, &second) != BULLA_OK || second.data)
        return bulla_refuse(BULLA_TRAILING, "%s has something behind its end", what);
    return BULLA_OK;
}

static enum bulla_reason take_bytes(struct bulla_bytes bytes, const char *what, struct bulla_crl *list)
{
    list->der_size = bytes.size;
    if (bulla_pem_looks_like(bytes))
        return from_pem(bytes, what, list);
    memcpy(list->der, bytes.data, bytes.size);
    return BULLA_OK;
}

enum bulla_reason bulla_crl_read(struct bulla_bytes der_or_pem, const char *what, struct bulla_crl **crl)
{
    *crl = NULL;
    if (der_or_pem.size > BULLA_CRL_LARGEST)
        return bulla_refuse(BULLA_TOO_LARGE, "%s has %zu bytes", what, der_or_pem.size);
    if (der_or_pem.size == 0)
        return bulla_refuse(BULLA_MALFORMED, "%s is empty", what);
    struct bulla_crl *made = calloc(1, sizeof *made);
    if (made)
        made->der = malloc(der_or_pem.size);
    if (!made || !made->der) {
        free(made);
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "reading %s", what);
    }
    (void)ERR_set_mark();
    enum bulla_reason reason = take_bytes(der_or_pem, what, made);
    if (reason == BULLA_OK)
        reason = parse(made, what);
    (void)ERR_pop_to_mark();
    if (reason != BULLA_OK)
        bulla_crl_free(&made);
    *crl = made;
    return reason;
}

bool bulla_crl_is_by(const struct bulla_crl *list, const struct bulla_certificate *issuer)
{
    return X509_NAME_cmp(X509_CRL_get_issuer(list->crl), X509_get_subject_name(issuer->x509)) == 0;
}

bool bulla_crl_revokes(
    const struct bulla_crl *list, const struct bulla_certificate *issuer, const struct bulla_certificate *certificate)
{
    X509_REVOKED *entry = NULL;
    return bulla_crl_is_by(list, issuer) &&
           X509_CRL_get0_by_serial(list->crl, &entry, X509_get0_serialNumber(certificate->x509)) != 0;
}

/* Without keyUsage a CA may sign lists. */
static bool may_sign_lists(const struct bulla_certificate *issuer)
{
    int index = X509_get_ext_by_NID(issuer->x509, NID_key_usage, -1);
    if (index < 0)
        return true;
    ASN1_BIT_STRING *bits = X509V3_EXT_d2i(X509_get_ext(issuer->x509, index));
    bool set = bits && ASN1_BIT_STRING_get_bit(bits, USAGE_CRL_SIGN) == 1;
    ASN1_BIT_STRING_free(bits);
    return set;
}

static enum bulla_reason check_signed(const struct bulla_crl *list, const struct bulla_certificate *issuer)
{
    const ASN1_BIT_STRING *signature = NULL;
    const X509_ALGOR *algorithm = NULL;
    struct bulla_bytes part;
    X509_CRL_get0_signature(list->crl, &signature, &algorithm);
    if (!may_sign_lists(issuer))
        return bulla_refuse(BULLA_CERTIFICATE_INVALID, "the revocation list's issuer may not sign lists (keyUsage)");
    if (!bulla_asn1_signed_part((struct bulla_bytes){list->der, list->der_size}, &part))
        return bulla_refuse(BULLA_CERTIFICATE_INVALID, "the revocation list has no part that is signed");
    enum bulla_reason reason = bulla_x509_verify(&issuer->key, algorithm, signature, part);
    if (reason == BULLA_OK || reason == BULLA_OUT_OF_MEMORY)
        return reason;
    return bulla_refuse_within(BULLA_CERTIFICATE_INVALID, "the revocation list is not signed by its issuer: ");
}

enum bulla_reason bulla_crl_verify(
    const struct bulla_crl *list, const struct bulla_certificate *const *chain, size_t count, uint64_t at)
{
    for (size_t i = 0; i < count; i++) {
        if (!bulla_crl_is_by(list, chain[i]))
            continue;
        BULLA_TRY(check_signed(list, chain[i]));
        if (at < list->this_update)
            return bulla_refuse(BULLA_CERTIFICATE_NOT_YET, "the revocation list is not in force yet");
        if (at > list->next_update)
            return bulla_refuse(BULLA_CERTIFICATE_EXPIRED, "the revocation list is not in force any more");
        return BULLA_OK;
    }
    return bulla_refuse(BULLA_CERTIFICATE_INVALID, "the revocation list is by nobody in the chain");
}
