/* Prints the table of mechanisms as docs/mechanisms.md shows it, from the rows themselves. */
#include <stdio.h>
#include <string.h>

#include "mech/mechanism.h"

static const struct {
    CK_FLAGS flag;
    const char *name;
} functions[] = {
    {CKF_ENCRYPT, "encrypt"},
    {CKF_DECRYPT, "decrypt"},
    {CKF_MESSAGE_ENCRYPT, "message encrypt"},
    {CKF_MESSAGE_DECRYPT, "message decrypt"},
    {CKF_DIGEST, "digest"},
    {CKF_SIGN, "sign"},
    {CKF_VERIFY, "verify"},
    {CKF_SIGN_RECOVER, "sign-recover"},
    {CKF_VERIFY_RECOVER, "verify-recover"},
    {CKF_GENERATE, "generate"},
    {CKF_GENERATE_KEY_PAIR, "generate pair"},
    {CKF_WRAP, "wrap"},
    {CKF_UNWRAP, "unwrap"},
    {CKF_DERIVE, "derive"},
    {CKF_ENCAPSULATE, "encapsulate"},
    {CKF_DECAPSULATE, "decapsulate"},
};

static void print_functions(CK_FLAGS flags)
{
    const char *mark = "";
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        if (flags & functions[i].flag) {
            (void)printf("%s%s", mark, functions[i].name);
            mark = ", ";
        }
}

static void print_keys(const struct bulla_key_rule *rule)
{
    for (unsigned i = 0; rule && i < rule->count; i++) {
        const struct bulla_key_kind *kind = bulla_key_kind_find(rule->types[i]);
        (void)printf("%s%s", i ? ", " : "", kind ? kind->name : "?");
    }
    if (!rule)
        (void)printf("–");
}

static void print_sizes(const CK_MECHANISM_INFO *info)
{
    if (!info->ulMaxKeySize)
        (void)printf("–");
    else if (info->ulMinKeySize == info->ulMaxKeySize)
        (void)printf("%lu", info->ulMaxKeySize);
    else
        (void)printf("%lu to %lu", info->ulMinKeySize, info->ulMaxKeySize);
}

int main(void)
{
    size_t count;
    bulla_mechanisms_sort();
    const struct bulla_mechanism *const *rows = bulla_mechanisms(&count);
    (void)printf("| mechanism | functions | keys | key sizes | parameter |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < count; i++) {
        if (rows[i]->type & CKM_VENDOR_DEFINED)
            continue;
        (void)printf("| %s | ", rows[i]->name);
        print_functions(rows[i]->info.flags);
        (void)printf(" | ");
        print_keys(rows[i]->keys);
        (void)printf(" | ");
        print_sizes(&rows[i]->info);
        (void)printf(" | %s |\n", rows[i]->parameter ? rows[i]->parameter : "–");
    }
    return 0;
}
