/* Who may use the objects of an authority (DESIGN: Policy bundle; evidence/grant.h decides).
 *
 * The bundle in force for an object's authority has to be valid now, and may be restricted: then every operation with
 * the object needs a grant, of the bundle's own or one that stands alone beside it. It is asked for when an operation
 * really begins to compute, once for each, and the use of a counted grant is durably debited before the first byte.
 *
 * What a bundle and its grants say is kept between calls, for as long as the store shows no other; what the ledger says
 * of them is read again whenever the store has moved. */
#ifndef BULLA_CORE_GRANTS_H
#define BULLA_CORE_GRANTS_H

#include "mech/mechanism.h"
#include "uses.h"

struct bulla_object;
struct bulla_session;

enum { BULLA_GRANTS_KEPT = 8 }; /* authorities and epochs of which the grants are kept */

struct bulla_grants_of;
struct bulla_grants {
    pthread_mutex_t lock;
    struct bulla_grants_of *of[BULLA_GRANTS_KEPT];
    unsigned next; /* the place that is given up next */
};

/* Whether an authority may have a say: the object names one. */
bool bulla_grants_govern(const struct bulla_object *object);
/* One operation of the session with the object, begun now. BULLA_GRANT_…, BULLA_POLICY_…, BULLA_CLOCK_BACK. */
enum bulla_reason bulla_grants_use(
    struct bulla_session *session, const struct bulla_object *object, uint32_t operation) BULLA_MUST_USE;
/* The bit that grants have for this use of a mechanism. */
uint32_t bulla_grants_operation(const struct bulla_mechanism *row, enum bulla_function use);

void bulla_grants_open(struct bulla_token *token);
/* Nothing is known any more; and for good. */
void bulla_grants_forget(struct bulla_token *token);
void bulla_grants_close(struct bulla_token *token);

/* Each grant of each restricted bundle in force, with what the ledger says of it: for `bulla uses`. */
struct bulla_grant_state {
    const uint8_t *authority;
    uint64_t epoch;
    const struct bulla_grant *grant;
    uint64_t used; /* had by somebody, as far as this process can tell: its own remainder is not */
    bool revoked;
};
typedef void bulla_grants_visit(void *context, const struct bulla_grant_state *state);
enum bulla_reason bulla_grants_walk(struct bulla_token *token, bulla_grants_visit *visit, void *context) BULLA_MUST_USE;

/* --- grants_admit.c: stand-alone grants and revocations that are to become objects --- */
struct bulla_attribute_list;
/* Checks a grant's document and adds what it says to the list. */
enum bulla_reason bulla_grants_admit(struct bulla_token *token, struct bulla_attribute_list *list) BULLA_MUST_USE;
/* Checks a revocation, adds what it says to the list, and has it in force for good. */
enum bulla_reason bulla_grants_revoke(struct bulla_token *token, struct bulla_attribute_list *list) BULLA_MUST_USE;

#endif
