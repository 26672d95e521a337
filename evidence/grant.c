/* One grant as a map. Nothing in it has two forms: what is not limited is left out, never zero or empty, and a
 * principal's text is the one that its value is written as. */
#include "grant_format.h"

#include "signed_document.h"

static const char *const operations[] = {
    "infer", "seal", "sign", "decrypt", "encrypt", "verify", "derive", "wrap", "unwrap"};
enum { OPERATIONS = sizeof operations / sizeof operations[0] };
_Static_assert(BULLA_MAY_ALL == (1 << OPERATIONS) - 1, "a name for each operation");

const char *bulla_grant_operation_name(enum bulla_grant_operation operation)
{
    for (size_t i = 0; i < OPERATIONS; i++)
        if ((uint32_t)operation == UINT32_C(1) << i)
            return operations[i];
    return NULL;
}

static uint32_t operation_named(struct bulla_bytes name)
{
    for (size_t i = 0; i < OPERATIONS; i++)
        if (bulla_bytes_equal_text(name, operations[i]))
            return UINT32_C(1) << i;
    return bulla_bytes_equal_text(name, "all") ? BULLA_MAY_ALL : 0;
}

enum bulla_reason bulla_grant_operations_parse(const char *text, uint32_t *mask)
{
    *mask = 0;
    for (const char *at = text;; at++) {
        size_t size = strcspn(at, ",");
        uint32_t one = operation_named((struct bulla_bytes){(const uint8_t *)at, size});
        if (!one || *mask & one) {
            *mask = 0;
            return bulla_refuse(BULLA_ARGUMENT, "'%.20s' in '%.80s': %s", at, text,
                one ? "an operation comes twice"
                    : "no operation, which are infer, seal, sign, decrypt, encrypt, "
                      "verify, derive, wrap, unwrap, or all of them: all");
        }
        *mask |= one;
        at += size;
        if (*at == '\0')
            return BULLA_OK;
    }
}

void bulla_grant_write_map(struct bulla_writer *writer, const struct bulla_grant *grant)
{
    char who[BULLA_PRINCIPAL_TEXT];
    bool object = grant->object_size != 0, counted = grant->uses != 0, paced = grant->rate || grant->rate_seconds;
    bulla_principal_text(&grant->who, who);
    bulla_cbor_write_map(writer, 5 + (size_t)object + counted + 2 * (size_t)paced);
    bulla_signed_bytes(writer, GRANT_ID, BULLA_BYTES(grant->id));
    bulla_signed_text(writer, GRANT_WHO, BULLA_TEXT(who));
    bulla_signed_number(writer, GRANT_OPERATIONS, grant->operations);
    bulla_signed_number(writer, GRANT_NOT_BEFORE, grant->not_before);
    bulla_signed_number(writer, GRANT_NOT_AFTER, grant->not_after);
    if (object)
        bulla_signed_bytes(writer, GRANT_OBJECT, (struct bulla_bytes){grant->object, grant->object_size});
    if (counted)
        bulla_signed_number(writer, GRANT_USES, grant->uses);
    if (paced) {
        bulla_signed_number(writer, GRANT_RATE, grant->rate);
        bulla_signed_number(writer, GRANT_RATE_SECONDS, grant->rate_seconds);
    }
}

/* A grant has one encoding, of which a grant's document has room for more than one. */
bool bulla_grant_same(const struct bulla_grant *left, const struct bulla_grant *right)
{
    uint8_t memory[2][BULLA_GRANT_DOCUMENT_LARGEST];
    struct bulla_writer writers[2];
    if (memcmp(left->id, right->id, sizeof left->id) != 0)
        return false;
    bulla_writer_open(&writers[0], memory[0], sizeof memory[0]);
    bulla_writer_open(&writers[1], memory[1], sizeof memory[1]);
    bulla_grant_write_map(&writers[0], left);
    bulla_grant_write_map(&writers[1], right);
    return bulla_bytes_equal(bulla_writer_bytes(&writers[0]), bulla_writer_bytes(&writers[1]));
}

static enum bulla_reason take_who(const struct bulla_cbor *value, struct bulla_principal *who)
{
    char text[BULLA_PRINCIPAL_TEXT];
    BULLA_TRY(bulla_principal_parse(value->string, who));
    bulla_principal_text(who, text);
    if (!bulla_bytes_equal_text(value->string, text))
        return bulla_refuse(BULLA_NOT_CANONICAL, "grant: the principal is written '%s'", text);
    return BULLA_OK;
}

static enum bulla_reason take_limits(const struct bulla_cbor value[static GRANT_KEYS], struct bulla_grant *grant)
{
    grant->not_before = value[GRANT_NOT_BEFORE].number;
    grant->not_after = value[GRANT_NOT_AFTER].number;
    grant->uses = value[GRANT_USES].number;
    grant->rate = (uint32_t)value[GRANT_RATE].number;
    grant->rate_seconds = (uint32_t)value[GRANT_RATE_SECONDS].number;
    if (grant->not_after == 0 || grant->not_after < grant->not_before)
        return bulla_refuse(BULLA_MALFORMED, "grant: it is never valid, or for ever");
    if ((grant->rate == 0) != (grant->rate_seconds == 0))
        return bulla_refuse(BULLA_MALFORMED, "grant: a rate is so many uses in so many seconds");
    return BULLA_OK;
}

static enum bulla_reason read_map(const struct bulla_cbor *map, struct bulla_grant *grant)
{
    struct bulla_cbor value[GRANT_KEYS];
    const struct bulla_cbor_field fields[GRANT_KEYS] = {
        {GRANT_ID, NULL, BULLA_CBOR_BSTR, false, &value[GRANT_ID], BULLA_GRANT_ID, BULLA_GRANT_ID},
        {GRANT_WHO, NULL, BULLA_CBOR_TSTR, false, &value[GRANT_WHO], 1, BULLA_PRINCIPAL_TEXT - 1},
        {GRANT_OPERATIONS, NULL, BULLA_CBOR_UINT, false, &value[GRANT_OPERATIONS], 1, BULLA_MAY_ALL},
        {GRANT_NOT_BEFORE, NULL, BULLA_CBOR_UINT, false, &value[GRANT_NOT_BEFORE], 0, 0},
        {GRANT_NOT_AFTER, NULL, BULLA_CBOR_UINT, false, &value[GRANT_NOT_AFTER], 0, 0},
        {GRANT_OBJECT, NULL, BULLA_CBOR_BSTR, true, &value[GRANT_OBJECT], 1, BULLA_GRANT_OBJECT_LARGEST},
        {GRANT_USES, NULL, BULLA_CBOR_UINT, true, &value[GRANT_USES], 1, SIZE_MAX},
        {GRANT_RATE, NULL, BULLA_CBOR_UINT, true, &value[GRANT_RATE], 1, UINT32_MAX},
        {GRANT_RATE_SECONDS, NULL, BULLA_CBOR_UINT, true, &value[GRANT_RATE_SECONDS], 1, UINT32_MAX},
    };
    for (size_t i = GRANT_OBJECT; i < GRANT_KEYS; i++)
        value[i] = (struct bulla_cbor){.kind = BULLA_CBOR_NULL}; /* absent: a size and number of 0 */
    BULLA_TRY(bulla_cbor_fields(map, fields, GRANT_KEYS, "grant"));
    memcpy(grant->id, value[GRANT_ID].string.data, sizeof grant->id);
    BULLA_TRY(take_who(&value[GRANT_WHO], &grant->who));
    grant->operations = (uint32_t)value[GRANT_OPERATIONS].number;
    grant->object_size = (uint8_t)value[GRANT_OBJECT].string.size;
    if (grant->object_size)
        memcpy(grant->object, value[GRANT_OBJECT].string.data, grant->object_size);
    return take_limits(value, grant);
}

enum bulla_reason bulla_grant_read_map(const struct bulla_cbor *map, struct bulla_grant *grant)
{
    memset(grant, 0, sizeof *grant);
    enum bulla_reason reason = read_map(map, grant);
    if (reason != BULLA_OK)
        memset(grant, 0, sizeof *grant);
    return reason;
}
