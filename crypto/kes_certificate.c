#include "kes_certificate.h"

#include <sodium.h>

#include "cbor.h"

void bulla_operational_certificate_signed(
    const struct bulla_operational_certificate *certificate, uint8_t bytes[static BULLA_OPERATIONAL_CERTIFICATE_SIGNED])
{
    struct bulla_writer writer;
    bulla_writer_open(&writer, bytes, BULLA_OPERATIONAL_CERTIFICATE_SIGNED);
    bulla_write(&writer, certificate->hot, sizeof certificate->hot);
    bulla_write_u64(&writer, certificate->counter);
    bulla_write_u64(&writer, certificate->period);
}

enum bulla_reason bulla_operational_certificate_write(
    const struct bulla_operational_certificate *certificate, struct bulla_writer *writer)
{
    bulla_cbor_write_array(writer, 2);
    bulla_cbor_write_array(writer, 4);
    bulla_cbor_write_bstr(writer, BULLA_BYTES(certificate->hot));
    bulla_cbor_write_uint(writer, certificate->counter);
    bulla_cbor_write_uint(writer, certificate->period);
    bulla_cbor_write_bstr(writer, BULLA_BYTES(certificate->signature));
    bulla_cbor_write_bstr(writer, BULLA_BYTES(certificate->cold));
    return bulla_writer_finish(writer, "an operational certificate");
}

static const char what[] = "operational certificate";

static enum bulla_reason take_bytes(struct bulla_cbor_walk *walk, const char *name, uint8_t *out, size_t size)
{
    struct bulla_cbor item;
    if (!bulla_cbor_next(walk, &item) || item.kind != BULLA_CBOR_BSTR || item.string.size != size)
        return bulla_refuse(BULLA_MALFORMED, "%s: its %s is not %zu bytes", what, name, size);
    memcpy(out, item.string.data, size);
    return BULLA_OK;
}

static enum bulla_reason take_number(struct bulla_cbor_walk *walk, const char *name, uint64_t *number)
{
    struct bulla_cbor item;
    if (!bulla_cbor_next(walk, &item) || item.kind != BULLA_CBOR_UINT)
        return bulla_refuse(BULLA_MALFORMED, "%s: its %s is no number", what, name);
    *number = item.number;
    return BULLA_OK;
}

static enum bulla_reason read_parts(const struct bulla_cbor *outer, struct bulla_operational_certificate *certificate)
{
    struct bulla_cbor inner;
    struct bulla_cbor_walk walk = bulla_cbor_inside(outer);
    if (!bulla_cbor_next(&walk, &inner) || inner.kind != BULLA_CBOR_ARRAY || inner.number != 4)
        return bulla_refuse(BULLA_MALFORMED, "%s: its body is not an array of four", what);
    struct bulla_cbor_walk body = bulla_cbor_inside(&inner);
    BULLA_TRY(take_bytes(&body, "KES verification key", certificate->hot, sizeof certificate->hot));
    BULLA_TRY(take_number(&body, "counter", &certificate->counter));
    BULLA_TRY(take_number(&body, "period", &certificate->period));
    BULLA_TRY(take_bytes(&body, "signature", certificate->signature, sizeof certificate->signature));
    return take_bytes(&walk, "cold key", certificate->cold, sizeof certificate->cold);
}

enum bulla_reason bulla_operational_certificate_read(
    struct bulla_bytes bytes, struct bulla_operational_certificate *certificate)
{
    struct bulla_cbor outer;
    memset(certificate, 0, sizeof *certificate);
    if (bytes.size > BULLA_OPERATIONAL_CERTIFICATE_LARGEST)
        return bulla_refuse(BULLA_TOO_LARGE, "%s: %zu bytes", what, bytes.size);
    BULLA_TRY(bulla_cbor_decode(bytes, what, &outer));
    if (outer.kind != BULLA_CBOR_ARRAY || outer.number != 2)
        return bulla_refuse(BULLA_MALFORMED, "%s: it is not an array of two", what);
    enum bulla_reason reason = read_parts(&outer, certificate);
    if (reason != BULLA_OK)
        memset(certificate, 0, sizeof *certificate);
    return reason;
}

enum bulla_reason bulla_operational_certificate_verify(const struct bulla_operational_certificate *certificate)
{
    uint8_t message[BULLA_OPERATIONAL_CERTIFICATE_SIGNED];
    bulla_operational_certificate_signed(certificate, message);
    if (crypto_sign_verify_detached(certificate->signature, message, sizeof message, certificate->cold) != 0)
        return bulla_refuse(BULLA_SIGNATURE, "%s: it is not signed by the cold key that it names", what);
    return BULLA_OK;
}

enum bulla_reason bulla_kes_period_of_slot(
    const struct bulla_kes_clock *clock, uint64_t slot, uint64_t certificate_period, unsigned depth, unsigned *period)
{
    if (clock->slots_per_period == 0 || depth > BULLA_KES_DEPTH_LARGEST)
        return bulla_refuse(BULLA_ARGUMENT, "a KES period has no slots, or the key no such depth");
    uint64_t now = slot / clock->slots_per_period;
    unsigned most = clock->evolutions < bulla_kes_periods(depth) ? clock->evolutions : bulla_kes_periods(depth);
    if (now < certificate_period)
        return bulla_refuse(BULLA_KES_PAST, "slot %llu lies in period %llu, before the certificate's %llu",
            (unsigned long long)slot, (unsigned long long)now, (unsigned long long)certificate_period);
    if (now - certificate_period >= most)
        return bulla_refuse(BULLA_KES_OVER, "slot %llu lies %llu periods after the certificate's, which is good for %u",
            (unsigned long long)slot, (unsigned long long)(now - certificate_period), most);
    *period = (unsigned)(now - certificate_period);
    return BULLA_OK;
}

enum bulla_reason bulla_kes_counter_follows(uint64_t seen, uint64_t counter)
{
    if (counter < seen)
        return bulla_refuse(BULLA_KES_PAST, "the certificate's counter is %llu, and %llu was seen",
            (unsigned long long)counter, (unsigned long long)seen);
    if (counter - seen > 1)
        return bulla_refuse(BULLA_KES_OVER, "the certificate's counter jumps from %llu to %llu",
            (unsigned long long)seen, (unsigned long long)counter);
    return BULLA_OK;
}

enum bulla_reason bulla_kes_cbor_read(struct bulla_bytes cbor, size_t size, const char *name, struct bulla_bytes *bytes)
{
    struct bulla_cbor item;
    if (cbor.size > BULLA_KES_RAW_LARGEST + 16)
        return bulla_refuse(BULLA_TOO_LARGE, "%s: %zu bytes", name, cbor.size);
    BULLA_TRY(bulla_cbor_decode(cbor, name, &item));
    if (item.kind != BULLA_CBOR_BSTR || item.string.size != size)
        return bulla_refuse(BULLA_MALFORMED, "%s: not one string of %zu bytes", name, size);
    *bytes = item.string;
    return BULLA_OK;
}
