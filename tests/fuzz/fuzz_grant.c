/* Grants and revocations that stand alone, as they are and as an authority would have signed them (authority_one.h). */
#include "fuzz.h"

#include <string.h>

#include "authority_one.h"
#include "evidence/grant.h"

static const struct bulla_bytes anyone = {NULL, 0};

/* A grant's map is written again as it stood in its document: there is one form. */
static void check_form(struct bulla_bytes bytes, const struct bulla_grant *grant)
{
    uint8_t again[BULLA_GRANT_DOCUMENT_LARGEST];
    struct bulla_writer writer;
    bulla_writer_open(&writer, again, sizeof again);
    bulla_grant_write_map(&writer, grant);
    FUZZ_CHECK(bulla_writer_finish(&writer, "grant") == BULLA_OK);
    FUZZ_CHECK(memmem(bytes.data, bytes.size, again, writer.size) != NULL);
}

static void check_grant(struct bulla_bytes bytes)
{
    static const uint8_t nobody[65] = {4};
    struct bulla_grant_document document;
    if (bulla_grant_read(bytes, anyone, &document) != BULLA_OK) {
        FUZZ_CHECK(document.authority[0] == 0 && document.grant.operations == 0);
        return;
    }
    const struct bulla_grant *grant = &document.grant;
    FUZZ_CHECK(grant->operations && !(grant->operations & ~(uint32_t)BULLA_MAY_ALL));
    FUZZ_CHECK(grant->not_after && grant->not_after >= grant->not_before);
    FUZZ_CHECK(!grant->rate == !grant->rate_seconds && grant->object_size <= BULLA_GRANT_OBJECT_LARGEST);
    FUZZ_CHECK(grant->who.kind != BULLA_PRINCIPAL_NOBODY && grant->who.kind < BULLA_PRINCIPAL_KINDS);
    check_form(bytes, grant);
    FUZZ_CHECK(bulla_policy_document_kind(bytes) == BULLA_DOCUMENT_GRANT);
    FUZZ_CHECK(bulla_grant_read(bytes, BULLA_BYTES(nobody), &document) == BULLA_POLICY_AUTHORITY);
}

static void check_revocation(struct bulla_bytes bytes)
{
    struct bulla_revocation revocation;
    if (bulla_revocation_read(bytes, anyone, &revocation) != BULLA_OK) {
        FUZZ_CHECK(revocation.authority[0] == 0 && revocation.count == 0);
        return;
    }
    FUZZ_CHECK(revocation.count >= 1 && revocation.count <= sizeof revocation.ids / BULLA_GRANT_ID);
    for (size_t i = 1; i < revocation.count; i++)
        FUZZ_CHECK(memcmp(revocation.ids[i - 1], revocation.ids[i], BULLA_GRANT_ID) < 0);
    FUZZ_CHECK(bulla_policy_document_kind(bytes) == BULLA_DOCUMENT_REVOCATION);
}

/* Text, too: what an option may say. */
static void check_operations(struct bulla_bytes bytes)
{
    char text[128];
    uint32_t mask = 1;
    if (bytes.size >= sizeof text)
        return;
    memcpy(text, bytes.data, bytes.size);
    text[bytes.size] = '\0';
    FUZZ_CHECK((bulla_grant_operations_parse(text, &mask) == BULLA_OK) == (mask != 0));
    FUZZ_CHECK(!(mask & ~(uint32_t)BULLA_MAY_ALL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t memory[2 * BULLA_GRANT_DOCUMENT_LARGEST];
    struct bulla_bytes bytes = {data, size};
    if (size)
        check_operations(bytes);
    check_grant(bytes);
    check_revocation(bytes);
    if (authority_one_sign(&bytes, memory, sizeof memory)) {
        check_grant(bytes);
        check_revocation(bytes);
    }
    return 0;
}
