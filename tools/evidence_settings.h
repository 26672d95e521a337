/* What the commands that judge evidence have in common: what the user trusts and expects, from options and files. */
#ifndef BULLA_TOOLS_EVIDENCE_SETTINGS_H
#define BULLA_TOOLS_EVIDENCE_SETTINGS_H

#include "certificates.h"
#include "evidence/judgement.h"
#include "options.h"

struct bulla_evidence_settings {
    struct bulla_common common;
    struct bulla_hex nonce, attestation_key;
    struct bulla_list roots;
    const char *certificates, *collateral, *revocations, *policy, *authority, *purpose, *at;
    uint64_t max_age;
};

/* Rows of a command whose settings begin with struct bulla_evidence_settings. */
#define BULLA_EVIDENCE_AT(member) offsetof(struct bulla_evidence_settings, member)
#define BULLA_EVIDENCE_OPTIONS                                                                                         \
    {"nonce", 'n', "HEX", "the nonce that the evidence must carry", BULLA_OPTION_HEX, BULLA_EVIDENCE_AT(nonce), 8, 64, \
        false},                                                                                                        \
        {"purpose", 0, "NAME", "what it must have been made for: attest, receipt or release", BULLA_OPTION_TEXT,       \
            BULLA_EVIDENCE_AT(purpose), 0, 0, false},                                                                  \
        {"attestation-key", 'a', "HEX", "TPM name of the attestation key that you trust", BULLA_OPTION_HEX,            \
            BULLA_EVIDENCE_AT(attestation_key), 34, 66, false},                                                        \
        {"root", 'r', "FILE", "a root certificate that you trust beside the built-in ones; repeatable",                \
            BULLA_OPTION_LIST, BULLA_EVIDENCE_AT(roots), 0, BULLA_EXTRA_ROOTS, false},                                 \
        {"certificates", 'c', "FILE", "certificates that help: VCEK, ASK, ARK (PEM or DER)", BULLA_OPTION_TEXT,        \
            BULLA_EVIDENCE_AT(certificates), 0, 0, false},                                                             \
        {"collateral", 0, "FILE", "Intel's TCB information (JSON)", BULLA_OPTION_TEXT, BULLA_EVIDENCE_AT(collateral),  \
            0, 0, false},                                                                                              \
        {"revocations", 0, "FILE", "revocation lists (PEM or DER)", BULLA_OPTION_TEXT, BULLA_EVIDENCE_AT(revocations), \
            0, 0, false},                                                                                              \
        {"policy", 'p', "FILE", "a policy bundle that must accept what was measured", BULLA_OPTION_TEXT,               \
            BULLA_EVIDENCE_AT(policy), 0, 0, false},                                                                   \
        {"authority", 0, "KEY", "the authority that must have signed the policy", BULLA_OPTION_TEXT,                   \
            BULLA_EVIDENCE_AT(authority), 0, 0, false},                                                                \
        {"at", 0, "TIME", "judge at this time, or at the evidence's \"own\" (default: now)", BULLA_OPTION_TEXT,        \
            BULLA_EVIDENCE_AT(at), 0, 0, false},                                                                       \
    {                                                                                                                  \
        "max-age", 0, "SECONDS", "how old evidence that states its time may be (default 300)", BULLA_OPTION_NUMBER,    \
            BULLA_EVIDENCE_AT(max_age), 1, 0, false                                                                    \
    }

/* A judgement with everything it points to, which lives until it is closed. */
struct bulla_question {
    struct bulla_judgement judgement;
    struct bulla_attestation_result result;
    uint8_t *evidence, *certificates, *collateral, *revocations, *bundle;
    struct bulla_policy *policy;
    struct bulla_certificates roots;
};
/* Reads `path` and whatever the settings name. Close it in any case. BULLA_ARGUMENT, BULLA_FILE, what a policy or a
 * root is refused for. */
enum bulla_reason bulla_question_open(
    struct bulla_question **question, const struct bulla_evidence_settings *settings, const char *path) BULLA_MUST_USE;
void bulla_question_close(struct bulla_question *question);
/* "What was asked for", for people: lines about what was not checked, because nobody asked. */
void bulla_question_remarks(const struct bulla_question *question);

#endif
