/* A software TPM of the test's own: swtpm on a unix socket in a folder of its own. Needs libc only.
 *
 *     struct test_swtpm tpm;
 *     if (!test_swtpm_available())
 *         return test_skip("swtpm");
 *     test_swtpm_start(&tpm);          … tpm.tcti goes into bulla.conf or a request …
 *     test_swtpm_finish(&tpm);
 *
 * Whatever can't be done aborts the test program. The TPM dies with the thread that started it. One client at a time:
 * the functions that send a command connect, and so wait for whoever is connected. */
#ifndef BULLA_TESTS_SWTPM_H
#define BULLA_TESTS_SWTPM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct test_swtpm {
    char folder[64]; /* state, socket and log */
    char socket[96]; /* below the 108 bytes that a unix socket's path may have */
    char tcti[128];  /* "swtpm:path=…" */
    pid_t pid;       /* 0 while it does not run */
    /* Of one with endorsement certificates: its maker's certificates in PEM. */
    char root[96], issuer[96];
};

bool test_swtpm_available(void);
/* Whether TPMs with endorsement certificates can be made: swtpm_setup, swtpm_localca and certtool. */
bool test_swtpm_setup_available(void);

/* A new TPM with an empty state, started up; returns when it answers. */
void test_swtpm_start(struct test_swtpm *tpm);
/* The same as its maker ships it: with an RSA 2048 and an ECC P-384 endorsement certificate in NV, by a maker of its
 * own (a root and an issuer below it, made anew by swtpm_localca), and PCRs in the SHA-256 and the SHA-384 bank. */
void test_swtpm_start_endorsed(struct test_swtpm *tpm);
/* TPM2_Shutdown and SIGTERM; the state stays. */
void test_swtpm_stop(struct test_swtpm *tpm);
/* SIGKILL: the TPM counts it as a failed authorisation once it is restarted with a protected object in use. */
void test_swtpm_kill(struct test_swtpm *tpm);
/* SIGSTOP and SIGCONT: a TPM that hangs. */
void test_swtpm_freeze(struct test_swtpm *tpm);
void test_swtpm_thaw(struct test_swtpm *tpm);
/* Runs it again on the same state after stop or kill: all PCRs are back at their first values (TPM2_Startup(CLEAR)). */
void test_swtpm_restart(struct test_swtpm *tpm);
/* Stops it if it runs and removes the folder. */
void test_swtpm_finish(struct test_swtpm *tpm);

/* Extends a PCR of the SHA-256 bank with 32 bytes, all `byte`; and reads one. */
void test_swtpm_extend(const struct test_swtpm *tpm, unsigned pcr, uint8_t byte);
void test_swtpm_pcr(const struct test_swtpm *tpm, unsigned pcr, uint8_t value[static 32]);

/* One raw command on a connection of its own; returns the size of the response. Aborts on no answer within 10 s, but
 * not on a response code: bytes 6 to 9 of the response. */
size_t test_swtpm_command(
    const struct test_swtpm *tpm, const uint8_t *command, size_t size, uint8_t *response, size_t capacity);

#endif
