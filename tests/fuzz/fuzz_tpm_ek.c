/* Endorsement certificates with the public area that they certify: a size (u16), the certificate, the public area. No
 * root is pinned, so none may ever be taken; the profile's own parts are read before the chain is looked at. */
#include "fuzz.h"

#include "evidence/tpm_ek.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bulla_reader reader;
    struct bulla_tpm_ek ek;
    bulla_reader_open(&reader, (struct bulla_bytes){data, size});
    struct bulla_bytes certificate = bulla_read(&reader, bulla_read_u16(&reader));
    if (reader.failed)
        return 0;
    const struct bulla_tpm_ek_question question = {
        .certificate = certificate,
        .public_area = bulla_read(&reader, bulla_reader_left(&reader)),
        .at = 1800000000,
    };
    FUZZ_CHECK(bulla_tpm_ek_verify(&question, &ek) != BULLA_OK);
    FUZZ_CHECK(ek.manufacturer[0] == 0 && ek.name.size == 0);
    return 0;
}
