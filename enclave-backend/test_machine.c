/* The machines that tests play. The NSM answers as AWS's does, in AWS's order of fields; its PCR0 to PCR2 follow from
 * the variable's text, PCR3, PCR4 and PCR8 are there as on every enclave of an instance with a role, the rest is zero.
 * The derived key of SEV-SNP follows from what the request mixes in, as the firmware's does. */
#include "test_machine.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/arena.h"
#include "crypto/cbor.h"
#include "test_signer.h"

/* --- a Nitro enclave --- */

enum { LOCKED_PCRS = 16, ATTESTED_PCRS = 5 };
static const char module_id[] = "i-0000000000000test-enc0000000000000test";

static const char *nsm_text(void)
{
    return secure_getenv("BULLA_TEST_NSM");
}

static bool hash_text(const EVP_MD *kind, const char *prefix, unsigned number, const char *text, uint8_t *digest)
{
    char line[256];
    int size = snprintf(line, sizeof line, "%s %u %s", prefix, number, text);
    return size > 0 && (size_t)size < sizeof line && EVP_Digest(line, (size_t)size, digest, NULL, kind, NULL) == 1;
}

static bool pcrs_make(uint8_t pcrs[static BULLA_TEST_PCRS][BULLA_TEST_PCR_SIZE])
{
    static const uint8_t set[] = {0, 1, 2, 3, 4, 8};
    const char *text = nsm_text();
    bool debug = strcmp(text, "debug") == 0, made = true;
    memset(pcrs, 0, BULLA_TEST_PCRS * sizeof pcrs[0]);
    for (size_t i = debug ? 3 : 0; i < sizeof set; i++)
        made = made && hash_text(EVP_sha384(), "pcr", set[i], text, pcrs[set[i]]);
    return made;
}

static void answer_error(struct bulla_writer *writer, const char *word)
{
    writer->size = 0;
    bulla_cbor_write_map(writer, 1);
    bulla_cbor_write_tstr(writer, "Error");
    bulla_cbor_write_tstr(writer, word);
}

static void answer_open(struct bulla_writer *writer, const char *name, size_t fields)
{
    bulla_cbor_write_map(writer, 1);
    bulla_cbor_write_tstr(writer, name);
    bulla_cbor_write_map(writer, fields);
}

static void write_number(struct bulla_writer *writer, const char *name, uint64_t number)
{
    bulla_cbor_write_tstr(writer, name);
    bulla_cbor_write_uint(writer, number);
}

static void answer_description(const struct bulla_cbor *parts, struct bulla_writer *writer)
{
    (void)parts;
    answer_open(writer, "DescribeNSM", 7);
    write_number(writer, "version_major", 1);
    write_number(writer, "version_minor", 0);
    write_number(writer, "version_patch", 0);
    bulla_cbor_write_tstr(writer, "module_id");
    bulla_cbor_write_tstr(writer, module_id);
    write_number(writer, "max_pcrs", BULLA_NSM_PCRS);
    bulla_cbor_write_tstr(writer, "locked_pcrs");
    bulla_cbor_write_array(writer, LOCKED_PCRS);
    for (unsigned i = 0; i < LOCKED_PCRS; i++)
        bulla_cbor_write_uint(writer, i);
    bulla_cbor_write_tstr(writer, "digest");
    bulla_cbor_write_tstr(writer, "SHA384");
}

static void answer_pcr(const struct bulla_cbor *parts, struct bulla_writer *writer)
{
    uint8_t pcrs[BULLA_NSM_PCRS][BULLA_TEST_PCR_SIZE] = {{0}};
    struct bulla_cbor index;
    const struct bulla_cbor_field field = {0, "index", BULLA_CBOR_UINT, false, &index, 0, 0};
    if (bulla_cbor_fields(parts, &field, 1, "DescribePCR") != BULLA_OK) {
        answer_error(writer, "InvalidOperation");
        return;
    }
    if (index.number >= BULLA_NSM_PCRS || !pcrs_make(pcrs)) {
        answer_error(writer, "InvalidIndex");
        return;
    }
    answer_open(writer, "DescribePCR", 2);
    bulla_cbor_write_tstr(writer, "lock");
    bulla_cbor_write_bool(writer, index.number < LOCKED_PCRS);
    bulla_cbor_write_tstr(writer, "data");
    bulla_cbor_write_bstr(writer, BULLA_BYTES(pcrs[index.number]));
}

/* The part called so, which may be null. */
static bool take_part(const struct bulla_cbor *parts, const char *name, struct bulla_bytes *part)
{
    struct bulla_cbor key, value;
    struct bulla_cbor_walk walk = bulla_cbor_inside(parts);
    while (bulla_cbor_next(&walk, &key) && bulla_cbor_next(&walk, &value)) {
        if (key.kind != BULLA_CBOR_TSTR || !bulla_bytes_equal_text(key.string, name))
            continue;
        *part = value.string;
        return value.kind == BULLA_CBOR_BSTR || value.kind == BULLA_CBOR_NULL;
    }
    return false;
}

static void answer_attestation(const struct bulla_cbor *parts, struct bulla_writer *writer)
{
    uint8_t pcrs[BULLA_TEST_PCRS][BULLA_TEST_PCR_SIZE], memory[BULLA_NSM_ANSWER_LARGEST];
    struct bulla_nsm_attestation attestation = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    const struct bulla_test_document document = {module_id, (const uint8_t(*)[BULLA_TEST_PCR_SIZE])pcrs, &attestation};
    struct bulla_writer signed_document;
    bulla_writer_open(&signed_document, memory, sizeof memory);
    if (parts->kind != BULLA_CBOR_MAP || parts->number != 3 || !take_part(parts, "user_data", &attestation.user_data) ||
        !take_part(parts, "nonce", &attestation.nonce) || !take_part(parts, "public_key", &attestation.public_key)) {
        answer_error(writer, "InvalidOperation");
        return;
    }
    if (attestation.user_data.size > BULLA_NSM_USER_DATA_LARGEST ||
        attestation.nonce.size > BULLA_NSM_USER_DATA_LARGEST || attestation.public_key.size > BULLA_NSM_KEY_LARGEST) {
        answer_error(writer, "InputTooLarge");
        return;
    }
    if (!pcrs_make(pcrs) || bulla_test_document_sign(&document, &signed_document) != BULLA_OK) {
        answer_error(writer, "InternalError");
        return;
    }
    answer_open(writer, "Attestation", 1);
    bulla_cbor_write_tstr(writer, "document");
    bulla_cbor_write_bstr(writer, bulla_writer_bytes(&signed_document));
}

/* A played enclave is past its boot: what would change a PCR meets a locked one. */
static void answer_read_only(const struct bulla_cbor *parts, struct bulla_writer *writer)
{
    (void)parts;
    answer_error(writer, "ReadOnlyIndex");
}

static const struct {
    const char *name;
    void (*answer)(const struct bulla_cbor *parts, struct bulla_writer *writer);
} nsm_calls[] = {
    {"DescribeNSM", answer_description},
    {"DescribePCR", answer_pcr},
    {"ExtendPCR", answer_read_only},
    {"LockPCR", answer_read_only},
    {"LockPCRs", answer_read_only},
    {"Attestation", answer_attestation},
};

/* A bare name, or a map of a name and its parts. */
static bool read_request(struct bulla_bytes request, struct bulla_cbor *name, struct bulla_cbor *parts)
{
    struct bulla_cbor item;
    if (bulla_cbor_decode_lenient(request, "a request", &item) != BULLA_OK)
        return false;
    *name = *parts = item;
    if (item.kind != BULLA_CBOR_MAP)
        return item.kind == BULLA_CBOR_TSTR;
    struct bulla_cbor_walk walk = bulla_cbor_inside(&item);
    return bulla_cbor_next(&walk, name) && bulla_cbor_next(&walk, parts) && name->kind == BULLA_CBOR_TSTR;
}

static enum bulla_reason nsm_exchange(
    struct bulla_bytes request, uint8_t answer[static BULLA_NSM_ANSWER_LARGEST], size_t *size)
{
    struct bulla_writer writer;
    struct bulla_cbor name, parts;
    bulla_writer_open(&writer, answer, BULLA_NSM_ANSWER_LARGEST);
    if (request.size > BULLA_NSM_REQUEST_LARGEST)
        return bulla_refuse(BULLA_ENCLAVE_FAILED, "the played NSM takes no request of %zu bytes", request.size);
    bool known = read_request(request, &name, &parts);
    size_t call = 0;
    while (known && call < sizeof nsm_calls / sizeof nsm_calls[0] &&
           !bulla_bytes_equal_text(name.string, nsm_calls[call].name))
        call++;
    if (known && call < sizeof nsm_calls / sizeof nsm_calls[0])
        nsm_calls[call].answer(&parts, &writer);
    else
        answer_error(&writer, "InvalidOperation");
    *size = writer.size;
    return bulla_writer_finish(&writer, "a played answer");
}

static bool nsm_present(void)
{
    return nsm_text() != NULL;
}

static const struct bulla_nsm_transport played_nsm = {"a played NSM", nsm_present, nsm_exchange};

const struct bulla_nsm_transport *bulla_test_machine_nsm(void)
{
    return nsm_text() ? &played_nsm : NULL;
}

/* --- a guest of SEV-SNP --- */

static const char *snp_text(void)
{
    return secure_getenv("BULLA_TEST_SNP");
}

static bool snp_present(void)
{
    return snp_text() != NULL;
}

/* What is mixed in by the request's bits; the policy and the rest are the same for all played guests. */
static enum bulla_reason snp_derive(
    const struct bulla_snp_key_request *request, uint8_t answer[static BULLA_SNP_KEY_ANSWER])
{
    const char *text = snp_text();
    bool measured = (request->fields & BULLA_SNP_MIX_MEASUREMENT) != 0;
    memset(answer, 0, BULLA_SNP_KEY_ANSWER);
    if (!text || request->fields >> 6 || request->vmpl > 3) {
        answer[0] = 0x16; /* INVALID_PARAM */
        return BULLA_OK;
    }
    if (!hash_text(EVP_sha256(), "snp", (unsigned)request->fields, measured ? text : "", answer + 32))
        return bulla_refuse(BULLA_LIBRARY, "deriving a played key");
    return BULLA_OK;
}

static const struct bulla_snp_transport played_snp = {"a played guest of SEV-SNP", snp_present, snp_derive};

const struct bulla_snp_transport *bulla_test_machine_snp(void)
{
    return snp_text() ? &played_snp : NULL;
}

/* --- configfs-tsm --- */

const char *bulla_test_machine_tsm(void)
{
    return secure_getenv("BULLA_TEST_TSM");
}
