/* A token, reached as any application reaches one: PKCS#11 by p11-kit.
 *
 *     struct bulla_client client;
 *     BULLA_TRY(bulla_client_open(&client, &settings->common));      chooses the token
 *     … bulla_client_session, bulla_client_login …
 *     bulla_client_close(&client);                                    always
 *
 * A call that fails is explained by the token's own "why" object when that has a fresh entry, and by the CKR code
 * otherwise. */
#ifndef BULLA_TOOLS_CLIENT_H
#define BULLA_TOOLS_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "bulla_pkcs11.h"
#include "crypto/bytes.h"
#include "options.h"
#include "pin.h"

struct bulla_client {
    CK_FUNCTION_LIST **registered; /* p11-kit's list, without --module */
    CK_FUNCTION_LIST *named;       /* with --module */
    CK_FUNCTION_LIST *module;      /* the chosen token's */
    CK_SLOT_ID slot;
    CK_TOKEN_INFO token;
    char name[33];             /* of bulla.conf's section: what a token is called before it has a label */
    CK_SESSION_HANDLE session; /* CK_INVALID_HANDLE: none */
    bool logged_in;
    char *pin_source; /* of a PKCS#11 URI in --token; malloc'd or NULL */
    int64_t started;  /* milliseconds since 1970 */
};

/* Chooses the token by --token (label, serial number, name in bulla.conf, URI), or the only one that bulla's modules
 * have. BULLA_TOKEN_UNINITIALIZED when there is none or when several match; BULLA_FILE when the module can't be loaded.
 */
enum bulla_reason bulla_client_open(struct bulla_client *client, const struct bulla_common *common) BULLA_MUST_USE;
void bulla_client_close(struct bulla_client *client);
/* Opens, with a session; and logged in as the user. */
enum bulla_reason bulla_client_connect(struct bulla_client *client, const struct bulla_call *call) BULLA_MUST_USE;

enum bulla_reason bulla_client_session(struct bulla_client *client) BULLA_MUST_USE;
enum bulla_reason bulla_client_login(struct bulla_client *client, const struct bulla_common *common) BULLA_MUST_USE;
/* client_principal.c: logs in as a user with a name; makes the session act for --as, too. */
CK_RV bulla_client_login_named(struct bulla_client *client, const char *name, const struct bulla_pin *pin);
/* BULLA_ARGUMENT for what is no user's name. */
enum bulla_reason bulla_client_user_check(const char *name) BULLA_MUST_USE;
enum bulla_reason bulla_client_act_as(struct bulla_client *client, const struct bulla_common *common) BULLA_MUST_USE;
/* Text of a padded field of CK_TOKEN_INFO; text: size + 1 bytes. */
void bulla_client_field(const unsigned char *field, size_t size, char *text);
/* The label, or the name in bulla.conf of a token without one. */
void bulla_client_label(const struct bulla_client *client, char label[static 33]);

/* BULLA_OK for CKR_OK; otherwise the refusal with its words. `doing`: "sealing the model". */
enum bulla_reason bulla_client_check(struct bulla_client *client, CK_RV result, const char *doing) BULLA_MUST_USE;
/* What a CKR code means without further words. */
enum bulla_reason bulla_reason_of_ckr(CK_RV result);

/* --- objects --- */

/* Up to `capacity` handles; `*count` is how many match, at most capacity. */
enum bulla_reason bulla_client_find(struct bulla_client *client, CK_ATTRIBUTE *template, CK_ULONG attributes,
    CK_OBJECT_HANDLE *handles, CK_ULONG capacity, CK_ULONG *count) BULLA_MUST_USE;
/* malloc'd with a zero after it. CK_UNAVAILABLE_INFORMATION and unknown attributes give NULL and size 0 with BULLA_OK.
 */
enum bulla_reason bulla_client_attribute(struct bulla_client *client, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
    uint8_t **value, size_t *size) BULLA_MUST_USE;
/* `fallback` when the object has no such attribute. */
enum bulla_reason bulla_client_number(struct bulla_client *client, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
    CK_ULONG fallback, CK_ULONG *number) BULLA_MUST_USE;
enum bulla_reason bulla_client_flag(
    struct bulla_client *client, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, bool *flag) BULLA_MUST_USE;
/* The token's JSON document "status", "why" or "enrolment"; the caller's to json_decref. */
enum bulla_reason bulla_client_document(
    struct bulla_client *client, const char *label, json_t **document) BULLA_MUST_USE;

/* The private key with this label, of that CKA_KEY_TYPE where `type` is not NULL. BULLA_ARGUMENT when there is none, or
 * several; `what`: "private key". */
enum bulla_reason bulla_client_private_key(struct bulla_client *client, const char *label, const CK_KEY_TYPE *type,
    const char *what, CK_OBJECT_HANDLE *key) BULLA_MUST_USE;
/* The private half of the token's receipt key, which attests. */
enum bulla_reason bulla_client_receipt_key(struct bulla_client *client, CK_OBJECT_HANDLE *key) BULLA_MUST_USE;
/* Whether a secret key was made to seal models with. */
enum bulla_reason bulla_client_is_model(struct bulla_client *client, CK_OBJECT_HANDLE key, bool *model) BULLA_MUST_USE;
/* The model key with this label; CK_INVALID_HANDLE when there is none. BULLA_ARGUMENT when there are several. */
enum bulla_reason bulla_client_model(
    struct bulla_client *client, const char *label, CK_OBJECT_HANDLE *key) BULLA_MUST_USE;
/* Its CKA_ID in hex, which names its sealed file; `label` is for the refusal of an id that is empty or too long. */
enum { BULLA_MODEL_ID = 64 }; /* bytes of a model's id at most */
enum bulla_reason bulla_client_model_id(struct bulla_client *client, CK_OBJECT_HANDLE key, const char *label,
    char id[static 2 * BULLA_MODEL_ID + 1]) BULLA_MUST_USE;

#endif
