/* Checks that each of the four schemes must stand, and those of them that have a tree: tables of names and functions,
 * which test_kes_schemes.c runs over the schemes. */
#ifndef BULLA_TESTS_KES_CHECKS_H
#define BULLA_TESTS_KES_CHECKS_H

#include "kes_signer.h"

struct scheme {
    const char *name;
    enum bulla_kes_scheme kind;
    unsigned depth;
    const char *prefix; /* of its files in tests/vectors/kes */
    size_t raw_size, signature_size;
};
static inline unsigned scheme_periods(const struct scheme *scheme)
{
    return 1U << scheme->depth;
}
/* A period in the right half, neither its first nor its last; in the schemes without a tree, the only one. */
static inline unsigned scheme_middle(const struct scheme *scheme)
{
    return 41 % scheme_periods(scheme);
}

struct check {
    const char *name;
    void (*run)(const struct scheme *scheme);
    unsigned depth_least;
};
#define CHECK(function)                                                                                                \
    {                                                                                                                  \
#function, function, 0                                                                                         \
    }
#define CHECK_OF_TREES(function)                                                                                       \
    {                                                                                                                  \
#function, function, 1                                                                                         \
    }
extern const struct check kes_key_checks[], kes_import_checks[], kes_signature_checks[], kes_verify_checks[];
extern const size_t kes_key_check_count, kes_import_check_count, kes_signature_check_count, kes_verify_check_count;

#endif
