#include "nitro_maker.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <stdlib.h>

#include "crypto/cbor.h"

static const uint8_t es384_header[] = {0xa1, 0x01, 0x38, 0x22}; /* {1: -35} */

static void must(bool done)
{
    if (!done)
        abort();
}

void nitro_pki_renew(struct nitro_pki *pki)
{
    for (size_t i = 0; i < NITRO_LINKS; i++)
        pki->size[i] = test_pki_certificate_make(&pki->wanted[i], pki->der[i], NITRO_CERTIFICATE);
    (void)crypto_hash_sha256(pki->root, pki->der[0], pki->size[0]);
}

void nitro_pki_make(struct nitro_pki *pki, uint64_t from, uint64_t until)
{
    static const char *const names[NITRO_LINKS] = {
        "test.nitro-enclaves", "a1b2.test.nitro-enclaves", "zonal.test.nitro-enclaves", "i-0.test", "i-0-enc0.test"};
    static const char *const constraints[NITRO_LINKS] = {"critical,CA:TRUE", "critical,CA:TRUE,pathlen:2",
        "critical,CA:TRUE,pathlen:1", "critical,CA:TRUE,pathlen:0", "critical,CA:FALSE"};
    for (size_t i = 0; i < NITRO_LINKS; i++)
        pki->keys[i] = test_pki_key_make(TEST_PKI_P384);
    for (size_t i = 0; i < NITRO_LINKS; i++)
        pki->wanted[i] = (struct test_pki_certificate){
            .subject = names[i],
            .issuer = names[i ? i - 1 : 0],
            .key = pki->keys[i],
            .signer = pki->keys[i ? i - 1 : 0],
            .digest = "SHA384",
            .serial = (long)(i + 1),
            .from = from,
            .until = until,
            .constraints = constraints[i],
            .usage = i == NITRO_LEAF ? "critical,digitalSignature,nonRepudiation"
                                     : "critical,digitalSignature,keyCertSign,cRLSign",
        };
    nitro_pki_renew(pki);
}

void nitro_pki_free(struct nitro_pki *pki)
{
    for (size_t i = 0; i < NITRO_LINKS; i++)
        test_pki_key_free(pki->keys[i]);
}

static void write_optional(struct bulla_writer *writer, const char *name, struct bulla_bytes value)
{
    bulla_cbor_write_tstr(writer, name);
    if (value.data)
        bulla_cbor_write_bstr(writer, value);
    else
        bulla_cbor_write_null(writer);
}

size_t nitro_payload_make(
    const struct nitro_pki *pki, const struct nitro_document *wanted, uint8_t *payload, size_t capacity)
{
    struct bulla_writer writer;
    bulla_writer_open(&writer, payload, capacity);
    bulla_cbor_write_map(&writer, 9);
    bulla_cbor_write_tstr(&writer, "module_id");
    bulla_cbor_write_tstr(&writer, "i-0123456789abcdef0-enc0123456789abcdef");
    bulla_cbor_write_tstr(&writer, "digest");
    bulla_cbor_write_tstr(&writer, "SHA384");
    bulla_cbor_write_tstr(&writer, "timestamp");
    bulla_cbor_write_uint(&writer, wanted->timestamp);
    bulla_cbor_write_tstr(&writer, "pcrs");
    bulla_cbor_write_map(&writer, NITRO_PCRS);
    for (size_t i = 0; i < NITRO_PCRS; i++) {
        bulla_cbor_write_uint(&writer, i);
        bulla_cbor_write_bstr(&writer, BULLA_BYTES(wanted->pcrs[i]));
    }
    bulla_cbor_write_tstr(&writer, "certificate");
    bulla_cbor_write_bstr(&writer, (struct bulla_bytes){pki->der[NITRO_LEAF], pki->size[NITRO_LEAF]});
    bulla_cbor_write_tstr(&writer, "cabundle");
    size_t bundled = 0;
    for (size_t i = 0; i < NITRO_LEAF; i++)
        bundled += pki->size[i] != 0;
    bulla_cbor_write_array(&writer, bundled);
    for (size_t i = 0; i < NITRO_LEAF; i++)
        if (pki->size[i])
            bulla_cbor_write_bstr(&writer, (struct bulla_bytes){pki->der[i], pki->size[i]});
    write_optional(&writer, "public_key", wanted->public_key);
    write_optional(&writer, "user_data", wanted->user_data);
    write_optional(&writer, "nonce", wanted->nonce);
    must(bulla_writer_finish(&writer, "a payload") == BULLA_OK);
    return writer.size;
}

static void sign_es384(void *key, struct bulla_bytes bytes, uint8_t signature[static 96])
{
    unsigned char der[128];
    size_t size = sizeof der;
    const unsigned char *at = der;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    must(context && EVP_DigestSignInit(context, NULL, EVP_sha384(), NULL, key) == 1);
    must(EVP_DigestSign(context, der, &size, bytes.data, bytes.size) == 1);
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)size);
    must(pair && BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature, 48) == 48);
    must(BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature + 48, 48) == 48);
    ECDSA_SIG_free(pair);
    EVP_MD_CTX_free(context);
}

/* RFC 9052, 4.4: ["Signature1", protected, external, payload]. */
size_t nitro_payload_sign(const struct nitro_pki *pki, struct bulla_bytes payload, uint8_t *document, size_t capacity)
{
    uint8_t signature[96];
    struct bulla_writer writer;
    bulla_writer_open(&writer, document, capacity);
    bulla_cbor_write_array(&writer, 4);
    bulla_cbor_write_tstr(&writer, "Signature1");
    bulla_cbor_write_bstr(&writer, BULLA_BYTES(es384_header));
    bulla_cbor_write_bstr(&writer, (struct bulla_bytes){NULL, 0});
    bulla_cbor_write_bstr(&writer, payload);
    must(bulla_writer_finish(&writer, "what is signed") == BULLA_OK);
    sign_es384(pki->keys[NITRO_LEAF], bulla_writer_bytes(&writer), signature);
    bulla_writer_open(&writer, document, capacity);
    bulla_cbor_write_array(&writer, 4);
    bulla_cbor_write_bstr(&writer, BULLA_BYTES(es384_header));
    bulla_cbor_write_map(&writer, 0);
    bulla_cbor_write_bstr(&writer, payload);
    bulla_cbor_write_bstr(&writer, BULLA_BYTES(signature));
    must(bulla_writer_finish(&writer, "a document") == BULLA_OK);
    return writer.size;
}

size_t nitro_document_make(
    const struct nitro_pki *pki, const struct nitro_document *wanted, uint8_t *document, size_t capacity)
{
    uint8_t payload[NITRO_DOCUMENT];
    size_t size = nitro_payload_make(pki, wanted, payload, sizeof payload);
    return nitro_payload_sign(pki, (struct bulla_bytes){payload, size}, document, capacity);
}
