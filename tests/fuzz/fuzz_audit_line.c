/* Lines of the audit log. A line that is taken ends in the hash of what it says: with another last digit it is
 * refused. */
#include "fuzz.h"

#include <string.h>

#include "evidence/audit_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t zero[BULLA_AUDIT_HASH];
    struct bulla_bytes line = {data, size};
    struct bulla_audit_line read;
    uint8_t changed[BULLA_AUDIT_LINE_LARGEST];
    if (bulla_audit_line_read(line, &read) != BULLA_OK)
        return 0;
    FUZZ_CHECK(size < sizeof changed && memchr(read.time, 0, sizeof read.time) == read.time + BULLA_AUDIT_TIME);
    FUZZ_CHECK(memcmp(read.hash, zero, sizeof zero) != 0);
    memcpy(changed, data, size);
    changed[size - 3] = changed[size - 3] == '0' ? '1' : '0';
    FUZZ_CHECK(bulla_audit_line_read((struct bulla_bytes){changed, size}, &read) == BULLA_AUDIT_BROKEN);
    return 0;
}
