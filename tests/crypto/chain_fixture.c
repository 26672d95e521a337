#include "chain_fixture.h"

#include <string.h>

#define CA_USAGE "critical,keyCertSign,cRLSign"

static struct chain_fixture shared;

int chain_keys_make(void **state)
{
    (void)state;
    for (int kind = 0; kind <= TEST_PKI_P521; kind++)
        shared.keys[kind] = test_pki_key_make((enum test_pki_key)kind);
    return 0;
}

int chain_keys_free(void **state)
{
    (void)state;
    for (int kind = 0; kind <= TEST_PKI_P521; kind++)
        test_pki_key_free(shared.keys[kind]);
    return 0;
}

struct chain_fixture *chain_begin(void)
{
    struct chain_fixture *fixture = &shared;
    static const char *const names[] = {"root", "root", "upper", "lower", "leaf"};
    static const char *const constraints[] = {
        "critical,CA:TRUE", "critical,CA:TRUE,pathlen:1", "critical,CA:TRUE,pathlen:0", "critical,CA:FALSE"};
    void *const keys[] = {fixture->keys[TEST_PKI_P384], fixture->keys[TEST_PKI_P256], fixture->keys[TEST_PKI_RSA],
        fixture->keys[TEST_PKI_P384]};
    static const char *const digests[] = {"SHA384", "SHA384", "SHA256", "SHA256"};
    for (size_t i = 0; i < CHAIN_LINKS; i++)
        fixture->wanted[i] = (struct test_pki_certificate){
            .subject = names[i + 1],
            .issuer = names[i],
            .key = keys[i],
            .signer = keys[i ? i - 1 : 0],
            .digest = digests[i],
            .serial = (long)(100 + i),
            .from = FROM,
            .until = UNTIL,
            .constraints = constraints[i],
            .usage = i == LEAF ? "critical,digitalSignature" : CA_USAGE,
        };
    fixture->count = CHAIN_LINKS;
    fixture->rules = (struct bulla_chain_rules){
        .pins = (const uint8_t(*)[32])fixture->pins, .pin_count = 2, .at = NOW, .crls = fixture->crls};
    return fixture;
}

void chain_make(struct chain_fixture *fixture)
{
    for (size_t i = 0; i < fixture->count; i++) {
        fixture->size[i] = test_pki_certificate_make(&fixture->wanted[i], fixture->der[i], CHAIN_DER);
        assert_int_equal(bulla_certificate_read(
                             (struct bulla_bytes){fixture->der[i], fixture->size[i]}, "a link", &fixture->chain[i]),
            BULLA_OK);
    }
    memset(fixture->pins, 0, sizeof fixture->pins);
    bulla_certificate_fingerprint(fixture->chain[0], fixture->pins[1]);
}

enum bulla_reason chain_verify(struct chain_fixture *fixture)
{
    return bulla_chain_verify((const struct bulla_certificate *const *)fixture->chain, fixture->count, &fixture->rules);
}

void chain_end(struct chain_fixture *fixture)
{
    for (size_t i = 0; i < CHAIN_LINKS; i++)
        bulla_certificate_free(&fixture->chain[i]);
}

enum bulla_reason chain_verdict(struct chain_fixture *fixture)
{
    chain_make(fixture);
    enum bulla_reason reason = chain_verify(fixture);
    chain_end(fixture);
    return reason;
}
