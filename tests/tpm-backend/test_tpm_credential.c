/* Credentials made in software are activated by a TPM: endorsement keys of the TCG's default templates (EK Credential
 * Profile, L-1, L-2 and H-3), made and used through ESAPI by nothing of bulla's. */
#include <stdlib.h>
#include <string.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>
#include <tss2/tss2_tctildr.h>

#include "evidence/tpm_credential.h"
#include "fixture.h"
#include "support/vectors.h"

/* PolicySecret(TPM_RH_ENDORSEMENT): PolicyA of the profile's annex B, by SHA-256; and PolicyB by SHA-384. */
static const char policy_a[] = "837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa";
static const char policy_b[] =
    "b26e7d28d11a50bc53d882bcf5fd3a1a074148bb35d3b4e4cb1c0ad9bde419cacb47ba09699646150f9fc000f3f80e12";

static TSS2_TCTI_CONTEXT *tcti;
static ESYS_CONTEXT *esys;

static void ok(TSS2_RC code)
{
    if (code != TSS2_RC_SUCCESS)
        fail_msg("the TPM says 0x%x", code);
}

static void common(TPM2B_PUBLIC *template, TPM2_ALG_ID name, const char *policy, TPMA_OBJECT attributes)
{
    memset(template, 0, sizeof *template);
    template->publicArea.nameAlg = name;
    template->publicArea.objectAttributes = attributes;
    template->publicArea.authPolicy.size =
        (UINT16)test_hex(policy, template->publicArea.authPolicy.buffer, sizeof template->publicArea.authPolicy.buffer);
}

enum {
    ENDORSEMENT = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
                  TPMA_OBJECT_ADMINWITHPOLICY | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT,
    ATTESTATION = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
                  TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_SIGN_ENCRYPT,
};

static void rsa_2048(TPM2B_PUBLIC *template)
{
    common(template, TPM2_ALG_SHA256, policy_a, ENDORSEMENT);
    template->publicArea.type = TPM2_ALG_RSA;
    template->publicArea.parameters.rsaDetail = (TPMS_RSA_PARMS){
        .symmetric = {.algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB},
        .scheme.scheme = TPM2_ALG_NULL,
        .keyBits = 2048,
    };
    template->publicArea.unique.rsa.size = 256;
}

static void ecc(TPM2B_PUBLIC *template, TPM2_ECC_CURVE curve, UINT16 aes_bits, UINT16 field)
{
    template->publicArea.type = TPM2_ALG_ECC;
    template->publicArea.parameters.eccDetail = (TPMS_ECC_PARMS){
        .symmetric = {.algorithm = TPM2_ALG_AES, .keyBits.aes = aes_bits, .mode.aes = TPM2_ALG_CFB},
        .scheme.scheme = TPM2_ALG_NULL,
        .curveID = curve,
        .kdf.scheme = TPM2_ALG_NULL,
    };
    template->publicArea.unique.ecc.x.size = template->publicArea.unique.ecc.y.size = field;
}

static void p256(TPM2B_PUBLIC *template)
{
    common(template, TPM2_ALG_SHA256, policy_a, ENDORSEMENT);
    ecc(template, TPM2_ECC_NIST_P256, 128, 32);
}

static void p384(TPM2B_PUBLIC *template)
{
    common(template, TPM2_ALG_SHA384, policy_b, ENDORSEMENT | TPMA_OBJECT_USERWITHAUTH);
    ecc(template, TPM2_ECC_NIST_P384, 256, 0);
}

static void attestation_p256(TPM2B_PUBLIC *template)
{
    common(template, TPM2_ALG_SHA256, "", ATTESTATION);
    template->publicArea.type = TPM2_ALG_ECC;
    template->publicArea.parameters.eccDetail = (TPMS_ECC_PARMS){
        .symmetric.algorithm = TPM2_ALG_NULL,
        .scheme = {.scheme = TPM2_ALG_ECDSA, .details.ecdsa.hashAlg = TPM2_ALG_SHA256},
        .curveID = TPM2_ECC_NIST_P256,
        .kdf.scheme = TPM2_ALG_NULL,
    };
}

struct key {
    ESYS_TR handle;
    uint8_t public[1024];
    size_t public_size;
    struct bulla_tpm_name name;
    TPM2B_NAME *said; /* by the TPM */
};

static void key_make(struct key *key, ESYS_TR hierarchy, void (*describe)(TPM2B_PUBLIC *template))
{
    static const TPM2B_SENSITIVE_CREATE no_sensitive;
    static const TPM2B_DATA no_outside;
    static const TPML_PCR_SELECTION no_pcrs;
    TPM2B_PUBLIC template, *made = NULL;
    describe(&template);
    memset(key, 0, sizeof *key);
    ok(Esys_CreatePrimary(esys, hierarchy, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &no_sensitive, &template,
        &no_outside, &no_pcrs, &key->handle, &made, NULL, NULL, NULL));
    ok(Tss2_MU_TPMT_PUBLIC_Marshal(&made->publicArea, key->public, sizeof key->public, &key->public_size));
    Esys_Free(made);
    ok(Esys_TR_GetName(esys, key->handle, &key->said));
    assert_int_equal(bulla_tpm_public_name((struct bulla_bytes){key->public, key->public_size}, &key->name), BULLA_OK);
    assert_true(
        bulla_bytes_equal(bulla_tpm_name_bytes(&key->name), (struct bulla_bytes){key->said->name, key->said->size}));
}

static void key_free(struct key *key)
{
    ok(Esys_FlushContext(esys, key->handle));
    Esys_Free(key->said);
}

/* PolicySecret(endorsement); for PolicyB, an OR with the policy that an NV index authorises. */
static ESYS_TR policy_session(const struct key *ek)
{
    static const TPMT_SYM_DEF no_encryption = {.algorithm = TPM2_ALG_NULL};
    bool large = ek->name.size == 50;
    ESYS_TR session;
    ok(Esys_StartAuthSession(esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, NULL,
        TPM2_SE_POLICY, &no_encryption, large ? TPM2_ALG_SHA384 : TPM2_ALG_SHA256, &session));
    ok(Esys_PolicySecret(esys, ESYS_TR_RH_ENDORSEMENT, session, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, NULL,
        NULL, NULL, 0, NULL, NULL));
    if (large) {
        TPML_DIGEST list = {.count = 2};
        list.digests[0].size = (UINT16)test_hex("8bbf2266537c171cb56e403c4dc1d4b64f432611dc386e6f532050c3278c930e"
                                                "143e8bb1133824ccb431053871c6db53",
            list.digests[0].buffer, 64);
        list.digests[1].size = (UINT16)test_hex("d6032ce61f2fb3c240eb3cf6a33237ef2b6a16f4293c22b455e261cffd217ad5"
                                                "b4947c2d73e63005eed2dc2b3593d165",
            list.digests[1].buffer, 64);
        ok(Esys_PolicyOR(esys, session, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &list));
    }
    return session;
}

static void split(struct bulla_bytes credential, TPM2B_ID_OBJECT *object, TPM2B_ENCRYPTED_SECRET *secret)
{
    size_t at = 0;
    ok(Tss2_MU_TPM2B_ID_OBJECT_Unmarshal(credential.data, credential.size, &at, object));
    ok(Tss2_MU_TPM2B_ENCRYPTED_SECRET_Unmarshal(credential.data, credential.size, &at, secret));
    assert_int_equal(at, credential.size);
}

/* The TPM's answer; `*secret` is freed by the caller. */
static TSS2_RC activate(
    const struct key *ak, const struct key *ek, struct bulla_bytes credential, TPM2B_DIGEST **secret)
{
    TPM2B_ID_OBJECT object;
    TPM2B_ENCRYPTED_SECRET encrypted;
    ESYS_TR session = policy_session(ek);
    split(credential, &object, &encrypted);
    TSS2_RC code = Esys_ActivateCredential(
        esys, ak->handle, ek->handle, ESYS_TR_PASSWORD, session, ESYS_TR_NONE, &object, &encrypted, secret);
    ok(Esys_FlushContext(esys, session));
    return code;
}

static struct bulla_bytes credential_make(
    const struct key *ek, const struct key *ak, struct bulla_bytes secret, uint8_t memory[BULLA_CREDENTIAL_LARGEST])
{
    struct bulla_writer writer;
    bulla_writer_open(&writer, memory, BULLA_CREDENTIAL_LARGEST);
    assert_int_equal(bulla_tpm_credential_make((struct bulla_bytes){ek->public, ek->public_size},
                         bulla_tpm_name_bytes(&ak->name), secret, &writer),
        BULLA_OK);
    return bulla_writer_bytes(&writer);
}

static const struct {
    const char *name;
    void (*describe)(TPM2B_PUBLIC *template);
} endorsement_keys[] = {{"RSA 2048", rsa_2048}, {"P-256", p256}, {"P-384", p384}};
enum { ENDORSEMENT_KEYS = sizeof endorsement_keys / sizeof endorsement_keys[0] };

static uint8_t *secret; /* 32 bytes in the arena */

static void a_tpm_finds_the_secret_that_was_meant_for_its_key(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 16, 32};
    for (size_t i = 0; i < ENDORSEMENT_KEYS; i++) {
        struct key ek, ak;
        key_make(&ek, ESYS_TR_RH_ENDORSEMENT, endorsement_keys[i].describe);
        key_make(&ak, ESYS_TR_RH_OWNER, attestation_p256);
        for (size_t j = 0; j < 3; j++) {
            uint8_t memory[BULLA_CREDENTIAL_LARGEST];
            TPM2B_DIGEST *found = NULL;
            ok(activate(&ak, &ek, credential_make(&ek, &ak, (struct bulla_bytes){secret, sizes[j]}, memory), &found));
            assert_int_equal(found->size, sizes[j]);
            assert_memory_equal(found->buffer, secret, sizes[j]);
            Esys_Free(found);
        }
        key_free(&ak);
        key_free(&ek);
    }
}

/* The TPM's own TPM2_MakeCredential is the oracle of the form; what it makes differs each time. */
static void it_has_the_form_of_the_tpms_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < ENDORSEMENT_KEYS; i++) {
        struct key ek, ak;
        uint8_t memory[BULLA_CREDENTIAL_LARGEST];
        TPM2B_DIGEST plain = {.size = 20};
        TPM2B_ID_OBJECT ours, *theirs = NULL;
        TPM2B_ENCRYPTED_SECRET our_secret, *their_secret = NULL;
        key_make(&ek, ESYS_TR_RH_ENDORSEMENT, endorsement_keys[i].describe);
        key_make(&ak, ESYS_TR_RH_OWNER, attestation_p256);
        ok(Esys_MakeCredential(
            esys, ek.handle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &plain, ak.said, &theirs, &their_secret));
        split(credential_make(&ek, &ak, (struct bulla_bytes){secret, 20}, memory), &ours, &our_secret);
        assert_int_equal(ours.size, theirs->size);
        assert_int_equal(our_secret.size, their_secret->size);
        Esys_Free(theirs);
        Esys_Free(their_secret);
        key_free(&ak);
        key_free(&ek);
    }
}

static void another_keys_name_or_a_changed_byte_finds_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < ENDORSEMENT_KEYS; i++) {
        struct key ek, ak;
        uint8_t memory[BULLA_CREDENTIAL_LARGEST];
        TPM2B_DIGEST *found = NULL;
        key_make(&ek, ESYS_TR_RH_ENDORSEMENT, endorsement_keys[i].describe);
        key_make(&ak, ESYS_TR_RH_OWNER, attestation_p256);
        struct key other = ak;
        other.name.bytes[33] ^= 1;
        assert_int_not_equal(
            activate(&ak, &ek, credential_make(&ek, &other, (struct bulla_bytes){secret, 32}, memory), &found),
            TSS2_RC_SUCCESS);
        struct bulla_bytes good = credential_make(&ek, &ak, (struct bulla_bytes){secret, 32}, memory);
        static const size_t changed[] = {4, 40, 60}; /* the integrity, the sealed secret, its middle */
        for (size_t j = 0; j < 3; j++) {
            memory[changed[j]] ^= 1;
            assert_int_not_equal(activate(&ak, &ek, good, &found), TSS2_RC_SUCCESS);
            memory[changed[j]] ^= 1;
        }
        memory[good.size - 1] ^= 1; /* the seed */
        assert_int_not_equal(activate(&ak, &ek, good, &found), TSS2_RC_SUCCESS);
        key_free(&ak);
        key_free(&ek);
    }
}

static void what_is_no_endorsement_key_gets_no_credential(void **state)
{
    (void)state;
    struct key ek, ak;
    uint8_t memory[BULLA_CREDENTIAL_LARGEST];
    struct bulla_writer writer;
    bulla_writer_open(&writer, memory, sizeof memory);
    key_make(&ek, ESYS_TR_RH_ENDORSEMENT, p256);
    key_make(&ak, ESYS_TR_RH_OWNER, attestation_p256);
    struct bulla_bytes area = {ek.public, ek.public_size}, name = bulla_tpm_name_bytes(&ak.name);
    struct bulla_bytes whole = {secret, 32}, none = {secret, 0};
    assert_int_equal(bulla_tpm_credential_make((struct bulla_bytes){ak.public, ak.public_size}, name, whole, &writer),
        BULLA_UNSUPPORTED);
    assert_int_equal(bulla_tpm_credential_make(area, name, none, &writer), BULLA_ARGUMENT);
    assert_int_equal(bulla_tpm_credential_make(area, name, (struct bulla_bytes){secret, 33}, &writer), BULLA_ARGUMENT);
    name.size = 33;
    assert_int_equal(bulla_tpm_credential_make(area, name, whole, &writer), BULLA_ARGUMENT);
    name.size = 34;
    for (size_t size = 0; size < area.size; size++)
        assert_int_equal(
            bulla_tpm_credential_make((struct bulla_bytes){area.data, size}, name, whole, &writer), BULLA_TRUNCATED);
    ek.public[ek.public_size - 1] ^= 1;
    assert_int_equal(bulla_tpm_credential_make(area, name, whole, &writer), BULLA_KEY_INVALID);
    ek.public[ek.public_size - 1] ^= 1;
    bulla_writer_open(&writer, memory, 100);
    assert_int_equal(bulla_tpm_credential_make(area, name, whole, &writer), BULLA_BUFFER_SMALL);
    key_free(&ak);
    key_free(&ek);
}

static int begin(void **state)
{
    void *memory = NULL;
    if (fixture_begin(state) != 0 || bulla_secret_allocate(33, &memory) != BULLA_OK)
        return -1;
    secret = memory;
    for (uint8_t i = 0; i < 32; i++)
        secret[i] = (uint8_t)(0xa0 + i);
    (void)setenv("TSS2_LOG", "all+none", 1); /* it would tell of each refusal that is wanted here */
    ok(Tss2_TctiLdr_Initialize(tpm.tcti, &tcti));
    ok(Esys_Initialize(&esys, tcti, NULL));
    return 0;
}

static int end(void **state)
{
    Esys_Finalize(&esys);
    Tss2_TctiLdr_Finalize(&tcti);
    bulla_secret_free(secret);
    assert_int_equal(bulla_arena_taken(), 0);
    return fixture_end(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tpm_finds_the_secret_that_was_meant_for_its_key),
        cmocka_unit_test(it_has_the_form_of_the_tpms_own),
        cmocka_unit_test(another_keys_name_or_a_changed_byte_finds_nothing),
        cmocka_unit_test(what_is_no_endorsement_key_gets_no_credential),
    };
    if (!test_swtpm_available())
        return test_skip("swtpm");
    return cmocka_run_group_tests(tests, begin, end);
}
