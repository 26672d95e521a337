/* Grants that stand alone, and revocations, on their way to become objects. A grant counts as long as its object is
 * there; a revocation counts for good from the moment at which the ledger has it, and its object is a record. */
#include <stdio.h>

#include "evidence/policy.h"
#include "grants.h"
#include "token.h"

static enum bulla_reason put_epoch(struct bulla_attribute_list *list, uint64_t epoch)
{
    static _Thread_local CK_ULONG number; /* the list's view points here until the object is written */
    number = (CK_ULONG)epoch;
    if (!bulla_list_put(list, CKA_BULLA_EPOCH, (struct bulla_bytes){(const uint8_t *)&number, sizeof number}))
        return bulla_refuse(BULLA_INTERNAL, "too many attributes");
    return BULLA_OK;
}

static enum bulla_reason put_authority(struct bulla_attribute_list *list, const uint8_t authority[static 65])
{
    static _Thread_local uint8_t key[65];
    memcpy(key, authority, sizeof key);
    if (!bulla_list_put(list, CKA_BULLA_AUTHORITY, BULLA_BYTES(key)))
        return bulla_refuse(BULLA_INTERNAL, "too many attributes");
    return BULLA_OK;
}

static enum bulla_reason check_new(struct bulla_token *token, struct bulla_bytes document)
{
    bool present = false;
    (void)pthread_rwlock_rdlock(&token->lock);
    for (size_t i = 0; i < token->index.count && !present; i++) {
        const struct bulla_object *object = token->index.objects[i];
        present = object->object_class == CKO_BULLA_POLICY &&
                  bulla_bytes_equal(bulla_attributes_get(object->attributes, CKA_VALUE), document) &&
                  !bulla_object_is_hidden(token, object);
    }
    (void)pthread_rwlock_unlock(&token->lock);
    return present ? bulla_refuse(BULLA_DUPLICATE, "the token holds this document already") : BULLA_OK;
}

static enum bulla_reason check_not_revoked(struct bulla_token *token, const struct bulla_grant_document *document)
{
    uint8_t mark[BULLA_GRANT_MARK];
    char name[BULLA_USES_NAME];
    uint64_t revoked = 0;
    bulla_grant_mark(document->authority, document->grant.id, mark);
    bulla_grant_name(BULLA_REVOKED_OF, mark, name);
    BULLA_TRY(bulla_ledger_read(token, name, &revoked));
    return revoked ? bulla_refuse(BULLA_GRANT_REVOKED, "the grant was revoked") : BULLA_OK;
}

static enum bulla_reason check_not_over(struct bulla_token *token, const struct bulla_grant *grant)
{
    uint64_t now;
    BULLA_TRY(bulla_token_now(token, &now));
    return now > grant->not_after ? bulla_refuse(BULLA_GRANT_EXPIRED, "the grant is over already") : BULLA_OK;
}

enum bulla_reason bulla_grants_admit(struct bulla_token *token, struct bulla_attribute_list *list)
{
    static const struct bulla_bytes any = {NULL, 0};
    struct bulla_bytes bytes = bulla_list_find(list, CKA_VALUE)->value;
    struct bulla_grant_document document;
    BULLA_TRY(bulla_grant_read(bytes, any, &document));
    BULLA_TRY(check_new(token, bytes));
    BULLA_TRY(check_not_over(token, &document.grant));
    BULLA_TRY(check_not_revoked(token, &document));
    BULLA_TRY(put_authority(list, document.authority));
    return put_epoch(list, document.epoch);
}

enum bulla_reason bulla_grants_revoke(struct bulla_token *token, struct bulla_attribute_list *list)
{
    static const struct bulla_bytes any = {NULL, 0};
    struct bulla_revocation revocation;
    uint8_t marks[sizeof revocation.ids / sizeof revocation.ids[0]][BULLA_GRANT_MARK];
    BULLA_TRY(bulla_revocation_read(bulla_list_find(list, CKA_VALUE)->value, any, &revocation));
    for (size_t i = 0; i < revocation.count; i++)
        bulla_grant_mark(revocation.authority, revocation.ids[i], marks[i]);
    BULLA_TRY(put_authority(list, revocation.authority));
    return bulla_uses_revoke(token, marks, revocation.count, bulla_system_seconds());
}
