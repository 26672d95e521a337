/* The template is the TCG's for an ECC P-256 storage root key: a primary is derived from the hierarchy's seed and the
 * template, so it needs no place in NV and has the same name each time. Sessions are salted to the public key that
 * stands in the TPM's answer; the name check before is what makes that key the TPM's own and not an interposer's. */
#include "primary.h"

#include <string.h>
#include <tss2/tss2_mu.h>

#include "crypto/cipher.h"

static const TPM2B_PUBLIC primary_template = {
    .publicArea =
        {
            .type = TPM2_ALG_ECC,
            .nameAlg = TPM2_ALG_SHA256,
            .objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
                                TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED |
                                TPMA_OBJECT_DECRYPT,
            .parameters.eccDetail =
                {
                    .symmetric = {.algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB},
                    .scheme.scheme = TPM2_ALG_NULL,
                    .curveID = TPM2_ECC_NIST_P256,
                    .kdf.scheme = TPM2_ALG_NULL,
                },
            .unique.ecc = {.x.size = 32, .y.size = 32},
        },
};

static const TPM2B_SENSITIVE_CREATE no_sensitive;
static const TPM2B_DATA no_outside;
static const TPML_PCR_SELECTION no_pcrs;

enum bulla_reason bulla_tpm_name(const TPMT_PUBLIC *public, uint8_t name[static BULLA_TPM_NAME_SIZE])
{
    uint8_t marshalled[sizeof *public];
    size_t size = 0;
    if (public->nameAlg != TPM2_ALG_SHA256 ||
        Tss2_MU_TPMT_PUBLIC_Marshal(public, marshalled, sizeof marshalled, &size) != TSS2_RC_SUCCESS)
        return bulla_refuse(BULLA_MALFORMED, "a TPM public area that has no SHA-256 name");
    name[0] = TPM2_ALG_SHA256 >> 8;
    name[1] = TPM2_ALG_SHA256 & 0xff;
    bulla_sha256((struct bulla_bytes){marshalled, size}, name + 2);
    return BULLA_OK;
}

enum bulla_reason bulla_tpm_primary(
    struct bulla_tpm_burst *burst, ESYS_TR *primary, uint8_t name[static BULLA_TPM_NAME_SIZE])
{
    TPM2B_PUBLIC *public = NULL;
    BULLA_TRY(bulla_tpm_check(burst,
        Esys_CreatePrimary(burst->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &no_sensitive,
            &primary_template, &no_outside, &no_pcrs, primary, &public, NULL, NULL, NULL),
        "creating the storage primary"));
    enum bulla_reason reason = bulla_tpm_name(&public->publicArea, name);
    Esys_Free(public);
    return reason;
}

enum bulla_reason bulla_tpm_primary_pinned(
    struct bulla_tpm_burst *burst, const uint8_t pinned[static BULLA_TPM_NAME_SIZE], ESYS_TR *primary)
{
    uint8_t name[BULLA_TPM_NAME_SIZE];
    BULLA_TRY(bulla_tpm_primary(burst, primary, name));
    if (memcmp(name, pinned, sizeof name) != 0)
        return bulla_refuse(BULLA_TPM_OTHER, "the TPM's storage primary is not the one that the blob names");
    return BULLA_OK;
}

enum bulla_reason bulla_tpm_session(
    struct bulla_tpm_burst *burst, ESYS_TR salt, TPM2_SE type, TPMA_SESSION attributes, ESYS_TR *session)
{
    static const TPMT_SYM_DEF cipher = {.algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB};
    BULLA_TRY(bulla_tpm_check(burst,
        Esys_StartAuthSession(burst->esys, salt, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, NULL, type,
            &cipher, TPM2_ALG_SHA256, session),
        "starting a session"));
    attributes |= TPMA_SESSION_CONTINUESESSION;
    return bulla_tpm_check(
        burst, Esys_TRSess_SetAttributes(burst->esys, *session, attributes, 0xff), "setting up a session");
}

enum bulla_reason bulla_tpm_object_create(struct bulla_tpm_burst *burst, const TPM2B_SENSITIVE_CREATE *sensitive,
    const TPM2B_PUBLIC *template, struct bulla_tpm_object *object)
{
    ESYS_TR primary = ESYS_TR_NONE, session = ESYS_TR_NONE;
    TPM2B_PRIVATE *private = NULL;
    TPM2B_PUBLIC *public = NULL;
    BULLA_TRY(bulla_tpm_primary(burst, &primary, object->primary));
    BULLA_TRY(bulla_tpm_session(burst, primary, TPM2_SE_HMAC, TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT, &session));
    BULLA_TRY(bulla_tpm_check(burst,
        Esys_Create(burst->esys, primary, session, ESYS_TR_NONE, ESYS_TR_NONE, sensitive, template, &no_outside,
            &no_pcrs, &private, &public, NULL, NULL, NULL),
        "creating an object"));
    object->public = *public;
    object->private = *private;
    Esys_Free(public);
    Esys_Free(private);
    return BULLA_OK;
}

enum bulla_reason bulla_tpm_object_load(
    struct bulla_tpm_burst *burst, ESYS_TR primary, const struct bulla_tpm_object *object, ESYS_TR *handle)
{
    return bulla_tpm_check(burst,
        Esys_Load(burst->esys, primary, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &object->private, &object->public,
            handle),
        "loading an object");
}

/* --- blobs --- */

enum bulla_reason bulla_tpm_object_write(const struct bulla_tpm_object *object, struct bulla_writer *writer)
{
    uint8_t marshalled[sizeof object->public + sizeof object->private];
    size_t size = 0;
    if (Tss2_MU_TPM2B_PUBLIC_Marshal(&object->public, marshalled, sizeof marshalled, &size) != TSS2_RC_SUCCESS ||
        Tss2_MU_TPM2B_PRIVATE_Marshal(&object->private, marshalled, sizeof marshalled, &size) != TSS2_RC_SUCCESS)
        return bulla_refuse(BULLA_TPM_FAILED, "the TPM made an object that can't be written");
    bulla_write(writer, object->primary, sizeof object->primary);
    bulla_write(writer, marshalled, size);
    return BULLA_OK;
}

/* The next TPM2B with its size before it, as its unmarshaller wants it. */
static struct bulla_bytes sized(struct bulla_reader *reader)
{
    struct bulla_reader ahead = *reader;
    size_t size = bulla_read_u16(&ahead);
    return bulla_read(reader, 2 + size);
}

enum bulla_reason bulla_tpm_object_read(struct bulla_reader *reader, struct bulla_tpm_object *object)
{
    memset(object, 0, sizeof *object);
    struct bulla_bytes primary = bulla_read(reader, sizeof object->primary);
    struct bulla_bytes public = sized(reader);
    struct bulla_bytes private = sized(reader);
    size_t public_size = 0, private_size = 0;
    if (reader->failed)
        return BULLA_OK; /* whoever opened the reader asks it how it ended */
    memcpy(object->primary, primary.data, primary.size);
    if (Tss2_MU_TPM2B_PUBLIC_Unmarshal(public.data, public.size, &public_size, &object->public) != TSS2_RC_SUCCESS ||
        Tss2_MU_TPM2B_PRIVATE_Unmarshal(private.data, private.size, &private_size, &object->private) !=
            TSS2_RC_SUCCESS ||
        public_size != public.size || private_size != private.size)
        return bulla_refuse(BULLA_MALFORMED, "a TPM object's blob");
    return BULLA_OK;
}
