#include "release/leaf.h"

const struct bulla_leaf_scheme *bulla_leaf_scheme_find(struct bulla_bytes name)
{
    for (const struct bulla_leaf_scheme *const *scheme = bulla_leaf_schemes; *scheme; scheme++)
        if (bulla_bytes_equal_text(name, (*scheme)->name))
            return *scheme;
    return NULL;
}

enum { AUTHORITY_LARGEST = 65 };

/* Fields of varying size carry it before them: no two requests of a scheme have the same AAD, for its parameters are
 * always of one size. */
enum bulla_reason bulla_leaf_bind(
    const struct bulla_leaf_request *request, const char *what, struct bulla_bytes parameters, struct bulla_writer *aad)
{
    size_t path = strnlen(request->path, sizeof request->path);
    if (request->authority.size > AUTHORITY_LARGEST || path == sizeof request->path)
        return bulla_refuse(BULLA_ARGUMENT, "%s: it binds no such authority or path", what);
    bulla_write_bytes(aad, BULLA_TEXT(what));
    bulla_write_bytes(aad, parameters);
    bulla_write(aad, request->token, sizeof request->token);
    bulla_write(aad, request->object, sizeof request->object);
    bulla_write_u8(aad, (uint8_t)path);
    bulla_write(aad, request->path, path);
    bulla_write_u8(aad, (uint8_t)request->authority.size);
    bulla_write_bytes(aad, request->authority);
    bulla_write(aad, request->policy_ref, sizeof request->policy_ref);
    return bulla_writer_finish(aad, "a leaf's AAD");
}
