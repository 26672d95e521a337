/* The leaf "snp": a share in a box whose key the firmware of SEV-SNP derives for this guest, and for none that was
 * launched otherwise.
 *
 *   blob = 0x01 ‖ salt (32) ‖ box (crypto/cipher.h)
 *   box key = HKDF(derived key ‖ auth value of the object, salt, "bulla/1 snp leaf")
 *
 * The derived key is mixed with the guest's launch measurement and its policy, at VMPL 0: another image, or the same
 * one with debugging allowed, gets another key. It is not mixed with the TCB version, which would lose the share with
 * each update of the firmware; whoever wants a floor under it has the policy judge evidence. The root is the chip's, so
 * what is sealed here opens on this machine only. The authority's policy has to be in force, as for every attesting
 * leaf; a measurement that it withdraws is not looked at here, for the leaf knows only its own. */
#include <sodium.h>
#include <stdio.h>

#include "backend.h"
#include "crypto/arena.h"
#include "crypto/cipher.h"
#include "snp_key.h"

enum {
    VERSION = 1,
    SALT = 32,
    PARAMETERS = 1 + SALT,
    BOX = BULLA_SHARE_SIZE + BULLA_BOX_OVERHEAD,
    AUTH = 32,
    INPUT = BULLA_SNP_KEY_SIZE + AUTH,
};
static const char what[] = "bulla/1 snp leaf";

static const struct bulla_snp_key_request mixed = {.fields = BULLA_SNP_MIX_MEASUREMENT | BULLA_SNP_MIX_POLICY};

static enum bulla_reason check_request(const struct bulla_leaf_request *request)
{
    if (request->purpose != BULLA_LEAF_OF_OBJECT || request->auth_value.size != AUTH)
        return bulla_refuse(BULLA_UNSUPPORTED, "the leaf snp seals objects, not PINs: nothing would count wrong ones");
    return BULLA_OK;
}

/* The box's key, in the arena: the caller's to free. */
static enum bulla_reason derive(
    const struct bulla_leaf_request *request, const uint8_t salt[static SALT], uint8_t **key)
{
    BULLA_SECRET uint8_t *input = NULL;
    BULLA_SECRET uint8_t *derived = NULL;
    BULLA_TRY(bulla_secret_allocate(INPUT, (void **)&input));
    BULLA_TRY(bulla_secret_allocate(32, (void **)&derived));
    BULLA_TRY(bulla_snp_key_derive(bulla_snp_transport(), &mixed, input));
    memcpy(input + BULLA_SNP_KEY_SIZE, request->auth_value.data, AUTH);
    BULLA_TRY(bulla_hkdf(
        (struct bulla_bytes){input, INPUT}, (struct bulla_bytes){salt, SALT}, BULLA_TEXT(what), derived, 32));
    *key = BULLA_SECRET_KEEP(derived);
    return BULLA_OK;
}

static enum bulla_reason seal(
    const struct bulla_leaf_request *request, const uint8_t share[static 32], struct bulla_writer *blob)
{
    uint8_t parameters[PARAMETERS] = {VERSION}, bound[BULLA_LEAF_BINDING_LARGEST]; /* public */
    struct bulla_writer aad;
    BULLA_SECRET uint8_t *key = NULL;
    BULLA_TRY(check_request(request));
    randombytes_buf(parameters + 1, SALT);
    bulla_writer_open(&aad, bound, sizeof bound);
    BULLA_TRY(bulla_leaf_bind(request, what, BULLA_BYTES(parameters), &aad));
    BULLA_TRY(derive(request, parameters + 1, &key));
    bulla_write(blob, parameters, sizeof parameters);
    return bulla_box_seal(key, bulla_writer_bytes(&aad), (struct bulla_bytes){share, BULLA_SHARE_SIZE}, blob);
}

static enum bulla_reason read_blob(struct bulla_bytes blob, struct bulla_bytes *parameters, struct bulla_bytes *box)
{
    struct bulla_reader reader;
    bulla_reader_open(&reader, blob);
    *parameters = bulla_read(&reader, PARAMETERS);
    *box = bulla_read(&reader, BOX);
    BULLA_TRY(bulla_reader_finish(&reader, "an snp leaf"));
    if (parameters->data[0] != VERSION)
        return bulla_refuse(BULLA_UNSUPPORTED, "an snp leaf of version %u", parameters->data[0]);
    return BULLA_OK;
}

static enum bulla_reason open_share(
    const struct bulla_leaf_request *request, struct bulla_bytes blob, uint8_t share[static 32])
{
    struct bulla_bytes parameters, box;
    uint8_t bound[BULLA_LEAF_BINDING_LARGEST]; /* public */
    struct bulla_writer aad;
    BULLA_SECRET uint8_t *key = NULL;
    BULLA_TRY(check_request(request));
    if (request->policy_refusal != BULLA_OK)
        return bulla_refuse(request->policy_refusal, "%s", request->policy_refusal_detail);
    bulla_writer_open(&aad, bound, sizeof bound);
    BULLA_TRY(read_blob(blob, &parameters, &box));
    BULLA_TRY(bulla_leaf_bind(request, what, parameters, &aad));
    BULLA_TRY(derive(request, parameters.data + 1, &key));
    enum bulla_reason reason = bulla_box_open(key, bulla_writer_bytes(&aad), box, share);
    if (reason == BULLA_COMMITMENT)
        return bulla_refuse(BULLA_EVIDENCE_MISMATCH,
            "leaf %s was sealed by a guest with another measurement or policy, on another machine, or for another "
            "place",
            request->path);
    return reason;
}

static enum bulla_reason describe(const struct bulla_leaf_request *request, char *line, size_t size)
{
    (void)request;
    const struct bulla_snp_transport *transport = bulla_snp_transport();
    (void)snprintf(line, size, "snp: this guest's measurement, by %s: %s", transport->name,
        transport->present() ? "there" : "not there");
    return BULLA_OK;
}

const struct bulla_leaf_scheme bulla_snp_leaf = {
    .name = "snp",
    .attests = true,
    .forgets = false,
    .protects_pin = false,
    .by_passphrase = false,
    .seal = seal,
    .open = open_share,
    .describe = describe,
};
