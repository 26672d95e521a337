/* Endorsements and activation, on TPMs whose maker is swtpm_localca. Credentials are made by TPM2_MakeCredential, which
 * any TPM does for any public key, by raw commands. */
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <tss2/tss2_mu.h>

#include "fixture.h"
#include "tpm-backend/endorsement.h"

static const uint8_t secret[32] = "the secret that a verifier made";

static int begin(void **state)
{
    (void)state;
    test_swtpm_start_endorsed(&tpm);
    return 0;
}

/* --- what the TPM shows --- */

enum { ENDORSEMENTS_MOST = 4 };
struct endorsement {
    char name[16];
    uint8_t certificate[4096], key[1024];
    size_t certificate_size, key_size;
};
struct endorsements {
    struct endorsement list[ENDORSEMENTS_MOST];
    size_t count;
};

static void keep(void *context, const struct bulla_backend_endorsement *told)
{
    struct endorsements *all = context;
    assert_true(all->count < ENDORSEMENTS_MOST);
    struct endorsement *kept = &all->list[all->count++];
    assert_true(told->certificate.size <= sizeof kept->certificate && told->key.size <= sizeof kept->key);
    (void)snprintf(kept->name, sizeof kept->name, "%s", told->name);
    memcpy(kept->certificate, told->certificate.data, told->certificate.size);
    memcpy(kept->key, told->key.data, told->key.size);
    kept->certificate_size = told->certificate.size;
    kept->key_size = told->key.size;
}

static void endorsements_get(struct endorsements *all)
{
    all->count = 0;
    assert_reason(bulla_tpm_endorsements(tpm.tcti, keep, all), BULLA_OK);
}

static const struct endorsement *named(const struct endorsements *all, const char *name)
{
    for (size_t i = 0; i < all->count; i++)
        if (strcmp(all->list[i].name, name) == 0)
            return &all->list[i];
    fail_msg("no endorsement %s", name);
    return NULL;
}

static X509 *certificate_open(const struct endorsement *endorsement)
{
    const uint8_t *at = endorsement->certificate;
    X509 *certificate = d2i_X509(NULL, &at, (long)endorsement->certificate_size);
    assert_non_null(certificate);
    assert_ptr_equal(at, endorsement->certificate + endorsement->certificate_size);
    return certificate;
}

static void check_signed_by_the_maker(X509 *certificate)
{
    FILE *file = fopen(tpm.issuer, "r");
    assert_non_null(file);
    X509 *issuer = PEM_read_X509(file, NULL, NULL, NULL);
    (void)fclose(file);
    assert_non_null(issuer);
    assert_int_equal(X509_verify(certificate, X509_get0_pubkey(issuer)), 1);
    X509_free(issuer);
}

/* The numbers of the certified key as OpenSSL has them stand at the end of TPMT_PUBLIC: TPM2B, or two of them. */
static void check_same_key(X509 *certificate, const struct endorsement *endorsement)
{
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    uint8_t numbers[512];
    const uint8_t *end = endorsement->key + endorsement->key_size;
    if (EVP_PKEY_is_a(key, "RSA")) {
        BIGNUM *modulus = NULL;
        assert_int_equal(EVP_PKEY_get_bn_param(key, "n", &modulus), 1);
        assert_int_equal(BN_bn2binpad(modulus, numbers, 256), 256);
        BN_free(modulus);
        assert_memory_equal(end - 256, numbers, 256);
        return;
    }
    size_t size = 0;
    assert_int_equal(EVP_PKEY_get_octet_string_param(key, "pub", numbers, sizeof numbers, &size), 1);
    size_t half = (size - 1) / 2;
    assert_memory_equal(end - half, numbers + 1 + half, half);
    assert_memory_equal(end - half - 2 - half, numbers + 1, half);
}

static void the_maker_s_certificates_are_for_the_keys_beside_them(void **state)
{
    (void)state;
    struct endorsements all;
    endorsements_get(&all);
    assert_int_equal(all.count, 2);
    assert_string_equal(all.list[0].name, "ecc-p384"); /* swtpm 0.7: P-384, where older makers have P-256 */
    assert_string_equal(all.list[1].name, "rsa-2048");
    for (size_t i = 0; i < all.count; i++) {
        X509 *certificate = certificate_open(&all.list[i]);
        check_signed_by_the_maker(certificate);
        check_same_key(certificate, &all.list[i]);
        X509_free(certificate);
    }
}

/* --- credentials, by raw commands --- */

static uint32_t respond(const struct bulla_writer *command, uint8_t *response, size_t *size)
{
    uint8_t whole[4096];
    memcpy(whole, command->data, command->size);
    for (int i = 0; i < 4; i++)
        whole[2 + i] = (uint8_t)(command->size >> (24 - 8 * i));
    *size = test_swtpm_command(&tpm, whole, command->size, response, 4096);
    struct bulla_reader reader;
    bulla_reader_open(&reader, (struct bulla_bytes){response + 6, 4});
    return bulla_read_u32(&reader);
}

static void command_begin(struct bulla_writer *writer, uint8_t *room, uint16_t tag, uint32_t code)
{
    bulla_writer_open(writer, room, 4096);
    bulla_write_u16(writer, tag);
    bulla_write_u32(writer, 0);
    bulla_write_u32(writer, code);
}

static void write_sized(struct bulla_writer *writer, struct bulla_bytes bytes)
{
    bulla_write_u16(writer, (uint16_t)bytes.size);
    bulla_write_bytes(writer, bytes);
}

static uint32_t external_load(struct bulla_bytes public)
{
    uint8_t room[4096], response[4096];
    size_t size = 0;
    struct bulla_writer writer;
    struct bulla_reader reader;
    command_begin(&writer, room, TPM2_ST_NO_SESSIONS, TPM2_CC_LoadExternal);
    bulla_write_u16(&writer, 0); /* no private part */
    write_sized(&writer, public);
    bulla_write_u32(&writer, TPM2_RH_NULL);
    assert_int_equal(respond(&writer, response, &size), 0);
    bulla_reader_open(&reader, (struct bulla_bytes){response + 10, 4});
    return bulla_read_u32(&reader);
}

static void flush(uint32_t handle)
{
    uint8_t room[4096], response[4096];
    size_t size = 0;
    struct bulla_writer writer;
    command_begin(&writer, room, TPM2_ST_NO_SESSIONS, TPM2_CC_FlushContext);
    bulla_write_u32(&writer, handle);
    assert_int_equal(respond(&writer, response, &size), 0);
}

static void credential_make(struct bulla_bytes endorsement, struct bulla_bytes name, struct blob *credential)
{
    uint8_t room[4096], response[4096];
    size_t size = 0;
    struct bulla_writer writer;
    uint32_t handle = external_load(endorsement);
    command_begin(&writer, room, TPM2_ST_NO_SESSIONS, TPM2_CC_MakeCredential);
    bulla_write_u32(&writer, handle);
    write_sized(&writer, BULLA_BYTES(secret));
    write_sized(&writer, name);
    assert_int_equal(respond(&writer, response, &size), 0);
    flush(handle);
    credential->size = size - 10; /* TPM2B_ID_OBJECT ‖ TPM2B_ENCRYPTED_SECRET */
    assert_true(credential->size <= sizeof credential->data);
    memcpy(credential->data, response + 10, credential->size);
}

/* --- the attestation key --- */

struct attestation_key {
    struct blob blob;
    uint8_t public[1024], name[34];
    size_t public_size;
};

static void attestation_key_make(struct attestation_key *key)
{
    struct bulla_writer blob, public, name;
    bulla_writer_open(&blob, key->blob.data, sizeof key->blob.data);
    bulla_writer_open(&public, key->public, sizeof key->public);
    bulla_writer_open(&name, key->name, sizeof key->name);
    assert_reason(bulla_tpm_attestation_key_create(tpm.tcti, &blob), BULLA_OK);
    assert_reason(bulla_tpm_attestation_key_public(bulla_writer_bytes(&blob), &public, &name), BULLA_OK);
    key->blob.size = blob.size;
    key->public_size = public.size;
    assert_int_equal(name.size, 34);
}

static enum bulla_reason activate(
    const struct attestation_key *key, const struct blob *credential, uint8_t *found, size_t *size)
{
    struct bulla_writer writer;
    bulla_writer_open(&writer, found, BULLA_ACTIVATED_LARGEST);
    enum bulla_reason reason = bulla_tpm_activate(tpm.tcti, (struct bulla_bytes){key->blob.data, key->blob.size},
        (struct bulla_bytes){credential->data, credential->size}, &writer);
    *size = writer.size;
    return reason;
}

static void the_attestation_key_s_name_is_the_digest_of_its_public_area(void **state)
{
    (void)state;
    struct attestation_key key;
    uint8_t digest[32];
    attestation_key_make(&key);
    (void)SHA256(key.public, key.public_size, digest);
    assert_memory_equal(key.name, "\x00\x0b", 2);
    assert_memory_equal(key.name + 2, digest, 32);
}

static void a_credential_for_each_endorsement_gives_its_secret(void **state)
{
    (void)state;
    struct endorsements all;
    struct attestation_key key;
    endorsements_get(&all);
    attestation_key_make(&key);
    for (size_t i = 0; i < all.count; i++) {
        struct blob credential;
        uint8_t found[BULLA_ACTIVATED_LARGEST];
        size_t size = 0;
        credential_make(
            (struct bulla_bytes){all.list[i].key, all.list[i].key_size}, BULLA_BYTES(key.name), &credential);
        double start = now_ms();
        assert_reason(activate(&key, &credential, found, &size), BULLA_OK);
        print_message("activation by %s: %.1f ms\n", all.list[i].name, now_ms() - start);
        assert_int_equal(size, sizeof secret);
        assert_memory_equal(found, secret, sizeof secret);
    }
}

static void a_credential_for_another_attestation_key_is_refused(void **state)
{
    (void)state;
    struct endorsements all;
    struct attestation_key key, other;
    endorsements_get(&all);
    attestation_key_make(&key);
    attestation_key_make(&other);
    for (size_t i = 0; i < all.count; i++) {
        struct blob credential;
        uint8_t found[BULLA_ACTIVATED_LARGEST];
        size_t size = 0;
        credential_make(
            (struct bulla_bytes){all.list[i].key, all.list[i].key_size}, BULLA_BYTES(other.name), &credential);
        assert_reason(activate(&key, &credential, found, &size), BULLA_AUTHENTICATION);
        assert_int_equal(size, 0);
    }
}

static void a_changed_credential_is_refused(void **state)
{
    (void)state;
    struct endorsements all;
    struct attestation_key key;
    struct blob credential;
    uint8_t found[BULLA_ACTIVATED_LARGEST];
    size_t size = 0;
    endorsements_get(&all);
    attestation_key_make(&key);
    const struct endorsement *endorsement = named(&all, "ecc-p384");
    credential_make((struct bulla_bytes){endorsement->key, endorsement->key_size}, BULLA_BYTES(key.name), &credential);
    for (size_t i = 0; i < credential.size; i++) {
        credential.data[i] ^= 1;
        enum bulla_reason reason = activate(&key, &credential, found, &size);
        if (reason != BULLA_AUTHENTICATION && reason != BULLA_MALFORMED)
            fail_msg("byte %zu: %s, %s", i, bulla_reason_code(reason), bulla_detail());
        credential.data[i] ^= 1;
    }
    assert_nothing_loaded();
    size_t whole = credential.size;
    for (credential.size = 0; credential.size < whole; credential.size++)
        assert_int_equal(activate(&key, &credential, found, &size), BULLA_MALFORMED);
    credential.data[credential.size++] = 0;
    assert_reason(activate(&key, &credential, found, &size), BULLA_MALFORMED);
}

static void another_tpm_activates_nothing(void **state)
{
    (void)state;
    struct test_swtpm first = tpm;
    struct endorsements all;
    struct attestation_key key, its;
    struct blob ecc, rsa;
    uint8_t found[BULLA_ACTIVATED_LARGEST];
    size_t size = 0;
    endorsements_get(&all);
    test_swtpm_start_endorsed(&tpm); /* the global one is the other from here on */
    attestation_key_make(&its);
    const struct endorsement *endorsement = named(&all, "ecc-p384");
    credential_make((struct bulla_bytes){endorsement->key, endorsement->key_size}, BULLA_BYTES(its.name), &ecc);
    endorsement = named(&all, "rsa-2048");
    credential_make((struct bulla_bytes){endorsement->key, endorsement->key_size}, BULLA_BYTES(its.name), &rsa);
    assert_reason(activate(&its, &ecc, found, &size), BULLA_AUTHENTICATION);
    assert_reason(activate(&its, &rsa, found, &size), BULLA_AUTHENTICATION);
    struct test_swtpm second = tpm;
    tpm = first;
    attestation_key_make(&key);
    tpm = second;
    assert_reason(activate(&key, &ecc, found, &size), BULLA_TPM_OTHER); /* its key came with the folder, its TPM not */
    test_swtpm_finish(&tpm);
    tpm = first;
}

/* --- certificates that we put there ourselves --- */

static void write_password(struct bulla_writer *writer)
{
    static const uint8_t empty[] = {0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 0, 0, 0};
    bulla_write_bytes(writer, BULLA_BYTES(empty));
}

static void certificate_put(uint32_t index, struct bulla_bytes certificate, size_t room_for)
{
    uint8_t room[4096], response[4096];
    size_t size = 0;
    struct bulla_writer writer;
    command_begin(&writer, room, TPM2_ST_SESSIONS, TPM2_CC_NV_DefineSpace);
    bulla_write_u32(&writer, TPM2_RH_OWNER);
    write_password(&writer);
    bulla_write_u16(&writer, 0); /* no auth value */
    bulla_write_u16(&writer, 14);
    bulla_write_u32(&writer, index);
    bulla_write_u16(&writer, TPM2_ALG_SHA256);
    bulla_write_u32(&writer, TPMA_NV_OWNERREAD | TPMA_NV_OWNERWRITE | TPMA_NV_AUTHREAD | TPMA_NV_NO_DA);
    bulla_write_u16(&writer, 0); /* no policy */
    bulla_write_u16(&writer, (uint16_t)room_for);
    assert_int_equal(respond(&writer, response, &size), 0);
    uint8_t padded[2048] = {0};
    memcpy(padded, certificate.data, certificate.size);
    for (size_t at = 0; at < room_for; at += 512) {
        size_t part = room_for - at < 512 ? room_for - at : 512;
        command_begin(&writer, room, TPM2_ST_SESSIONS, TPM2_CC_NV_Write);
        bulla_write_u32(&writer, TPM2_RH_OWNER);
        bulla_write_u32(&writer, index);
        write_password(&writer);
        write_sized(&writer, (struct bulla_bytes){padded + at, part});
        bulla_write_u16(&writer, (uint16_t)at);
        assert_int_equal(respond(&writer, response, &size), 0);
    }
}

static void certificate_remove(uint32_t index)
{
    uint8_t room[4096], response[4096];
    size_t size = 0;
    struct bulla_writer writer;
    command_begin(&writer, room, TPM2_ST_SESSIONS, TPM2_CC_NV_UndefineSpace);
    bulla_write_u32(&writer, TPM2_RH_OWNER);
    bulla_write_u32(&writer, index);
    write_password(&writer);
    assert_int_equal(respond(&writer, response, &size), 0);
}

/* The point of the P-256 key of the TCG's template L-2, as the TPM makes it. */
static void p256_point(uint8_t point[static 65])
{
    uint8_t room[4096], response[4096];
    size_t size = 0, used = 14; /* header, handle */
    struct bulla_writer writer;
    struct bulla_reader reader;
    TPM2B_PUBLIC made;
    static const uint8_t template_l2[] = {0x00, 0x23, 0x00, 0x0b, 0x00, 0x03, 0x00, 0xb2, 0x00, 0x20, 0x83, 0x71, 0x97,
        0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24, 0xfd, 0x52, 0xd7, 0x6e, 0x06,
        0x52, 0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa, 0x00, 0x06, 0x00, 0x80, 0x00, 0x43, 0x00,
        0x10, 0x00, 0x03, 0x00, 0x10};
    static const uint8_t no_point[2 * 34] = {0, 32, [34] = 0, [35] = 32};
    command_begin(&writer, room, TPM2_ST_SESSIONS, TPM2_CC_CreatePrimary);
    bulla_write_u32(&writer, TPM2_RH_ENDORSEMENT);
    write_password(&writer);
    write_sized(&writer, BULLA_BYTES("\0\0\0")); /* no auth value, no data */
    bulla_write_u16(&writer, sizeof template_l2 + sizeof no_point);
    bulla_write_bytes(&writer, BULLA_BYTES(template_l2));
    bulla_write_bytes(&writer, BULLA_BYTES(no_point));
    bulla_write_u16(&writer, 0); /* no outside information */
    bulla_write_u32(&writer, 0); /* no PCRs */
    assert_int_equal(respond(&writer, response, &size), 0);
    bulla_reader_open(&reader, (struct bulla_bytes){response + 10, 4});
    flush(bulla_read_u32(&reader));
    used += 4; /* the parameters' size */
    assert_int_equal(Tss2_MU_TPM2B_PUBLIC_Unmarshal(response, size, &used, &made), TSS2_RC_SUCCESS);
    point[0] = 0x04;
    memcpy(point + 1, made.publicArea.unique.ecc.x.buffer, 32);
    memcpy(point + 33, made.publicArea.unique.ecc.y.buffer, 32);
}

static size_t certificate_make(const uint8_t point[static 65], uint8_t *der, size_t capacity)
{
    EVP_PKEY *issuer = EVP_EC_gen("P-256"), *subject = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    uint8_t *at = der;
    assert_int_equal(EVP_PKEY_set1_encoded_public_key(subject, point, 65), 1);
    assert_int_equal(X509_set_version(certificate, 2), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1), 1);
    X509_NAME *name = X509_get_issuer_name(certificate);
    assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"maker", -1, -1, 0), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(certificate), 0));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(certificate), 3600));
    assert_int_equal(X509_set_pubkey(certificate, subject), 1);
    assert_true(X509_sign(certificate, issuer, EVP_sha256()) > 0);
    int size = i2d_X509(certificate, &at);
    assert_true(size > 0 && (size_t)size <= capacity);
    X509_free(certificate);
    EVP_PKEY_free(issuer);
    EVP_PKEY_free(subject);
    return (size_t)size;
}

static void a_p256_certificate_with_padding_behind_it_works(void **state)
{
    (void)state;
    struct endorsements all;
    struct attestation_key key;
    struct blob credential;
    uint8_t point[65], der[1024], found[BULLA_ACTIVATED_LARGEST];
    size_t size = 0;
    p256_point(point);
    size_t der_size = certificate_make(point, der, sizeof der);
    certificate_put(0x01c0000a, (struct bulla_bytes){der, der_size}, 1400);
    endorsements_get(&all);
    assert_int_equal(all.count, 3);
    const struct endorsement *endorsement = named(&all, "ecc-p256");
    assert_int_equal(endorsement->certificate_size, der_size);
    assert_memory_equal(endorsement->certificate, der, der_size);
    attestation_key_make(&key);
    credential_make((struct bulla_bytes){endorsement->key, endorsement->key_size}, BULLA_BYTES(key.name), &credential);
    assert_reason(activate(&key, &credential, found, &size), BULLA_OK);
    assert_int_equal(size, sizeof secret);
    assert_memory_equal(found, secret, sizeof secret);
    certificate_remove(0x01c0000a);
}

static void a_certificate_for_another_key_is_not_shown(void **state)
{
    (void)state;
    struct endorsements all;
    uint8_t point[65], der[1024];
    EVP_PKEY *key = authority_make(point);
    size_t size = certificate_make(point, der, sizeof der);
    EVP_PKEY_free(key);
    certificate_put(0x01c0000a, (struct bulla_bytes){der, size}, size);
    endorsements_get(&all);
    assert_int_equal(all.count, 2);
    certificate_remove(0x01c0000a);
}

static void without_a_good_certificate_the_reason_is_told(void **state)
{
    (void)state;
    struct test_swtpm first = tpm;
    struct endorsements all = {.count = 0};
    uint8_t point[65], der[1024];
    test_swtpm_start(&tpm);
    assert_reason(bulla_tpm_endorsements(tpm.tcti, keep, &all), BULLA_UNSUPPORTED);
    certificate_put(0x01c0000a, BULLA_TEXT("no certificate"), 100);
    assert_reason(bulla_tpm_endorsements(tpm.tcti, keep, &all), BULLA_MALFORMED);
    certificate_remove(0x01c0000a);
    EVP_PKEY *key = authority_make(point);
    size_t size = certificate_make(point, der, sizeof der);
    EVP_PKEY_free(key);
    certificate_put(0x01c0000a, (struct bulla_bytes){der, size}, size);
    assert_reason(bulla_tpm_endorsements(tpm.tcti, keep, &all), BULLA_TPM_OTHER);
    assert_int_equal(all.count, 0);
    test_swtpm_finish(&tpm);
    tpm = first;
}

/* --- the templates' policies --- */

static void hash(bool wide, const uint8_t *bytes, size_t size, uint8_t *digest)
{
    (void)(wide ? SHA384(bytes, size, digest) : SHA256(bytes, size, digest));
}

/* PolicySecret(endorsement): H(H(0 ‖ TPM_CC_PolicySecret ‖ handle as its name) ‖ empty policyRef), Part 3, 23.4. */
static void policy_a(bool wide, uint8_t *digest)
{
    uint8_t buffer[64] = {0};
    size_t size = wide ? 48 : 32;
    memcpy(buffer + size, "\x00\x00\x01\x51\x40\x00\x00\x0b", 8);
    hash(wide, buffer, size + 8, digest);
    memcpy(buffer, digest, size);
    hash(wide, buffer, size, digest);
}

static void the_templates_policies_are_the_profile_s(void **state)
{
    (void)state;
    /* PolicyC of the EK Credential Profile, SHA-384 (B.6.5). */
    static const uint8_t policy_c[48] = {0xd6, 0x03, 0x2c, 0xe6, 0x1f, 0x2f, 0xb3, 0xc2, 0x40, 0xeb, 0x3c, 0xf6, 0xa3,
        0x32, 0x37, 0xef, 0x2b, 0x6a, 0x16, 0xf4, 0x29, 0x3c, 0x22, 0xb4, 0x55, 0xe2, 0x61, 0xcf, 0xfd, 0x21, 0x7a,
        0xd5, 0xb4, 0x94, 0x7c, 0x2d, 0x73, 0xe6, 0x30, 0x05, 0xee, 0xd2, 0xdc, 0x2b, 0x35, 0x93, 0xd1, 0x65};
    uint8_t a_256[32], buffer[148] = {0}, b_384[48];
    policy_a(false, a_256);
    memcpy(buffer + 48, "\x00\x00\x01\x71", 4); /* PolicyOR: H(0 ‖ CC ‖ A ‖ C), Part 3, 23.6 */
    policy_a(true, buffer + 52);
    memcpy(buffer + 100, policy_c, 48);
    hash(true, buffer, sizeof buffer, b_384);
    for (size_t i = 0; i < BULLA_TPM_ENDORSEMENT_KINDS; i++) {
        const TPM2B_DIGEST *policy = &bulla_tpm_endorsement_kinds[i].public.publicArea.authPolicy;
        bool wide = bulla_tpm_endorsement_kinds[i].public.publicArea.nameAlg == TPM2_ALG_SHA384;
        assert_int_equal(policy->size, wide ? 48 : 32);
        assert_memory_equal(policy->buffer, wide ? b_384 : a_256, policy->size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_templates_policies_are_the_profile_s),
        cmocka_unit_test(the_maker_s_certificates_are_for_the_keys_beside_them),
        cmocka_unit_test(the_attestation_key_s_name_is_the_digest_of_its_public_area),
        cmocka_unit_test(a_credential_for_each_endorsement_gives_its_secret),
        cmocka_unit_test(a_credential_for_another_attestation_key_is_refused),
        cmocka_unit_test(a_changed_credential_is_refused),
        cmocka_unit_test(another_tpm_activates_nothing),
        cmocka_unit_test(a_p256_certificate_with_padding_behind_it_works),
        cmocka_unit_test(a_certificate_for_another_key_is_not_shown),
        cmocka_unit_test(without_a_good_certificate_the_reason_is_told),
    };
    if (!test_swtpm_setup_available())
        return test_skip("swtpm_setup with swtpm_localca");
    return cmocka_run_group_tests(tests, begin, fixture_end);
}
