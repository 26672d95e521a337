/* Judging a chain, rule by rule. OpenSSL's own path validation is not used: its strict mode refuses every real Nitro
 * chain (the leaf has no authority key identifier), its lax mode takes more than is wanted, and either looks for paths.
 *
 * The root is known by its hash, so its signature on itself says nothing and is not looked at. The length that a CA
 * allows is compared with the number of all CAs below it, self-issued ones too, which is stricter than RFC 5280. */
#include <openssl/err.h>

#include "certificate_inside.h"
#include "library.h"

struct position {
    const struct bulla_certificate *const *chain;
    size_t count, index;
    const struct bulla_chain_rules *rules;
};

static const struct bulla_certificate *here(const struct position *position)
{
    return position->chain[position->index];
}

static bool is_last(const struct position *position)
{
    return position->index + 1 == position->count;
}

static enum bulla_reason refuse(const struct position *position, enum bulla_reason reason, const char *rule)
{
    char subject[BULLA_NAME_SHOWN];
    bulla_certificate_subject(here(position), subject, sizeof subject);
    return bulla_refuse(
        reason, "certificate %zu of %zu from the root (%s) %s", position->index + 1, position->count, subject, rule);
}

static enum bulla_reason check_pin(const struct position *position)
{
    uint8_t print[32];
    bulla_certificate_fingerprint(here(position), print);
    for (size_t i = 0; i < position->rules->pin_count; i++)
        if (memcmp(print, position->rules->pins[i], sizeof print) == 0)
            return BULLA_OK;
    return refuse(position, BULLA_CERTIFICATE_UNTRUSTED, "is not a root that is pinned");
}

static enum bulla_reason check_validity(const struct position *position)
{
    if (position->rules->at < here(position)->not_before)
        return refuse(position, BULLA_CERTIFICATE_NOT_YET, "is not valid yet at the time asked for");
    if (position->rules->at > here(position)->not_after)
        return refuse(position, BULLA_CERTIFICATE_EXPIRED, "is not valid any more at the time asked for");
    return BULLA_OK;
}

/* Judged below. */
static bool judged_here(const ASN1_OBJECT *object)
{
    int nid = OBJ_obj2nid(object);
    return nid == NID_basic_constraints || nid == NID_key_usage;
}

static bool judged_by_caller(const struct position *position, const ASN1_OBJECT *object)
{
    char text[64];
    int length = OBJ_obj2txt(text, sizeof text, object, 1);
    const char *const *known = position->rules->known_critical;
    for (; known && *known && length > 0 && (size_t)length < sizeof text; known++)
        if (strcmp(text, *known) == 0)
            return true;
    return false;
}

static enum bulla_reason check_extensions(const struct position *position)
{
    const X509 *x509 = here(position)->x509;
    for (int i = 0; i < X509_get_ext_count(x509); i++) {
        X509_EXTENSION *extension = X509_get_ext(x509, i);
        const ASN1_OBJECT *object = X509_EXTENSION_get_object(extension);
        if (X509_get_ext_by_OBJ(x509, object, i) >= 0)
            return refuse(position, BULLA_CERTIFICATE_INVALID, "has an extension twice");
        if (X509_EXTENSION_get_critical(extension) && !judged_here(object) && !judged_by_caller(position, object))
            return refuse(position, BULLA_CERTIFICATE_INVALID, "has a critical extension that is not known here");
    }
    return BULLA_OK;
}

/* An extension that fills its octets; `*present` without a value is one that does not parse. */
static void *read_extension(const X509 *x509, int nid, const ASN1_ITEM *item, bool *present)
{
    int index = X509_get_ext_by_NID(x509, nid, -1);
    *present = index >= 0;
    if (!*present)
        return NULL;
    const ASN1_OCTET_STRING *octets = X509_EXTENSION_get_data(X509_get_ext(x509, index));
    const unsigned char *at = ASN1_STRING_get0_data(octets);
    const unsigned char *end = at + ASN1_STRING_length(octets);
    ASN1_VALUE *value = ASN1_item_d2i(NULL, &at, end - at, item);
    if (value && at != end) {
        ASN1_item_free(value, item);
        value = NULL;
    }
    return value;
}

/* basicConstraints; a certificate without them is no CA. */
struct constraints {
    bool readable, ca;
    int64_t longest; /* CAs that may follow; -1: any number */
};

static struct constraints read_constraints(const X509 *x509)
{
    bool present = false;
    struct constraints read = {.readable = true, .longest = -1};
    BASIC_CONSTRAINTS *value = read_extension(x509, NID_basic_constraints, ASN1_ITEM_rptr(BASIC_CONSTRAINTS), &present);
    if (present && !value)
        read.readable = false;
    if (value) {
        read.ca = value->ca != 0;
        if (value->pathlen)
            read.readable = ASN1_INTEGER_get_int64(&read.longest, value->pathlen) == 1 && read.longest >= 0;
    }
    BASIC_CONSTRAINTS_free(value);
    return read;
}

/* Bits of keyUsage (RFC 5280, 4.2.1.3), by their number. */
enum usage {
    USAGE_DIGITAL_SIGNATURE = 0,
    USAGE_KEY_ENCIPHERMENT = 2,
    USAGE_KEY_AGREEMENT = 4,
    USAGE_KEY_CERT_SIGN = 5
};

/* Without the extension a leaf may sign; an issuer has to have it. */
static bool may(const X509 *x509, enum usage usage, bool without)
{
    bool present = false;
    ASN1_BIT_STRING *bits = read_extension(x509, NID_key_usage, ASN1_ITEM_rptr(ASN1_BIT_STRING), &present);
    bool set = bits && ASN1_BIT_STRING_get_bit(bits, (int)usage) == 1;
    ASN1_BIT_STRING_free(bits);
    return present ? set : without;
}

static enum bulla_reason check_issuer(const struct position *position)
{
    const X509 *x509 = here(position)->x509;
    struct constraints constraints = read_constraints(x509);
    size_t below = position->count - position->index - 2; /* CAs between it and the last */
    if (!constraints.readable)
        return refuse(position, BULLA_CERTIFICATE_INVALID, "has basicConstraints that can't be read");
    if (!constraints.ca)
        return refuse(position, BULLA_CERTIFICATE_INVALID, "signs another and is no CA");
    if (constraints.longest >= 0 && (uint64_t)constraints.longest < below)
        return refuse(position, BULLA_CERTIFICATE_INVALID, "allows fewer CAs below it (pathLen)");
    if (!may(x509, USAGE_KEY_CERT_SIGN, false))
        return refuse(position, BULLA_CERTIFICATE_INVALID, "signs another and its keyUsage lacks keyCertSign");
    return BULLA_OK;
}

static enum bulla_reason check_leaf(const struct position *position)
{
    const X509 *x509 = here(position)->x509;
    struct constraints constraints = read_constraints(x509);
    if (!constraints.readable)
        return refuse(position, BULLA_CERTIFICATE_INVALID, "has basicConstraints that can't be read");
    if (constraints.ca && position->rules->leaf_is_ca)
        return BULLA_OK;
    if (constraints.ca)
        return refuse(position, BULLA_CERTIFICATE_INVALID, "stands at the end and is a CA");
    if (position->rules->leaf_decrypts)
        return may(x509, USAGE_KEY_ENCIPHERMENT, false) || may(x509, USAGE_KEY_AGREEMENT, false)
                   ? BULLA_OK
                   : refuse(position, BULLA_CERTIFICATE_INVALID, "stands at the end and its keyUsage lacks decryption");
    if (!may(x509, USAGE_DIGITAL_SIGNATURE, true))
        return refuse(position, BULLA_CERTIFICATE_INVALID, "stands at the end and its keyUsage lacks digitalSignature");
    return BULLA_OK;
}

/* By the one before it: name, and signature over the bytes as they came. */
static enum bulla_reason check_signed(const struct position *position)
{
    const struct bulla_certificate *issuer = position->chain[position->index - 1];
    const X509 *x509 = here(position)->x509;
    const ASN1_BIT_STRING *signature = NULL;
    const X509_ALGOR *algorithm = NULL;
    struct bulla_bytes part;
    if (X509_NAME_cmp(X509_get_issuer_name(x509), X509_get_subject_name(issuer->x509)) != 0)
        return refuse(position, BULLA_CERTIFICATE_INVALID, "names another issuer than the one before it");
    X509_get0_signature(&signature, &algorithm, x509);
    if (X509_ALGOR_cmp(algorithm, X509_get0_tbs_sigalg(x509)) != 0 ||
        !bulla_asn1_signed_part(bulla_certificate_der(here(position)), &part))
        return refuse(position, BULLA_CERTIFICATE_INVALID, "names two algorithms for its signature");
    if (bulla_signed_before(issuer, here(position)))
        return BULLA_OK;
    enum bulla_reason reason = bulla_x509_verify(&issuer->key, algorithm, signature, part);
    if (reason == BULLA_OK && !is_last(position)) /* a leaf would push out those that come again */
        bulla_signed_remember(issuer, here(position));
    if (reason == BULLA_OK || reason == BULLA_OUT_OF_MEMORY)
        return reason;
    return bulla_refuse_within(BULLA_CERTIFICATE_INVALID,
        "certificate %zu of %zu from the root is not signed by the one before it: ", position->index + 1,
        position->count);
}

static enum bulla_reason check_revoked(const struct position *position)
{
    const struct bulla_certificate *issuer = position->chain[position->index ? position->index - 1 : 0];
    for (size_t i = 0; i < position->rules->crl_count; i++)
        if (bulla_crl_revokes(position->rules->crls[i], issuer, here(position)))
            return refuse(position, BULLA_CERTIFICATE_REVOKED, "was revoked by its issuer");
    return BULLA_OK;
}

static bool has_list(const struct position *position)
{
    for (size_t i = 0; i < position->rules->crl_count; i++)
        if (bulla_crl_is_by(position->rules->crls[i], here(position)))
            return true;
    return false;
}

static enum bulla_reason check_certificate(const struct position *position)
{
    BULLA_TRY(check_extensions(position));
    BULLA_TRY(is_last(position) ? check_leaf(position) : check_issuer(position));
    if (position->rules->crls_of_all && !is_last(position) && !has_list(position))
        return refuse(position, BULLA_CERTIFICATE_INVALID, "signs another, and there is no revocation list of it");
    if (position->index > 0)
        BULLA_TRY(check_signed(position));
    BULLA_TRY(check_validity(position));
    return check_revoked(position);
}

static enum bulla_reason check_lists(const struct position *position)
{
    size_t issuers = position->rules->leaf_is_ca || position->count == 1 ? position->count : position->count - 1;
    for (size_t i = 0; i < position->rules->crl_count; i++)
        BULLA_TRY(bulla_crl_verify(position->rules->crls[i], position->chain, issuers, position->rules->at));
    return BULLA_OK;
}

static enum bulla_reason check_all(struct position *position)
{
    BULLA_TRY(check_pin(position));
    for (; position->index < position->count; position->index++)
        BULLA_TRY(check_certificate(position));
    return check_lists(position);
}

enum bulla_reason bulla_chain_verify(
    const struct bulla_certificate *const *chain, size_t count, const struct bulla_chain_rules *rules)
{
    if (count == 0 || count > BULLA_CHAIN_LONGEST)
        return bulla_refuse(BULLA_CERTIFICATE_INVALID, "a chain of %zu certificates", count);
    struct position position = {.chain = chain, .count = count, .rules = rules};
    (void)ERR_set_mark(); /* what fails here must not stand in the error queue of a host that shares libcrypto */
    enum bulla_reason reason = check_all(&position);
    (void)ERR_pop_to_mark();
    return reason;
}
