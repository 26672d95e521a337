/* PKCS#11 3.2, 5.18: key management. */
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

/* --- 3.2: a key that comes with a ciphertext --- */

struct encapsulation {
    CK_MECHANISM *mechanism;
    CK_OBJECT_HANDLE key;
    struct bulla_template template;
    unsigned char *out;
    CK_ULONG *out_size;
    struct bulla_bytes ciphertext;
    CK_OBJECT_HANDLE *made;
};

static CK_RV encapsulate(struct bulla_session *session, void *arguments)
{
    const struct encapsulation *a = arguments;
    return bulla_objects_encapsulate(session, a->mechanism, a->key, a->template, a->out, a->out_size, a->made);
}

/* A length query makes no key: it needs no place for a handle. */
CK_RV C_EncapsulateKey(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
    CK_ATTRIBUTE *attributes, unsigned long count, unsigned char *out, unsigned long *out_size, CK_OBJECT_HANDLE *made)
{
    struct encapsulation arguments = {mechanism, key, {attributes, count}, out, out_size, {NULL, 0}, made};
    if (!mechanism || !out_size || (out && !made) || !is_template(&arguments.template))
        return bulla_face_refuse_pointer();
    return bulla_call(session, encapsulate, &arguments);
}

static CK_RV decapsulate(struct bulla_session *session, void *arguments)
{
    const struct encapsulation *a = arguments;
    return bulla_objects_decapsulate(session, a->mechanism, a->key, a->ciphertext, a->template, a->made);
}

CK_RV C_DecapsulateKey(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
    CK_ATTRIBUTE *attributes, unsigned long count, unsigned char *in, unsigned long in_size, CK_OBJECT_HANDLE *made)
{
    struct encapsulation arguments = {mechanism, key, {attributes, count}, NULL, NULL, {in, in_size}, made};
    if (!mechanism || !in || !made || !is_template(&arguments.template))
        return bulla_face_refuse_pointer();
    return bulla_call(session, decapsulate, &arguments);
}

/* --- wrapping --- */

struct wrapping {
    struct bulla_wrapper wrapper;
    CK_OBJECT_HANDLE key;
    unsigned char *out;
    CK_ULONG *out_size;
};

static CK_RV wrap(struct bulla_session *session, void *arguments)
{
    const struct wrapping *a = arguments;
    return bulla_objects_wrap(session, &a->wrapper, a->key, a->out, a->out_size);
}

static CK_RV call_wrap(CK_SESSION_HANDLE session, struct wrapping *arguments)
{
    bool whole = arguments->wrapper.mechanism && arguments->out_size;
    return whole ? bulla_call(session, wrap, arguments) : bulla_face_refuse_pointer();
}

CK_RV C_WrapKey(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE wrapping, CK_OBJECT_HANDLE key,
    unsigned char *out, unsigned long *out_size)
{
    struct wrapping arguments = {{mechanism, wrapping, false, {NULL, 0}}, key, out, out_size};
    return call_wrap(session, &arguments);
}

CK_RV C_WrapKeyAuthenticated(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE wrapping,
    CK_OBJECT_HANDLE key, unsigned char *aad, unsigned long aad_size, unsigned char *out, unsigned long *out_size)
{
    struct wrapping arguments = {{mechanism, wrapping, true, {aad, aad_size}}, key, out, out_size};
    return call_wrap(session, &arguments);
}

struct unwrapping {
    struct bulla_wrapper wrapper;
    struct bulla_bytes wrapped;
    struct bulla_template template;
    CK_OBJECT_HANDLE *key;
};

static CK_RV unwrap(struct bulla_session *session, void *arguments)
{
    const struct unwrapping *a = arguments;
    return bulla_objects_unwrap(session, &a->wrapper, a->wrapped, a->template, a->key);
}

static CK_RV call_unwrap(CK_SESSION_HANDLE session, struct unwrapping *arguments)
{
    bool whole =
        arguments->wrapper.mechanism && arguments->key && arguments->wrapped.data && is_template(&arguments->template);
    return whole ? bulla_call(session, unwrap, arguments) : bulla_face_refuse_pointer();
}

CK_RV C_UnwrapKey(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE unwrapping,
    unsigned char *wrapped, unsigned long wrapped_size, CK_ATTRIBUTE *attributes, unsigned long count,
    CK_OBJECT_HANDLE *key)
{
    struct unwrapping arguments = {
        {mechanism, unwrapping, false, {NULL, 0}}, {wrapped, wrapped_size}, {attributes, count}, key};
    return call_unwrap(session, &arguments);
}

CK_RV C_UnwrapKeyAuthenticated(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE unwrapping,
    unsigned char *wrapped, unsigned long wrapped_size, CK_ATTRIBUTE *attributes, unsigned long count,
    unsigned char *aad, unsigned long aad_size, CK_OBJECT_HANDLE *key)
{
    struct unwrapping arguments = {
        {mechanism, unwrapping, true, {aad, aad_size}}, {wrapped, wrapped_size}, {attributes, count}, key};
    return call_unwrap(session, &arguments);
}
