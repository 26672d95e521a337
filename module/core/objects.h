/* What a session does with objects: create, generate, copy, change, read, find, destroy. */
#ifndef BULLA_CORE_OBJECTS_H
#define BULLA_CORE_OBJECTS_H

#include "session.h"

CK_RV bulla_objects_create(
    struct bulla_session *session, const CK_ATTRIBUTE *attributes, CK_ULONG count, CK_OBJECT_HANDLE *handle);
/* A caller's template: borrowed. */
struct bulla_template {
    const CK_ATTRIBUTE *attributes;
    CK_ULONG count;
};

/* --- generate.c --- */
CK_RV bulla_objects_generate(struct bulla_session *session, const CK_MECHANISM *mechanism,
    struct bulla_template template, CK_OBJECT_HANDLE *handle);
CK_RV bulla_objects_generate_pair(struct bulla_session *session, const CK_MECHANISM *mechanism,
    const struct bulla_template *public_template, const struct bulla_template *private_template,
    CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key);
/* --- derive.c --- */
CK_RV bulla_objects_derive(struct bulla_session *session, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE base,
    struct bulla_template template, CK_OBJECT_HANDLE *handle);
/* --- encapsulate.c: `out` NULL is a length query, which makes no key --- */
CK_RV bulla_objects_encapsulate(struct bulla_session *session, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
    struct bulla_template template, unsigned char *out, CK_ULONG *out_size, CK_OBJECT_HANDLE *handle);
CK_RV bulla_objects_decapsulate(struct bulla_session *session, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
    struct bulla_bytes ciphertext, struct bulla_template template, CK_OBJECT_HANDLE *handle);
/* --- wrap.c: `out` NULL is a length query --- */
/* How a key is wrapped or unwrapped: by an encryption, or by a message whose additional data is beside it (3.2). */
struct bulla_wrapper {
    const CK_MECHANISM *mechanism;
    CK_OBJECT_HANDLE key;
    bool authenticated;
    struct bulla_bytes aad; /* of an authenticated one */
};
CK_RV bulla_objects_wrap(struct bulla_session *session, const struct bulla_wrapper *wrapper, CK_OBJECT_HANDLE key,
    unsigned char *out, CK_ULONG *out_size);
CK_RV bulla_objects_unwrap(struct bulla_session *session, const struct bulla_wrapper *wrapper,
    struct bulla_bytes wrapped, struct bulla_template template, CK_OBJECT_HANDLE *handle);

CK_RV bulla_objects_copy(struct bulla_session *session, CK_OBJECT_HANDLE source, const CK_ATTRIBUTE *attributes,
    CK_ULONG count, CK_OBJECT_HANDLE *handle);
CK_RV bulla_objects_destroy(struct bulla_session *session, CK_OBJECT_HANDLE handle);
CK_RV bulla_objects_set(
    struct bulla_session *session, CK_OBJECT_HANDLE handle, const CK_ATTRIBUTE *attributes, CK_ULONG count);
CK_RV bulla_objects_get(
    struct bulla_session *session, CK_OBJECT_HANDLE handle, CK_ATTRIBUTE *attributes, CK_ULONG count);
CK_RV bulla_objects_size(struct bulla_session *session, CK_OBJECT_HANDLE handle, CK_ULONG *size);

CK_RV bulla_search_begin(struct bulla_session *session, const CK_ATTRIBUTE *attributes, CK_ULONG count);
CK_RV bulla_search_next(struct bulla_session *session, CK_OBJECT_HANDLE *handles, CK_ULONG most, CK_ULONG *count);
CK_RV bulla_search_end(struct bulla_session *session);

/* --- shared by the files behind this header --- */
/* What is wrong with a key, as wrong with the one that unwraps or decapsulates. */
CK_RV bulla_objects_of_unwrapping(CK_RV rv);
/* Writes the list as an object of the token or of the session, as its CKA_TOKEN says. */
CK_RV bulla_objects_put(struct bulla_session *session, const struct bulla_attribute_list *list, const char *event,
    CK_OBJECT_HANDLE *handle);
/* Both halves of a pair, or none, also after a crash: those that are the token's are written at once. */
CK_RV bulla_objects_put_pair(struct bulla_session *session, const struct bulla_vault_new *public_half,
    const struct bulla_vault_new *private_half, const char *event);
/* Whether the session may write objects of this list: read-only sessions, private objects, the SO. */
CK_RV bulla_objects_may_write(const struct bulla_session *session, const struct bulla_attribute_list *list);

/* Puts a session's object, stated anew, in the place of the one that it was. */
CK_RV bulla_objects_replace(
    struct bulla_session *session, struct bulla_object *object, const struct bulla_attribute_list *list);

/* The list's release tree, or the token's default for it: checked, and whether it attests is added. */
CK_RV bulla_objects_release(struct bulla_session *session, struct bulla_attribute_list *list);

/* Offers an object that the module makes for this session alone, until the session ends or the next search of its
 * kind. */
CK_RV bulla_search_offer(struct bulla_session *session, const struct bulla_attribute_list *list);

/* --- profile.c: the objects of CKO_PROFILE, for this session --- */
CK_RV bulla_profiles_put(struct bulla_session *session);

/* --- request.c: the object route (DESIGN: Inference) --- */
/* Whether the list is a request object: CKO_DATA of application "bulla.infer". */
bool bulla_request_is(const struct bulla_attribute_list *list);
CK_RV bulla_request_create(struct bulla_session *session, struct bulla_attribute_list *list, CK_OBJECT_HANDLE *handle);
/* Erases the answers whose lease has ended. */
void bulla_request_expire(struct bulla_session *session);

#endif
