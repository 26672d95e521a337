/* What stays in the process: no share and no auth value after a call, no message on stderr.
 *
 * The needles are kept masked, so that the search does not find itself; it covers every writable private mapping, the
 * heap and the stacks too. The arena's slots are returned, and so wiped, before it. */
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/provider.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/cipher.h"
#include "fixture.h"

enum { MASK = 0x5a, WINDOW = 16, CHUNK = 1 << 20, MAPPING_LARGEST = 1 << 28 };

static uint8_t point[65];
static EVP_PKEY *authority;

static int begin(void **state)
{
    (void)fixture_begin(state);
    authority = authority_make(point);
    return 0;
}

static int end(void **state)
{
    EVP_PKEY_free(authority);
    return fixture_end(state);
}

/* --- the search --- */

static size_t count_in(const uint8_t *data, size_t size, const uint8_t masked[static WINDOW])
{
    size_t count = 0;
    for (size_t i = 0; i + WINDOW <= size; i++) {
        size_t same = 0;
        while (same < WINDOW && (data[i + same] ^ MASK) == masked[same])
            same++;
        count += same == WINDOW;
    }
    return count;
}

static size_t count_in_mapping(
    int memory, uint64_t start, uint64_t end_at, uint8_t *buffer, const uint8_t masked[static WINDOW])
{
    size_t count = 0;
    for (uint64_t at = start; at < end_at; at += CHUNK - WINDOW) {
        size_t size = end_at - at < CHUNK ? (size_t)(end_at - at) : CHUNK;
        ssize_t got = pread(memory, buffer, size, (off_t)at);
        if (got > 0)
            count += count_in(buffer, (size_t)got, masked);
    }
    return count;
}

/* The buffer is shared memory, which the search leaves out. */
static size_t count_in_process(const uint8_t masked[static WINDOW])
{
    int buffer_file = memfd_create("search", 0), memory = open("/proc/self/mem", O_RDONLY);
    FILE *maps = fopen("/proc/self/maps", "r");
    assert_int_equal(ftruncate(buffer_file, CHUNK), 0);
    uint8_t *buffer = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_SHARED, buffer_file, 0);
    assert_true(memory >= 0 && maps && buffer != MAP_FAILED);
    char line[512], permissions[8];
    uint64_t start, end_at;
    size_t count = 0;
    while (fgets(line, sizeof line, maps))
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &start, &end_at, permissions) == 3 &&
            strcmp(permissions, "rw-p") == 0 && end_at - start <= MAPPING_LARGEST)
            count += count_in_mapping(memory, start, end_at, buffer, masked);
    (void)munmap(buffer, CHUNK);
    (void)fclose(maps);
    (void)close(memory);
    (void)close(buffer_file);
    return count;
}

/* How often the first or the last half of a secret of 32 bytes is there. */
static size_t found(const uint8_t masked[static 32])
{
    return count_in_process(masked) + count_in_process(masked + 16);
}

static uint8_t *secret_make(uint8_t masked[static 32])
{
    uint8_t *secret = NULL;
    assert_int_equal(bulla_secret_allocate(32, (void **)&secret), BULLA_OK);
    int random = open("/dev/urandom", O_RDONLY);
    assert_int_equal(read(random, masked, 32), 32);
    (void)close(random);
    for (size_t i = 0; i < 32; i++)
        secret[i] = masked[i] ^ MASK;
    return secret;
}

static void the_search_finds_what_is_there(void **state)
{
    (void)state;
    uint8_t masked[32];
    uint8_t *secret = secret_make(masked);
    assert_true(found(masked) > 0);
    bulla_secret_free(secret);
    assert_int_equal(found(masked), 0);
    volatile uint8_t *heap = malloc(200);
    for (size_t i = 0; i < 16; i++)
        heap[100 + i] = masked[i] ^ MASK;
    assert_int_equal(found(masked), 1);
    free((void *)(uintptr_t)heap);
}

static void assert_masked_equal(const uint8_t secret[static 32], const uint8_t masked[static 32])
{
    for (size_t i = 0; i < 32; i++)
        assert_int_equal(secret[i] ^ MASK, masked[i]);
}

/* --- leaves --- */

/* Both halves of a secret that the arena still holds. */
static const size_t found_in_arena = 2;

static void no_share_and_no_auth_value_of_an_object_stay(void **state)
{
    (void)state;
    uint8_t share_masked[32], auth_masked[32];
    uint8_t *share = secret_make(share_masked), *auth = secret_make(auth_masked), *opened = NULL;
    struct bulla_leaf_request request = object_request(point, auth);
    struct bulla_approval approval;
    struct blob blob;
    approval_make(&approval, authority, request.policy_ref, 1U << 7);
    request.approvals = &approval;
    request.approval_count = 1;
    assert_int_equal(seal(&request, share, &blob), BULLA_OK);
    bulla_secret_free(share);
    assert_int_equal(found(share_masked), 0); /* before another call takes the memory that was freed */
    assert_int_equal(found(auth_masked), found_in_arena);
    assert_int_equal(bulla_secret_allocate(32, (void **)&opened), BULLA_OK);
    assert_int_equal(open_blob(&request, &blob, opened), BULLA_OK);
    assert_masked_equal(opened, share_masked);
    bulla_secret_free(opened);
    bulla_secret_free(auth);
    assert_int_equal(found(share_masked), 0);
    assert_int_equal(found(auth_masked), 0);
    assert_nothing_loaded();
}

/* The auth value is Argon2id of the PIN with the parameters that stand in the blob after version and kind. */
static void auth_derive(const struct blob *blob, struct bulla_bytes pin, uint8_t masked[static 32])
{
    struct bulla_reader reader;
    struct bulla_argon2 argon2;
    uint8_t *key = NULL;
    bulla_reader_open(&reader, (struct bulla_bytes){blob->data + 2, blob->size - 2});
    argon2.operations = bulla_read_u64(&reader);
    argon2.memory = bulla_read_u64(&reader);
    memcpy(argon2.salt, bulla_read(&reader, sizeof argon2.salt).data, sizeof argon2.salt);
    assert_int_equal(bulla_secret_allocate(32, (void **)&key), BULLA_OK);
    assert_int_equal(bulla_argon2_derive(&argon2, pin, key), BULLA_OK);
    for (size_t i = 0; i < 32; i++)
        masked[i] = key[i] ^ MASK;
    bulla_secret_free(key);
    sodium_stackzero(65536); /* what this derivation left there is not the leaf's */
}

static void no_share_and_no_auth_value_of_a_token_stay(void **state)
{
    (void)state;
    uint8_t share_masked[32], auth_masked[32], wrong_masked[32];
    uint8_t *share = secret_make(share_masked), *opened = NULL;
    struct bulla_leaf_request request = token_request("1234"), wrong = token_request("1235");
    struct blob blob;
    assert_int_equal(seal(&request, share, &blob), BULLA_OK);
    bulla_secret_free(share);
    assert_int_equal(found(share_masked), 0);
    auth_derive(&blob, request.passphrase, auth_masked);
    assert_int_equal(found(auth_masked), 0);
    assert_int_equal(bulla_secret_allocate(32, (void **)&opened), BULLA_OK);
    assert_int_equal(open_blob(&request, &blob, opened), BULLA_OK);
    assert_masked_equal(opened, share_masked);
    bulla_secret_free(opened);
    assert_int_equal(found(share_masked), 0);
    assert_int_equal(found(auth_masked), 0);
    uint8_t nothing[32];
    assert_int_equal(open_blob(&wrong, &blob, nothing), BULLA_PIN_WRONG);
    auth_derive(&blob, wrong.passphrase, wrong_masked);
    assert_int_equal(found(wrong_masked), 0);
}

static void no_auth_value_of_a_counter_stays(void **state)
{
    (void)state;
    uint8_t masked[32];
    uint8_t *auth = secret_make(masked);
    uint32_t index = 0;
    uint64_t value;
    assert_int_equal(bulla_tpm_counter_create(tpm.tcti, auth, &index, &value), BULLA_OK);
    assert_int_equal(found(masked), found_in_arena);
    assert_reason(bulla_tpm_counter_increment(tpm.tcti, index, auth, &value), BULLA_OK);
    assert_reason(bulla_tpm_counter_read(tpm.tcti, index, auth, &value), BULLA_OK);
    auth[0] ^= 1;
    assert_reason(bulla_tpm_counter_read(tpm.tcti, index, auth, &value), BULLA_TPM_AUTHORIZATION);
    bulla_secret_free(auth);
    assert_int_equal(found(masked), 0);
    masked[0] ^= 1;
    assert_int_equal(found(masked), 0);
    assert_reason(bulla_tpm_counter_remove(tpm.tcti, index), BULLA_OK);
}

/* --- the host's OpenSSL --- */

/* A thread whose default context can do nothing: sessions work all the same, and the context is there afterwards. */
static void the_hosts_openssl_context_is_not_used_and_is_put_back(void **state)
{
    (void)state;
    OSSL_LIB_CTX *host = OSSL_LIB_CTX_new();
    OSSL_PROVIDER *null_provider = OSSL_PROVIDER_load(host, "null");
    uint8_t share[32] = {1};
    struct bulla_leaf_request request = token_request("1234");
    struct blob blob;
    assert_non_null(null_provider);
    OSSL_LIB_CTX *before = OSSL_LIB_CTX_set0_default(host);
    enum bulla_reason reason = seal(&request, share, &blob);
    OSSL_LIB_CTX *after = OSSL_LIB_CTX_set0_default(before);
    assert_reason(reason, BULLA_OK);
    assert_ptr_equal(after, host);
    (void)OSSL_PROVIDER_unload(null_provider);
    OSSL_LIB_CTX_free(host);
}

/* --- messages --- */

/* Runs in a child, since tss settles its level once for each process; gives the size of what it wrote to stderr. */
static off_t stderr_of(const char *level, bool *kept)
{
    int output = memfd_create("stderr", 0);
    pid_t child = fork();
    assert_true(child >= 0 && output >= 0);
    if (child == 0) {
        struct bulla_tpm_status status;
        uint32_t index = 0x0182BFFF;
        uint8_t auth[32] = {1};
        uint64_t value;
        (void)dup2(output, STDERR_FILENO);
        if (level)
            (void)setenv("TSS2_LOG", level, 1);
        int wrong = bulla_tpm_status_read(tpm.tcti, &status) != BULLA_OK;
        wrong |= bulla_tpm_counter_read(tpm.tcti, index, auth, &value) != BULLA_TPM_NV;
        wrong |= level && strcmp(getenv("TSS2_LOG"), level) != 0;
        _exit(wrong);
    }
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    *kept = status == 0;
    off_t size = lseek(output, 0, SEEK_END);
    (void)close(output);
    return size;
}

/* First: this process must not have used the TPM yet. */
static void tss_is_silent_unless_the_host_chose_otherwise(void **state)
{
    (void)state;
    bool kept = false;
    assert_int_equal(stderr_of(NULL, &kept), 0);
    assert_true(kept);
    assert_true(stderr_of("all+warning", &kept) > 0);
    assert_true(kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tss_is_silent_unless_the_host_chose_otherwise),
        cmocka_unit_test(the_search_finds_what_is_there),
        cmocka_unit_test(no_share_and_no_auth_value_of_an_object_stay),
        cmocka_unit_test(no_share_and_no_auth_value_of_a_token_stay),
        cmocka_unit_test(no_auth_value_of_a_counter_stays),
        cmocka_unit_test(the_hosts_openssl_context_is_not_used_and_is_put_back),
    };
    if (!test_swtpm_available())
        return test_skip("swtpm");
    return cmocka_run_group_tests(tests, begin, end);
}
