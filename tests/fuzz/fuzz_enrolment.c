/* The documents of an enrolment. One is taken by one format at most; what is written of one that was taken is taken
 * again; bytes fit what was asked for, and are the same bytes when they are written in hex again. */
#include "fuzz.h"

#include <string.h>

#include "tools/enrolment.h"

enum { BYTES_LARGEST = 4096 };

static void bytes_check(const json_t *document, const char *member)
{
    uint8_t bytes[BYTES_LARGEST];
    size_t size = 0;
    if (bulla_enrolment_bytes(document, member, 1, sizeof bytes, bytes, &size) != BULLA_OK)
        return;
    FUZZ_CHECK(size >= 1 && size <= sizeof bytes);
    json_t *hex = bulla_enrolment_hex((struct bulla_bytes){bytes, size});
    const char *again = json_string_value(hex);
    const char *given = json_string_value(json_object_get(document, member));
    FUZZ_CHECK(again && given && strcasecmp(again, given) == 0);
    json_decref(hex);
}

static bool is_taken(struct bulla_bytes text, const struct bulla_enrolment_format *format)
{
    json_t *document = NULL, *again = NULL;
    if (bulla_enrolment_parse(text, "the input", format, &document) != BULLA_OK) {
        FUZZ_CHECK(document == NULL);
        return false;
    }
    for (size_t i = 0; format->members[i]; i++)
        bytes_check(document, format->members[i]);
    char *written = json_dumps(document, JSON_COMPACT);
    FUZZ_CHECK(written != NULL);
    FUZZ_CHECK(bulla_enrolment_parse(BULLA_TEXT(written), "what was written", format, &again) == BULLA_OK);
    free(written);
    json_decref(again);
    json_decref(document);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct bulla_enrolment_format *const formats[] = {
        &bulla_enrolment_request, &bulla_enrolment_challenge, &bulla_enrolment_answer, &bulla_enrolment_state};
    unsigned taken = 0;
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        taken += is_taken((struct bulla_bytes){data, size}, formats[i]);
    FUZZ_CHECK(taken <= 1);
    return 0;
}
