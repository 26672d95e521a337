/* A session keeps a list of whom it was told of: for each object the principal, the nonce that its challenge has, and
 * whether it was proved. The object in the index says whether an entry still counts: destroying it, closing the session
 * and logging out remove it there. The count of logins says the same once more, for an object that was put back by a
 * call that ran while somebody logged out.
 *
 * A user with a name may log in by such an object, too: through a p11-kit that has no C_LoginUser it is the only way.
 *
 * A nonce is used once: it goes before a proof is looked at, and another takes its place. */
#include "principal.h"

#include <sodium.h>
#include <stdlib.h>

#include "mech/clock.h"
#include "objects.h"
#include "users.h"

struct bulla_proving {
    struct bulla_proving *next;
    CK_OBJECT_HANDLE object;
    struct bulla_principal principal;
    uint64_t login; /* struct bulla_token.logins */
    uint64_t until; /* the challenge's; by the clock of leases */
    uint8_t nonce[32];
    bool open;    /* there is a challenge */
    bool logs_in; /* made while nobody was logged in: the PIN is a login's */
    bool proved;
};

void bulla_session_principals_forget(struct bulla_session *session)
{
    while (session->provings) {
        struct bulla_proving *proving = session->provings;
        session->provings = proving->next;
        free(proving);
    }
}

/* --- whom a session acts for --- */

static bool still_counts(struct bulla_session *session, const struct bulla_proving *proving)
{
    struct bulla_token *token = session->token;
    (void)pthread_rwlock_rdlock(&token->lock);
    const struct bulla_object *object = bulla_index_find(&token->index, proving->object);
    bool counts = object && object->owner == session->handle && proving->login == token->logins &&
                  (token->login == BULLA_USER) != proving->logs_in;
    (void)pthread_rwlock_unlock(&token->lock);
    return counts;
}

size_t bulla_session_principals(struct bulla_session *session, struct bulla_principal *list, size_t capacity)
{
    size_t count = 0;
    struct bulla_principal user;
    if (capacity == 0 || !bulla_token_user(session->token, &user))
        return 0;
    list[count++] = user;
    for (const struct bulla_proving *proving = session->provings; proving && count < capacity; proving = proving->next)
        if (proving->proved && still_counts(session, proving))
            list[count++] = proving->principal;
    return count;
}

/* --- creating --- */

/* Entries whose objects are gone are given up here, so that the list stays short. */
static size_t tidy(struct bulla_session *session)
{
    size_t count = 0;
    struct bulla_proving **at = &session->provings;
    while (*at) {
        struct bulla_proving *proving = *at;
        if (still_counts(session, proving)) {
            at = &proving->next;
            count++;
            continue;
        }
        *at = proving->next;
        free(proving);
    }
    return count;
}

static uint64_t logins(struct bulla_token *token)
{
    (void)pthread_rwlock_rdlock(&token->lock);
    uint64_t count = token->logins;
    (void)pthread_rwlock_unlock(&token->lock);
    return count;
}

/* The objects are made of this list, so that nothing of a proof is ever in one. */
struct principal_list {
    struct bulla_attribute_list list;
    CK_OBJECT_CLASS object_class;
    char principal[BULLA_PRINCIPAL_TEXT], challenge[2 * BULLA_CHALLENGE_SIZE];
};

static void describe(struct principal_list *made, const struct bulla_principal *principal, bool on_token)
{
    struct bulla_attribute_list *list = &made->list;
    *list = (struct bulla_attribute_list){0};
    made->object_class = CKO_BULLA_PRINCIPAL;
    bulla_principal_text(principal, made->principal);
    (void)bulla_list_put(
        list, CKA_CLASS, (struct bulla_bytes){(const uint8_t *)&made->object_class, sizeof made->object_class});
    (void)bulla_list_put_bool(list, CKA_TOKEN, on_token);
    (void)bulla_list_put_bool(list, CKA_PRIVATE, false);
    (void)bulla_list_put_bool(list, CKA_DESTROYABLE, true);
    (void)bulla_list_put(list, CKA_BULLA_PRINCIPAL, BULLA_TEXT(made->principal));
}

/* A fresh nonce; its text becomes the object's challenge. */
static void challenge(struct bulla_session *session, struct bulla_proving *proving, struct principal_list *made)
{
    randombytes_buf(proving->nonce, sizeof proving->nonce);
    proving->until = bulla_clock_seconds() + BULLA_CHALLENGE_SECONDS;
    proving->open = true;
    bulla_principal_challenge(&proving->principal, session->token->serial, proving->nonce, made->challenge);
    (void)bulla_list_put(&made->list, CKA_BULLA_CHALLENGE, BULLA_TEXT(made->challenge));
}

static enum bulla_reason read_principal(struct bulla_bytes text, struct bulla_principal *principal)
{
    BULLA_TRY(bulla_principal_parse(text, principal));
    if (principal->kind != BULLA_PRINCIPAL_USER && !bulla_principal_has_key(principal))
        return bulla_refuse(BULLA_UNSUPPORTED, "anyone has nothing to prove");
    return BULLA_OK;
}

/* Nobody but a user can prove anything before there is a login, and his PIN is one. */
static CK_RV begin(struct bulla_session *session, const struct bulla_principal *principal, struct bulla_bytes label,
    struct bulla_proving *proving)
{
    struct principal_list made;
    struct bulla_principal present;
    proving->logs_in = !bulla_token_user(session->token, &present);
    if (proving->logs_in && principal->kind != BULLA_PRINCIPAL_USER)
        return CKR_USER_NOT_LOGGED_IN;
    proving->principal = *principal;
    proving->login = logins(session->token);
    describe(&made, principal, false);
    (void)bulla_list_put(&made.list, CKA_LABEL, label);
    if (bulla_principal_has_key(principal))
        challenge(session, proving, &made);
    return bulla_objects_put(session, &made.list, "principal", &proving->object);
}

static CK_RV create_for_session(
    struct bulla_session *session, const struct bulla_attribute_list *given, CK_OBJECT_HANDLE *handle)
{
    const struct bulla_attribute *text = bulla_list_find(given, CKA_BULLA_PRINCIPAL);
    struct bulla_principal principal;
    if (!text)
        return CKR_TEMPLATE_INCOMPLETE;
    if (bulla_list_find(given, CKA_BULLA_PROOF))
        return CKR_TEMPLATE_INCONSISTENT; /* of what? there is no challenge before the object */
    enum bulla_reason reason = read_principal(text->value, &principal);
    if (reason != BULLA_OK) {
        (void)bulla_token_refusal(session->token, "principal", reason);
        return CKR_ATTRIBUTE_VALUE_INVALID;
    }
    if (tidy(session) >= BULLA_SESSION_PRINCIPALS_MOST)
        return CKR_DEVICE_MEMORY;
    struct bulla_proving *proving = calloc(1, sizeof *proving);
    if (!proving)
        return CKR_HOST_MEMORY;
    CK_RV rv = begin(session, &principal, bulla_list_find(given, CKA_LABEL)->value, proving);
    if (rv != CKR_OK) {
        free(proving);
        return rv;
    }
    *handle = proving->object;
    proving->next = session->provings;
    session->provings = proving;
    return CKR_OK;
}

/* The name is the label, or stands in the principal's text, or both. */
static enum bulla_reason read_user(const struct bulla_attribute_list *given, struct bulla_principal *user)
{
    const struct bulla_attribute *text = bulla_list_find(given, CKA_BULLA_PRINCIPAL);
    const struct bulla_attribute *label = bulla_list_find(given, CKA_LABEL);
    uint8_t named[BULLA_PRINCIPAL_TEXT];
    struct bulla_writer writer;
    bulla_writer_open(&writer, named, sizeof named);
    bulla_write_bytes(&writer, BULLA_TEXT("user:"));
    bulla_write_bytes(&writer, label->value);
    if (!text)
        BULLA_TRY(bulla_writer_finish(&writer, "a user's name"));
    BULLA_TRY(bulla_principal_parse(text ? text->value : bulla_writer_bytes(&writer), user));
    if (user->kind != BULLA_PRINCIPAL_USER)
        return bulla_refuse(BULLA_MALFORMED, "only a user has a PIN: user:NAME");
    if (label->value.size && !bulla_bytes_equal(label->value, (struct bulla_bytes){user->value, user->size}))
        return bulla_refuse(BULLA_MALFORMED, "the label is not the user's name");
    return BULLA_OK;
}

static CK_RV create_user(
    struct bulla_session *session, const struct bulla_attribute_list *given, CK_OBJECT_HANDLE *handle)
{
    const struct bulla_attribute *pin = bulla_list_find(given, CKA_BULLA_PROOF);
    struct bulla_principal user;
    struct principal_list made;
    if (!pin || (!bulla_list_find(given, CKA_BULLA_PRINCIPAL) && !bulla_list_find(given, CKA_LABEL)->value.size))
        return CKR_TEMPLATE_INCOMPLETE;
    enum bulla_reason reason = read_user(given, &user);
    if (reason != BULLA_OK) {
        (void)bulla_token_refusal(session->token, "user-add", reason);
        return CKR_ATTRIBUTE_VALUE_INVALID;
    }
    describe(&made, &user, true);
    (void)bulla_list_put(&made.list, CKA_LABEL, (struct bulla_bytes){user.value, user.size});
    reason = bulla_user_add(session->token, &user, pin->value, &made.list, handle);
    CK_RV rv = bulla_token_refusal(session->token, "user-add", reason);
    const struct bulla_audit_field field = {"user", made.principal, 0};
    if (rv == CKR_OK)
        bulla_token_record(session->token, "user-added", &field, 1);
    return reason == BULLA_DUPLICATE ? CKR_TEMPLATE_INCONSISTENT : rv;
}

CK_RV bulla_principal_create(
    struct bulla_session *session, const struct bulla_attribute_list *list, CK_OBJECT_HANDLE *handle)
{
    bool on_token = bulla_list_bool(list, CKA_TOKEN);
    if (bulla_list_bool(list, CKA_PRIVATE))
        return CKR_TEMPLATE_INCONSISTENT; /* who may log in is asked for before anybody did */
    return on_token ? create_user(session, list, handle) : create_for_session(session, list, handle);
}

/* --- proving --- */

static struct bulla_proving *find(struct bulla_session *session, const struct bulla_object *object)
{
    for (struct bulla_proving *proving = session->provings; proving; proving = proving->next)
        if (proving->object == object->handle && still_counts(session, proving))
            return proving;
    return NULL;
}

static enum bulla_reason check_proof(
    struct bulla_session *session, struct bulla_proving *proving, struct bulla_bytes proof)
{
    char text[2 * BULLA_CHALLENGE_SIZE];
    bool open = proving->open;
    proving->open = false;
    if (!bulla_principal_has_key(&proving->principal))
        return bulla_user_prove(session->token, &proving->principal, proof);
    if (!open)
        return bulla_refuse(BULLA_NONCE_UNKNOWN, "the challenge was used up by the proof that was given");
    if (bulla_clock_seconds() >= proving->until)
        return bulla_refuse(BULLA_NONCE_UNKNOWN, "the challenge is older than %d seconds", BULLA_CHALLENGE_SECONDS);
    bulla_principal_challenge(&proving->principal, session->token->serial, proving->nonce, text);
    return bulla_principal_verify(&proving->principal, BULLA_TEXT(text), proof);
}

/* What the object says from now on: a new challenge, or none where it was proved. */
static CK_RV restate(struct bulla_session *session, struct bulla_object *object, struct bulla_proving *proving)
{
    struct principal_list made;
    describe(&made, &proving->principal, false);
    (void)bulla_list_put(&made.list, CKA_LABEL, bulla_attributes_get(object->attributes, CKA_LABEL));
    if (bulla_principal_has_key(&proving->principal) && !proving->proved)
        challenge(session, proving, &made);
    return bulla_objects_replace(session, object, &made.list);
}

static CK_RV prove(struct bulla_session *session, struct bulla_object *object, struct bulla_bytes proof)
{
    char text[BULLA_PRINCIPAL_TEXT];
    struct bulla_proving *proving = find(session, object);
    if (!proving)
        return CKR_ACTION_PROHIBITED; /* another session's, or another login's */
    if (proving->logs_in)
        return bulla_login_as(session, &proving->principal, proof);
    enum bulla_reason reason = check_proof(session, proving, proof);
    CK_RV rv = bulla_token_refusal(session->token, "principal", reason);
    proving->proved |= reason == BULLA_OK;
    CK_RV restated = restate(session, object, proving);
    if (rv != CKR_OK)
        return rv;
    bulla_principal_text(&proving->principal, text);
    const struct bulla_audit_field field = {"principal", text, 0};
    bulla_token_record(session->token, "proved", &field, 1);
    return restated;
}

static CK_RV check_attributes(const CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    bool proof = false;
    for (CK_ULONG i = 0; i < count; i++) {
        if (!(bulla_attribute_row(attributes[i].type)->classes & bulla_class_bit(CKO_BULLA_PRINCIPAL)))
            return CKR_ATTRIBUTE_TYPE_INVALID;
        proof |= attributes[i].type == CKA_BULLA_PROOF;
    }
    if (!proof)
        return CKR_ATTRIBUTE_READ_ONLY;
    return count == 1 ? CKR_OK : CKR_TEMPLATE_INCONSISTENT;
}

CK_RV bulla_principal_set(
    struct bulla_session *session, struct bulla_object *object, const CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    if (object->owner == 0)
        return CKR_ACTION_PROHIBITED; /* a user changes his PIN by C_SetPIN */
    CK_RV rv = check_attributes(attributes, count);
    return rv == CKR_OK ? prove(session, object, (struct bulla_bytes){attributes->pValue, attributes->ulValueLen}) : rv;
}

CK_RV bulla_principal_destroy(struct bulla_session *session, struct bulla_object *object)
{
    struct bulla_principal user;
    struct bulla_bytes text = bulla_attributes_get(object->attributes, CKA_BULLA_PRINCIPAL);
    char name[BULLA_PRINCIPAL_TEXT];
    if (object->owner)
        return bulla_token_refusal(session->token, "destroy", bulla_vault_erase(session->token, object));
    enum bulla_reason reason = bulla_principal_parse(text, &user);
    if (reason == BULLA_OK)
        reason = bulla_user_remove(session->token, &user, object);
    CK_RV rv = bulla_token_refusal(session->token, "user-remove", reason);
    bulla_principal_text(&user, name);
    const struct bulla_audit_field field = {"user", name, 0};
    if (rv == CKR_OK)
        bulla_token_record(session->token, "user-removed", &field, 1);
    return rv;
}
