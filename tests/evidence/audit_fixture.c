#include "audit_fixture.h"

#include <stdlib.h>
#include <string.h>

struct test_ed25519 audit_key, audit_other_key;
char audit_folder[64], audit_path[128];

int audit_keys_make(void **state)
{
    (void)state;
    uint8_t seed[32] = {1};
    test_ed25519_make(&audit_key, seed);
    seed[0] = 2;
    test_ed25519_make(&audit_other_key, seed);
    return 0;
}

int audit_begin(void **state)
{
    (void)state;
    test_folder_make(audit_folder, sizeof audit_folder);
    test_folder_join(audit_path, sizeof audit_path, audit_folder, "audit.log");
    return 0;
}

int audit_end(void **state)
{
    (void)state;
    test_folder_remove(audit_folder);
    return 0;
}

struct bulla_audit *audit_opened(void)
{
    struct bulla_audit *audit = NULL;
    assert_int_equal(bulla_audit_open(audit_path, &audit), BULLA_OK);
    return audit;
}

void audit_append(struct bulla_audit *audit, const char *event, const char *text)
{
    const struct bulla_audit_field fields[] = {{"object", text, 0}, {"uses", NULL, 41}};
    assert_int_equal(bulla_audit_append(audit, event, fields, 2, false), BULLA_OK);
}

void audit_write_log(void)
{
    struct bulla_audit *audit = audit_opened();
    audit_append(audit, "login", "a");
    audit_append(audit, "release", "b");
    audit_append(audit, "infer", "c");
    assert_int_equal(bulla_audit_head(audit, 5, &audit_key.signer, NULL), BULLA_OK);
    audit_append(audit, "refusal", "d");
    audit_append(audit, "logout", "e");
    bulla_audit_close(audit);
}

enum bulla_reason audit_verify(struct bulla_audit_summary *summary)
{
    return bulla_audit_verify(audit_path, audit_key.point, 0, summary);
}

char *audit_contents(size_t *size)
{
    char *text = (char *)test_file_read(audit_path, size);
    assert_non_null(text);
    return text;
}

char *audit_line(const char *text, unsigned number)
{
    while (number-- > 0)
        text = strchr(text, '\n') + 1;
    return strndup(text, (size_t)(strchr(text, '\n') - text));
}
