/* PKCS#11 3.0, 5.18: key management. */
#include "face.h"

struct key_arguments {
    CK_MECHANISM *mechanism;
    CK_ATTRIBUTE *attributes;
    CK_ULONG count;
    CK_OBJECT_HANDLE *key;
};

static CK_RV generate(struct bulla_session *session, void *arguments)
{
    const struct key_arguments *a = arguments;
    return bulla_objects_generate(session, a->mechanism, a->attributes, a->count, a->key);
}

CK_RV C_GenerateKey(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *attributes, unsigned long count,
    CK_OBJECT_HANDLE *key)
{
    struct key_arguments arguments = {mechanism, attributes, count, key};
    if (!mechanism || !key || (!attributes && count))
        return bulla_face_refuse_pointer();
    return bulla_call(session, generate, &arguments);
}
