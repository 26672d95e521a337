/* What an authority signs: a policy bundle, a grant or a revocation, from a file, verified; and into a token. */
#ifndef BULLA_TOOLS_DOCUMENT_H
#define BULLA_TOOLS_DOCUMENT_H

#include "client.h"
#include "evidence/policy.h"

struct bulla_document {
    enum bulla_policy_document kind;
    uint8_t *data; /* the whole file */
    size_t size;
    const uint8_t *authority; /* 65 bytes, inside one of these: */
    struct bulla_policy *policy;
    struct bulla_grant *grants; /* a policy's, taken apart, or the one of a grant */
    size_t grant_count;
    struct bulla_grant_document *grant;
    struct bulla_revocation *revocation;
};

/* Of any of the three kinds, by `authority`, or, where that is empty, by the one that the document names. Everything is
 * freed by close, also after a refusal. */
enum bulla_reason bulla_document_open(
    struct bulla_document *document, const char *path, struct bulla_bytes authority) BULLA_MUST_USE;
/* BULLA_ARGUMENT: it is of another kind. */
enum bulla_reason bulla_document_open_as(struct bulla_document *document, const char *path,
    enum bulla_policy_document kind, struct bulla_bytes authority) BULLA_MUST_USE;
void bulla_document_close(struct bulla_document *document);

const char *bulla_document_name(enum bulla_policy_document kind); /* "policy" */

/* Puts it into the token that `call` names, logging in. */
enum bulla_reason bulla_document_load(const struct bulla_call *call, struct bulla_bytes document) BULLA_MUST_USE;

#endif
