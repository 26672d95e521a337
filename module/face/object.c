/* PKCS#11 3.0, 5.7: objects. */
#include "face.h"

struct object_arguments {
    CK_OBJECT_HANDLE object;
    CK_ATTRIBUTE *attributes;
    CK_ULONG count;
    CK_OBJECT_HANDLE *handles; /* where one or more go */
    CK_ULONG *number;
};

static CK_RV create(struct bulla_session *session, void *arguments)
{
    const struct object_arguments *a = arguments;
    return bulla_objects_create(session, a->attributes, a->count, a->handles);
}

CK_RV C_CreateObject(CK_SESSION_HANDLE session, CK_ATTRIBUTE *attributes, unsigned long count, CK_OBJECT_HANDLE *object)
{
    struct object_arguments arguments = {0, attributes, count, object, NULL};
    return attributes && object ? bulla_call(session, create, &arguments) : bulla_face_refuse_pointer();
}

static CK_RV copy(struct bulla_session *session, void *arguments)
{
    const struct object_arguments *a = arguments;
    return bulla_objects_copy(session, a->object, a->attributes, a->count, a->handles);
}

CK_RV C_CopyObject(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attributes, unsigned long count,
    CK_OBJECT_HANDLE *copied)
{
    struct object_arguments arguments = {object, attributes, count, copied, NULL};
    return copied && (attributes || !count) ? bulla_call(session, copy, &arguments) : bulla_face_refuse_pointer();
}

static CK_RV destroy(struct bulla_session *session, void *arguments)
{
    return bulla_objects_destroy(session, ((const struct object_arguments *)arguments)->object);
}

CK_RV C_DestroyObject(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
    struct object_arguments arguments = {.object = object};
    return bulla_call(session, destroy, &arguments);
}

static CK_RV object_size(struct bulla_session *session, void *arguments)
{
    const struct object_arguments *a = arguments;
    return bulla_objects_size(session, a->object, a->number);
}

CK_RV C_GetObjectSize(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, unsigned long *size)
{
    struct object_arguments arguments = {.object = object, .number = size};
    return size ? bulla_call_following(session, object_size, &arguments) : bulla_face_refuse_pointer();
}

static CK_RV get(struct bulla_session *session, void *arguments)
{
    const struct object_arguments *a = arguments;
    return bulla_objects_get(session, a->object, a->attributes, a->count);
}

CK_RV C_GetAttributeValue(
    CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attributes, unsigned long count)
{
    struct object_arguments arguments = {object, attributes, count, NULL, NULL};
    return attributes ? bulla_call_following(session, get, &arguments) : bulla_face_refuse_pointer();
}

static CK_RV set(struct bulla_session *session, void *arguments)
{
    const struct object_arguments *a = arguments;
    return bulla_objects_set(session, a->object, a->attributes, a->count);
}

CK_RV C_SetAttributeValue(
    CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attributes, unsigned long count)
{
    struct object_arguments arguments = {object, attributes, count, NULL, NULL};
    return attributes ? bulla_call(session, set, &arguments) : bulla_face_refuse_pointer();
}

static CK_RV find_begin(struct bulla_session *session, void *arguments)
{
    const struct object_arguments *a = arguments;
    return bulla_search_begin(session, a->attributes, a->count);
}

CK_RV C_FindObjectsInit(CK_SESSION_HANDLE session, CK_ATTRIBUTE *attributes, unsigned long count)
{
    struct object_arguments arguments = {0, attributes, count, NULL, NULL};
    return attributes || !count ? bulla_call_following(session, find_begin, &arguments) : bulla_face_refuse_pointer();
}

static CK_RV find_next(struct bulla_session *session, void *arguments)
{
    const struct object_arguments *a = arguments;
    return bulla_search_next(session, a->handles, a->count, a->number);
}

CK_RV C_FindObjects(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *objects, unsigned long most, unsigned long *count)
{
    struct object_arguments arguments = {0, NULL, most, objects, count};
    return count && (objects || !most) ? bulla_call_to_end(session, find_next, &arguments)
                                       : bulla_face_refuse_pointer();
}

static CK_RV find_end(struct bulla_session *session, void *arguments)
{
    (void)arguments;
    return bulla_search_end(session);
}

CK_RV C_FindObjectsFinal(CK_SESSION_HANDLE session)
{
    return bulla_call_to_end(session, find_end, NULL);
}
