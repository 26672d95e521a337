#include "support/test.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/es256.h"
#include "heap.h"
#include "support/folder.h"
#include "support/vectors.h"
#include "tools/authority.h"
#include "tools/options.h"
#include "tools/wiped_memory.h"

static char folder[64], key_path[128], public_path[128];

static int set_up(void **state)
{
    (void)state;
    test_folder_make(folder, sizeof folder);
    test_folder_join(key_path, sizeof key_path, folder, "key.pem");
    test_folder_join(public_path, sizeof public_path, folder, "key.pem.pub");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_folder_remove(folder);
    return 0;
}

static void a_new_key_is_private_and_signs(void **state)
{
    (void)state;
    struct bulla_authority authority;
    struct stat status;
    uint8_t public_key[BULLA_AUTHORITY_SIZE];
    uint8_t from_file[BULLA_AUTHORITY_SIZE];
    uint8_t signature[64];
    assert_int_equal(bulla_authority_generate(key_path, public_key), BULLA_OK);
    assert_int_equal(stat(key_path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(bulla_authority_public(public_path, from_file), BULLA_OK);
    assert_memory_equal(from_file, public_key, sizeof public_key);
    assert_int_equal(bulla_authority_open(&authority, key_path), BULLA_OK);
    assert_memory_equal(authority.public_key, public_key, sizeof public_key);
    struct bulla_bytes message = BULLA_TEXT("what is signed");
    for (int i = 0; i < 64; i++) { /* r or s begins with zero bytes now and then */
        assert_int_equal(authority.signer.sign(authority.signer.context, message, signature), BULLA_OK);
        assert_int_equal(bulla_es256_verify(public_key, message, signature), BULLA_OK);
    }
    signature[5] ^= 1;
    assert_int_equal(bulla_es256_verify(public_key, message, signature), BULLA_SIGNATURE);
    bulla_authority_close(&authority);
}

static void a_key_is_never_overwritten(void **state)
{
    (void)state;
    uint8_t public_key[BULLA_AUTHORITY_SIZE];
    size_t size = 0;
    size_t again = 0;
    assert_int_equal(bulla_authority_generate(key_path, public_key), BULLA_OK);
    unsigned char *before = test_file_read(key_path, &size);
    assert_int_equal(bulla_authority_generate(key_path, public_key), BULLA_FILE);
    unsigned char *after = test_file_read(key_path, &again);
    assert_int_equal(size, again);
    assert_memory_equal(before, after, size);
    free(before);
    free(after);
}

static void half_a_pair_is_not_left_behind(void **state)
{
    (void)state;
    uint8_t public_key[BULLA_AUTHORITY_SIZE];
    size_t size = 0;
    test_file_write(public_path, "another's", 9);
    assert_int_equal(bulla_authority_generate(key_path, public_key), BULLA_FILE);
    assert_int_not_equal(access(key_path, F_OK), 0);
    unsigned char *other = test_file_read(public_path, &size);
    assert_int_equal(size, 9);
    free(other);
    assert_int_equal(unlink(public_path), 0);
    assert_int_equal(bulla_authority_generate(key_path, public_key), BULLA_OK);
}

/* P-256's base point: FIPS 186-4, D.1.2.3. */
#define BASE_POINT                                                                                                     \
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"                                               \
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"

static void a_public_key_may_be_hex(void **state)
{
    (void)state;
    uint8_t public_key[BULLA_AUTHORITY_SIZE];
    uint8_t expected[BULLA_AUTHORITY_SIZE];
    (void)test_hex(BASE_POINT, expected, sizeof expected);
    assert_int_equal(bulla_authority_public(BASE_POINT, public_key), BULLA_OK);
    assert_memory_equal(public_key, expected, sizeof expected);
    test_file_write(public_path, BASE_POINT "\n", sizeof BASE_POINT);
    memset(public_key, 0, sizeof public_key);
    assert_int_equal(bulla_authority_public(public_path, public_key), BULLA_OK);
    assert_memory_equal(public_key, expected, sizeof expected);
}

static void what_is_no_p256_key_is_refused(void **state)
{
    (void)state;
    struct bulla_authority authority;
    uint8_t public_key[BULLA_AUTHORITY_SIZE];
    char off_curve[] = BASE_POINT;
    off_curve[129] = '4';
    assert_int_equal(bulla_authority_public(off_curve, public_key), BULLA_KEY_INVALID);
    assert_int_equal(bulla_authority_public("/nowhere/at/all", public_key), BULLA_FILE);
    test_file_write(public_path, "hello", 5);
    assert_int_equal(bulla_authority_public(public_path, public_key), BULLA_KEY_INVALID);
    test_file_write(public_path, "", 0);
    assert_int_equal(bulla_authority_public(public_path, public_key), BULLA_KEY_INVALID);
    assert_int_equal(bulla_authority_open(&authority, "/nowhere/at/all"), BULLA_FILE);
    test_file_write(key_path, "hello", 5);
    assert_int_equal(bulla_authority_open(&authority, key_path), BULLA_KEY_INVALID);
    bulla_authority_close(&authority);
    /* an Ed25519 key: RFC 8410, section 10.3 */
    static const char ed25519[] = "-----BEGIN PRIVATE KEY-----\n"
                                  "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
                                  "-----END PRIVATE KEY-----\n";
    test_file_write(key_path, ed25519, sizeof ed25519 - 1);
    assert_int_equal(bulla_authority_open(&authority, key_path), BULLA_KEY_INVALID);
    assert_non_null(strstr(bulla_detail(), "not a P-256 key"));
    bulla_authority_close(&authority);
}

/* The key of RFC 8410, section 10.3. */
static void a_key_that_was_closed_is_nowhere_on_the_heap(void **state)
{
    (void)state;
    static const char base64[] = "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC";
    static const char seed[] = "\xd4\xee\x72\xdb\xf9\x13\x58\x4a\xd5\xb6\xd8\xf1\xf7\x69\xf8\xad"
                               "\x3a\xfe\x7c\x28\xcb\xf1\xd4\xfb\xe0\x97\xa8\x8f\x44\x75\x58\x42";
    char pem[160];
    void *key = NULL;
    int size = snprintf(pem, sizeof pem, "-----BEGIN PRIVATE KEY-----\n%s\n-----END PRIVATE KEY-----\n", base64);
    int file = open(key_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600); /* without stdio, which would keep it */
    assert_int_equal(write(file, pem, (size_t)size), size);
    assert_int_equal(close(file), 0);
    assert_int_equal(bulla_key_file_open(key_path, "a test's", &key), BULLA_OK);
    EVP_PKEY_free(key);
    assert_false(heap_holds(seed));
    assert_false(heap_holds(base64));
}

int main(void)
{
    if (!bulla_openssl_memory_wipe())
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_key_that_was_closed_is_nowhere_on_the_heap, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_new_key_is_private_and_signs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_is_never_overwritten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(half_a_pair_is_not_left_behind, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_public_key_may_be_hex, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_p256_key_is_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
