/* A file of endorsements is a row of things, each a PEM block or a DER SEQUENCE, told apart by its first byte. The
 * order is the caller's, leaf first, as vendors' services give chains; no path is searched for. */
#include "endorsements.h"

#include <stdlib.h>

#include "crypto/pem.h"
#include "der.h"

void bulla_endorsed_free(struct bulla_endorsed *endorsed)
{
    for (size_t i = 0; i < endorsed->certificate_count; i++)
        bulla_certificate_free(&endorsed->certificates[i]);
    for (size_t i = 0; i < endorsed->crl_count; i++)
        bulla_crl_free(&endorsed->crls[i]);
    endorsed->certificate_count = endorsed->crl_count = 0;
}

static void skip_space(struct bulla_bytes *rest)
{
    while (rest->size && strchr(" \t\r\n", rest->data[0]) && rest->data[0]) {
        rest->data++;
        rest->size--;
    }
}

/* The first DER element of `rest`, which moves behind it. */
static enum bulla_reason next_der(struct bulla_bytes *rest, const char *what, struct bulla_bytes *der)
{
    struct bulla_reader reader;
    struct bulla_der element;
    bulla_reader_open(&reader, *rest);
    if (!bulla_der_next(&reader, &element))
        return bulla_refuse(BULLA_MALFORMED, "%s: neither PEM nor whole DER", what);
    *der = element.whole;
    *rest = bulla_read(&reader, bulla_reader_left(&reader));
    return BULLA_OK;
}

/* The next thing, {NULL, 0} at the end; `memory` holds what a PEM block was. */
static enum bulla_reason next(struct bulla_bytes *rest, const char *label, const char *what, uint8_t *memory,
    size_t capacity, struct bulla_bytes *der)
{
    *der = (struct bulla_bytes){NULL, 0};
    skip_space(rest);
    if (!rest->size)
        return BULLA_OK;
    if (rest->data[0] == BULLA_DER_SEQUENCE)
        return next_der(rest, what, der);
    return bulla_pem_next(rest, label, what, memory, capacity, der);
}

enum bulla_reason bulla_endorsed_add_certificates(
    struct bulla_endorsed *endorsed, struct bulla_bytes bytes, const char *what)
{
    uint8_t memory[BULLA_CERTIFICATE_LARGEST];
    struct bulla_bytes der;
    for (;;) {
        BULLA_TRY(next(&bytes, "CERTIFICATE", what, memory, sizeof memory, &der));
        if (!der.size)
            return BULLA_OK;
        if (endorsed->certificate_count == BULLA_CHAIN_LONGEST)
            return bulla_refuse(BULLA_TOO_LARGE, "%s: more than %d certificates", what, BULLA_CHAIN_LONGEST);
        BULLA_TRY(bulla_certificate_read(der, what, &endorsed->certificates[endorsed->certificate_count]));
        endorsed->certificate_count++;
    }
}

/* A list of revoked certificates may be large: it is decoded into memory of its own. */
static enum bulla_reason add_crls(
    struct bulla_endorsed *endorsed, struct bulla_bytes bytes, const char *what, uint8_t *memory, size_t capacity)
{
    struct bulla_bytes der;
    for (;;) {
        BULLA_TRY(next(&bytes, "X509 CRL", what, memory, capacity, &der));
        if (!der.size)
            return BULLA_OK;
        if (endorsed->crl_count == BULLA_CRLS)
            return bulla_refuse(BULLA_TOO_LARGE, "%s: more than %d revocation lists", what, BULLA_CRLS);
        BULLA_TRY(bulla_crl_read(der, what, &endorsed->crls[endorsed->crl_count]));
        endorsed->crl_count++;
    }
}

enum bulla_reason bulla_endorsed_add_crls(struct bulla_endorsed *endorsed, struct bulla_bytes bytes, const char *what)
{
    if (!bytes.size)
        return BULLA_OK;
    uint8_t *memory = malloc(bytes.size);
    if (!memory)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "reading %s", what);
    enum bulla_reason reason = add_crls(endorsed, bytes, what, memory, bytes.size);
    free(memory);
    return reason;
}

enum bulla_reason bulla_pins_gather(
    const struct bulla_verification *verification, const uint8_t (*own)[32], size_t own_count, struct bulla_pins *pins)
{
    if (verification->root_count > BULLA_EXTRA_ROOTS || own_count > BULLA_PINS_OWN)
        return bulla_refuse(BULLA_TOO_LARGE, "%zu roots to trust", verification->root_count);
    pins->count = own_count + verification->root_count;
    memcpy(pins->sha256, own, own_count * sizeof *own);
    if (verification->root_count)
        memcpy(pins->sha256 + own_count, verification->roots, verification->root_count * sizeof *own);
    return BULLA_OK;
}

enum bulla_reason bulla_endorsed_verify(
    const struct bulla_endorsed *endorsed, size_t length, const struct bulla_pins *pins, uint64_t at)
{
    const struct bulla_certificate *chain[BULLA_CHAIN_LONGEST];
    const struct bulla_chain_rules rules = {.pins = pins->sha256,
        .pin_count = pins->count,
        .at = at,
        .crls = (const struct bulla_crl *const *)endorsed->crls,
        .crl_count = endorsed->crl_count,
        .crls_of_all = endorsed->crls_of_all};
    if (at == 0)
        return bulla_refuse(BULLA_EVIDENCE_STALE, "the document states no time: name the one to judge it at");
    if (endorsed->certificate_count != length)
        return bulla_refuse(BULLA_CERTIFICATE_INVALID, "%zu certificates, where leaf, issuer and root are %zu",
            endorsed->certificate_count, length);
    for (size_t i = 0; i < length; i++)
        chain[i] = endorsed->certificates[length - 1 - i];
    return bulla_chain_verify(chain, length, &rules);
}

void bulla_endorsed_validity(const struct bulla_endorsed *endorsed, struct bulla_claims *claims)
{
    for (size_t i = 0; i < endorsed->certificate_count; i++) {
        uint64_t from, until;
        bulla_certificate_validity(endorsed->certificates[i], &from, &until);
        claims->valid_from = from > claims->valid_from ? from : claims->valid_from;
        if (claims->valid_until == 0 || until < claims->valid_until)
            claims->valid_until = until;
    }
}
