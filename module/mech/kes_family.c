/* Key-evolving signatures: the kind of their keys, and their mechanisms. Sizes are depths. */
#include "families.h"
#include "kes.h"

static const CK_ATTRIBUTE_TYPE needs[] = {CKA_VALUE, 0};
static const CK_ATTRIBUTE_TYPE uses[] = {CKA_SIGN, CKA_VERIFY, 0};

/* No form to be wrapped in: what is wrapped could come back in a period that is past. */
static const struct bulla_key_kind kinds[] = {
    {BULLA_KEY_KIND(CKK_BULLA_KES), .public_needs = needs, .private_needs = needs, .uses = uses,
        .complete = bulla_kes_key_complete, .open = bulla_kes_key_open},
};

static const struct bulla_key_rule keys = {.pair = true, .count = 1, .types = {CKK_BULLA_KES}};
static const enum bulla_kes_scheme sum = BULLA_KES_SUM, compact = BULLA_KES_COMPACT;

#define SIGN_ROW(its_type, its_scheme)                                                                                 \
    {                                                                                                                  \
        .type = (its_type), .name = #its_type, .info = {0, BULLA_KES_DEPTH_LARGEST, CKF_SIGN | CKF_VERIFY},            \
        .keys = &keys, .detail = &(its_scheme), .processors = {                                                        \
            [BULLA_SIGN] = &bulla_kes_processor,                                                                       \
            [BULLA_VERIFY] = &bulla_kes_processor                                                                      \
        }                                                                                                              \
    }

static const struct bulla_mechanism rows[] = {
    {BULLA_MECHANISM(CKM_BULLA_KES_KEY_PAIR_GEN), .info = {0, BULLA_KES_DEPTH_LARGEST, CKF_GENERATE_KEY_PAIR},
        .keys = &keys, .generate_pair = bulla_kes_key_generate},
    SIGN_ROW(CKM_BULLA_KES_SUM, sum),
    SIGN_ROW(CKM_BULLA_KES_COMPACT, compact),
};

const struct bulla_family bulla_kes_family = {
    .name = "kes",
    .mechanisms = rows,
    .count = sizeof rows / sizeof rows[0],
    .kinds = kinds,
    .kind_count = sizeof kinds / sizeof kinds[0],
};
