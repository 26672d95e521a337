/* The extension is a SEQUENCE of SEQUENCEs { OID, value } whose OIDs continue the extension's own; one of them, the
 * TCB's, holds the same shape again. What a value is for is decided by the bytes with which its OID continues. */
#include "intel_pck.h"

#include "der.h"

static const uint8_t stem[] = {0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01}; /* 1.2.840.113741.1.13.1 */

enum { PART_TCB = 2, PART_PCE_ID = 3, PART_FMSPC = 4 };
enum { TCB_PCE_SVN = 17, TCB_CPU_SVN = 18 };

/* One { OID, value }: the number with which the OID continues `prefix`. */
static bool next_pair(struct bulla_reader *reader, struct bulla_bytes prefix, uint8_t *number, struct bulla_der *value)
{
    struct bulla_der pair, oid;
    struct bulla_reader inside;
    if (!bulla_der_next(reader, &pair) || pair.tag != BULLA_DER_SEQUENCE)
        return false;
    bulla_reader_open(&inside, pair.content);
    if (!bulla_der_next(&inside, &oid) || oid.tag != BULLA_DER_OID || oid.content.size != prefix.size + 1 ||
        memcmp(oid.content.data, prefix.data, prefix.size) != 0)
        return false;
    *number = oid.content.data[prefix.size];
    return bulla_der_next(&inside, value) && bulla_reader_left(&inside) == 0;
}

static bool first_time(uint32_t *seen, uint8_t number)
{
    if (number >= 32 || *seen >> number & 1)
        return false;
    *seen |= UINT32_C(1) << number;
    return true;
}

static bool take_svn(const struct bulla_der *value, uint8_t number, struct bulla_pck *pck)
{
    uint16_t svn;
    if (number == TCB_CPU_SVN) /* the components again, in another form */
        return value->tag == BULLA_DER_OCTETS;
    if (number < 1 || number > TCB_PCE_SVN || !bulla_der_small(value->whole, &svn))
        return false;
    if (number == TCB_PCE_SVN)
        pck->pce_svn = svn;
    else
        pck->components[number - 1] = (uint8_t)svn;
    return number == TCB_PCE_SVN || svn <= UINT8_MAX;
}

static bool read_tcb(struct bulla_bytes content, struct bulla_pck *pck)
{
    static const uint32_t all = 0x7fffe; /* 1 to 18 */
    uint8_t prefix[sizeof stem + 1];
    uint32_t seen = 0;
    struct bulla_reader reader;
    memcpy(prefix, stem, sizeof stem);
    prefix[sizeof stem] = PART_TCB;
    bulla_reader_open(&reader, content);
    while (bulla_reader_left(&reader)) {
        uint8_t number;
        struct bulla_der value;
        if (!next_pair(&reader, BULLA_BYTES(prefix), &number, &value) || !first_time(&seen, number) ||
            !take_svn(&value, number, pck))
            return false;
    }
    return seen == all;
}

static bool copy_octets(const struct bulla_der *value, uint8_t *out, size_t size)
{
    if (value->tag != BULLA_DER_OCTETS || value->content.size != size)
        return false;
    memcpy(out, value->content.data, size);
    return true;
}

static bool take_part(const struct bulla_der *value, uint8_t number, struct bulla_pck *pck)
{
    switch (number) {
    case PART_TCB:
        return value->tag == BULLA_DER_SEQUENCE && read_tcb(value->content, pck);
    case PART_PCE_ID:
        return copy_octets(value, pck->pce_id, sizeof pck->pce_id);
    case PART_FMSPC:
        return copy_octets(value, pck->fmspc, sizeof pck->fmspc);
    default: /* PPID, the kind of SGX, the platform's instance and configuration: identity, which nothing here judges */
        return true;
    }
}

static bool read_parts(struct bulla_bytes content, struct bulla_pck *pck)
{
    static const uint32_t needed = 1 << PART_TCB | 1 << PART_PCE_ID | 1 << PART_FMSPC;
    uint32_t seen = 0;
    struct bulla_reader reader;
    bulla_reader_open(&reader, content);
    while (bulla_reader_left(&reader)) {
        uint8_t number;
        struct bulla_der value;
        if (!next_pair(&reader, BULLA_BYTES(stem), &number, &value) || !first_time(&seen, number) ||
            !take_part(&value, number, pck))
            return false;
    }
    return (seen & needed) == needed;
}

enum bulla_reason bulla_pck_read(const struct bulla_certificate *certificate, struct bulla_pck *pck)
{
    struct bulla_bytes extension = bulla_certificate_extension(certificate, "1.2.840.113741.1.13.1");
    struct bulla_bytes content;
    *pck = (struct bulla_pck){.pce_svn = 0};
    if (!bulla_der_only(extension, BULLA_DER_SEQUENCE, &content) || !read_parts(content, pck))
        return bulla_refuse(BULLA_CERTIFICATE_INVALID, "the PCK certificate does not say which platform it is for");
    return BULLA_OK;
}
