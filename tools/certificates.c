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

static void trust(struct bulla_certificates *certificates, size_t index)
{
    certificates->trusted[index] = true;
    bulla_certificate_fingerprint(certificates->list[index], certificates->pins[certificates->root_count++]);
}

enum bulla_reason bulla_certificates_add(struct bulla_certificates *certificates, const char *path, bool root)
{
    uint8_t *data = NULL;
    size_t size = 0, before = certificates->count;
    BULLA_TRY(bulla_file_read(path, FILE_LARGEST, &data, &size));
    enum bulla_reason reason = certificates_read(certificates, path, (struct bulla_bytes){data, size});
    bulla_file_free(data, size);
    for (size_t i = before; root && reason == BULLA_OK && i < certificates->count; i++)
        trust(certificates, i);
    return reason;
}

enum bulla_reason bulla_certificates_add_roots(struct bulla_certificates *certificates, const struct bulla_list *paths)
{
    for (size_t i = 0; i < paths->count; i++)
        BULLA_TRY(bulla_certificates_add(certificates, paths->items[i], true));
    return BULLA_OK;
}

/* --- revocation lists --- */

static bool is_by_any(const struct bulla_crl *list, const struct bulla_certificate *const *issuers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (bulla_crl_is_by(list, issuers[i]))
            return true;
    return false;
}

static enum bulla_reason list_add(struct bulla_certificates *certificates, const char *path)
{
    uint8_t *data = NULL;
    size_t size = 0;
    struct bulla_crl **next = certificates->lists + certificates->list_count;
    if (certificates->list_count == BULLA_CERTIFICATES_LISTS)
        return bulla_refuse(BULLA_TOO_LARGE, "more than %d revocation lists", BULLA_CERTIFICATES_LISTS);
    BULLA_TRY(bulla_file_read(path, BULLA_CRL_LARGEST, &data, &size));
    enum bulla_reason reason = bulla_crl_read((struct bulla_bytes){data, size}, path, next);
    bulla_file_free(data, size);
    if (reason != BULLA_OK)
        return reason;
    certificates->list_count++;
    if (!is_by_any(*next, (const struct bulla_certificate *const *)certificates->list, certificates->count))
        return bulla_refuse(BULLA_CERTIFICATE_INVALID, "%s is by none of the certificates that were given", path);
    return BULLA_OK;
}

enum bulla_reason bulla_certificates_add_lists(struct bulla_certificates *certificates, const struct bulla_list *paths)
{
    for (size_t i = 0; i < paths->count; i++)
        BULLA_TRY(list_add(certificates, paths->items[i]));
    return BULLA_OK;
}

size_t bulla_certificates_lists_by(const struct bulla_certificates *certificates,
    const struct bulla_certificate *const *issuers, size_t count,
    const struct bulla_crl *lists[static BULLA_CERTIFICATES_LISTS])
{
    size_t found = 0;
    for (size_t i = 0; i < certificates->list_count; i++)
        if (is_by_any(certificates->lists[i], issuers, count))
            lists[found++] = certificates->lists[i];
    return found;
}

/* --- chains --- */

struct search {
    const struct bulla_certificates *certificates;
    bulla_certificates_judge *judge;
    void *context;
    const struct bulla_certificate *path[BULLA_CHAIN_LONGEST]; /* filled from its end: the leaf's issuer is last */
    enum bulla_reason first;                                   /* of the first path that was judged */
    struct bulla_detail_kept detail;
};

static bool is_right(struct search *search, size_t begin)
{
    enum bulla_reason reason = search->judge(search->context, search->path + begin, BULLA_CHAIN_LONGEST - begin);
    if (reason != BULLA_OK && search->first == BULLA_OK) {
        search->first = reason;
        bulla_detail_keep(&search->detail);
    }
    return reason == BULLA_OK;
}

static bool is_on_path(const struct search *search, size_t begin, const struct bulla_certificate *certificate)
{
    for (size_t i = begin; i < BULLA_CHAIN_LONGEST; i++)
        if (search->path[i] == certificate)
            return true;
    return false;
}

/* Goes up from `below`, in the order in which the certificates were given. */
static bool go_up(struct search *search, const struct bulla_certificate *below, size_t begin)
{
    const struct bulla_certificates *all = search->certificates;
    for (size_t i = 0; i < all->count && begin > 0; i++) {
        if (!bulla_certificate_names(below, all->list[i]) || is_on_path(search, begin, all->list[i]))
            continue;
        search->path[begin - 1] = all->list[i];
        if (all->trusted[i] ? is_right(search, begin - 1) : go_up(search, all->list[i], begin - 1))
            return true;
    }
    return false;
}

enum bulla_reason bulla_certificates_chain(const struct bulla_certificates *certificates,
    const struct bulla_certificate *leaf, bulla_certificates_judge *judge, void *context)
{
    struct search search = {.certificates = certificates, .judge = judge, .context = context, .first = BULLA_OK};
    if (go_up(&search, leaf, BULLA_CHAIN_LONGEST))
        return BULLA_OK;
    if (search.first == BULLA_OK)
        return bulla_refuse(
            BULLA_CERTIFICATE_UNTRUSTED, "no chain leads from the certificate to a root that is trusted");
    bulla_detail_restore(&search.detail);
    return search.first;
}

void bulla_certificates_free(struct bulla_certificates *certificates)
{
    while (certificates->count > 0)
        bulla_certificate_free(&certificates->list[--certificates->count]);
    while (certificates->list_count > 0)
        bulla_crl_free(&certificates->lists[--certificates->list_count]);
}
