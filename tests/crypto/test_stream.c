/* The sealed container: round trips, every way to damage a file, and the construction taken apart with the libraries.
 */
#include "support/test.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/arena.h"
#include "crypto/cose.h"
#include "crypto/stream.h"

enum { CHUNK = 48, PLAIN_LARGEST = 4 * CHUNK, FILE_LARGEST = 4096 };

static const uint8_t key[32] = "thirty-two bytes that are a key.";
static const enum bulla_aead both[] = {BULLA_AEAD_AES_256_GCM, BULLA_AEAD_XCHACHA20};
static uint8_t plain[PLAIN_LARGEST], file[FILE_LARGEST], chunk[CHUNK + BULLA_AEAD_TAG];

static int begin(void **state)
{
    (void)state;
    randombytes_buf(plain, sizeof plain);
    memset(file, 0, sizeof file);
    return 0;
}

static struct bulla_stream_header header(enum bulla_aead aead, uint64_t size)
{
    return (struct bulla_stream_header){.aead = aead,
        .chunk_size = CHUNK,
        .plaintext_size = size,
        .name = "minilm",
        .name_size = 6,
        .token = "a token's serial",
        .generation = 7,
        .manifest_digest = {1},
        .authority = {2},
        .policy_ref = {3}};
}

/* Seals the first `size` bytes of `plain` in pieces of `step`; the size of `file`. */
static size_t seal(enum bulla_aead aead, size_t size, size_t step)
{
    struct bulla_stream_sealer sealer;
    struct bulla_writer out;
    const struct bulla_stream_header wanted = header(aead, size);
    bulla_writer_open(&out, file, sizeof file);
    assert_int_equal(bulla_stream_seal_begin(&sealer, &wanted, key, chunk, &out), BULLA_OK);
    size_t prefix = out.size;
    for (size_t at = 0; at < size; at += step) {
        size_t part = size - at < step ? size - at : step;
        assert_int_equal(bulla_stream_seal_update(&sealer, (struct bulla_bytes){plain + at, part}, &out), BULLA_OK);
    }
    assert_int_equal(bulla_stream_seal_finish(&sealer, &out), BULLA_OK);
    assert_int_equal(bulla_writer_finish(&out, "file"), BULLA_OK);
    assert_int_equal(out.size, bulla_stream_sealed_size(&wanted, prefix));
    assert_true(prefix <= bulla_stream_prefix_bound());
    return out.size;
}

/* Opens as the header tells callers to: begin, the last chunk, the others. */
static enum bulla_reason open_file(const uint8_t *bytes, size_t size, uint8_t *out)
{
    struct bulla_stream_opener opener;
    enum bulla_reason reason = bulla_stream_open_begin(&opener, (struct bulla_bytes){bytes, size}, size, key);
    if (reason != BULLA_OK) {
        assert_null(opener.keys);
        return reason;
    }
    for (uint64_t i = 0; i < opener.header.chunk_count && reason == BULLA_OK; i++) {
        uint64_t index = i == 0 ? opener.header.chunk_count - 1 : i - 1, offset = 0, place = 0;
        size_t sealed = 0;
        bulla_stream_chunk_place(&opener, index, &offset, &sealed, &place);
        assert_true(offset + sealed <= size);
        reason = bulla_stream_chunk_open(&opener, index, (struct bulla_bytes){bytes + offset, sealed}, out + place);
    }
    bulla_stream_opener_wipe(&opener);
    return reason;
}

static const size_t sizes[] = {0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK - 1, 3 * CHUNK, 3 * CHUNK + 1};

static void what_was_sealed_opens_again(void **state)
{
    (void)state;
    static const size_t steps[] = {1, 7, CHUNK, CHUNK + 1, PLAIN_LARGEST};
    for (size_t which = 0; which < 2; which++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            for (size_t step = 0; step < sizeof steps / sizeof *steps; step++) {
                uint8_t out[PLAIN_LARGEST] = {0};
                size_t size = seal(both[which], sizes[i], steps[step]);
                assert_int_equal(open_file(file, size, out), BULLA_OK);
                assert_memory_equal(out, plain, sizes[i]);
            }
}

static void the_header_is_read_without_a_key(void **state)
{
    (void)state;
    for (size_t which = 0; which < 2; which++) {
        struct bulla_stream_header read, wanted = header(both[which], 3 * CHUNK + 1);
        size_t prefix = 0, size = seal(both[which], 3 * CHUNK + 1, CHUNK);
        assert_int_equal(bulla_stream_inspect((struct bulla_bytes){file, size}, &read, &prefix), BULLA_OK);
        assert_int_equal(read.aead, wanted.aead);
        assert_int_equal(read.chunk_size, CHUNK);
        assert_int_equal(read.chunk_count, 4);
        assert_int_equal(read.plaintext_size, 3 * CHUNK + 1);
        assert_int_equal(read.name_size, 6);
        assert_memory_equal(read.name, "minilm", 6);
        assert_memory_equal(read.token, wanted.token, 16);
        assert_int_equal(read.generation, 7);
        assert_memory_equal(read.manifest_digest, wanted.manifest_digest, 32);
        assert_memory_equal(read.authority, wanted.authority, 32);
        assert_memory_equal(read.policy_ref, wanted.policy_ref, 32);
        assert_int_equal(size, bulla_stream_sealed_size(&read, prefix));
        assert_int_equal(bulla_stream_inspect((struct bulla_bytes){file, prefix}, &read, &prefix), BULLA_OK);
    }
}

static void two_seals_of_one_plaintext_share_nothing(void **state)
{
    (void)state;
    struct bulla_stream_header first, second;
    size_t prefix = 0, size = seal(BULLA_AEAD_AES_256_GCM, CHUNK, CHUNK);
    uint8_t copy[FILE_LARGEST];
    memcpy(copy, file, size);
    assert_int_equal(bulla_stream_inspect((struct bulla_bytes){copy, size}, &first, &prefix), BULLA_OK);
    assert_int_equal(seal(BULLA_AEAD_AES_256_GCM, CHUNK, CHUNK), size);
    assert_int_equal(bulla_stream_inspect((struct bulla_bytes){file, size}, &second, &prefix), BULLA_OK);
    assert_memory_not_equal(first.salt, second.salt, 32);
    assert_memory_not_equal(copy + prefix - 32, file + prefix - 32, 32);
    assert_memory_not_equal(copy + prefix, file + prefix, CHUNK);
}

static void every_flipped_bit_is_refused(void **state)
{
    (void)state;
    for (size_t which = 0; which < 2; which++) {
        uint8_t out[PLAIN_LARGEST];
        size_t size = seal(both[which], 2 * CHUNK + 5, CHUNK);
        for (size_t bit = 0; bit < size * 8; bit++) {
            file[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_int_not_equal(open_file(file, size, out), BULLA_OK);
            file[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        assert_int_equal(open_file(file, size, out), BULLA_OK);
    }
}

static void every_truncation_and_extension_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint8_t out[PLAIN_LARGEST];
        size_t size = seal(BULLA_AEAD_AES_256_GCM, sizes[i], CHUNK);
        for (size_t shorter = 0; shorter < size; shorter++)
            assert_int_equal(open_file(file, shorter, out), BULLA_TRUNCATED);
        for (size_t longer = 1; longer <= CHUNK + BULLA_AEAD_TAG + 1; longer++)
            assert_int_equal(open_file(file, size + longer, out), BULLA_TRAILING);
    }
}

static size_t prefix_of(size_t size)
{
    struct bulla_stream_header read;
    size_t prefix = 0;
    assert_int_equal(bulla_stream_inspect((struct bulla_bytes){file, size}, &read, &prefix), BULLA_OK);
    return prefix;
}

static void chunks_have_their_places(void **state)
{
    (void)state;
    enum { SEALED = CHUNK + BULLA_AEAD_TAG };
    for (size_t which = 0; which < 2; which++)
        for (size_t a = 0; a < 3; a++)
            for (size_t b = 0; b < 3; b++) {
                uint8_t out[PLAIN_LARGEST], held[SEALED];
                size_t size = seal(both[which], 3 * CHUNK, CHUNK), first = prefix_of(size);
                memcpy(held, file + first + a * SEALED, SEALED); /* swapped; the third one is the last */
                memcpy(file + first + a * SEALED, file + first + b * SEALED, SEALED);
                memcpy(file + first + b * SEALED, held, SEALED);
                assert_int_equal(open_file(file, size, out), a == b ? BULLA_OK : BULLA_AUTHENTICATION);
            }
}

/* A file whose end was cut off at a chunk's border, under a header that says so: the chunk that is last now lacks the
 * flag. The attacker here even knows the key, and so shows that the flag does it. */
static void a_chunk_is_not_opened_as_another_than_it_is(void **state)
{
    (void)state;
    for (size_t which = 0; which < 2; which++) {
        struct bulla_stream_opener opener;
        uint8_t out[CHUNK];
        static const uint8_t zero[CHUNK];
        size_t size = seal(both[which], 3 * CHUNK, CHUNK), first = prefix_of(size), full = CHUNK + BULLA_AEAD_TAG;
        const struct bulla_bytes whole = {file, size}, second = {file + first + full, full};
        assert_int_equal(bulla_stream_open_begin(&opener, whole, size, key), BULLA_OK);
        assert_int_equal(bulla_stream_chunk_open(&opener, 1, second, out), BULLA_OK);
        memset(out, 0x55, sizeof out);
        assert_int_equal(bulla_stream_chunk_open(&opener, 0, second, out), BULLA_AUTHENTICATION);
        assert_memory_equal(out, zero, sizeof out);
        opener.header.chunk_count = 2;
        opener.header.plaintext_size = 2 * CHUNK;
        assert_int_equal(bulla_stream_chunk_open(&opener, 1, second, out), BULLA_AUTHENTICATION);
        opener.header.chunk_count = 4;
        opener.header.plaintext_size = 4 * CHUNK;
        const struct bulla_bytes last = {file + first + 2 * full, full};
        assert_int_equal(bulla_stream_chunk_open(&opener, 2, last, out), BULLA_AUTHENTICATION);
        bulla_stream_opener_wipe(&opener);
    }
}

static void chunks_of_the_wrong_size_or_number_are_refused(void **state)
{
    (void)state;
    struct bulla_stream_opener opener;
    uint8_t out[2 * CHUNK];
    size_t size = seal(BULLA_AEAD_AES_256_GCM, 2 * CHUNK + 5, CHUNK), first = prefix_of(size);
    assert_int_equal(bulla_stream_open_begin(&opener, (struct bulla_bytes){file, size}, size, key), BULLA_OK);
    struct bulla_bytes sealed = {file + first, CHUNK + BULLA_AEAD_TAG - 1};
    assert_int_equal(bulla_stream_chunk_open(&opener, 0, sealed, out), BULLA_TRUNCATED);
    sealed.size += 2;
    assert_int_equal(bulla_stream_chunk_open(&opener, 0, sealed, out), BULLA_TRAILING);
    sealed.size -= 1;
    assert_int_equal(bulla_stream_chunk_open(&opener, 3, sealed, out), BULLA_ARGUMENT);
    assert_int_equal(bulla_stream_chunk_open(&opener, UINT64_MAX, sealed, out), BULLA_ARGUMENT);
    assert_int_equal(bulla_stream_chunk_open(&opener, 0, sealed, out), BULLA_OK);
    bulla_stream_opener_wipe(&opener);
    assert_int_equal(bulla_stream_chunk_open(&opener, 0, sealed, out), BULLA_ARGUMENT);
}

static void another_key_is_told_by_the_commitment(void **state)
{
    (void)state;
    struct bulla_stream_opener opener;
    size_t size = seal(BULLA_AEAD_AES_256_GCM, 5, 5);
    for (size_t bit = 0; bit < 256; bit++) {
        uint8_t other[32];
        memcpy(other, key, 32);
        other[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(
            bulla_stream_open_begin(&opener, (struct bulla_bytes){file, size}, size, other), BULLA_COMMITMENT);
    }
}

static void only_a_changed_mac_or_commitment_is_called_so(void **state)
{
    (void)state;
    uint8_t out[PLAIN_LARGEST];
    size_t size = seal(BULLA_AEAD_AES_256_GCM, 5, 5), prefix = prefix_of(size);
    file[prefix - 1] ^= 1;
    assert_int_equal(open_file(file, size, out), BULLA_COMMITMENT);
    file[prefix - 1] ^= 1;
    file[prefix - 33] ^= 1; /* the last byte of the Mac0 is its tag's */
    assert_int_equal(open_file(file, size, out), BULLA_AUTHENTICATION);
}

/* --- one opener, several threads --- */
struct worker {
    const struct bulla_stream_opener *opener;
    uint64_t first;
    uint8_t out[PLAIN_LARGEST];
    bool failed;
};

static void *open_every_other_chunk(void *argument)
{
    struct worker *worker = argument;
    for (unsigned round = 0; round < 200; round++)
        for (uint64_t i = worker->first; i < worker->opener->header.chunk_count; i += 2) {
            uint64_t offset = 0, place = 0;
            size_t sealed = 0;
            bulla_stream_chunk_place(worker->opener, i, &offset, &sealed, &place);
            const struct bulla_bytes bytes = {file + offset, sealed};
            worker->failed |= bulla_stream_chunk_open(worker->opener, i, bytes, worker->out + place) != BULLA_OK;
            worker->failed |= memcmp(worker->out + place, plain + place, sealed - BULLA_AEAD_TAG) != 0;
        }
    return NULL;
}

static void chunks_open_in_parallel(void **state)
{
    (void)state;
    for (size_t which = 0; which < 2; which++) {
        struct bulla_stream_opener opener;
        struct worker workers[4];
        pthread_t threads[4];
        size_t size = seal(both[which], 3 * CHUNK + 1, CHUNK);
        assert_int_equal(bulla_stream_open_begin(&opener, (struct bulla_bytes){file, size}, size, key), BULLA_OK);
        for (size_t i = 0; i < 4; i++) {
            workers[i] = (struct worker){.opener = &opener, .first = i % 2};
            assert_int_equal(pthread_create(&threads[i], NULL, open_every_other_chunk, &workers[i]), 0);
        }
        for (size_t i = 0; i < 4; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
            assert_false(workers[i].failed);
        }
        bulla_stream_opener_wipe(&opener);
    }
}

/* --- headers by hand, sealed with a MAC that anyone can make --- */
struct field {
    uint64_t chunk_size, count, size;
    size_t name_size, salt_size;
    int64_t aead;
    enum bulla_reason reason;
};

static size_t hand_made(const struct field *field, uint8_t *memory, size_t capacity)
{
    uint8_t payload[512], mac0[1024];
    static const uint8_t bytes[128];
    struct bulla_writer map, cose, out;
    bulla_writer_open(&map, payload, sizeof payload);
    bulla_cbor_write_map(&map, 11);
    const uint64_t numbers[] = {field->chunk_size, field->count, field->size, 1};
    const size_t string_sizes[] = {field->name_size, 16, field->salt_size, 32, 32, 32};
    bulla_cbor_write_uint(&map, 1);
    bulla_cbor_write_int(&map, field->aead);
    for (unsigned i = 0; i < 4; i++) {
        bulla_cbor_write_uint(&map, 2 + i);
        bulla_cbor_write_uint(&map, numbers[i]);
    }
    for (unsigned i = 0; i < 6; i++) {
        bulla_cbor_write_uint(&map, 6 + i);
        bulla_cbor_write_bstr(&map, (struct bulla_bytes){bytes, string_sizes[i]});
    }
    bulla_writer_open(&cose, mac0, sizeof mac0);
    assert_int_equal(bulla_cose_mac0_write(&cose, key, bulla_writer_bytes(&map)), BULLA_OK);
    bulla_writer_open(&out, memory, capacity);
    bulla_write(&out, "BULLA\0\0\1", 8);
    bulla_write_u32(&out, (uint32_t)cose.size);
    bulla_write_bytes(&out, bulla_writer_bytes(&cose));
    bulla_write(&out, bytes, 32);
    assert_int_equal(bulla_writer_finish(&out, "prefix"), BULLA_OK);
    return out.size;
}

static void headers_out_of_bounds_are_refused(void **state)
{
    (void)state;
    static const struct field fields[] = {
        {CHUNK, 2, CHUNK + 1, 6, 32, 3, BULLA_OK},
        {CHUNK, 1, 0, 6, 32, -65601, BULLA_OK},
        {1 << 24, 1, 1 << 24, 64, 32, 3, BULLA_OK},
        {0, 1, 0, 6, 32, 3, BULLA_MALFORMED},
        {(1 << 24) + 1, 1, 1, 6, 32, 3, BULLA_MALFORMED},
        {(uint64_t)1 << 32, 1, 1, 6, 32, 3, BULLA_MALFORMED},
        {((uint64_t)1 << 32) + CHUNK, 1, 1, 6, 32, 3, BULLA_MALFORMED},
        {CHUNK, 1, CHUNK + 1, 6, 32, 3, BULLA_MALFORMED},
        {CHUNK, 0, 0, 6, 32, 3, BULLA_MALFORMED},
        {CHUNK, 2, CHUNK, 6, 32, 3, BULLA_MALFORMED},
        {CHUNK, UINT64_MAX, CHUNK, 6, 32, 3, BULLA_MALFORMED},
        {1, UINT64_MAX, UINT64_MAX, 6, 32, 3, BULLA_TOO_LARGE},
        {1, INT64_MAX, INT64_MAX, 6, 32, 3, BULLA_TOO_LARGE},
        {1 << 24, (uint64_t)1 << 39, (uint64_t)1 << 63, 6, 32, 3, BULLA_TOO_LARGE},
        {CHUNK, 1, 1, 0, 32, 3, BULLA_MALFORMED},
        {CHUNK, 1, 1, 65, 32, 3, BULLA_MALFORMED},
        {CHUNK, 1, 1, 6, 31, 3, BULLA_MALFORMED},
        {CHUNK, 1, 1, 6, 33, 3, BULLA_MALFORMED},
        {CHUNK, 1, 1, 6, 32, 1, BULLA_UNSUPPORTED},
        {CHUNK, 1, 1, 6, 32, -3, BULLA_UNSUPPORTED},
        {CHUNK, 1, 1, 6, 32, 0, BULLA_UNSUPPORTED},
        {CHUNK, 1, 1, 6, 32, ((int64_t)1 << 32) + 3, BULLA_UNSUPPORTED},
        {CHUNK, 1, 1, 6, 32, INT64_MIN, BULLA_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        struct bulla_stream_header read;
        size_t prefix = 0, size = hand_made(&fields[i], file, sizeof file);
        enum bulla_reason reason = bulla_stream_inspect((struct bulla_bytes){file, size}, &read, &prefix);
        if (reason != fields[i].reason)
            fail_msg("header %zu: %s (%s)", i, bulla_reason_code(reason), bulla_detail());
    }
}

static void sealing_refuses_the_same_headers(void **state)
{
    (void)state;
    struct bulla_stream_header wrong[6];
    for (size_t i = 0; i < 6; i++)
        wrong[i] = header(BULLA_AEAD_AES_256_GCM, 5);
    wrong[0].chunk_size = 0;
    wrong[1].chunk_size = BULLA_STREAM_CHUNK_LARGEST + 1;
    wrong[2].name_size = 0;
    wrong[3].name_size = BULLA_STREAM_NAME_LARGEST + 1;
    wrong[4].aead = (enum bulla_aead)1;
    wrong[5].plaintext_size = UINT64_MAX;
    for (size_t i = 0; i < 6; i++) {
        struct bulla_stream_sealer sealer;
        struct bulla_writer out;
        size_t taken = bulla_arena_taken();
        bulla_writer_open(&out, file, sizeof file);
        assert_int_not_equal(bulla_stream_seal_begin(&sealer, &wrong[i], key, chunk, &out), BULLA_OK);
        assert_int_equal(out.size, 0);
        assert_int_equal(bulla_arena_taken(), taken);
    }
}

static void a_header_larger_than_4096_bytes_is_refused(void **state)
{
    (void)state;
    struct bulla_stream_header read;
    size_t prefix = 0, size = seal(BULLA_AEAD_AES_256_GCM, 5, 5);
    static const uint8_t larger[4] = {0, 0, 0x10, 1}, huge[4] = {0xff, 0xff, 0xff, 0xff}, none[4] = {0};
    memcpy(file + 8, larger, 4);
    assert_int_equal(bulla_stream_inspect((struct bulla_bytes){file, size}, &read, &prefix), BULLA_TOO_LARGE);
    memcpy(file + 8, huge, 4);
    assert_int_equal(bulla_stream_inspect((struct bulla_bytes){file, size}, &read, &prefix), BULLA_TOO_LARGE);
    memcpy(file + 8, none, 4);
    assert_int_equal(bulla_stream_inspect((struct bulla_bytes){file, size}, &read, &prefix), BULLA_TRUNCATED);
}

/* --- the contract of sealing --- */
static void sealing_takes_exactly_what_was_announced(void **state)
{
    (void)state;
    struct bulla_stream_sealer sealer;
    struct bulla_writer out;
    const struct bulla_stream_header wanted = header(BULLA_AEAD_AES_256_GCM, CHUNK + 1);
    size_t taken = bulla_arena_taken();
    bulla_writer_open(&out, file, sizeof file);
    assert_int_equal(bulla_stream_seal_begin(&sealer, &wanted, key, chunk, &out), BULLA_OK);
    assert_int_equal(bulla_stream_seal_update(&sealer, (struct bulla_bytes){plain, CHUNK + 2}, &out), BULLA_TOO_LARGE);
    assert_int_equal(bulla_stream_seal_update(&sealer, (struct bulla_bytes){plain, CHUNK}, &out), BULLA_OK);
    assert_int_equal(bulla_stream_seal_update(&sealer, (struct bulla_bytes){plain, 2}, &out), BULLA_TOO_LARGE);
    assert_int_equal(bulla_stream_seal_finish(&sealer, &out), BULLA_TRUNCATED);
    assert_int_equal(bulla_arena_taken(), taken);
    assert_int_equal(bulla_stream_seal_update(&sealer, (struct bulla_bytes){plain, 1}, &out), BULLA_ARGUMENT);
    assert_int_equal(bulla_stream_seal_finish(&sealer, &out), BULLA_ARGUMENT);
}

static void a_small_buffer_loses_nothing(void **state)
{
    (void)state;
    struct bulla_stream_sealer sealer;
    struct bulla_writer out;
    uint8_t opened[PLAIN_LARGEST];
    const struct bulla_stream_header wanted = header(BULLA_AEAD_AES_256_GCM, 2 * CHUNK + 1);
    bulla_writer_open(&out, file, sizeof file);
    assert_int_equal(bulla_stream_seal_begin(&sealer, &wanted, key, chunk, &out), BULLA_OK);
    out.capacity = out.size + 2 * (CHUNK + BULLA_AEAD_TAG) - 1;
    const struct bulla_bytes whole = {plain, 2 * CHUNK + 1};
    assert_int_equal(bulla_stream_seal_update(&sealer, whole, &out), BULLA_BUFFER_SMALL);
    out.capacity++;
    assert_int_equal(bulla_stream_seal_update(&sealer, whole, &out), BULLA_OK);
    out.capacity += BULLA_AEAD_TAG;
    assert_int_equal(bulla_stream_seal_finish(&sealer, &out), BULLA_BUFFER_SMALL);
    out.capacity++;
    assert_int_equal(bulla_stream_seal_finish(&sealer, &out), BULLA_OK);
    assert_int_equal(open_file(file, out.size, opened), BULLA_OK);
    assert_memory_equal(opened, plain, 2 * CHUNK + 1);
}

static void a_sealer_and_its_chunk_are_wiped(void **state)
{
    (void)state;
    static const uint8_t zero[sizeof chunk];
    struct bulla_stream_sealer sealer;
    struct bulla_writer out;
    const struct bulla_stream_header wanted = header(BULLA_AEAD_AES_256_GCM, CHUNK);
    size_t taken = bulla_arena_taken();
    bulla_writer_open(&out, file, sizeof file);
    assert_int_equal(bulla_stream_seal_begin(&sealer, &wanted, key, chunk, &out), BULLA_OK);
    assert_int_equal(bulla_stream_seal_update(&sealer, (struct bulla_bytes){plain, 20}, &out), BULLA_OK);
    assert_memory_equal(chunk, plain, 20);
    bulla_stream_sealer_wipe(&sealer);
    assert_memory_equal(chunk, zero, sizeof chunk);
    assert_int_equal(bulla_arena_taken(), taken);
    bulla_stream_sealer_wipe(&sealer);
}

/* --- the construction, from the description in stream.h and the libraries alone --- */
static void oracle_keys(const uint8_t *info, size_t info_size, const uint8_t *salt, uint8_t keys[96])
{
    uint8_t extracted[32], block[32 + 64 + 1];
    unsigned size = 32;
    assert_non_null(HMAC(EVP_sha256(), salt, 32, key, 32, extracted, &size));
    for (unsigned i = 0; i < 3; i++) {
        size_t before = i ? 32 : 0;
        if (i)
            memcpy(block, keys + (size_t)(i - 1) * 32, 32);
        memcpy(block + before, info, info_size);
        block[before + info_size] = (uint8_t)(i + 1);
        assert_non_null(HMAC(EVP_sha256(), extracted, 32, block, before + info_size + 1, keys + (size_t)i * 32, &size));
    }
}

static void oracle_open(enum bulla_aead aead, const uint8_t *payload_key, uint8_t counter, uint8_t last,
    const uint8_t *sealed, size_t size, uint8_t *out)
{
    uint8_t nonce[24] = {0};
    nonce[aead == BULLA_AEAD_XCHACHA20 ? 22 : 10] = counter;
    nonce[aead == BULLA_AEAD_XCHACHA20 ? 23 : 11] = last;
    if (aead == BULLA_AEAD_XCHACHA20) {
        assert_int_equal(
            crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, sealed, size, NULL, 0, nonce, payload_key), 0);
        return;
    }
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    uint8_t tag[16];
    int written = 0;
    memcpy(tag, sealed + size - 16, 16);
    assert_int_equal(EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, payload_key, nonce), 1);
    assert_int_equal(EVP_DecryptUpdate(context, out, &written, sealed, (int)size - 16), 1);
    assert_int_equal(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, 16, tag), 1);
    assert_int_equal(EVP_DecryptFinal_ex(context, out + written, &written), 1);
    EVP_CIPHER_CTX_free(context);
}

static void the_file_is_what_the_header_says(void **state)
{
    (void)state;
    for (size_t which = 0; which < 2; which++) {
        size_t size = seal(both[which], CHUNK + 5, CHUNK);
        assert_memory_equal(file, "BULLA\0\0\1", 8);
        size_t mac0 = (size_t)file[10] << 8 | file[11];
        assert_int_equal(file[8] << 8 | file[9], 0);
        /* 17([<< {1: 5} >>, {}, payload, tag]): RFC 9052 section 6.2; the payload has 24 to 255 bytes */
        assert_memory_equal(file + 12, "\xd1\x84\x43\xa1\x01\x05\xa0\x58", 8);
        size_t payload = file[20];
        assert_int_equal(mac0, 8 + 1 + payload + 2 + 32);
        uint8_t digest[32], info[14 + 32], keys[96], hashed[3 + 512], opened[CHUNK];
        memcpy(hashed, "\xa1\x01\x05", 3);
        memcpy(hashed + 3, file + 21, payload);
        crypto_hash_sha256(digest, hashed, 3 + payload);
        memcpy(info, "bulla/1 sealed", 14);
        memcpy(info + 14, digest, 32);
        struct bulla_stream_header read;
        size_t prefix = 0;
        assert_int_equal(bulla_stream_inspect((struct bulla_bytes){file, size}, &read, &prefix), BULLA_OK);
        oracle_keys(info, sizeof info, read.salt, keys);
        assert_memory_equal(file + 12 + mac0, keys + 64, 32);
        const uint8_t *first = file + 12 + mac0 + 32;
        oracle_open(both[which], keys, 0, 0, first, CHUNK + 16, opened);
        assert_memory_equal(opened, plain, CHUNK);
        oracle_open(both[which], keys, 1, 1, first + CHUNK + 16, 5 + 16, opened);
        assert_memory_equal(opened, plain + CHUNK, 5);
        assert_int_equal(size, 12 + mac0 + 32 + CHUNK + 16 + 5 + 16);
    }
}

/* The whole of a counter's bytes: chunk 2^40 and beyond can't be sealed in a test, but their nonces can be used. */
static void the_counter_fills_its_bytes(void **state)
{
    (void)state;
    struct bulla_stream_opener opener;
    size_t size = seal(BULLA_AEAD_XCHACHA20, CHUNK, CHUNK);
    uint8_t sealed[CHUNK + 16], opened[CHUNK], nonce[24] = {0};
    assert_int_equal(bulla_stream_open_begin(&opener, (struct bulla_bytes){file, size}, size, key), BULLA_OK);
    opener.header.chunk_count = UINT64_C(0x0102030405060709);
    opener.header.plaintext_size = opener.header.chunk_count * CHUNK;
    memcpy(nonce + 15, "\1\2\3\4\5\6\7\7", 8);
    crypto_aead_xchacha20poly1305_ietf_encrypt(sealed, NULL, plain, CHUNK, NULL, 0, NULL, nonce, opener.keys);
    assert_int_equal(
        bulla_stream_chunk_open(&opener, UINT64_C(0x0102030405060707), BULLA_BYTES(sealed), opened), BULLA_OK);
    assert_memory_equal(opened, plain, CHUNK);
    bulla_stream_opener_wipe(&opener);
}

#define TEST(name) cmocka_unit_test_setup(name, begin)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_sealed_opens_again),
        TEST(the_header_is_read_without_a_key),
        TEST(two_seals_of_one_plaintext_share_nothing),
        TEST(every_flipped_bit_is_refused),
        TEST(every_truncation_and_extension_is_refused),
        TEST(chunks_have_their_places),
        TEST(a_chunk_is_not_opened_as_another_than_it_is),
        TEST(chunks_of_the_wrong_size_or_number_are_refused),
        TEST(another_key_is_told_by_the_commitment),
        TEST(only_a_changed_mac_or_commitment_is_called_so),
        TEST(chunks_open_in_parallel),
        TEST(headers_out_of_bounds_are_refused),
        TEST(sealing_refuses_the_same_headers),
        TEST(a_header_larger_than_4096_bytes_is_refused),
        TEST(sealing_takes_exactly_what_was_announced),
        TEST(a_small_buffer_loses_nothing),
        TEST(a_sealer_and_its_chunk_are_wiped),
        TEST(the_file_is_what_the_header_says),
        TEST(the_counter_fills_its_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
