/* A table says what the object holds and where each member goes. The statements are JSON inside strings: once the outer
 * object is read, a string's value is the text that was signed, byte for byte. */
#include "intel_collateral.h"

#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>

enum { SIGNER_CHAIN = 2 };

struct parts {
    struct bulla_collateral *collateral;
    struct bulla_endorsed *pck_chain;
};

/* --- one member each --- */

static enum bulla_reason take_certificates(struct bulla_endorsed *chain, const char *text, const char *what)
{
    return bulla_endorsed_add_certificates(chain, BULLA_TEXT(text), what);
}

static enum bulla_reason decode(const char *hex, const char *what, uint8_t *out, size_t capacity, size_t *size)
{
    if (sodium_hex2bin(out, capacity, hex, strlen(hex), NULL, size, NULL) != 0)
        return bulla_refuse(BULLA_MALFORMED, "the collateral's %s is not hexadecimal, or too long", what);
    return BULLA_OK;
}

static enum bulla_reason take_list(struct bulla_endorsed *chain, const char *hex, const char *what)
{
    size_t capacity = strlen(hex) / 2 + 1, size = 0;
    uint8_t *der = malloc(capacity);
    if (!der)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "reading the collateral");
    enum bulla_reason reason = decode(hex, what, der, capacity, &size);
    if (reason == BULLA_OK && size == 0)
        reason = bulla_refuse(BULLA_MALFORMED, "the collateral's %s is empty", what);
    if (reason == BULLA_OK)
        reason = bulla_endorsed_add_crls(chain, (struct bulla_bytes){der, size}, what);
    free(der);
    return reason;
}

static enum bulla_reason take_signature(struct bulla_statement *statement, const char *hex, const char *what)
{
    size_t size = 0;
    BULLA_TRY(decode(hex, what, statement->signature, sizeof statement->signature, &size));
    if (size != sizeof statement->signature)
        return bulla_refuse(BULLA_MALFORMED, "the collateral's %s has %zu bytes", what, size);
    return BULLA_OK;
}

static enum bulla_reason pck_crl(struct parts *parts, const char *text, const char *what)
{
    return take_list(parts->pck_chain, text, what);
}

/* The list by the root is for all three chains. */
static enum bulla_reason root_crl(struct parts *parts, const char *text, const char *what)
{
    BULLA_TRY(take_list(parts->pck_chain, text, what));
    BULLA_TRY(take_list(&parts->collateral->tcb_info.signer, text, what));
    return take_list(&parts->collateral->qe_identity.signer, text, what);
}

/* The issuer of the PCK's list is the one in the quote; the copy given here is only looked at for its form. */
static enum bulla_reason pck_crl_chain(struct parts *parts, const char *text, const char *what)
{
    BULLA_ENDORSED struct bulla_endorsed unused = {.certificate_count = 0};
    (void)parts;
    return take_certificates(&unused, text, what);
}

static enum bulla_reason tcb_chain(struct parts *parts, const char *text, const char *what)
{
    return take_certificates(&parts->collateral->tcb_info.signer, text, what);
}

static enum bulla_reason tcb_text(struct parts *parts, const char *text, const char *what)
{
    (void)what;
    parts->collateral->tcb_info.text = BULLA_TEXT(text);
    return BULLA_OK;
}

static enum bulla_reason tcb_signature(struct parts *parts, const char *text, const char *what)
{
    return take_signature(&parts->collateral->tcb_info, text, what);
}

static enum bulla_reason qe_chain(struct parts *parts, const char *text, const char *what)
{
    return take_certificates(&parts->collateral->qe_identity.signer, text, what);
}

static enum bulla_reason qe_text(struct parts *parts, const char *text, const char *what)
{
    (void)what;
    parts->collateral->qe_identity.text = BULLA_TEXT(text);
    return BULLA_OK;
}

static enum bulla_reason qe_signature(struct parts *parts, const char *text, const char *what)
{
    return take_signature(&parts->collateral->qe_identity, text, what);
}

static const struct {
    const char *name;
    enum bulla_reason (*take)(struct parts *parts, const char *text, const char *what);
} members[] = {
    {"pck_crl", pck_crl},
    {"pck_crl_issuer_chain", pck_crl_chain},
    {"qe_identity", qe_text},
    {"qe_identity_issuer_chain", qe_chain},
    {"qe_identity_signature", qe_signature},
    {"root_ca_crl", root_crl},
    {"tcb_info", tcb_text},
    {"tcb_info_issuer_chain", tcb_chain},
    {"tcb_info_signature", tcb_signature},
};
enum { MEMBERS = sizeof members / sizeof *members };

/* --- the whole --- */

static enum bulla_reason take_members(const json_t *object, struct parts *parts)
{
    if (!json_is_object(object) || json_object_size(object) != MEMBERS)
        return bulla_refuse(BULLA_MALFORMED, "the collateral is not an object of %d members", MEMBERS);
    for (size_t i = 0; i < MEMBERS; i++) {
        const char *text = json_string_value(json_object_get(object, members[i].name));
        if (!text)
            return bulla_refuse(BULLA_MALFORMED, "the collateral has no text \"%s\"", members[i].name);
        BULLA_TRY(members[i].take(parts, text, members[i].name));
    }
    return BULLA_OK;
}

enum bulla_reason bulla_collateral_read(
    struct bulla_bytes bytes, struct bulla_collateral *collateral, struct bulla_endorsed *pck_chain)
{
    json_error_t error;
    struct parts parts = {collateral, pck_chain};
    memset(collateral, 0, sizeof *collateral);
    pck_chain->crls_of_all = true;
    collateral->tcb_info.signer.crls_of_all = collateral->qe_identity.signer.crls_of_all = true;
    collateral->json = json_loadb((const char *)bytes.data, bytes.size, JSON_REJECT_DUPLICATES, &error);
    if (!collateral->json)
        return bulla_refuse(
            BULLA_MALFORMED, "the collateral is not JSON: line %d, column %d", error.line, error.column);
    return take_members(collateral->json, &parts);
}

void bulla_collateral_free(struct bulla_collateral *collateral)
{
    bulla_endorsed_free(&collateral->tcb_info.signer);
    bulla_endorsed_free(&collateral->qe_identity.signer);
    json_decref(collateral->json);
    collateral->json = NULL;
}

enum bulla_reason bulla_statement_verify(
    const struct bulla_statement *statement, const struct bulla_pins *pins, uint64_t at, const char *what)
{
    struct bulla_public_key key;
    const struct bulla_signature signature = {BULLA_SHA256, BULLA_PADDING_NONE, BULLA_BYTES(statement->signature)};
    enum bulla_reason reason = bulla_endorsed_verify(&statement->signer, SIGNER_CHAIN, pins, at);
    if (reason != BULLA_OK)
        return bulla_refuse_within(reason, "%s: ", what);
    bulla_certificate_key(statement->signer.certificates[0], &key);
    if (key.kind != BULLA_PUBLIC_P256)
        return bulla_refuse(BULLA_KEY_INVALID, "%s: its signer's key is not P-256", what);
    reason = bulla_signature_verify(&key, &signature, statement->text);
    return reason == BULLA_OK ? BULLA_OK : bulla_refuse_within(reason, "%s: ", what);
}
