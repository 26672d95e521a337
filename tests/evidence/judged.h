/* The result of the last judgement, for tests that judge. */
#ifndef BULLA_TESTS_JUDGED_H
#define BULLA_TESTS_JUDGED_H

#include "evidence/judgement.h"

extern struct bulla_attestation_result result;

/* Judges, and asserts what is so of every result. */
enum bulla_reason judge(const struct bulla_judgement *judgement);
/* AR4SI's claims, 0 where there is none. */
void assert_vector(int identity, int configuration, int executables, int hardware);

#endif
