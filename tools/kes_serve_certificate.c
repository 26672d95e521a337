#include <string.h>

#include "kes.h"
#include "kes_serve.h"

static enum bulla_reason check(
    const struct bulla_served_key *key, const struct bulla_operational_certificate *certificate)
{
    BULLA_TRY(bulla_operational_certificate_verify(certificate));
    if (memcmp(certificate->hot, key->verification_key, sizeof certificate->hot) != 0)
        return bulla_refuse(BULLA_KEY_INVALID, "the operational certificate is another key's");
    const struct bulla_kes_calendar *calendar = &key->calendar;
    uint64_t begins =
        calendar->slots_per_period ? calendar->start_slot / calendar->slots_per_period : certificate->period;
    if (begins != certificate->period)
        return bulla_refuse(BULLA_KEY_INVALID,
            "the operational certificate begins with period %llu, and the key's clock with %llu",
            (unsigned long long)certificate->period, (unsigned long long)begins);
    return BULLA_OK;
}

enum bulla_reason bulla_served_certificate_read(
    const char *path, const struct bulla_served_key *key, struct bulla_operational_certificate *certificate)
{
    uint8_t cbor[BULLA_OPERATIONAL_CERTIFICATE_LARGEST];
    size_t size = 0;
    BULLA_TRY(bulla_kes_envelope_read(path, BULLA_KES_CERTIFICATE_TYPE, cbor, sizeof cbor, &size));
    BULLA_TRY(bulla_operational_certificate_read((struct bulla_bytes){cbor, size}, certificate));
    return check(key, certificate);
}
