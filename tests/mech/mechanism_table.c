/* Prints the table of mechanisms as docs/mechanisms.md shows it, from the rows themselves. */
#include <stdio.h>
#include <stdlib.h>
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

/* Also of a kind that the library at hand does not have. */
static const char *kind_name(CK_KEY_TYPE type)
{
    for (size_t i = 0; bulla_families[i]; i++)
        for (size_t j = 0; j < bulla_families[i]->kind_count; j++)
            if (bulla_families[i]->kinds[j].type == type)
                return bulla_families[i]->kinds[j].name;
    return "?";
}

static void print_keys(const struct bulla_key_rule *rule)
{
    for (unsigned i = 0; rule && i < rule->count; i++)
        (void)printf("%s%s", i ? ", " : "", kind_name(rule->types[i]));
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

static int by_type(const void *left, const void *right)
{
    CK_MECHANISM_TYPE a = (*(const struct bulla_mechanism *const *)left)->type;
    CK_MECHANISM_TYPE b = (*(const struct bulla_mechanism *const *)right)->type;
    return (a > b) - (a < b);
}

static void print_row(const struct bulla_mechanism *row)
{
    (void)printf("| %s | ", row->name);
    print_functions(row->info.flags);
    (void)printf(" | ");
    print_keys(row->keys);
    (void)printf(" | ");
    print_sizes(&row->info);
    (void)printf(" | %s |\n", row->parameter ? row->parameter : "–");
}

/* The rows of the families that are always there, or of those that a library may lack. */
static void print_table(bool conditional)
{
    static const struct bulla_mechanism *rows[512];
    size_t count = 0;
    for (size_t i = 0; bulla_families[i]; i++)
        for (size_t j = 0; (bulla_families[i]->present != NULL) == conditional && j < bulla_families[i]->count; j++)
            if (!(bulla_families[i]->mechanisms[j].type & CKM_VENDOR_DEFINED) && count < 512)
                rows[count++] = &bulla_families[i]->mechanisms[j];
    qsort(rows, count, sizeof rows[0], by_type); /* NOLINT(bugprone-sizeof-expression): of pointers */
    (void)printf("| mechanism | functions | keys | key sizes | parameter |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < count; i++)
        print_row(rows[i]);
}

int main(void)
{
    print_table(false);
    (void)printf("\nOnly where the OpenSSL that the module finds is 3.5 or later:\n\n");
    print_table(true);
    return 0;
}
