#include "document.h"

#include <stdlib.h>

#include "file.h"
#include "output.h"

static enum bulla_reason have(const void *memory)
{
    return memory ? BULLA_OK : bulla_refuse(BULLA_OUT_OF_MEMORY, "for a signed document");
}

static enum bulla_reason policy_open(
    struct bulla_document *document, struct bulla_bytes bytes, struct bulla_bytes authority)
{
    BULLA_TRY(have(document->policy = calloc(1, sizeof *document->policy)));
    BULLA_TRY(bulla_policy_read(bytes, authority, document->policy));
    document->authority = document->policy->authority;
    size_t count = document->policy->grant_count;
    BULLA_TRY(have(document->grants = calloc(count ? count : 1, sizeof *document->grants)));
    return bulla_policy_grants(document->policy, document->grants, count, &document->grant_count);
}

static enum bulla_reason grant_open(
    struct bulla_document *document, struct bulla_bytes bytes, struct bulla_bytes authority)
{
    BULLA_TRY(have(document->grant = calloc(1, sizeof *document->grant)));
    BULLA_TRY(have(document->grants = calloc(1, sizeof *document->grants)));
    BULLA_TRY(bulla_grant_read(bytes, authority, document->grant));
    document->authority = document->grant->authority;
    document->grants[0] = document->grant->grant;
    document->grant_count = 1;
    return BULLA_OK;
}

static enum bulla_reason revocation_open(
    struct bulla_document *document, struct bulla_bytes bytes, struct bulla_bytes authority)
{
    BULLA_TRY(have(document->revocation = calloc(1, sizeof *document->revocation)));
    BULLA_TRY(bulla_revocation_read(bytes, authority, document->revocation));
    document->authority = document->revocation->authority;
    return BULLA_OK;
}

static enum bulla_reason unknown_open(
    struct bulla_document *document, struct bulla_bytes bytes, struct bulla_bytes authority)
{
    (void)document;
    (void)authority;
    return bulla_refuse(
        BULLA_MALFORMED, "no policy, grant or revocation, but %zu byte%s", bytes.size, bulla_plural(bytes.size));
}

static const struct {
    const char *name;
    enum bulla_reason (*open)(struct bulla_document *document, struct bulla_bytes bytes, struct bulla_bytes authority);
} kinds[] = {
    [BULLA_DOCUMENT_UNKNOWN] = {"unknown document", unknown_open},
    [BULLA_DOCUMENT_POLICY] = {"policy", policy_open},
    [BULLA_DOCUMENT_GRANT] = {"grant", grant_open},
    [BULLA_DOCUMENT_REVOCATION] = {"revocation", revocation_open},
};

const char *bulla_document_name(enum bulla_policy_document kind)
{
    return kinds[(unsigned)kind < BULLA_COUNT(kinds) ? kind : BULLA_DOCUMENT_UNKNOWN].name;
}

enum bulla_reason bulla_document_open(struct bulla_document *document, const char *path, struct bulla_bytes authority)
{
    memset(document, 0, sizeof *document);
    BULLA_TRY(bulla_file_read(path, BULLA_POLICY_LARGEST, &document->data, &document->size));
    struct bulla_bytes bytes = {document->data, document->size};
    document->kind = bulla_policy_document_kind(bytes);
    enum bulla_reason reason = kinds[document->kind].open(document, bytes, authority);
    return reason == BULLA_OK ? BULLA_OK : bulla_refuse_within(reason, "%.200s: ", path);
}

enum bulla_reason bulla_document_open_as(
    struct bulla_document *document, const char *path, enum bulla_policy_document kind, struct bulla_bytes authority)
{
    BULLA_TRY(bulla_document_open(document, path, authority));
    if (document->kind != kind)
        return bulla_refuse(BULLA_ARGUMENT, "%.200s is a %s, and a %s is needed", path,
            bulla_document_name(document->kind), bulla_document_name(kind));
    return BULLA_OK;
}

void bulla_document_close(struct bulla_document *document)
{
    free(document->policy);
    free(document->grants);
    free(document->grant);
    free(document->revocation);
    free(document->data);
    memset(document, 0, sizeof *document);
}

enum bulla_reason bulla_document_load(const struct bulla_call *call, struct bulla_bytes document)
{
    struct bulla_client client = {.session = CK_INVALID_HANDLE};
    CK_OBJECT_CLASS class = CKO_BULLA_POLICY;
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class}, {CKA_TOKEN, &yes, sizeof yes},
        {CKA_VALUE, (void *)(uintptr_t)document.data, document.size}};
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    enum bulla_reason reason = bulla_client_connect(&client, call);
    if (reason == BULLA_OK)
        reason = bulla_client_check(&client,
            client.module->C_CreateObject(client.session, template, BULLA_COUNT(template), &object),
            "loading what the authority signed");
    bulla_client_close(&client);
    return reason;
}
