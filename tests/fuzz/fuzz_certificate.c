/* Certificates and revocation lists as they are taken, from DER and from PEM. What is read has one encoding, and is put
 * through every rule as a chain of one and of two, pinned by its own hash, and as judged by a list. */
#include "fuzz.h"

#include <string.h>

#include "crypto/certificate.h"

enum { LIST = 4 };

static void try_chain(const struct bulla_certificate *certificate, const struct bulla_crl *crl)
{
    const struct bulla_certificate *const chain[] = {certificate, certificate};
    uint8_t pin[1][32];
    uint64_t from = 0;
    uint64_t until = 0;
    bulla_certificate_fingerprint(certificate, pin[0]);
    bulla_certificate_validity(certificate, &from, &until);
    struct bulla_chain_rules rules = {
        .pins = (const uint8_t(*)[32])pin, .pin_count = 1, .at = from, .leaf_is_ca = true};
    enum bulla_reason reason = bulla_chain_verify(chain, 1, &rules);
    FUZZ_CHECK(reason != BULLA_CERTIFICATE_UNTRUSTED && reason != BULLA_CERTIFICATE_NOT_YET);
    (void)!bulla_chain_verify(chain, 2, &rules);
    rules.crls = &crl;
    rules.crl_count = crl ? 1 : 0;
    (void)!bulla_chain_verify(chain, 1, &rules);
    rules.pin_count = 0;
    FUZZ_CHECK(bulla_chain_verify(chain, 1, &rules) == BULLA_CERTIFICATE_UNTRUSTED);
}

static void look_at(const struct bulla_certificate *certificate)
{
    char text[64];
    struct bulla_public_key key;
    struct bulla_certificate *again = NULL;
    bulla_certificate_subject(certificate, text, sizeof text);
    for (const char *at = text; *at; at++)
        FUZZ_CHECK(*at >= 0x20 && *at < 0x7f);
    bulla_certificate_key(certificate, &key);
    FUZZ_CHECK(key.value.size > 0 && key.value.size <= 512);
    (void)bulla_certificate_extension(certificate, "2.5.29.15");
    FUZZ_CHECK(bulla_certificate_read(bulla_certificate_der(certificate), "fuzz", &again) == BULLA_OK);
    bulla_certificate_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bulla_bytes bytes = {data, size};
    struct bulla_certificate *list[LIST] = {NULL};
    struct bulla_crl *crl = NULL;
    size_t count = 0;
    (void)!bulla_crl_read(bytes, "fuzz", &crl);
    if (bulla_certificate_read(bytes, "fuzz", &list[0]) == BULLA_OK) {
        FUZZ_CHECK(bulla_bytes_equal(bulla_certificate_der(list[0]), bytes));
        count = 1;
    } else {
        (void)!bulla_certificate_read_pem(bytes, "fuzz", list, LIST, &count);
    }
    for (size_t i = 0; i < count; i++) {
        look_at(list[i]);
        try_chain(list[i], crl);
        bulla_certificate_free(&list[i]);
    }
    bulla_crl_free(&crl);
    return 0;
}
