/* The TPM's endorsement: its maker's certificate in NV, the key that it is for, and TPM2_ActivateCredential.
 *
 * An endorsement key is a primary of the endorsement hierarchy: derived from a seed that the maker put into the TPM and
 * from a template, so that it is the same each time and needs no place. Which template it was certified for is told by
 * the NV index alone, and makers err: certificate and key are compared here, before a verifier is sent a pair that can
 * never work.
 *
 * A credential is encrypted to an endorsement key and bound to the name of another object of the same TPM
 * (TPM 2.0 part 1, 24): the TPM gives the secret out only where it has both, which is what proves to the verifier that
 * the attestation key lies in the certified TPM. The secret is for the verifier and comes from him; on its way back it
 * is encrypted in a session that is salted to the pinned storage primary, for whoever reads the bus could answer too.
 */
#include "endorsement.h"

#include <string.h>
#include <tss2/tss2_mu.h>

#include "crypto/arena.h"
#include "crypto/certificate.h"
#include "evidence/der.h"
#include "primary.h"
#include "tpm.h"

static const TPM2B_SENSITIVE_CREATE no_sensitive;
static const TPM2B_DATA no_outside;
static const TPML_PCR_SELECTION no_pcrs;

/* --- the certificate in NV --- */

enum { READ_AT_ONCE = 512 };

struct certificate {
    uint8_t data[BULLA_ENDORSEMENT_CERTIFICATE_LARGEST];
    size_t size; /* 0: there is none */
};

static bool is_absent(TSS2_RC code)
{
    return (code & ~(TSS2_RC)TPM2_RC_N_MASK & ~(TSS2_RC)TPM2_RC_P) == TPM2_RC_HANDLE;
}

static enum bulla_reason index_find(
    struct bulla_tpm_burst *burst, uint32_t index, ESYS_TR *nv, size_t *size, ESYS_TR *reader)
{
    TPM2B_NV_PUBLIC *public = NULL;
    *size = 0;
    TSS2_RC code = Esys_TR_FromTPMPublic(burst->esys, index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, nv);
    if (is_absent(code))
        return BULLA_OK;
    BULLA_TRY(bulla_tpm_check(burst, code, "looking for the endorsement certificate"));
    BULLA_TRY(bulla_tpm_check(burst,
        Esys_NV_ReadPublic(burst->esys, *nv, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &public, NULL),
        "looking at the endorsement certificate"));
    *size = public->nvPublic.dataSize;
    *reader = public->nvPublic.attributes & TPMA_NV_AUTHREAD ? *nv : ESYS_TR_RH_OWNER;
    Esys_Free(public);
    return BULLA_OK;
}

static enum bulla_reason index_read(
    struct bulla_tpm_burst *burst, ESYS_TR nv, ESYS_TR reader, size_t size, struct bulla_writer *writer)
{
    for (size_t at = 0; at < size;) {
        TPM2B_MAX_NV_BUFFER *part = NULL;
        size_t wanted = size - at < READ_AT_ONCE ? size - at : READ_AT_ONCE;
        BULLA_TRY(bulla_tpm_check(burst,
            Esys_NV_Read(burst->esys, reader, nv, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, (UINT16)wanted,
                (UINT16)at, &part),
            "reading the endorsement certificate"));
        bulla_write(writer, part->buffer, part->size);
        at += part->size > 0 ? part->size : size; /* an empty answer ends it: the certificate is cut off then */
        Esys_Free(part);
    }
    return bulla_writer_finish(writer, "an endorsement certificate");
}

/* An index is often larger than the certificate in it: what follows the certificate's own size is padding. */
static size_t der_size(struct bulla_bytes bytes)
{
    struct bulla_reader reader;
    struct bulla_der element;
    bulla_reader_open(&reader, bytes);
    return bulla_der_next(&reader, &element) && element.tag == BULLA_DER_SEQUENCE ? element.whole.size : 0;
}

static enum bulla_reason certificate_get(
    struct bulla_tpm_burst *burst, const struct bulla_tpm_endorsement_kind *kind, struct certificate *certificate)
{
    ESYS_TR nv = ESYS_TR_NONE, reader = ESYS_TR_NONE;
    struct bulla_writer writer;
    bulla_writer_open(&writer, certificate->data, sizeof certificate->data);
    BULLA_TRY(index_find(burst, kind->certificate, &nv, &certificate->size, &reader));
    if (certificate->size)
        BULLA_TRY(index_read(burst, nv, reader, certificate->size, &writer));
    certificate->size = writer.size;
    return BULLA_OK;
}

/* --- the key --- */

static enum bulla_reason key_make(
    struct bulla_tpm_burst *burst, const struct bulla_tpm_endorsement_kind *kind, ESYS_TR *key, TPMT_PUBLIC *made)
{
    TPM2B_PUBLIC *public = NULL;
    BULLA_TRY(bulla_tpm_check(burst,
        Esys_CreatePrimary(burst->esys, ESYS_TR_RH_ENDORSEMENT, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
            &no_sensitive, &kind->public, &no_outside, &no_pcrs, key, &public, NULL, NULL, NULL),
        "creating the endorsement key"));
    *made = public->publicArea;
    Esys_Free(public);
    return BULLA_OK;
}

/* Whether `size` bytes at `at` are the coordinate, whose leading zeros a TPM may leave out. */
static bool coordinate_is(const TPM2B_ECC_PARAMETER *coordinate, const uint8_t *at, size_t size)
{
    size_t missing = size - coordinate->size;
    if (coordinate->size > size)
        return false;
    for (size_t i = 0; i < missing; i++)
        if (at[i] != 0)
            return false;
    return memcmp(at + missing, coordinate->buffer, coordinate->size) == 0;
}

static bool key_is(const struct bulla_public_key *certified, const TPMT_PUBLIC *made)
{
    struct bulla_bytes value = certified->value;
    size_t half = value.size / 2;
    if (made->type == TPM2_ALG_RSA)
        return certified->kind == BULLA_PUBLIC_RSA && certified->exponent == 65537 &&
               bulla_bytes_equal(value, (struct bulla_bytes){made->unique.rsa.buffer, made->unique.rsa.size});
    bool wide = made->parameters.eccDetail.curveID == TPM2_ECC_NIST_P384;
    return certified->kind == (wide ? BULLA_PUBLIC_P384 : BULLA_PUBLIC_P256) &&
           coordinate_is(&made->unique.ecc.x, value.data + 1, half) &&
           coordinate_is(&made->unique.ecc.y, value.data + 1 + half, half);
}

/* Cuts the padding off, and compares. */
static enum bulla_reason pair_check(
    const struct bulla_tpm_endorsement_kind *kind, struct certificate *certificate, const TPMT_PUBLIC *made)
{
    BULLA_CERTIFICATE struct bulla_certificate *read = NULL;
    struct bulla_public_key key;
    certificate->size = der_size((struct bulla_bytes){certificate->data, certificate->size});
    if (certificate->size == 0)
        return bulla_refuse(BULLA_MALFORMED, "NV index 0x%08x holds no certificate", kind->certificate);
    BULLA_TRY(bulla_certificate_read(
        (struct bulla_bytes){certificate->data, certificate->size}, "the endorsement certificate", &read));
    bulla_certificate_key(read, &key);
    return key_is(&key, made)
               ? BULLA_OK
               : bulla_refuse(BULLA_TPM_OTHER, "the certificate at NV index 0x%08x is not for the TPM's %s key",
                     kind->certificate, kind->name);
}

/* --- endorsements --- */

static enum bulla_reason endorsement_get(
    const char *tcti, const struct bulla_tpm_endorsement_kind *kind, struct certificate *certificate, TPMT_PUBLIC *made)
{
    ESYS_TR key = ESYS_TR_NONE;
    BULLA_TPM_BURST struct bulla_tpm_burst burst;
    BULLA_TRY(bulla_tpm_burst_open(&burst, tcti));
    BULLA_TRY(certificate_get(&burst, kind, certificate));
    return certificate->size ? key_make(&burst, kind, &key, made) : BULLA_OK;
}

/* What was told, and why the first pair that does not fit was not. */
struct telling {
    bulla_backend_endorse *tell;
    void *context;
    unsigned told;
    enum bulla_reason first;
    struct bulla_detail_kept detail;
};

/* A certificate that does not fit its key hides no other; a TPM that fails does. */
static enum bulla_reason endorsement_tell(
    const char *tcti, const struct bulla_tpm_endorsement_kind *kind, struct telling *telling)
{
    struct certificate certificate;
    TPMT_PUBLIC made;
    uint8_t public[sizeof made];
    size_t size = 0;
    BULLA_TRY(endorsement_get(tcti, kind, &certificate, &made));
    if (!certificate.size)
        return BULLA_OK;
    enum bulla_reason reason = pair_check(kind, &certificate, &made);
    if (reason != BULLA_OK && telling->first == BULLA_OK) {
        telling->first = reason;
        bulla_detail_keep(&telling->detail);
    }
    if (reason != BULLA_OK)
        return BULLA_OK;
    if (Tss2_MU_TPMT_PUBLIC_Marshal(&made, public, sizeof public, &size) != TSS2_RC_SUCCESS)
        return bulla_refuse(BULLA_TPM_FAILED, "the TPM made an endorsement key that can't be written");
    telling->told++;
    telling->tell(telling->context,
        &(struct bulla_backend_endorsement){kind->name, {certificate.data, certificate.size}, {public, size}});
    return BULLA_OK;
}

enum bulla_reason bulla_tpm_endorsements(const char *tcti, bulla_backend_endorse *tell, void *context)
{
    struct telling telling = {.tell = tell, .context = context, .first = BULLA_OK};
    for (size_t i = 0; i < BULLA_TPM_ENDORSEMENT_KINDS; i++)
        BULLA_TRY(endorsement_tell(tcti, &bulla_tpm_endorsement_kinds[i], &telling));
    if (telling.told > 0)
        return BULLA_OK;
    if (telling.first == BULLA_OK)
        return bulla_refuse(BULLA_UNSUPPORTED, "the TPM's maker put no endorsement certificate into it");
    bulla_detail_restore(&telling.detail);
    return telling.first;
}

/* --- activation --- */

struct credential {
    TPM2B_ID_OBJECT object;
    TPM2B_ENCRYPTED_SECRET secret;
    const struct bulla_tpm_endorsement_kind *kind;
};

static enum bulla_reason credential_read(struct bulla_bytes bytes, struct credential *credential)
{
    size_t used = 0, first;
    memset(credential, 0, sizeof *credential);
    bool read =
        Tss2_MU_TPM2B_ID_OBJECT_Unmarshal(bytes.data, bytes.size, &used, &credential->object) == TSS2_RC_SUCCESS;
    first = used;
    read = read && Tss2_MU_TPM2B_ENCRYPTED_SECRET_Unmarshal(bytes.data, bytes.size, &used, &credential->secret) ==
                       TSS2_RC_SUCCESS;
    if (!read || used != bytes.size)
        return bulla_refuse(BULLA_MALFORMED, "a credential of %zu bytes", bytes.size);
    for (size_t i = 0; i < BULLA_TPM_ENDORSEMENT_KINDS; i++)
        if (bulla_tpm_endorsement_kinds[i].secret_size == used - first)
            credential->kind = &bulla_tpm_endorsement_kinds[i];
    return credential->kind ? BULLA_OK
                            : bulla_refuse(BULLA_MALFORMED, "a credential whose secret has %zu bytes", used - first);
}

/* How the endorsement key lets itself be used. */
static enum bulla_reason key_authorize(
    struct bulla_tpm_burst *burst, const struct bulla_tpm_endorsement_kind *kind, ESYS_TR *session)
{
    *session = ESYS_TR_PASSWORD;
    if (!kind->by_policy)
        return BULLA_OK;
    BULLA_TRY(bulla_tpm_session(burst, ESYS_TR_NONE, TPM2_SE_POLICY, 0, session));
    return bulla_tpm_check(burst,
        Esys_PolicySecret(burst->esys, ESYS_TR_RH_ENDORSEMENT, *session, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
            NULL, NULL, NULL, 0, NULL, NULL),
        "asking the endorsement hierarchy");
}

/* All that the TPM can say of a credential: its other parameters are fixed here. Where the decryption by an RSA key
 * gives nonsense, some answer TPM_RC_FAILURE; one that is in failure mode would not have made the key before. */
static bool is_about_the_credential(TSS2_RC code, const struct bulla_tpm_endorsement_kind *kind)
{
    if (code == TPM2_RC_FAILURE)
        return kind->public.publicArea.type == TPM2_ALG_RSA;
    return (code & TSS2_RC_LAYER_MASK) == TSS2_TPM_RC_LAYER && (code & TPM2_RC_FMT1) && (code & TPM2_RC_P);
}

/* A TPM may have three slots for objects: the primary, the attestation key and the endorsement key fill them. */
static enum bulla_reason activate(struct bulla_tpm_burst *burst, const struct bulla_tpm_object *object,
    const struct credential *credential, struct bulla_writer *secret)
{
    ESYS_TR primary = ESYS_TR_NONE, key = ESYS_TR_NONE, endorsement = ESYS_TR_NONE;
    ESYS_TR hidden = ESYS_TR_NONE, permit = ESYS_TR_NONE;
    TPMT_PUBLIC made;
    TPM2B_DIGEST *found = NULL;
    BULLA_TRY(bulla_tpm_primary_pinned(burst, object->primary, &primary));
    BULLA_TRY(bulla_tpm_session(burst, primary, TPM2_SE_HMAC, TPMA_SESSION_ENCRYPT, &hidden));
    BULLA_TRY(bulla_tpm_object_load(burst, primary, object, &key));
    BULLA_TRY(key_make(burst, credential->kind, &endorsement, &made));
    BULLA_TRY(key_authorize(burst, credential->kind, &permit));
    TSS2_RC code = Esys_ActivateCredential(burst->esys, key, endorsement, ESYS_TR_PASSWORD, permit, hidden,
        &credential->object, &credential->secret, &found);
    if (is_about_the_credential(code, credential->kind))
        return bulla_refuse(BULLA_AUTHENTICATION,
            "the credential is for another TPM or another attestation key, or was changed (TPM response 0x%x)",
            code & 0xfff);
    BULLA_TRY(bulla_tpm_check(burst, code, "activating the credential"));
    bulla_write(secret, found->buffer, found->size);
    bulla_wipe(found, sizeof *found);
    Esys_Free(found);
    return BULLA_OK;
}

enum bulla_reason bulla_tpm_activate(
    const char *tcti, struct bulla_bytes key_blob, struct bulla_bytes credential, struct bulla_writer *secret)
{
    struct bulla_tpm_object key;
    struct credential parts;
    BULLA_TRY(bulla_tpm_attestation_key_read(key_blob, &key));
    BULLA_TRY(credential_read(credential, &parts));
    BULLA_TPM_BURST struct bulla_tpm_burst burst;
    BULLA_TRY(bulla_tpm_burst_open(&burst, tcti));
    return activate(&burst, &key, &parts, secret);
}
