/* COSE_Sign1 (RFC 9052 section 4.2). Ed25519 reads what it signs twice, so the Sig_structure is built in one piece. */
#include "cose_message.h"
#include "signature.h"

enum { SIGNATURE = 64 }; /* as we write it */

enum bulla_reason bulla_cose_sign1_write(struct bulla_writer *writer, const struct bulla_cose_signer *signer,
    uint64_t content_type, struct bulla_bytes payload, struct bulla_bytes external)
{
    uint8_t header[BULLA_COSE_HEADER_LARGEST];
    uint8_t signature[SIGNATURE]; /* public, as all of the message: nothing here needs wiping */
    struct bulla_cose_message message = {
        .algorithm = signer->algorithm, .content_type = content_type, .payload = payload};
    BULLA_TRY(bulla_cose_write_header(&bulla_cose_sign1, &message, header));
    BULLA_COSE_STRUCTURE structure;
    BULLA_TRY(bulla_cose_structure_build(&bulla_cose_sign1, &message, external, &structure));
    BULLA_TRY(signer->sign(signer->context, structure.bytes, signature));
    message.signature = BULLA_BYTES(signature);
    bulla_cose_write(&bulla_cose_sign1, &message, writer);
    return BULLA_OK;
}

enum bulla_reason bulla_cose_sign1_read(struct bulla_bytes bytes, const char *what, struct bulla_cose_message *message)
{
    return bulla_cose_read(&bulla_cose_sign1, bytes, what, message);
}

enum bulla_reason bulla_cose_sign1_read_foreign(
    struct bulla_bytes bytes, const char *what, struct bulla_cose_message *message)
{
    return bulla_cose_read(&bulla_cose_sign1_foreign, bytes, what, message);
}

struct verifier {
    enum bulla_cose_algorithm algorithm;
    enum bulla_key_kind_public kind;
    enum bulla_hash hash; /* of ECDSA */
    size_t key_size, signature_size;
};

static const struct verifier verifiers[] = {
    {BULLA_COSE_EDDSA, BULLA_PUBLIC_ED25519, BULLA_SHA512, 32, 64},
    {BULLA_COSE_ES256, BULLA_PUBLIC_P256, BULLA_SHA256, 65, 64},
    {BULLA_COSE_ES384, BULLA_PUBLIC_P384, BULLA_SHA384, 97, 96},
};

static const struct verifier *verifier_of(enum bulla_cose_algorithm algorithm)
{
    for (size_t i = 0; i < sizeof verifiers / sizeof *verifiers; i++)
        if (verifiers[i].algorithm == algorithm)
            return &verifiers[i];
    return NULL;
}

enum bulla_reason bulla_cose_sign1_verify(
    const struct bulla_cose_message *message, const struct bulla_cose_key *key, struct bulla_bytes external)
{
    const struct verifier *verifier = verifier_of(message->algorithm);
    if (!verifier || key->algorithm != message->algorithm || message->signature.size != verifier->signature_size)
        return bulla_refuse(BULLA_SIGNATURE, "the message's signature is of algorithm %d, the key of %d",
            message->algorithm, key->algorithm);
    if (key->key.size != verifier->key_size)
        return bulla_refuse(BULLA_KEY_INVALID, "a public key of %zu bytes", key->key.size);
    BULLA_COSE_STRUCTURE structure;
    BULLA_TRY(bulla_cose_structure_build(&bulla_cose_sign1, message, external, &structure));
    const struct bulla_public_key numbers = {.kind = verifier->kind, .value = key->key};
    const struct bulla_signature signature = {.hash = verifier->hash, .value = message->signature};
    return bulla_signature_verify(&numbers, &signature, structure.bytes);
}
