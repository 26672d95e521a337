/* TPM 2.0 part 3, 23.16 and 23.17. PolicyAuthorize replaces the session's digest, so what the object itself demands
 * has to come after it:
 *     PolicyPCR                 D1 = H(0 ‖ CC ‖ selection ‖ digest)          must be the approved policy
 *     PolicyAuthorize           D2 = H(H(0 ‖ CC ‖ name of the authority) ‖ policyRef)
 *     PolicyAuthValue           D3 = H(D2 ‖ CC)                              the object's authPolicy
 * The authority's key is loaded under the owner hierarchy: in the null hierarchy a ticket proves nothing. Whether the
 * signature is the authority's, and the PCRs are those approved, is the TPM's to say; the choice of an approval here
 * only asks it the right question. */
#include "policy_session.h"

#include <stdio.h>
#include <string.h>

#include "crypto/cipher.h"
#include "pcrs.h"
#include "primary.h"

enum { POINT = 65 };

static enum bulla_reason authority_public(struct bulla_bytes authority, TPM2B_PUBLIC *public)
{
    if (authority.size != POINT || authority.data[0] != 0x04)
        return bulla_refuse(BULLA_KEY_INVALID, "an authority is an uncompressed point of P-256, 65 bytes");
    *public = (TPM2B_PUBLIC){
        .publicArea =
            {
                .type = TPM2_ALG_ECC,
                .nameAlg = TPM2_ALG_SHA256,
                .objectAttributes = TPMA_OBJECT_SIGN_ENCRYPT | TPMA_OBJECT_USERWITHAUTH,
                .parameters.eccDetail =
                    {
                        .symmetric.algorithm = TPM2_ALG_NULL,
                        .scheme = {.scheme = TPM2_ALG_ECDSA, .details.ecdsa.hashAlg = TPM2_ALG_SHA256},
                        .curveID = TPM2_ECC_NIST_P256,
                        .kdf.scheme = TPM2_ALG_NULL,
                    },
                .unique.ecc = {.x.size = 32, .y.size = 32},
            },
    };
    memcpy(public->publicArea.unique.ecc.x.buffer, authority.data + 1, 32);
    memcpy(public->publicArea.unique.ecc.y.buffer, authority.data + 33, 32);
    return BULLA_OK;
}

/* digest = H(digest ‖ command code ‖ argument) */
static void extend(uint8_t digest[static 32], uint32_t command, struct bulla_bytes argument)
{
    const uint8_t code[4] = {
        (uint8_t)(command >> 24), (uint8_t)(command >> 16), (uint8_t)(command >> 8), (uint8_t)command};
    const struct bulla_bytes parts[] = {{digest, 32}, BULLA_BYTES(code), argument};
    bulla_sha256_parts(parts, 3, digest);
}

enum bulla_reason bulla_tpm_policy_digest(const struct bulla_leaf_request *request, uint8_t digest[static 32])
{
    TPM2B_PUBLIC public;
    uint8_t name[BULLA_TPM_NAME_SIZE];
    BULLA_TRY(authority_public(request->authority, &public));
    BULLA_TRY(bulla_tpm_name(&public.publicArea, name));
    memset(digest, 0, 32);
    extend(digest, TPM2_CC_PolicyAuthorize, BULLA_BYTES(name));
    const struct bulla_bytes parts[] = {{digest, 32}, BULLA_BYTES(request->policy_ref)};
    bulla_sha256_parts(parts, 2, digest);
    extend(digest, TPM2_CC_PolicyAuthValue, (struct bulla_bytes){NULL, 0});
    return BULLA_OK;
}

/* --- which approval --- */

static bool approval_usable(const struct bulla_approval *approval)
{
    return approval->bank == TPM2_ALG_SHA256 && approval->pcr_mask != 0 && approval->pcr_mask >> BULLA_PCR_COUNT == 0;
}

/* Says of the PCRs that any approval names what they are now: an approval holds one digest over all of its PCRs, so
 * which of them differs can't be told from it. */
static enum bulla_reason none_holds(
    const struct bulla_leaf_request *request, uint32_t mask, uint8_t (*values)[BULLA_HASH_LARGEST])
{
    char list[96];
    uint8_t digest[32];
    bulla_tpm_pcrs_list(mask, list, sizeof list);
    bulla_tpm_pcrs_digest((struct bulla_tpm_selected){BULLA_SHA256, mask}, values, digest);
    const uint8_t *approved = request->approvals[0].pcr_digest;
    return bulla_refuse(BULLA_TPM_PCR,
        "none of %zu approved state%s holds: PCRs %s (mask 0x%06x) are now %02x%02x%02x%02x…, first approved "
        "%02x%02x%02x%02x…",
        request->approval_count, request->approval_count == 1 ? "" : "s", list, mask, digest[0], digest[1], digest[2],
        digest[3], approved[0], approved[1], approved[2], approved[3]);
}

static enum bulla_reason choose(
    struct bulla_tpm_burst *burst, const struct bulla_leaf_request *request, const struct bulla_approval **chosen)
{
    uint8_t values[BULLA_PCR_COUNT][BULLA_HASH_LARGEST];
    uint32_t mask = 0;
    for (size_t i = 0; i < request->approval_count; i++)
        mask |= approval_usable(&request->approvals[i]) ? request->approvals[i].pcr_mask : 0;
    if (mask == 0)
        return bulla_refuse(BULLA_POLICY_MISSING, "the policy approves no PCRs of the SHA-256 bank");
    BULLA_TRY(bulla_tpm_pcrs(burst, (struct bulla_tpm_selected){BULLA_SHA256, mask}, values));
    for (size_t i = 0; i < request->approval_count; i++) {
        uint8_t digest[32];
        *chosen = &request->approvals[i];
        if (!approval_usable(*chosen))
            continue;
        bulla_tpm_pcrs_digest((struct bulla_tpm_selected){BULLA_SHA256, (*chosen)->pcr_mask}, values, digest);
        if (memcmp(digest, (*chosen)->pcr_digest, sizeof digest) == 0)
            return BULLA_OK;
    }
    return none_holds(request, mask, values);
}

/* --- the session --- */

static enum bulla_reason policy_pcr(
    struct bulla_tpm_burst *burst, ESYS_TR session, const struct bulla_approval *approval)
{
    TPML_PCR_SELECTION selection;
    TPM2B_DIGEST expected = {.size = 32}, *digest = NULL;
    memcpy(expected.buffer, approval->pcr_digest, 32);
    BULLA_TRY(bulla_tpm_selection((struct bulla_tpm_selected){BULLA_SHA256, approval->pcr_mask}, &selection));
    TSS2_RC code =
        Esys_PolicyPCR(burst->esys, session, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &expected, &selection);
    if ((code & ~(TSS2_RC)TPM2_RC_N_MASK & ~(TSS2_RC)TPM2_RC_P) == TPM2_RC_VALUE)
        return bulla_refuse(BULLA_TPM_PCR, "a PCR changed after it was read");
    BULLA_TRY(bulla_tpm_check(burst, code, "asking for the approved PCRs"));
    BULLA_TRY(bulla_tpm_check(burst,
        Esys_PolicyGetDigest(burst->esys, session, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &digest),
        "reading the policy's digest"));
    bool approved = digest->size == 32 && memcmp(digest->buffer, approval->approved_policy, 32) == 0;
    Esys_Free(digest);
    return approved ? BULLA_OK
                    : bulla_refuse(BULLA_TPM_POLICY, "the approved policy is not PolicyPCR of the PCRs beside it");
}

/* The TPM's word that the authority signed the approval. */
static enum bulla_reason ticket_get(struct bulla_tpm_burst *burst, const struct bulla_leaf_request *request,
    const struct bulla_approval *approval, const TPM2B_PUBLIC *public, TPMT_TK_VERIFIED **ticket)
{
    ESYS_TR key = ESYS_TR_NONE;
    TPM2B_DIGEST hash = {.size = 32};
    const struct bulla_bytes parts[] = {BULLA_BYTES(approval->approved_policy), BULLA_BYTES(request->policy_ref)};
    bulla_sha256_parts(parts, 2, hash.buffer);
    TPMT_SIGNATURE signature = {
        .sigAlg = TPM2_ALG_ECDSA,
        .signature.ecdsa = {.hash = TPM2_ALG_SHA256, .signatureR.size = 32, .signatureS.size = 32},
    };
    memcpy(signature.signature.ecdsa.signatureR.buffer, approval->signature, 32);
    memcpy(signature.signature.ecdsa.signatureS.buffer, approval->signature + 32, 32);
    BULLA_TRY(bulla_tpm_check(burst,
        Esys_LoadExternal(burst->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, NULL, public, ESYS_TR_RH_OWNER, &key),
        "loading the authority's key"));
    BULLA_TRY(bulla_tpm_check(burst,
        Esys_VerifySignature(burst->esys, key, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &hash, &signature, ticket),
        "checking the approval"));
    /* A TPM may have three slots for objects: this one is needed again. */
    TSS2_RC code = Esys_FlushContext(burst->esys, key);
    if (code != TSS2_RC_SUCCESS)
        Esys_Free(*ticket);
    return bulla_tpm_check(burst, code, "unloading the authority's key");
}

static enum bulla_reason policy_authorize(struct bulla_tpm_burst *burst, ESYS_TR session,
    const struct bulla_leaf_request *request, const struct bulla_approval *approval)
{
    TPM2B_PUBLIC public;
    TPM2B_NAME name = {.size = BULLA_TPM_NAME_SIZE};
    TPM2B_DIGEST policy = {.size = 32};
    TPM2B_NONCE reference = {.size = 32};
    TPMT_TK_VERIFIED *ticket = NULL;
    BULLA_TRY(authority_public(request->authority, &public));
    BULLA_TRY(bulla_tpm_name(&public.publicArea, name.name));
    memcpy(policy.buffer, approval->approved_policy, 32);
    memcpy(reference.buffer, request->policy_ref, 32);
    BULLA_TRY(ticket_get(burst, request, approval, &public, &ticket));
    TSS2_RC code = Esys_PolicyAuthorize(
        burst->esys, session, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &policy, &reference, &name, ticket);
    Esys_Free(ticket);
    return bulla_tpm_check(burst, code, "applying the approval");
}

enum bulla_reason bulla_tpm_policy_session(
    struct bulla_tpm_burst *burst, ESYS_TR primary, const struct bulla_leaf_request *request, ESYS_TR *session)
{
    const struct bulla_approval *approval = request->approvals;
    if (request->approval_count == 0 || !approval)
        return bulla_refuse(BULLA_POLICY_MISSING, "the object's leaf needs a policy of its authority");
    BULLA_TRY(choose(burst, request, &approval));
    BULLA_TRY(bulla_tpm_session(burst, primary, TPM2_SE_POLICY, TPMA_SESSION_ENCRYPT, session));
    BULLA_TRY(policy_pcr(burst, *session, approval));
    BULLA_TRY(policy_authorize(burst, *session, request, approval));
    return bulla_tpm_check(burst, Esys_PolicyAuthValue(burst->esys, *session, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE),
        "asking for the auth value");
}
