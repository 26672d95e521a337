#include "certificates.h"

#include <stdlib.h>

#include "file.h"

enum { FILE_LARGEST = 1 << 20, DER_SEQUENCE = 0x30 };

/* Each goes into the list as it is read, to be freed with it whatever comes after. */
static enum bulla_reason certificates_read(
    struct bulla_certificates *certificates, const char *path, struct bulla_bytes bytes)
{
    struct bulla_certificate **next = certificates->list + certificates->count;
    size_t room = BULLA_CERTIFICATES_LARGEST - certificates->count, count = 0;
    if (room == 0)
        return bulla_refuse(BULLA_TOO_LARGE, "more than %d certificates", BULLA_CERTIFICATES_LARGEST);
    if (bytes.size > 0 && bytes.data[0] == DER_SEQUENCE) {
        BULLA_TRY(bulla_certificate_read(bytes, path, next));
        certificates->count++;
        return BULLA_OK;
    }
    enum bulla_reason reason = bulla_certificate_read_pem(bytes, path, next, room, &count);
    certificates->count += count;
    if (reason == BULLA_OK && count == 0)
        return bulla_refuse(BULLA_MALFORMED, "%s holds no certificate", path);
    return reason;
}

enum bulla_reason bulla_certificates_add(struct bulla_certificates *certificates, const char *path, bool root)
{
    uint8_t *data = NULL;
    size_t size = 0, before = certificates->count;
    BULLA_TRY(bulla_file_read(path, FILE_LARGEST, &data, &size));
    enum bulla_reason reason = certificates_read(certificates, path, (struct bulla_bytes){data, size});
    bulla_file_free(data, size);
    for (size_t i = before; root && reason == BULLA_OK && i < certificates->count; i++)
        bulla_certificate_fingerprint(certificates->list[i], certificates->pins[certificates->root_count++]);
    return reason;
}

void bulla_certificates_free(struct bulla_certificates *certificates)
{
    while (certificates->count > 0)
        bulla_certificate_free(&certificates->list[--certificates->count]);
}
