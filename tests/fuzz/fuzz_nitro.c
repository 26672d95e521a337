/* Nitro documents. No input that is not one of the seeds is signed, so whatever verifies is a seed, and its claims lie
 * within it; the map is also read for itself, because nearly nothing gets past the signature. */
#include "fuzz.h"

#include <stdbool.h>
#include <string.h>

#include "crypto/certificate.h"
#include "crypto/cose.h"
#include "evidence/nitro.h"

static bool lies_within(struct bulla_bytes part, struct bulla_bytes whole)
{
    return part.size == 0 || (part.data >= whole.data && part.size <= whole.size &&
                                 (size_t)(part.data - whole.data) <= whole.size - part.size);
}

static void try_certificate(struct bulla_bytes der)
{
    struct bulla_certificate *certificate = NULL;
    if (bulla_certificate_read(der, "fuzz", &certificate) == BULLA_OK)
        FUZZ_CHECK(bulla_bytes_equal(bulla_certificate_der(certificate), der));
    bulla_certificate_free(&certificate);
}

static void try_payload(struct bulla_bytes bytes)
{
    struct bulla_nitro_payload payload;
    enum bulla_reason reason = bulla_nitro_payload_read(bytes, &payload);
    FUZZ_CHECK(reason != BULLA_OK || payload.bundle_count > 0);
    if (reason != BULLA_OK)
        return;
    FUZZ_CHECK(payload.timestamp > 0 && payload.pcr_mask != 0 && payload.module_id.size > 0);
    FUZZ_CHECK(payload.bundle_count <= BULLA_NITRO_BUNDLE);
    for (unsigned i = 0; i < BULLA_NITRO_PCRS; i++)
        FUZZ_CHECK(!(payload.pcr_mask >> i & 1) == (payload.pcrs[i].size == 0) && lies_within(payload.pcrs[i], bytes));
    for (size_t i = 0; i < payload.bundle_count; i++)
        try_certificate(payload.bundle[i]);
    try_certificate(payload.certificate);
    FUZZ_CHECK(lies_within(payload.user_data, bytes) && payload.user_data.size <= 512);
    FUZZ_CHECK(lies_within(payload.nonce, bytes) && payload.nonce.size <= 512);
    FUZZ_CHECK(lies_within(payload.public_key, bytes) && payload.public_key.size <= 1024);
}

static void try_document(struct bulla_bytes bytes)
{
    static const struct bulla_claims nothing;
    struct bulla_claims claims;
    const struct bulla_verification verification = {.document = bytes, .allow_debug = true};
    (void)bulla_nitro_verifier.recognises(bytes);
    if (bulla_nitro_verifier.verify(&verification, &claims) != BULLA_OK) {
        FUZZ_CHECK(memcmp(&claims, &nothing, sizeof nothing) == 0);
        return;
    }
    FUZZ_CHECK(claims.pinned && claims.measurement_count >= 3);
    FUZZ_CHECK(claims.made_at >= claims.valid_from && claims.made_at <= claims.valid_until);
    FUZZ_CHECK(lies_within(claims.report_data, bytes) && lies_within(claims.public_key, bytes));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bulla_bytes bytes = {data, size};
    struct bulla_cose_message message;
    try_document(bytes);
    try_payload(bytes);
    if (bulla_cose_sign1_read_foreign(bytes, "fuzz", &message) == BULLA_OK)
        try_payload(message.payload);
    return 0;
}
