#include "draft.h"

void bulla_draft_release(struct bulla_draft *draft)
{
    bulla_secret_release(&draft->memory);
}

static struct bulla_draft_item *find(struct bulla_draft *draft, CK_ATTRIBUTE_TYPE type)
{
    for (size_t i = 0; i < draft->count; i++)
        if (draft->items[i].type == type)
            return &draft->items[i];
    return NULL;
}

struct bulla_bytes bulla_draft_get(const struct bulla_draft *draft, CK_ATTRIBUTE_TYPE type)
{
    for (size_t i = 0; i < draft->count; i++)
        if (draft->items[i].type == type)
            return draft->items[i].value;
    return (struct bulla_bytes){NULL, 0};
}

CK_ULONG bulla_draft_ulong(const struct bulla_draft *draft, CK_ATTRIBUTE_TYPE type, CK_ULONG absent)
{
    struct bulla_bytes value = bulla_draft_get(draft, type);
    if (value.size == sizeof absent)
        memcpy(&absent, value.data, sizeof absent);
    return absent;
}

bool bulla_draft_bool(const struct bulla_draft *draft, CK_ATTRIBUTE_TYPE type)
{
    struct bulla_bytes value = bulla_draft_get(draft, type);
    return value.size == 1 && value.data[0] == CK_TRUE;
}

static enum bulla_reason put(struct bulla_draft *draft, CK_ATTRIBUTE_TYPE type, struct bulla_bytes value, bool made)
{
    struct bulla_draft_item *item = find(draft, type);
    if (!item && draft->count == BULLA_DRAFT_ITEMS)
        return bulla_refuse(BULLA_TOO_LARGE, "a key of more than %d attributes", BULLA_DRAFT_ITEMS);
    if (!item)
        item = &draft->items[draft->count++];
    *item = (struct bulla_draft_item){type, value, made};
    return BULLA_OK;
}

enum bulla_reason bulla_draft_view(struct bulla_draft *draft, CK_ATTRIBUTE_TYPE type, struct bulla_bytes value)
{
    return put(draft, type, value, false);
}

enum bulla_reason bulla_draft_space(struct bulla_draft *draft, CK_ATTRIBUTE_TYPE type, size_t size, uint8_t **space)
{
    size_t rounded = (size + 15) & ~(size_t)15;
    if (!draft->memory.data)
        BULLA_TRY(bulla_secret_hold(&draft->memory, BULLA_DRAFT_MEMORY, "a key in the making"));
    if (size > BULLA_DRAFT_MEMORY || rounded > BULLA_DRAFT_MEMORY - draft->used)
        return bulla_refuse(BULLA_TOO_LARGE, "a key of more than %d bytes", BULLA_DRAFT_MEMORY);
    *space = draft->memory.data + draft->used;
    draft->used += rounded;
    return put(draft, type, (struct bulla_bytes){*space, size}, true);
}

enum bulla_reason bulla_draft_put(struct bulla_draft *draft, CK_ATTRIBUTE_TYPE type, struct bulla_bytes value)
{
    uint8_t *space = NULL;
    BULLA_TRY(bulla_draft_space(draft, type, value.size, &space));
    if (value.size)
        memcpy(space, value.data, value.size);
    return BULLA_OK;
}

enum bulla_reason bulla_draft_put_ulong(struct bulla_draft *draft, CK_ATTRIBUTE_TYPE type, CK_ULONG value)
{
    return bulla_draft_put(draft, type, (struct bulla_bytes){(const uint8_t *)&value, sizeof value});
}
