/* Several keys from one derivation: each is made as one alone would be, and given out when all of them are there. */
#include "derive.h"
#include "refusal.h"
#include "template.h"

/* What the caller's template says of a cipher's keys and does not hold for the MAC keys beside them. */
static bool is_of_cipher(CK_ATTRIBUTE_TYPE type)
{
    static const CK_ATTRIBUTE_TYPE types[] = {CKA_KEY_TYPE, CKA_VALUE_LEN, CKA_ENCRYPT, CKA_DECRYPT, CKA_WRAP,
        CKA_UNWRAP, CKA_SIGN, CKA_VERIFY, CKA_DERIVE, CKA_ALLOWED_MECHANISMS};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (types[i] == type)
            return true;
    return false;
}

/* A generic secret of this token's defaults signs, verifies and derives, as the standard wants MAC keys to. */
static struct bulla_template of_mac(struct bulla_template template, CK_ATTRIBUTE *room)
{
    CK_ULONG count = 0;
    for (CK_ULONG i = 0; i < template.count; i++)
        if (!is_of_cipher(template.attributes[i].type))
            room[count++] = template.attributes[i];
    return (struct bulla_template){room, count};
}

static CK_RV make(const struct bulla_deriving *deriving, struct bulla_template template,
    const struct bulla_share *share, struct bulla_bytes block, CK_OBJECT_HANDLE *handle)
{
    CK_ATTRIBUTE room[BULLA_ATTRIBUTES_LARGEST];
    struct bulla_attribute_list list = {0};
    struct bulla_merged merged;
    if (share->form == BULLA_SHARE_MAC)
        template = of_mac(template, room);
    if (share->form == BULLA_SHARE_OWN)
        template = (struct bulla_template){share->attributes, share->count};
    CK_RV rv = bulla_derive_list(deriving, template, CKO_SECRET_KEY, &merged, &list);
    struct bulla_bytes value = {block.data + share->offset, share->size};
    return rv == CKR_OK ? bulla_derive_put(deriving, value, &list, handle) : rv;
}

/* Gives `rv` back, or that a key stayed: the store refuses to write now. */
static CK_RV unmake(const struct bulla_deriving *deriving, const CK_OBJECT_HANDLE *made, size_t count, CK_RV rv)
{
    for (size_t i = 0; i < count; i++) {
        struct bulla_object *object = made[i] ? bulla_token_object(deriving->session->token, made[i]) : NULL;
        if (object && bulla_vault_erase(deriving->session->token, object) != BULLA_OK)
            rv = CKR_GENERAL_ERROR;
        bulla_object_drop(object);
    }
    return rv;
}

static CK_RV check_block(const struct bulla_deriving *deriving, const struct bulla_shares *shares, size_t size)
{
    for (size_t i = 0; i < shares->count; i++)
        if (shares->list[i].size > size || shares->list[i].offset > size - shares->list[i].size)
            return bulla_token_refusal(deriving->session->token, "derive",
                bulla_refuse(BULLA_INTERNAL, "a derivation gave %zu bytes, too few for its shares", size));
    return CKR_OK;
}

static CK_RV make_all(const struct bulla_deriving *deriving, struct bulla_template template,
    const struct bulla_shares *shares, struct bulla_bytes block, CK_OBJECT_HANDLE *made)
{
    for (size_t i = 0; i < shares->count; i++) {
        const struct bulla_share *share = &shares->list[i];
        if (share->form == BULLA_SHARE_BYTES)
            continue;
        CK_RV rv = make(deriving, template, share, block, &made[i]);
        if (rv != CKR_OK)
            return unmake(deriving, made, i, rv);
    }
    return CKR_OK;
}

CK_RV bulla_derive_many(struct bulla_deriving *deriving, struct bulla_template template,
    const struct bulla_shares *shares, CK_OBJECT_HANDLE *handle)
{
    BULLA_RELEASED struct bulla_secret memory = {0};
    CK_OBJECT_HANDLE made[BULLA_SHARES_LARGEST] = {0};
    size_t size = 0;
    for (size_t i = 0; i < shares->count; i++)
        if (shares->list[i].form != BULLA_SHARE_BYTES && !shares->list[i].handle && !handle)
            return CKR_ARGUMENTS_BAD;
    CK_RV rv = bulla_token_refusal(deriving->session->token, "derive", bulla_derive_run(deriving, &memory, &size));
    if (rv == CKR_OK)
        rv = check_block(deriving, shares, size);
    if (rv == CKR_OK)
        rv = make_all(deriving, template, shares, (struct bulla_bytes){memory.data, size}, made);
    for (size_t i = 0; rv == CKR_OK && i < shares->count; i++) {
        const struct bulla_share *share = &shares->list[i];
        if (share->form == BULLA_SHARE_BYTES)
            memcpy(share->bytes, memory.data + share->offset, share->size);
        else
            *(share->handle ? share->handle : handle) = made[i];
    }
    return rv;
}
