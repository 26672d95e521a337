/* RSA key pairs (FIPS 186-5, A.1, as OpenSSL does it). The numbers go from OpenSSL straight to locked memory. */
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "crypto/library.h"
#include "der.h"
#include "rsa.h"

static const uint8_t standard_exponent[] = {0x01, 0x00, 0x01};

/* NULL on refusal, which is recorded. */
static EVP_PKEY *make_pair(size_t bits, struct bulla_bytes exponent)
{
    EVP_PKEY *pair = NULL;
    (void)ERR_set_mark();
    BIGNUM *e = BN_bin2bn(exponent.data, (int)exponent.size, NULL);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(bulla_openssl_context(), "RSA", NULL);
    if (e && context && EVP_PKEY_keygen_init(context) == 1 &&
        EVP_PKEY_CTX_set_rsa_keygen_bits(context, (int)bits) == 1 &&
        EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context, e) == 1)
        (void)EVP_PKEY_generate(context, &pair);
    EVP_PKEY_CTX_free(context);
    BN_free(e);
    (void)ERR_pop_to_mark();
    return pair;
}

/* Big-endian, without leading zeroes, into the draft. */
static enum bulla_reason put_native(struct bulla_draft *key, CK_ATTRIBUTE_TYPE type, const uint8_t *native, size_t size)
{
    uint8_t *space = NULL;
    BULLA_TRY(bulla_draft_space(key, type, size, &space));
    for (size_t i = 0; i < size; i++)
        space[i] = native[__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? size - 1 - i : i];
    return BULLA_OK;
}

static enum bulla_reason put_number(
    struct bulla_draft *key, enum bulla_rsa_number which, EVP_PKEY *pair, struct bulla_secret *room)
{
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_BN(bulla_rsa_names[which].library, room->data, room->size),
        OSSL_PARAM_construct_end(),
    };
    if (EVP_PKEY_get_params(pair, parameters) != 1 || parameters[0].return_size > room->size)
        return bulla_refuse(BULLA_LIBRARY, "OpenSSL does not show a number of the pair that it made");
    /* It fills the whole room with the number: what leads it is cut. */
    size_t size = room->size;
    bool little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
    while (size > 1 && room->data[little ? size - 1 : room->size - size] == 0)
        size--;
    return put_native(key, bulla_rsa_names[which].attribute, room->data + (little ? 0 : room->size - size), size);
}

static enum bulla_reason put_numbers(
    EVP_PKEY *pair, size_t bits, struct bulla_draft *public_key, struct bulla_draft *private_key)
{
    BULLA_RELEASED struct bulla_secret room = {0};
    BULLA_TRY(bulla_secret_hold(&room, bits / 8, "an RSA key"));
    for (int i = 0; i < BULLA_RSA_NUMBERS; i++)
        BULLA_TRY(put_number(private_key, i, pair, &room));
    for (int i = 0; i < BULLA_RSA_PUBLIC_NUMBERS; i++)
        BULLA_TRY(put_number(public_key, i, pair, &room));
    BULLA_TRY(bulla_draft_put_ulong(public_key, CKA_MODULUS_BITS, bits));
    BULLA_TRY(bulla_rsa_put_public_info(public_key));
    return bulla_rsa_put_public_info(private_key);
}

enum bulla_reason bulla_rsa_generate(
    const CK_MECHANISM *mechanism, struct bulla_draft *public_key, struct bulla_draft *private_key)
{
    CK_ULONG bits = bulla_draft_ulong(public_key, CKA_MODULUS_BITS, 0);
    struct bulla_bytes exponent = bulla_draft_get(public_key, CKA_PUBLIC_EXPONENT);
    BULLA_TRY(bulla_mechanism_bare(mechanism));
    if (!bulla_draft_get(public_key, CKA_MODULUS_BITS).data)
        return bulla_refuse(BULLA_KEY_INCOMPLETE, "the public template does not say how long the key is "
                                                  "(CKA_MODULUS_BITS)");
    if (bits < RSA_SMALLEST || bits > RSA_LARGEST || bits % 8)
        return bulla_refuse(
            BULLA_KEY_SIZE, "RSA keys have %d to %d bits, a multiple of 8, not %lu", RSA_SMALLEST, RSA_LARGEST, bits);
    if (!exponent.data)
        exponent = BULLA_BYTES(standard_exponent);
    BULLA_TRY(bulla_rsa_check_exponent(exponent, bits));
    EVP_PKEY *pair = make_pair(bits, bulla_der_strip(exponent));
    if (!pair)
        return bulla_refuse(BULLA_LIBRARY, "OpenSSL makes no RSA key of %lu bits", bits);
    enum bulla_reason reason = put_numbers(pair, bits, public_key, private_key);
    EVP_PKEY_free(pair);
    return reason;
}
