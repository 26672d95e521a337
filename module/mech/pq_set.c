#include "pq_set.h"

#include "der.h"

/* FIPS 203, table 3; FIPS 204, table 2; FIPS 205, table 2. */
const struct bulla_pq_set bulla_pq_sets[BULLA_PQ_SETS] = {
    {CKK_ML_KEM, CKP_ML_KEM_512, "ML-KEM-512", {4, 1}, 800, 1632, 64, 768},
    {CKK_ML_KEM, CKP_ML_KEM_768, "ML-KEM-768", {4, 2}, 1184, 2400, 64, 1088},
    {CKK_ML_KEM, CKP_ML_KEM_1024, "ML-KEM-1024", {4, 3}, 1568, 3168, 64, 1568},
    {CKK_ML_DSA, CKP_ML_DSA_44, "ML-DSA-44", {3, 17}, 1312, 2560, 32, 2420},
    {CKK_ML_DSA, CKP_ML_DSA_65, "ML-DSA-65", {3, 18}, 1952, 4032, 32, 3309},
    {CKK_ML_DSA, CKP_ML_DSA_87, "ML-DSA-87", {3, 19}, 2592, 4896, 32, 4627},
    {CKK_SLH_DSA, CKP_SLH_DSA_SHA2_128S, "SLH-DSA-SHA2-128s", {3, 20}, 32, 64, 0, 7856},
    {CKK_SLH_DSA, CKP_SLH_DSA_SHA2_128F, "SLH-DSA-SHA2-128f", {3, 21}, 32, 64, 0, 17088},
    {CKK_SLH_DSA, CKP_SLH_DSA_SHA2_192S, "SLH-DSA-SHA2-192s", {3, 22}, 48, 96, 0, 16224},
    {CKK_SLH_DSA, CKP_SLH_DSA_SHA2_192F, "SLH-DSA-SHA2-192f", {3, 23}, 48, 96, 0, 35664},
    {CKK_SLH_DSA, CKP_SLH_DSA_SHA2_256S, "SLH-DSA-SHA2-256s", {3, 24}, 64, 128, 0, 29792},
    {CKK_SLH_DSA, CKP_SLH_DSA_SHA2_256F, "SLH-DSA-SHA2-256f", {3, 25}, 64, 128, 0, 49856},
    {CKK_SLH_DSA, CKP_SLH_DSA_SHAKE_128S, "SLH-DSA-SHAKE-128s", {3, 26}, 32, 64, 0, 7856},
    {CKK_SLH_DSA, CKP_SLH_DSA_SHAKE_128F, "SLH-DSA-SHAKE-128f", {3, 27}, 32, 64, 0, 17088},
    {CKK_SLH_DSA, CKP_SLH_DSA_SHAKE_192S, "SLH-DSA-SHAKE-192s", {3, 28}, 48, 96, 0, 16224},
    {CKK_SLH_DSA, CKP_SLH_DSA_SHAKE_192F, "SLH-DSA-SHAKE-192f", {3, 29}, 48, 96, 0, 35664},
    {CKK_SLH_DSA, CKP_SLH_DSA_SHAKE_256S, "SLH-DSA-SHAKE-256s", {3, 30}, 64, 128, 0, 29792},
    {CKK_SLH_DSA, CKP_SLH_DSA_SHAKE_256F, "SLH-DSA-SHAKE-256f", {3, 31}, 64, 128, 0, 49856},
};

enum bulla_reason bulla_pq_set_of(const struct bulla_draft *key, const struct bulla_pq_set **set)
{
    CK_ULONG number = bulla_draft_ulong(key, CKA_PARAMETER_SET, CK_UNAVAILABLE_INFORMATION);
    if (!bulla_draft_get(key, CKA_PARAMETER_SET).data)
        return bulla_refuse(BULLA_KEY_INCOMPLETE, "the template names no parameter set (CKA_PARAMETER_SET)");
    for (int i = 0; i < BULLA_PQ_SETS; i++)
        if (bulla_pq_sets[i].type == key->key_type && bulla_pq_sets[i].number == number) {
            *set = &bulla_pq_sets[i];
            return BULLA_OK;
        }
    return bulla_refuse(BULLA_PARAMETER_SET, "keys of type 0x%lx have no parameter set %lu", key->key_type, number);
}

/* 2.16.840.1.101.3.4, then the two arcs. */
void bulla_pq_algorithm(const struct bulla_pq_set *set, uint8_t algorithm[static BULLA_PQ_ALGORITHM])
{
    static const uint8_t head[] = {BULLA_DER_SEQUENCE, 11, BULLA_DER_OID, 9, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04};
    memcpy(algorithm, head, sizeof head);
    memcpy(algorithm + sizeof head, set->arcs, sizeof set->arcs);
}

const struct bulla_pq_set *bulla_pq_by_algorithm(struct bulla_bytes algorithm)
{
    uint8_t own[BULLA_PQ_ALGORITHM];
    for (int i = 0; i < BULLA_PQ_SETS; i++) {
        bulla_pq_algorithm(&bulla_pq_sets[i], own);
        if (bulla_bytes_equal(algorithm, BULLA_BYTES(own)))
            return &bulla_pq_sets[i];
    }
    return NULL;
}
