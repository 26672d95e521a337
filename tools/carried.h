/* An object as it is carried from one token to another: its attributes, read whole into locked memory.
 *
 * One table says which attributes of which class are carried, and which are read to tell objects apart. Values are the
 * caller's until bulla_carried_release, which wipes them. */
#ifndef BULLA_TOOLS_CARRIED_H
#define BULLA_TOOLS_CARRIED_H

#include <stdbool.h>

#include "bulla_pkcs11.h"
#include "crypto/bytes.h"
#include "crypto/pages.h"

enum { BULLA_CARRIED_LARGEST = 48, BULLA_CARRIED_NAME = 256 };

struct bulla_carried {
    CK_OBJECT_CLASS class;
    CK_KEY_TYPE type; /* CK_UNAVAILABLE_INFORMATION unless it is a key */
    CK_ATTRIBUTE attributes[BULLA_CARRIED_LARGEST];
    CK_ULONG count;
    bool known;               /* a class and, for keys, a type that the table has */
    enum bulla_reason memory; /* why there was none for the values; BULLA_OK otherwise */
    bool sealed;              /* a key whose secret part the token keeps to itself */
    CK_OBJECT_HANDLE twin;    /* the public key that a private one's point was taken from */
    void *secret;
    struct bulla_pages pages; /* instead, of what is too large for the arena */
};

/* Reads what the table has for the object's class and type. A value that the token does not have, or give, is absent.
 * A private key on a curve rarely has its point; with `twin` it is the one of the only public key of its type and id.
 * The codes of C_GetAttributeValue; CKR_HOST_MEMORY when memory can't be locked: then
 * `memory` is the refusal, whose words are recorded. */
CK_RV bulla_carried_read(CK_FUNCTION_LIST *module, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, bool twin,
    struct bulla_carried *carried);
void bulla_carried_release(struct bulla_carried *carried);

/* NULL when absent. */
CK_ATTRIBUTE *bulla_carried_find(struct bulla_carried *carried, CK_ATTRIBUTE_TYPE type);
/* False when absent. */
bool bulla_carried_flag(struct bulla_carried *carried, CK_ATTRIBUTE_TYPE type);
/* What C_CreateObject shall get, or C_UnwrapKey, which takes no parts of the key: views of the values, in the table's
 * order, CKA_TOKEN true among them, and CKA_SENSITIVE true for keys that do not say. Returns how many. */
CK_ULONG bulla_carried_template(
    struct bulla_carried *carried, bool unwrapping, CK_ATTRIBUTE template[static BULLA_CARRIED_LARGEST]);
/* Whether both are of one class, type, id and label, and differ in no value that both show: modulus, point, value,
 * length, parameters, application. */
bool bulla_carried_same(struct bulla_carried *one, struct bulla_carried *other);

/* "private key EC "web" (id 02)", with the text from the token as it is. */
void bulla_carried_name(struct bulla_carried *carried, char name[static BULLA_CARRIED_NAME]);
const char *bulla_carried_class(const struct bulla_carried *carried);
/* "" for what is no key. */
const char *bulla_carried_type(const struct bulla_carried *carried);

#endif
