/* How fast the container seals and opens, beside the raw AEAD over the same chunks: bench_stream [MiB]. Not a test. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "crypto/stream.h"

enum { ROUNDS = 5 };

static const uint8_t key[32] = "thirty-two bytes that are a key.";

struct bench {
    enum bulla_aead aead;
    const char *name;
    uint8_t *plain, *file, *opened, *chunk;
    size_t size, capacity, sealed_size;
};

static double now(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void check(enum bulla_reason reason, const char *what)
{
    if (reason == BULLA_OK)
        return;
    (void)fprintf(stderr, "%s: %s: %s\n", what, bulla_reason_code(reason), bulla_detail());
    exit(1);
}

static void seal(struct bench *bench)
{
    const struct bulla_stream_header header = {.aead = bench->aead,
        .chunk_size = BULLA_STREAM_CHUNK,
        .plaintext_size = bench->size,
        .name = "bench",
        .name_size = 5};
    struct bulla_stream_sealer sealer;
    struct bulla_writer out;
    bulla_writer_open(&out, bench->file, bench->capacity);
    check(bulla_stream_seal_begin(&sealer, &header, key, bench->chunk, &out), "begin");
    check(bulla_stream_seal_update(&sealer, (struct bulla_bytes){bench->plain, bench->size}, &out), "update");
    check(bulla_stream_seal_finish(&sealer, &out), "finish");
    bench->sealed_size = out.size;
}

static void open_all(struct bench *bench)
{
    struct bulla_stream_opener opener;
    const struct bulla_bytes file = {bench->file, bench->sealed_size};
    check(bulla_stream_open_begin(&opener, file, file.size, key), "open");
    for (uint64_t i = 0; i < opener.header.chunk_count; i++) {
        uint64_t offset = 0, place = 0;
        size_t sealed = 0;
        bulla_stream_chunk_place(&opener, i, &offset, &sealed, &place);
        const struct bulla_bytes chunk = {bench->file + offset, sealed};
        check(bulla_stream_chunk_open(&opener, i, chunk, bench->opened + place), "chunk");
    }
    bulla_stream_opener_wipe(&opener);
}

/* The peer: the same AEAD of OpenSSL with one context for all chunks, no header, no copies. XChaCha20's peer is
 * ChaCha20-Poly1305, which it is but for one HChaCha20 for each chunk. */
static void raw(struct bench *bench)
{
    const EVP_CIPHER *cipher = bench->aead == BULLA_AEAD_AES_256_GCM ? EVP_aes_256_gcm() : EVP_chacha20_poly1305();
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    for (size_t at = 0; at < bench->size; at += BULLA_STREAM_CHUNK) {
        uint8_t nonce[12] = {0}, tag[16];
        int written = 0;
        size_t part = bench->size - at < BULLA_STREAM_CHUNK ? bench->size - at : BULLA_STREAM_CHUNK;
        (void)EVP_EncryptInit_ex(context, at ? NULL : cipher, NULL, key, nonce);
        (void)EVP_EncryptUpdate(context, bench->opened + at, &written, bench->plain + at, (int)part);
        (void)EVP_EncryptFinal_ex(context, tag, &written);
        (void)EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, tag);
    }
    EVP_CIPHER_CTX_free(context);
}

static double best(struct bench *bench, void (*run)(struct bench *), double sofar)
{
    double start = now();
    run(bench);
    double took = now() - start;
    return sofar == 0 || took < sofar ? took : sofar;
}

/* Interleaved, the best of a few rounds. */
static void measure(struct bench *bench)
{
    double raw_best = 0, seal_best = 0, open_best = 0, mebibytes = (double)bench->size / (1 << 20);
    for (int round = 0; round < ROUNDS; round++) {
        raw_best = best(bench, raw, raw_best);
        seal_best = best(bench, seal, seal_best);
        open_best = best(bench, open_all, open_best);
    }
    (void)printf("%-20s raw %6.0f MiB/s   seal %6.0f MiB/s (%.2f of raw)   open %6.0f MiB/s (%.2f of raw)\n",
        bench->name, mebibytes / raw_best, mebibytes / seal_best, raw_best / seal_best, mebibytes / open_best,
        raw_best / open_best);
}

int main(int count, char **arguments)
{
    size_t mebibytes = count > 1 ? strtoul(arguments[1], NULL, 10) : 90;
    struct bench bench = {.size = (mebibytes ? mebibytes : 1) << 20};
    bench.capacity = bench.size + bulla_stream_prefix_bound() + (bench.size / BULLA_STREAM_CHUNK + 1) * BULLA_AEAD_TAG;
    bench.plain = calloc(1, bench.size);
    bench.file = malloc(bench.capacity);
    bench.opened = malloc(bench.size);
    bench.chunk = malloc(BULLA_STREAM_CHUNK + BULLA_AEAD_TAG);
    if (!bench.plain || !bench.file || !bench.opened || !bench.chunk)
        return 1;
    (void)printf("%zu MiB in chunks of 1 MiB, one thread, best of %d\n", bench.size >> 20, ROUNDS);
    static const struct {
        enum bulla_aead aead;
        const char *name;
    } rows[] = {{BULLA_AEAD_AES_256_GCM, "AES-256-GCM"}, {BULLA_AEAD_XCHACHA20, "XChaCha20-Poly1305"}};
    for (size_t i = 0; i < 2; i++) {
        bench.aead = rows[i].aead;
        bench.name = rows[i].name;
        measure(&bench);
    }
    free(bench.chunk);
    free(bench.opened);
    free(bench.file);
    free(bench.plain);
    return 0;
}
