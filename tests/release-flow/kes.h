/* Keys that evolve, of the flow's token. */
#ifndef BULLA_TESTS_FLOW_KES_H
#define BULLA_TESTS_FLOW_KES_H

#include "crypto/kes.h"
#include "flow.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

enum { FLOW_KES_NONE = -1 };
/* How a key is made; zeros are what most tests want: depth 6, no clock. */
struct flow_kes_settings {
    const char *label;
    int depth;             /* 0: the standard one; FLOW_KES_NONE: 0 */
    CK_ULONG start, slots; /* the chain's clock, in slots of a second; slots 0: none */
    bool readable;
};
/* C_GenerateKeyPair; both halves carry the label. */
CK_RV flow_kes_generate(const struct flow_kes_settings *settings, CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *key);
/* A key of this depth, labelled "kes", and the value of its public half; both halves in the next flow_resume. */
void flow_kes_make(int depth, CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *key, uint8_t value[static 32]);
void flow_kes_resume(CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *key);
/* C_CreateObject of a private key. */
CK_RV flow_kes_import(const void *form, size_t size, CK_ULONG period, const char *label, CK_OBJECT_HANDLE *key);
CK_RV flow_kes_import_public(const uint8_t value[static 32], CK_ULONG depth, CK_OBJECT_HANDLE *key);

struct flow_kes_signature {
    uint8_t bytes[BULLA_KES_SIGNATURE_LARGEST];
    CK_ULONG size;
};
CK_RV flow_kes_sign(
    CK_OBJECT_HANDLE key, CK_MECHANISM_TYPE mechanism, const char *message, struct flow_kes_signature *signature);
CK_RV flow_kes_verify(
    CK_OBJECT_HANDLE key, CK_MECHANISM_TYPE mechanism, const char *message, const struct flow_kes_signature *signature);
/* In which period a Sum signature over the message is one of this depth's key; -1: in none. */
int flow_kes_period_of(
    const uint8_t key[static 32], unsigned depth, const char *message, const struct flow_kes_signature *signature);

/* A Sum key of depth 6, and so a standard one, is in this period and signs in it. */
void flow_kes_assert_signs_in(CK_OBJECT_HANDLE key, const uint8_t value[static 32], CK_ULONG period);

CK_RV flow_kes_evolve(CK_OBJECT_HANDLE key, CK_ULONG period);
CK_ULONG flow_kes_period(CK_OBJECT_HANDLE key);
/* tests/vectors/kes/<name>, malloc'd. */
uint8_t *flow_kes_vector(const char *name, size_t *size);

#endif
