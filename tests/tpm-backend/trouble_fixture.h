/* What the tests of trouble with a TPM share: a proxy in front of the program's TPM, blobs that were sealed before
 * anything went wrong, and every call of the backend, to be made while something does.
 *
 * trouble_begin makes all of it once for the program, and uses the token's leaf once, and trouble_end gives it back;
 * trouble_approve goes before each test. What stands below is read by the tests and changed by none, but for `proxy`,
 * which says what goes wrong, `approval`, which is made anew where PCRs change, and `opened`. */
#ifndef BULLA_TESTS_TPM_TROUBLE_FIXTURE_H
#define BULLA_TESTS_TPM_TROUBLE_FIXTURE_H

#include "fixture.h"
#include "proxy.h"

enum { DEADLINE_MS = 300, SLACK_MS = 1500 /* the grace for flushing, and a slow machine */ };
enum { PCR = 10 /* not 16 or 23: the TPM does not count their changes */ };

/* TPM 2.0 part 2, 6.5.2 */
enum {
    CC_CREATE_PRIMARY = 0x131,
    CC_NV_INCREMENT = 0x134,
    CC_CREATE = 0x153,
    CC_LOAD = 0x157,
    CC_QUOTE = 0x158,
    CC_UNSEAL = 0x15e,
    CC_START_SESSION = 0x176,
    CC_POLICY_PCR = 0x17f,
};

extern struct proxy proxy;
extern uint8_t share[32], auth[32];
extern EVP_PKEY *authority;
extern uint8_t point[65];                 /* the authority's */
extern struct bulla_approval approval;    /* of PCR `PCR` */
extern struct blob object_blob, key_blob; /* `share` under the approval; an attestation key */
extern uint8_t opened[32];                /* what the call gave out that opened last; 0xff before it */

int trouble_begin(void **state);
int trouble_approve(void **state); /* nothing goes wrong, and the state is approved */
int trouble_end(void **state);

/* A request for the object's leaf, through the proxy. */
struct bulla_leaf_request proxied_object(void);

/* Every call of the backend, through the proxy. */
enum {
    CALL_TOKEN_SEAL,
    CALL_OBJECT_SEAL,
    CALL_TOKEN_OPEN,
    CALL_OBJECT_OPEN,
    CALL_STATUS,
    CALL_PCR_READ,
    CALL_KEY_CREATE,
    CALL_QUOTE,
    CALL_ENDORSEMENTS,
    CALL_ACTIVATE,
    CALL_COUNTER_CREATE,
    CALL_COUNTER_READ,
    CALL_COUNTER_INCREMENT,
    CALLS,
};
struct trouble_call {
    const char *name;
    enum bulla_reason (*call)(void);
    bool opens; /* into `opened` */
};
extern const struct trouble_call calls[CALLS];

/* How many commands a call has that goes well. The first use of a protected object after a start has one more: the TPM
 * notes the use in NV and has the command sent again (TPM_RC_RETRY). */
int commands_of(size_t call);
/* Asserts that the proxy struck, that the call is refused for it, and that it gave out nothing. at: of the command, for
 * the message. */
void assert_refused(size_t call, int at, enum bulla_reason reason);
/* Asserts that no more than the deadline and the slack passed since `start` (now_ms). */
void assert_in_time(double start);

#endif
