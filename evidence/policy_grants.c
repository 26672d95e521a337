/* A bundle's grants stay encoded: a thousand of them would make every policy as large as the largest. Ascending ids
 * make them unique at the price of one comparison each, and give one bundle for one set of grants. */
#include "policy_format.h"

#include <stdlib.h>

static int by_id(const void *left, const void *right)
{
    const struct bulla_grant *a = left, *b = right;
    return memcmp(a->id, b->id, BULLA_GRANT_ID);
}

enum bulla_reason bulla_policy_grants_write(struct bulla_grant *grants, size_t count, struct bulla_writer *writer)
{
    if (count > BULLA_GRANTS_LARGEST)
        return bulla_refuse(BULLA_TOO_LARGE, "%zu grants, at most %d", count, BULLA_GRANTS_LARGEST);
    if (count)
        qsort(grants, count, sizeof *grants, by_id);
    for (size_t i = 1; i < count; i++)
        if (by_id(&grants[i - 1], &grants[i]) == 0)
            return bulla_refuse(BULLA_DUPLICATE, "two grants have one id");
    bulla_cbor_write_array(writer, count);
    for (size_t i = 0; i < count; i++)
        bulla_grant_write_map(writer, &grants[i]);
    return bulla_writer_finish(writer, "grants");
}

enum bulla_reason bulla_policy_read_grants(const struct bulla_cbor *array, struct bulla_policy *policy)
{
    struct bulla_grant grants[2]; /* this one and the one before */
    struct bulla_cbor_walk walk = bulla_cbor_inside(array);
    struct bulla_cbor item;
    if (array->number > BULLA_GRANTS_LARGEST)
        return bulla_refuse(BULLA_TOO_LARGE, "policy: more than %d grants", BULLA_GRANTS_LARGEST);
    for (size_t i = 0; bulla_cbor_next(&walk, &item); i++) {
        struct bulla_grant *grant = &grants[i % 2];
        BULLA_TRY(bulla_grant_read_map(&item, grant));
        int order = i ? by_id(grant, &grants[(i + 1) % 2]) : 1;
        if (order <= 0)
            return bulla_refuse(
                order ? BULLA_NOT_CANONICAL : BULLA_DUPLICATE, "policy: grants' ids ascend, and each comes once");
    }
    policy->restricted = true;
    policy->grants = array->encoded;
    policy->grant_count = array->number;
    return BULLA_OK;
}

enum bulla_reason bulla_policy_grants(
    const struct bulla_policy *policy, struct bulla_grant *grants, size_t capacity, size_t *count)
{
    struct bulla_cbor array, item;
    *count = 0;
    if (policy->grant_count > capacity)
        return bulla_refuse(BULLA_TOO_LARGE, "%zu grants, and room for %zu", policy->grant_count, capacity);
    if (policy->grant_count == 0)
        return BULLA_OK;
    BULLA_TRY(bulla_cbor_decode(policy->grants, "grants", &array));
    struct bulla_cbor_walk walk = bulla_cbor_inside(&array);
    while (*count < policy->grant_count && bulla_cbor_next(&walk, &item)) {
        BULLA_TRY(bulla_grant_read_map(&item, &grants[*count]));
        ++*count;
    }
    return BULLA_OK;
}
