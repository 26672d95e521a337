/* The certificate is read and chained by crypto/certificate; what the profile adds to X.509 is read here: a list of
 * object identifiers (extendedKeyUsage), and the directory name among the alternative names, whose attributes are the
 * TPM's maker, model and version. */
#include "tpm_ek.h"

#include "der.h"

enum { DER_UTF8 = 0x0c, DER_PRINTABLE = 0x13, DER_SET = 0x31, DER_DIRECTORY_NAME = 0xa4, LARGEST_SAN = 4096 };

/* 2.23.133.8.1, and 2.23.133.2.1 to .3 */
static const uint8_t for_endorsement[] = {0x67, 0x81, 0x05, 0x08, 0x01};
static const uint8_t tpm_attribute[] = {0x67, 0x81, 0x05, 0x02};
enum { MANUFACTURER = 1, MODEL, VERSION };

/* The profile's policies by nameAlg: PolicyA is PolicySecret(endorsement), PolicyB that or one kept in NV. */
static const uint8_t policy_a_256[] = {0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46,
    0xa5, 0xd7, 0x24, 0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa};
static const uint8_t policy_b_256[] = {0xca, 0x3d, 0x0a, 0x99, 0xa2, 0xb9, 0x39, 0x06, 0xf7, 0xa3, 0x34, 0x24, 0x14,
    0xef, 0xcf, 0xb3, 0xa3, 0x85, 0xd4, 0x4c, 0xd1, 0xfd, 0x45, 0x90, 0x89, 0xd1, 0x9b, 0x50, 0x71, 0xc0, 0xb7, 0xa0};
static const uint8_t policy_a_384[] = {0x8b, 0xbf, 0x22, 0x66, 0x53, 0x7c, 0x17, 0x1c, 0xb5, 0x6e, 0x40, 0x3c, 0x4d,
    0xc1, 0xd4, 0xb6, 0x4f, 0x43, 0x26, 0x11, 0xdc, 0x38, 0x6e, 0x6f, 0x53, 0x20, 0x50, 0xc3, 0x27, 0x8c, 0x93, 0x0e,
    0x14, 0x3e, 0x8b, 0xb1, 0x13, 0x38, 0x24, 0xcc, 0xb4, 0x31, 0x05, 0x38, 0x71, 0xc6, 0xdb, 0x53};
static const uint8_t policy_b_384[] = {0xb2, 0x6e, 0x7d, 0x28, 0xd1, 0x1a, 0x50, 0xbc, 0x53, 0xd8, 0x82, 0xbc, 0xf5,
    0xfd, 0x3a, 0x1a, 0x07, 0x41, 0x48, 0xbb, 0x35, 0xd3, 0xb4, 0xe4, 0xcb, 0x1c, 0x0a, 0xd9, 0xbd, 0xe4, 0x19, 0xca,
    0xcb, 0x47, 0xba, 0x09, 0x69, 0x96, 0x46, 0x15, 0x0f, 0x9f, 0xc0, 0x00, 0xf3, 0xf8, 0x0e, 0x12};

static const struct default_key {
    struct bulla_bytes policy;
    enum bulla_hash name_hash;
    bool user_with_auth; /* whether the attribute is set beside adminWithPolicy */
} templates[] = {
    {BULLA_BYTES(policy_a_256), BULLA_SHA256, false},
    {BULLA_BYTES(policy_a_384), BULLA_SHA384, false},
    {BULLA_BYTES(policy_b_256), BULLA_SHA256, true},
    {BULLA_BYTES(policy_b_384), BULLA_SHA384, true},
};

/* -- DER -- */

static bool inside(struct bulla_reader *reader, uint8_t expected, struct bulla_reader *content)
{
    struct bulla_der element;
    if (!bulla_der_next(reader, &element) || element.tag != expected)
        return false;
    bulla_reader_open(content, element.content);
    return true;
}

/* The certificate alone of what lies in NV. */
static enum bulla_reason cut(struct bulla_bytes stored, struct bulla_bytes *certificate)
{
    struct bulla_reader reader;
    struct bulla_der element;
    bulla_reader_open(&reader, stored);
    if (!bulla_der_next(&reader, &element) || element.tag != BULLA_DER_SEQUENCE)
        return bulla_refuse(BULLA_MALFORMED, "the endorsement certificate is not DER");
    *certificate = element.whole;
    for (size_t i = certificate->size; i < stored.size; i++)
        if (stored.data[i] != stored.data[certificate->size] || (stored.data[i] != 0 && stored.data[i] != 0xff))
            return bulla_refuse(
                BULLA_TRAILING, "the endorsement certificate is followed by what does not belong to it");
    return BULLA_OK;
}

/* -- what the profile asks for -- */

static enum bulla_reason check_usage(const struct bulla_certificate *certificate)
{
    struct bulla_reader outer, list;
    bool found = false;
    bulla_reader_open(&outer, bulla_certificate_extension(certificate, "2.5.29.37"));
    if (!inside(&outer, BULLA_DER_SEQUENCE, &list) || bulla_reader_left(&outer))
        return bulla_refuse(BULLA_CERTIFICATE_INVALID, "the endorsement certificate has no extendedKeyUsage");
    while (bulla_reader_left(&list)) {
        struct bulla_der identifier;
        if (!bulla_der_next(&list, &identifier) || identifier.tag != BULLA_DER_OID)
            return bulla_refuse(BULLA_CERTIFICATE_INVALID, "the certificate's extendedKeyUsage can't be read");
        found |= bulla_bytes_equal(identifier.content, BULLA_BYTES(for_endorsement));
    }
    return found ? BULLA_OK : bulla_refuse(BULLA_CERTIFICATE_INVALID, "the certificate is not for an endorsement key");
}

static bool copy_text(struct bulla_bytes value, char *text, size_t size)
{
    if (text[0] || value.size == 0 || value.size >= size)
        return false;
    for (size_t i = 0; i < value.size; i++)
        if (value.data[i] < 0x20 || value.data[i] >= 0x7f)
            return false;
    memcpy(text, value.data, value.size);
    text[value.size] = 0;
    return true;
}

static bool keep_attribute(struct bulla_tpm_ek *ek, struct bulla_bytes identifier, struct bulla_bytes value)
{
    if (identifier.size != sizeof tpm_attribute + 1 ||
        memcmp(identifier.data, tpm_attribute, sizeof tpm_attribute) != 0)
        return true; /* another attribute of the name */
    uint8_t which = identifier.data[sizeof tpm_attribute];
    if (which == MANUFACTURER)
        return copy_text(value, ek->manufacturer, sizeof ek->manufacturer);
    if (which == MODEL)
        return copy_text(value, ek->model, sizeof ek->model);
    return which != VERSION || copy_text(value, ek->version, sizeof ek->version);
}

/* AttributeTypeAndValue. */
static bool read_attribute(struct bulla_reader *set, struct bulla_tpm_ek *ek)
{
    struct bulla_reader pair;
    struct bulla_der identifier, value;
    return inside(set, BULLA_DER_SEQUENCE, &pair) && bulla_der_next(&pair, &identifier) &&
           identifier.tag == BULLA_DER_OID && bulla_der_next(&pair, &value) && bulla_reader_left(&pair) == 0 &&
           ((value.tag != DER_UTF8 && value.tag != DER_PRINTABLE) ||
               keep_attribute(ek, identifier.content, value.content));
}

/* Name: a SEQUENCE of SETs of attributes. */
static bool read_name(struct bulla_bytes content, struct bulla_tpm_ek *ek)
{
    struct bulla_reader outer, name, set;
    bulla_reader_open(&outer, content);
    if (!inside(&outer, BULLA_DER_SEQUENCE, &name) || bulla_reader_left(&outer))
        return false;
    while (bulla_reader_left(&name)) {
        if (!inside(&name, DER_SET, &set))
            return false;
        while (bulla_reader_left(&set))
            if (!read_attribute(&set, ek))
                return false;
    }
    return true;
}

static enum bulla_reason read_makers_words(const struct bulla_certificate *certificate, struct bulla_tpm_ek *ek)
{
    struct bulla_reader outer, names;
    struct bulla_bytes extension = bulla_certificate_extension(certificate, "2.5.29.17");
    bulla_reader_open(&outer, extension);
    bool good =
        extension.size <= LARGEST_SAN && inside(&outer, BULLA_DER_SEQUENCE, &names) && !bulla_reader_left(&outer);
    while (good && bulla_reader_left(&names)) {
        struct bulla_der name;
        good = bulla_der_next(&names, &name) && (name.tag != DER_DIRECTORY_NAME || read_name(name.content, ek));
    }
    if (!good || strncmp(ek->manufacturer, "id:", 3) != 0 || !ek->model[0] || !ek->version[0])
        return bulla_refuse(BULLA_CERTIFICATE_INVALID,
            "the endorsement certificate does not name the TPM's manufacturer, model and version");
    return BULLA_OK;
}

static enum bulla_reason check_template(const struct bulla_tpm_public *key)
{
    const uint32_t needed = BULLA_TPM_FIXED_TPM | BULLA_TPM_FIXED_PARENT | BULLA_TPM_SENSITIVE_DATA_ORIGIN |
                            BULLA_TPM_ADMIN_WITH_POLICY | BULLA_TPM_RESTRICTED | BULLA_TPM_DECRYPT;
    for (size_t i = 0; i < sizeof templates / sizeof templates[0]; i++)
        if (key->name_hash == templates[i].name_hash && bulla_bytes_equal(key->auth_policy, templates[i].policy) &&
            key->attributes == (needed | (templates[i].user_with_auth ? BULLA_TPM_USER_WITH_AUTH : 0u)) &&
            key->scheme == BULLA_TPM_NO_SCHEME && key->aes_bits != 0)
            return BULLA_OK;
    return bulla_refuse(BULLA_EVIDENCE_UNTRUSTED,
        "the endorsement key (attributes %08x) is not one of the TCG's default templates", key->attributes);
}

static enum bulla_reason check_key(const struct bulla_certificate *certificate, const struct bulla_tpm_public *key)
{
    struct bulla_public_key certified, given = bulla_tpm_public_key(key);
    bulla_certificate_key(certificate, &certified);
    if (certified.kind != given.kind || !bulla_bytes_equal(certified.value, given.value) ||
        (given.kind == BULLA_PUBLIC_RSA && certified.exponent != given.exponent))
        return bulla_refuse(
            BULLA_EVIDENCE_MISMATCH, "the certificate is of another key than the endorsement key given");
    return BULLA_OK;
}

static enum bulla_reason check_chain(
    const struct bulla_tpm_ek_question *question, const struct bulla_certificate *certificate)
{
    static const char *const judged_here[] = {"2.5.29.17", "2.5.29.37", NULL};
    const struct bulla_certificate *chain[BULLA_CHAIN_LONGEST];
    if (question->issuer_count == 0 || question->issuer_count >= BULLA_CHAIN_LONGEST)
        return bulla_refuse(
            BULLA_CERTIFICATE_INVALID, "an endorsement certificate with %zu issuers given", question->issuer_count);
    for (size_t i = 0; i < question->issuer_count; i++)
        chain[i] = question->issuers[i];
    chain[question->issuer_count] = certificate;
    const struct bulla_chain_rules rules = {
        .pins = question->pins,
        .pin_count = question->pin_count,
        .at = question->at,
        .crls = question->crls,
        .crl_count = question->crl_count,
        .leaf_decrypts = true,
        .known_critical = judged_here,
    };
    return bulla_chain_verify(chain, question->issuer_count + 1, &rules);
}

static enum bulla_reason verify(
    const struct bulla_tpm_ek_question *question, const struct bulla_certificate *certificate, struct bulla_tpm_ek *ek)
{
    struct bulla_tpm_public key;
    struct bulla_bytes area = bulla_tpm_public_area(question->public_area);
    BULLA_TRY(check_usage(certificate));
    BULLA_TRY(read_makers_words(certificate, ek));
    BULLA_TRY(bulla_tpm_public_read(area, &key));
    BULLA_TRY(check_key(certificate, &key));
    BULLA_TRY(check_template(&key));
    BULLA_TRY(check_chain(question, certificate));
    bulla_certificate_fingerprint(certificate, ek->fingerprint);
    bulla_certificate_validity(certificate, &ek->not_before, &ek->not_after);
    return bulla_tpm_public_name(area, &ek->name);
}

enum bulla_reason bulla_tpm_ek_verify(const struct bulla_tpm_ek_question *question, struct bulla_tpm_ek *ek)
{
    BULLA_CERTIFICATE struct bulla_certificate *certificate = NULL;
    struct bulla_bytes der;
    memset(ek, 0, sizeof *ek);
    BULLA_TRY(cut(question->certificate, &der));
    BULLA_TRY(bulla_certificate_read(der, "the endorsement certificate", &certificate));
    enum bulla_reason reason = verify(question, certificate, ek);
    if (reason != BULLA_OK)
        memset(ek, 0, sizeof *ek);
    return reason;
}
