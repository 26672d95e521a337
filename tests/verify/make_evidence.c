/* Evidence of a Nitro module of paper, made now, and what a relying party is given to judge it: for programs that have
 * nothing of bulla but libbulla-verify.
 *   usage: bulla_make_evidence FOLDER NONCE-HEX
 * leaves in FOLDER: evidence, bare, root.der, other.der (a root of somebody else), policy, authority. */
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "evidence/nitro_maker.h"
#include "evidence/policy.h"
#include "evidence/signers.h"
#include "evidence/verifier.h"
#include "support/folder.h"
#include "support/vectors.h"

static const char *folder;

static void put(const char *name, const void *data, size_t size)
{
    char path[512];
    test_folder_join(path, sizeof path, folder, name);
    test_file_write(path, data, size);
}

static void must(enum bulla_reason reason)
{
    if (reason == BULLA_OK)
        return;
    (void)fprintf(stderr, "bulla_make_evidence: %s\n", bulla_detail());
    abort();
}

static void evidence_make(const struct nitro_pki *pki, const char *nonce_hex, uint64_t now)
{
    static const uint8_t key[32] = {7};
    static struct nitro_document wanted;
    static uint8_t bare[NITRO_DOCUMENT], whole[NITRO_DOCUMENT + 2048];
    uint8_t nonce[32], report_bytes[BULLA_REPORT_LARGEST], digest[32];
    struct bulla_writer writer;
    const struct bulla_report report = {.purpose = BULLA_PURPOSE_ATTEST,
        .nonce = {nonce, test_hex(nonce_hex, nonce, sizeof nonce)},
        .public_key = BULLA_BYTES(key),
        .token = BULLA_TEXT("0123456789abcdef")};
    bulla_writer_open(&writer, report_bytes, sizeof report_bytes);
    must(bulla_report_write(&report, &writer));
    SHA256(report_bytes, writer.size, digest);
    for (size_t i = 0; i < NITRO_PCRS; i++)
        memset(wanted.pcrs[i], (int)(0x30 + i), 48);
    wanted.user_data = BULLA_BYTES(digest);
    wanted.nonce = report.nonce;
    wanted.timestamp = now * 1000;
    struct bulla_envelope envelope = {.kind = BULLA_EVIDENCE_NITRO, .report = bulla_writer_bytes(&writer)};
    envelope.document = (struct bulla_bytes){bare, nitro_document_make(pki, &wanted, bare, sizeof bare)};
    bulla_writer_open(&writer, whole, sizeof whole);
    must(bulla_envelope_write(&envelope, &writer));
    put("evidence", whole, writer.size);
    put("bare", envelope.document.data, envelope.document.size);
}

static void policy_make(uint64_t now)
{
    static struct bulla_policy policy = {.version = 3, .epoch = 1, .reference_count = 1};
    static uint8_t bundle[BULLA_POLICY_LARGEST];
    struct bulla_policy_reference *reference = &policy.references[0];
    struct test_p256 authority;
    struct bulla_writer writer;
    test_p256_make(&authority);
    memcpy(policy.authority, authority.point, sizeof policy.authority);
    policy.not_before = now - 3600;
    policy.not_after = now + 3600;
    reference->kind = BULLA_EVIDENCE_NITRO;
    (void)snprintf(reference->label, sizeof reference->label, "the image");
    reference->measurement_count = 1;
    reference->measurements[0].size = 48;
    (void)snprintf(reference->measurements[0].name, sizeof reference->measurements[0].name, "pcr0");
    memset(reference->measurements[0].value, 0x30, 48);
    bulla_writer_open(&writer, bundle, sizeof bundle);
    must(bulla_policy_sign(&policy, &authority.signer, &writer));
    put("policy", bundle, writer.size);
    put("authority", authority.point, sizeof authority.point);
    test_p256_free(&authority);
}

int main(int argc, char **argv)
{
    static struct nitro_pki pki, other;
    uint64_t now = (uint64_t)time(NULL);
    if (argc != 3)
        return 2;
    folder = argv[1];
    nitro_pki_make(&pki, now - 3600, now + 3600);
    nitro_pki_make(&other, now - 3600, now + 3600);
    put("root.der", pki.der[0], pki.size[0]);
    put("other.der", other.der[0], other.size[0]);
    evidence_make(&pki, argv[2], now);
    policy_make(now);
    nitro_pki_free(&pki);
    nitro_pki_free(&other);
    return 0;
}
