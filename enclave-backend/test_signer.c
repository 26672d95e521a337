/* What real documents look like, made with a test PKI: an untagged COSE_Sign1 (ES384) over a map of indefinite length,
 * a chain of five certificates (root, path lengths 2, 1 and 0, a leaf of three hours without an authority key id). */
#include "test_signer.h"

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "crypto/cbor.h"
#include "test_root.h"

enum { ISSUERS = 3, CHAIN = ISSUERS + 1, FIELD = 48, CERTIFICATE = 1024, PAYLOAD = 0x2000, DAY = 86400 };

static const uint8_t protected_header[] = {0xa1, 0x01, 0x38, 0x22}; /* {1: -35}: ES384 */

static const struct certificate_plan {
    const char *name, *basic, *usage;
    long since, until; /* seconds from now */
} plans[CHAIN] = {
    {"test region", "critical,CA:TRUE,pathlen:2", "critical,keyCertSign,cRLSign,digitalSignature", -DAY, 20L * DAY},
    {"test zone", "critical,CA:TRUE,pathlen:1", "critical,keyCertSign,cRLSign,digitalSignature", -DAY, 5L * DAY},
    {"test instance", "critical,CA:TRUE,pathlen:0", "critical,keyCertSign,cRLSign,digitalSignature", -3600, DAY},
    {"test enclave", "critical,CA:FALSE", "critical,digitalSignature,nonRepudiation", -60, 3L * 3600},
};

struct signer {
    EVP_PKEY *root_key, *keys[CHAIN];
    X509 *root, *certificates[CHAIN];
};

static bool extend(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    bool done = extension && X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    return done;
}

static bool name_it(X509 *certificate, const char *name)
{
    return X509_NAME_add_entry_by_txt(
               X509_get_subject_name(certificate), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0) == 1;
}

static X509 *issue(const struct certificate_plan *plan, int serial, X509 *issuer, EVP_PKEY *issuer_key, EVP_PKEY *key)
{
    X509 *certificate = X509_new();
    bool made = certificate && X509_set_version(certificate, X509_VERSION_3) &&
                ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial) && name_it(certificate, plan->name) &&
                X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) &&
                X509_gmtime_adj(X509_getm_notBefore(certificate), plan->since) &&
                X509_gmtime_adj(X509_getm_notAfter(certificate), plan->until) && X509_set_pubkey(certificate, key) &&
                extend(certificate, NID_basic_constraints, plan->basic) &&
                extend(certificate, NID_key_usage, plan->usage) && X509_sign(certificate, issuer_key, EVP_sha384()) > 0;
    if (made)
        return certificate;
    X509_free(certificate);
    return NULL;
}

static bool signer_open(struct signer *signer)
{
    const unsigned char *root = bulla_test_root, *key = bulla_test_root_key;
    signer->root = d2i_X509(NULL, &root, sizeof bulla_test_root);
    signer->root_key = d2i_PrivateKey(EVP_PKEY_EC, NULL, &key, sizeof bulla_test_root_key);
    bool made = signer->root && signer->root_key;
    for (int i = 0; made && i < CHAIN; i++) {
        X509 *issuer = i ? signer->certificates[i - 1] : signer->root;
        EVP_PKEY *issuer_key = i ? signer->keys[i - 1] : signer->root_key;
        signer->keys[i] = EVP_EC_gen("P-384");
        made = signer->keys[i] &&
               (signer->certificates[i] = issue(&plans[i], i + 2, issuer, issuer_key, signer->keys[i])) != NULL;
    }
    return made;
}

static void signer_close(struct signer *signer)
{
    X509_free(signer->root);
    EVP_PKEY_free(signer->root_key);
    for (int i = 0; i < CHAIN; i++) {
        X509_free(signer->certificates[i]);
        EVP_PKEY_free(signer->keys[i]);
    }
}

/* --- the payload --- */

static void write_certificate(struct bulla_writer *writer, X509 *certificate)
{
    unsigned char der[CERTIFICATE], *at = der;
    int size = i2d_X509(certificate, NULL);
    if (size > 0 && size <= CERTIFICATE && i2d_X509(certificate, &at) == size)
        bulla_cbor_write_bstr(writer, (struct bulla_bytes){der, (size_t)size});
}

static void write_optional(struct bulla_writer *writer, const char *name, struct bulla_bytes part)
{
    bulla_cbor_write_tstr(writer, name);
    if (part.size)
        bulla_cbor_write_bstr(writer, part);
    else
        bulla_cbor_write_null(writer);
}

static void write_payload(
    struct bulla_writer *writer, const struct bulla_test_document *document, const struct signer *signer)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    bulla_write_u8(writer, 0xbf); /* a map of indefinite length */
    bulla_cbor_write_tstr(writer, "module_id");
    bulla_cbor_write_tstr(writer, document->module_id);
    bulla_cbor_write_tstr(writer, "digest");
    bulla_cbor_write_tstr(writer, "SHA384");
    bulla_cbor_write_tstr(writer, "timestamp");
    bulla_cbor_write_uint(writer, (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000);
    bulla_cbor_write_tstr(writer, "pcrs");
    bulla_cbor_write_map(writer, BULLA_TEST_PCRS);
    for (unsigned i = 0; i < BULLA_TEST_PCRS; i++) {
        bulla_cbor_write_uint(writer, i);
        bulla_cbor_write_bstr(writer, BULLA_BYTES(document->pcrs[i]));
    }
    bulla_cbor_write_tstr(writer, "certificate");
    write_certificate(writer, signer->certificates[CHAIN - 1]);
    bulla_cbor_write_tstr(writer, "cabundle");
    bulla_cbor_write_array(writer, CHAIN);
    write_certificate(writer, signer->root);
    for (int i = 0; i < ISSUERS; i++)
        write_certificate(writer, signer->certificates[i]);
    write_optional(writer, "public_key", document->attestation->public_key);
    write_optional(writer, "user_data", document->attestation->user_data);
    write_optional(writer, "nonce", document->attestation->nonce);
    bulla_write_u8(writer, 0xff);
}

/* --- the signature --- */

static bool sign(EVP_PKEY *key, struct bulla_bytes message, uint8_t signature[static 2 * FIELD])
{
    unsigned char der[160];
    size_t size = sizeof der;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool done = context && EVP_DigestSignInit(context, NULL, EVP_sha384(), NULL, key) == 1 &&
                EVP_DigestSign(context, der, &size, message.data, message.size) == 1;
    const unsigned char *at = der;
    ECDSA_SIG *parts = done ? d2i_ECDSA_SIG(NULL, &at, (long)size) : NULL;
    done = parts && BN_bn2binpad(ECDSA_SIG_get0_r(parts), signature, FIELD) == FIELD &&
           BN_bn2binpad(ECDSA_SIG_get0_s(parts), signature + FIELD, FIELD) == FIELD;
    ECDSA_SIG_free(parts);
    EVP_MD_CTX_free(context);
    return done;
}

/* RFC 9052, 4.4: Sig_structure. */
static bool sign_payload(EVP_PKEY *key, struct bulla_bytes payload, uint8_t signature[static 2 * FIELD])
{
    static const struct bulla_bytes nothing = {NULL, 0};
    uint8_t memory[PAYLOAD + 64];
    struct bulla_writer writer;
    bulla_writer_open(&writer, memory, sizeof memory);
    bulla_cbor_write_array(&writer, 4);
    bulla_cbor_write_tstr(&writer, "Signature1");
    bulla_cbor_write_bstr(&writer, BULLA_BYTES(protected_header));
    bulla_cbor_write_bstr(&writer, nothing);
    bulla_cbor_write_bstr(&writer, payload);
    return bulla_writer_finish(&writer, "a test document") == BULLA_OK &&
           sign(key, bulla_writer_bytes(&writer), signature);
}

static enum bulla_reason write_document(
    const struct bulla_test_document *document, const struct signer *signer, struct bulla_writer *writer)
{
    uint8_t memory[PAYLOAD], signature[2 * FIELD];
    struct bulla_writer payload;
    bulla_writer_open(&payload, memory, sizeof memory);
    write_payload(&payload, document, signer);
    BULLA_TRY(bulla_writer_finish(&payload, "a test document"));
    if (!sign_payload(signer->keys[CHAIN - 1], bulla_writer_bytes(&payload), signature))
        return bulla_refuse(BULLA_LIBRARY, "signing a test document");
    bulla_cbor_write_array(writer, 4); /* untagged, as real ones are */
    bulla_cbor_write_bstr(writer, BULLA_BYTES(protected_header));
    bulla_cbor_write_map(writer, 0);
    bulla_cbor_write_bstr(writer, bulla_writer_bytes(&payload));
    bulla_cbor_write_bstr(writer, BULLA_BYTES(signature));
    return bulla_writer_finish(writer, "a test document");
}

enum bulla_reason bulla_test_document_sign(const struct bulla_test_document *document, struct bulla_writer *writer)
{
    struct signer signer = {.root = NULL};
    enum bulla_reason reason = signer_open(&signer) ? write_document(document, &signer, writer)
                                                    : bulla_refuse(BULLA_LIBRARY, "making a test PKI");
    signer_close(&signer);
    return reason;
}
