/* CKA_TRUSTED: what the SO vouches for. A row is authenticated by the token key, which the SO has only where
 * so-recovery was declared; it is open for the length of this one change, with every row judged by it, and nobody is
 * logged in as the user by that. */
#include "pin_inside.h"

static enum bulla_reason write_trust(struct bulla_token *token, CK_OBJECT_HANDLE handle, bool trusted)
{
    struct bulla_attribute_list list;
    struct bulla_object *object = bulla_token_object(token, handle);
    if (!object) /* its row is not what the token wrote */
        return bulla_refuse(BULLA_OBJECT_HIDDEN, "the object to be trusted");
    bulla_list_from(&list, object->attributes);
    enum bulla_reason reason = bulla_list_put_bool(&list, CKA_TRUSTED, trusted)
                                   ? bulla_vault_restate(token, object, &list)
                                   : bulla_refuse(BULLA_INTERNAL, "too many attributes");
    bulla_object_drop(object);
    return reason;
}

/* `gate` is held. */
static enum bulla_reason trust(struct bulla_token *token, CK_OBJECT_HANDLE handle, bool trusted)
{
    BULLA_SECRET void *token_key = NULL;
    struct bulla_token_keys *keys = NULL;
    if (token->login != BULLA_OFFICER)
        return bulla_refuse(BULLA_NOT_LOGGED_IN, "CKA_TRUSTED is set by the SO");
    BULLA_TRY(bulla_secret_allocate(32, &token_key));
    enum bulla_reason reason = bulla_pin_recover(token, token_key);
    if (reason == BULLA_STORE_MISSING)
        return bulla_refuse(BULLA_SO_CANNOT_OPEN, "without so-recovery the SO can't write what the token believes");
    BULLA_TRY(reason);
    BULLA_TRY(bulla_pin_derive_keys(token, token_key, &keys));
    bulla_pin_install_keys(token, keys, BULLA_OFFICER);
    reason = write_trust(token, handle, trusted);
    bulla_pin_install_keys(token, NULL, BULLA_OFFICER);
    return reason;
}

enum bulla_reason bulla_token_trust(struct bulla_token *token, CK_OBJECT_HANDLE handle, bool trusted)
{
    (void)pthread_mutex_lock(&token->gate);
    enum bulla_reason reason = trust(token, handle, trusted);
    (void)pthread_mutex_unlock(&token->gate);
    return reason;
}
