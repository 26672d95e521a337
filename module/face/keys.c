/* PKCS#11 3.0, 5.18: key management. */
#include "face.h"

struct generation {
    CK_MECHANISM *mechanism;
    struct bulla_template template, private_template;
    CK_OBJECT_HANDLE *key, *private_key;
};

/* A template without attributes may be NULL. */
static bool is_template(const struct bulla_template *template)
{
    return template->attributes || !template->count;
}

static CK_RV generate(struct bulla_session *session, void *arguments)
{
    const struct generation *a = arguments;
    return bulla_objects_generate(session, a->mechanism, a->template, a->key);
}

CK_RV C_GenerateKey(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *attributes, unsigned long count,
    CK_OBJECT_HANDLE *key)
{
    struct generation arguments = {.mechanism = mechanism, .template = {attributes, count}, .key = key};
    if (!mechanism || !key || !is_template(&arguments.template))
        return bulla_face_refuse_pointer();
    return bulla_call(session, generate, &arguments);
}

static CK_RV generate_pair(struct bulla_session *session, void *arguments)
{
    const struct generation *a = arguments;
    return bulla_objects_generate_pair(
        session, a->mechanism, &a->template, &a->private_template, a->key, a->private_key);
}

CK_RV C_GenerateKeyPair(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *public_attributes,
    unsigned long public_count, CK_ATTRIBUTE *private_attributes, unsigned long private_count,
    CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key)
{
    struct generation arguments = {
        mechanism, {public_attributes, public_count}, {private_attributes, private_count}, public_key, private_key};
    if (!mechanism || !public_key || !private_key || !is_template(&arguments.template) ||
        !is_template(&arguments.private_template))
        return bulla_face_refuse_pointer();
    return bulla_call(session, generate_pair, &arguments);
}

struct derivation {
    CK_MECHANISM *mechanism;
    CK_OBJECT_HANDLE base;
    struct bulla_template template;
    CK_OBJECT_HANDLE *key;
};

static CK_RV derive(struct bulla_session *session, void *arguments)
{
    const struct derivation *a = arguments;
    return bulla_objects_derive(session, a->mechanism, a->base, a->template, a->key);
}

CK_RV C_DeriveKey(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE base, CK_ATTRIBUTE *attributes,
    unsigned long count, CK_OBJECT_HANDLE *key)
{
    struct derivation arguments = {mechanism, base, {attributes, count}, key};
    if (!mechanism || !is_template(&arguments.template))
        return bulla_face_refuse_pointer();
    return bulla_call(session, derive, &arguments);
}

struct wrapping {
    CK_MECHANISM *mechanism;
    CK_OBJECT_HANDLE wrapping, key;
    unsigned char *out;
    CK_ULONG *out_size;
};

static CK_RV wrap(struct bulla_session *session, void *arguments)
{
    const struct wrapping *a = arguments;
    return bulla_objects_wrap(session, a->mechanism, a->wrapping, a->key, a->out, a->out_size);
}

CK_RV C_WrapKey(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE wrapping, CK_OBJECT_HANDLE key,
    unsigned char *out, unsigned long *out_size)
{
    struct wrapping arguments = {mechanism, wrapping, key, out, out_size};
    return mechanism && out_size ? bulla_call(session, wrap, &arguments) : bulla_face_refuse_pointer();
}

struct unwrapping {
    CK_MECHANISM *mechanism;
    CK_OBJECT_HANDLE unwrapping;
    struct bulla_bytes wrapped;
    struct bulla_template template;
    CK_OBJECT_HANDLE *key;
};

static CK_RV unwrap(struct bulla_session *session, void *arguments)
{
    const struct unwrapping *a = arguments;
    return bulla_objects_unwrap(session, a->mechanism, a->unwrapping, a->wrapped, a->template, a->key);
}

CK_RV C_UnwrapKey(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE unwrapping,
    unsigned char *wrapped, unsigned long wrapped_size, CK_ATTRIBUTE *attributes, unsigned long count,
    CK_OBJECT_HANDLE *key)
{
    struct unwrapping arguments = {mechanism, unwrapping, {wrapped, wrapped_size}, {attributes, count}, key};
    if (!mechanism || !key || !wrapped || !is_template(&arguments.template))
        return bulla_face_refuse_pointer();
    return bulla_call(session, unwrap, &arguments);
}
