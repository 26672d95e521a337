/* Keys made of the bytes of keys: concatenation, XOR, extraction (2.40, 2.36).
 *
 * These are the mechanisms by which a key that may not leave has been read from tokens: cut a part of one byte, use it
 * (an HMAC of known data), and find the byte by trying all of them; put fifteen known bytes before one secret byte to
 * get past a rule on length; extract at one offset after the other. So from a key that is guarded (sensitive or not
 * extractable; core sees to it that the new key is guarded as well)
 *  - concatenation and XOR keep every byte: they are not cut to a length, and the XORed data are at least as long as
 *    the key;
 *  - extraction takes 16 bytes or more, and only from a key that this token generated, where each of them is random, or
 *    else all of its bytes.
 * From a key whose value may be read, anything may be taken. */
#include "kdf.h"

enum { FEWEST = 16 };

static enum bulla_reason refuse_part(void)
{
    return bulla_refuse(BULLA_KEY_INCONSISTENT, "of a key that is sensitive or not extractable, not a part is taken");
}

enum bulla_reason bulla_kdf_string(const void *data, CK_ULONG size, const char *what, struct bulla_bytes *bytes)
{
    if ((!data && size) || size > BULLA_KDF_DATA_LARGEST)
        return bulla_refuse(BULLA_PARAMETER, "%s of %lu bytes", what, size);
    *bytes = (struct bulla_bytes){data, size};
    return BULLA_OK;
}

static enum bulla_reason read_data(const CK_MECHANISM *mechanism, struct bulla_bytes *data)
{
    CK_KEY_DERIVATION_STRING_DATA parameter;
    BULLA_TRY(bulla_mechanism_parameter(mechanism, sizeof parameter));
    memcpy(&parameter, mechanism->pParameter, sizeof parameter);
    return bulla_kdf_string(parameter.string_data, parameter.string_data_len, "data", data);
}

static enum bulla_reason concatenate(const struct bulla_derivation *derivation, struct bulla_bytes first,
    struct bulla_bytes second, struct bulla_writer *out)
{
    size_t size = first.size + second.size;
    if (derivation->guarded && derivation->size && derivation->size < size)
        return refuse_part();
    bulla_write_bytes(out, first);
    bulla_write_bytes(out, second);
    return BULLA_OK;
}

enum bulla_reason bulla_base_and_key_other(const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE *other)
{
    BULLA_TRY(bulla_mechanism_parameter(mechanism, sizeof *other));
    memcpy(other, mechanism->pParameter, sizeof *other);
    if (*other == CK_INVALID_HANDLE)
        return bulla_refuse(BULLA_PARAMETER, "the second key is none");
    return BULLA_OK;
}

enum bulla_reason bulla_derive_base_and_key(const struct bulla_derivation *derivation, struct bulla_writer *out)
{
    return concatenate(derivation, derivation->base->secret, derivation->other->secret, out);
}

enum bulla_reason bulla_derive_base_and_data(const struct bulla_derivation *derivation, struct bulla_writer *out)
{
    struct bulla_bytes data = {NULL, 0};
    BULLA_TRY(read_data(derivation->mechanism, &data));
    return concatenate(derivation, derivation->base->secret, data, out);
}

enum bulla_reason bulla_derive_data_and_base(const struct bulla_derivation *derivation, struct bulla_writer *out)
{
    struct bulla_bytes data = {NULL, 0};
    BULLA_TRY(read_data(derivation->mechanism, &data));
    return concatenate(derivation, data, derivation->base->secret, out);
}

/* As long as the shorter of both. */
enum bulla_reason bulla_derive_xor(const struct bulla_derivation *derivation, struct bulla_writer *out)
{
    struct bulla_bytes data = {NULL, 0}, base = derivation->base->secret;
    BULLA_TRY(read_data(derivation->mechanism, &data));
    size_t size = data.size < base.size ? data.size : base.size;
    if (derivation->guarded && (size < base.size || (derivation->size && derivation->size < base.size)))
        return refuse_part();
    for (size_t i = 0; i < size; i++)
        bulla_write_u8(out, base.data[i] ^ data.data[i]);
    return BULLA_OK;
}

/* Eight bits from any bit on; past the end the key begins again. */
static uint8_t byte_at(struct bulla_bytes base, size_t bit)
{
    uint8_t first = base.data[bit / 8 % base.size], second = base.data[(bit / 8 + 1) % base.size];
    return (uint8_t)((first << 8 | second) >> (8 - bit % 8));
}

enum bulla_reason bulla_derive_extract(const struct bulla_derivation *derivation, struct bulla_writer *out)
{
    CK_ULONG first;
    struct bulla_bytes base = derivation->base->secret;
    size_t fewest = derivation->random && base.size > FEWEST ? FEWEST : base.size;
    BULLA_TRY(bulla_mechanism_parameter(derivation->mechanism, sizeof first));
    memcpy(&first, derivation->mechanism->pParameter, sizeof first);
    if (first / 8 >= base.size)
        return bulla_refuse(BULLA_PARAMETER, "the key has %zu bits, no bit %lu", base.size * 8, first);
    if (derivation->size == 0)
        return bulla_refuse(BULLA_KEY_INCOMPLETE, "the template does not say how many bytes to extract");
    if (derivation->size > base.size)
        return bulla_refuse(BULLA_KEY_VALUE, "the key has %zu bytes to extract", base.size);
    if (derivation->guarded && derivation->size < fewest)
        return refuse_part();
    for (size_t i = 0; i < derivation->size; i++)
        bulla_write_u8(out, byte_at(base, first + i * 8));
    return BULLA_OK;
}
