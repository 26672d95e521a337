/* The table of commands: the program's help, its completion and its manual are checked against it. */
#ifndef BULLA_TOOLS_COMMANDS_H
#define BULLA_TOOLS_COMMANDS_H

#include "options.h"

#define BULLA_COMMANDS(ROW)                                                                                            \
    ROW(init)                                                                                                          \
    ROW(status)                                                                                                        \
    ROW(why)                                                                                                           \
    ROW(model_seal)                                                                                                    \
    ROW(model_list)                                                                                                    \
    ROW(model_inspect)                                                                                                 \
    ROW(model_remove)                                                                                                  \
    ROW(infer)                                                                                                         \
    ROW(attest)                                                                                                        \
    ROW(enroll_request)                                                                                                \
    ROW(enroll_challenge)                                                                                              \
    ROW(enroll_answer)                                                                                                 \
    ROW(enroll_accept)                                                                                                 \
    ROW(evidence_verify)                                                                                               \
    ROW(evidence_explain)                                                                                              \
    ROW(receipt_verify)                                                                                                \
    ROW(policy_keygen)                                                                                                 \
    ROW(policy_sign)                                                                                                   \
    ROW(policy_show)                                                                                                   \
    ROW(policy_load)                                                                                                   \
    ROW(policy_diff)                                                                                                   \
    ROW(policy_test)                                                                                                   \
    ROW(grant)                                                                                                         \
    ROW(revoke)                                                                                                        \
    ROW(user_add)                                                                                                      \
    ROW(user_list)                                                                                                     \
    ROW(user_pin)                                                                                                      \
    ROW(user_remove)                                                                                                   \
    ROW(uses)                                                                                                          \
    ROW(kes_keygen)                                                                                                    \
    ROW(kes_import)                                                                                                    \
    ROW(kes_info)                                                                                                      \
    ROW(kes_evolve)                                                                                                    \
    ROW(kes_sign)                                                                                                      \
    ROW(kes_verify)                                                                                                    \
    ROW(kes_opcert_issue)                                                                                              \
    ROW(kes_opcert_show)                                                                                               \
    ROW(kes_export)                                                                                                    \
    ROW(kes_export_vkey)                                                                                               \
    ROW(kes_serve)                                                                                                     \
    ROW(audit_verify)                                                                                                  \
    ROW(import)                                                                                                        \
    ROW(completion)

#define BULLA_COMMAND_DECLARE(name) extern const struct bulla_command bulla_command_##name;
BULLA_COMMANDS(BULLA_COMMAND_DECLARE)
#undef BULLA_COMMAND_DECLARE

#define BULLA_COMMAND_NUMBER(name) BULLA_COMMAND_NUMBER_##name,
enum { BULLA_COMMANDS(BULLA_COMMAND_NUMBER) BULLA_COMMAND_COUNT };
#undef BULLA_COMMAND_NUMBER
extern const struct bulla_command *const bulla_commands[BULLA_COMMAND_COUNT];

/* The command whose name argv begins with, and how many words that took; NULL with a sentence recorded otherwise. */
const struct bulla_command *bulla_command_find(int argc, char **argv, int *words);

enum { BULLA_COMMAND_NAME_SIZE = 64 };
/* "kes opcert" of the words before the first option, where names of commands go on after them; false otherwise. */
bool bulla_command_group(int argc, char **argv, char group[static BULLA_COMMAND_NAME_SIZE]);
/* Whether the command's name begins with the words of the group. */
bool bulla_command_is_within(const struct bulla_command *command, const char *group);

/* `bulla --help`, `bulla kes --help` and `bulla COMMAND --help`, to standard output. */
void bulla_help_print(void);
void bulla_group_help_print(const char *group);
void bulla_command_help_print(const struct bulla_command *command);

/* Runs one command line without the program's name; returns the exit status. Prints refusals. */
int bulla_command_line(int argc, char **argv);

#endif
