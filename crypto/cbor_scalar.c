/* UTF-8 and floating point, as the CBOR reader needs them.
 *
 * UTF-8 is checked by a table of the lead bytes: how many bytes follow, and between what the first of them must lie.
 * That first bound is what shuts out overlong forms (E0, F0), surrogates (ED) and values past U+10FFFF (F4).
 *
 * A float has a shorter form when the bits that the shorter one lacks are zero and its exponent is in range; below the
 * shorter form's normal range each step of the exponent costs one more bit of the fraction. */
#include "cbor_scalar.h"

struct lead {
    uint8_t first, last; /* lead bytes of this row */
    uint8_t following;
    uint8_t lowest, highest; /* of the first byte that follows */
};

static const struct lead leads[] = {
    {0x00, 0x7f, 0, 0x00, 0x00},
    {0xc2, 0xdf, 1, 0x80, 0xbf},
    {0xe0, 0xe0, 2, 0xa0, 0xbf},
    {0xe1, 0xec, 2, 0x80, 0xbf},
    {0xed, 0xed, 2, 0x80, 0x9f},
    {0xee, 0xef, 2, 0x80, 0xbf},
    {0xf0, 0xf0, 3, 0x90, 0xbf},
    {0xf1, 0xf3, 3, 0x80, 0xbf},
    {0xf4, 0xf4, 3, 0x80, 0x8f},
};

static const struct lead *lead_of(uint8_t byte)
{
    for (size_t i = 0; i < sizeof leads / sizeof *leads; i++)
        if (byte >= leads[i].first && byte <= leads[i].last)
            return &leads[i];
    return NULL;
}

/* The size of the character at the start of `text`, or 0. */
static size_t character_size(const uint8_t *text, size_t left)
{
    const struct lead *lead = lead_of(text[0]);
    if (!lead || lead->following >= left)
        return 0;
    for (size_t i = 1; i <= lead->following; i++)
        if (text[i] < (i == 1 ? lead->lowest : 0x80) || text[i] > (i == 1 ? lead->highest : 0xbf))
            return 0;
    return (size_t)lead->following + 1;
}

bool bulla_utf8_valid(struct bulla_bytes text)
{
    for (size_t at = 0; at < text.size;) {
        size_t size = character_size(text.data + at, text.size - at);
        if (size == 0)
            return false;
        at += size;
    }
    return true;
}

enum { FRACTION = 52, EXPONENT_ALL_ONES = 0x7ff, BIAS = 1023 };

static uint64_t bits_of(double value)
{
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static uint64_t widen_half(uint64_t bits)
{
    uint64_t sign = (bits >> 15 & 1) << 63;
    uint64_t exponent = bits >> 10 & 0x1f;
    uint64_t fraction = bits & 0x3ff;
    if (exponent == 0)
        return sign | bits_of((double)fraction * 0x1p-24);
    uint64_t wide = exponent == 0x1f ? EXPONENT_ALL_ONES : exponent - 15 + BIAS;
    return sign | wide << FRACTION | fraction << (FRACTION - 10);
}

static uint64_t widen_single(uint64_t bits)
{
    uint32_t narrow = (uint32_t)bits;
    float value = 0;
    memcpy(&value, &narrow, sizeof value);
    return bits_of((double)value);
}

uint64_t bulla_float_widen(uint64_t bits, size_t size)
{
    if (size == 2)
        return widen_half(bits);
    return size == 4 ? widen_single(bits) : bits;
}

/* Whether the 8-byte value has an equal with `fraction` bits and normal exponents from `lowest` to `highest`. */
static bool fits(uint64_t wide, int fraction, int lowest, int highest)
{
    uint64_t low = wide & ((UINT64_C(1) << FRACTION) - 1);
    int exponent = (int)(wide >> FRACTION & EXPONENT_ALL_ONES) - BIAS;
    if (wide << 1 == 0 || exponent == EXPONENT_ALL_ONES - BIAS)
        return true; /* zeros and infinities; a NaN does not come here */
    if (exponent > highest || exponent < lowest - fraction)
        return false;
    int kept = exponent >= lowest ? fraction : fraction - (lowest - exponent);
    return (low & ((UINT64_C(1) << (FRACTION - kept)) - 1)) == 0;
}

bool bulla_float_is_shortest(uint64_t bits, size_t size)
{
    uint64_t wide = bulla_float_widen(bits, size);
    bool not_a_number = (wide & ~(UINT64_C(1) << 63)) > (uint64_t)EXPONENT_ALL_ONES << FRACTION;
    if (not_a_number)
        return size == 2 && bits == 0x7e00;
    if (size == 2)
        return true;
    if (fits(wide, 10, -14, 15))
        return false;
    return size == 4 || !fits(wide, 23, -126, 127);
}
