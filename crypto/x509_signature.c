/* From what X.509 writes (RFC 5280, 4055, 5758, 8410) to the numbers that bulla_signature_verify takes: the algorithm's
 * name and parameters, and r ‖ s out of its DER. A signature has one encoding; another one is refused. */
#include <openssl/ec.h>
#include <openssl/rsa.h>

#include "certificate_inside.h"

enum { SIGNATURE_LARGEST = 512, FIELD_LARGEST = 48, SEQUENCE_FORM = V_ASN1_CONSTRUCTED };

bool bulla_asn1_signed_part(struct bulla_bytes der, struct bulla_bytes *part)
{
    const unsigned char *at = der.data;
    long size = 0;
    int tag = 0;
    int class = 0;
    if (ASN1_get_object(&at, &size, &tag, &class, (long)der.size) != SEQUENCE_FORM || tag != V_ASN1_SEQUENCE)
        return false;
    const unsigned char *begin = at;
    if (ASN1_get_object(&at, &size, &tag, &class, size) != SEQUENCE_FORM || tag != V_ASN1_SEQUENCE)
        return false;
    *part = (struct bulla_bytes){begin, (size_t)(at - begin) + (size_t)size};
    return true;
}

enum family { FAMILY_CURVE, FAMILY_RSA, FAMILY_ED25519 };
static const struct algorithm {
    int nid;
    enum family family;
    enum bulla_hash hash;
    enum bulla_padding padding;
} algorithms[] = {
    {NID_ecdsa_with_SHA256, FAMILY_CURVE, BULLA_SHA256, BULLA_PADDING_NONE},
    {NID_ecdsa_with_SHA384, FAMILY_CURVE, BULLA_SHA384, BULLA_PADDING_NONE},
    {NID_ecdsa_with_SHA512, FAMILY_CURVE, BULLA_SHA512, BULLA_PADDING_NONE},
    {NID_sha256WithRSAEncryption, FAMILY_RSA, BULLA_SHA256, BULLA_PADDING_PKCS1},
    {NID_sha384WithRSAEncryption, FAMILY_RSA, BULLA_SHA384, BULLA_PADDING_PKCS1},
    {NID_sha512WithRSAEncryption, FAMILY_RSA, BULLA_SHA512, BULLA_PADDING_PKCS1},
    {NID_rsassaPss, FAMILY_RSA, BULLA_SHA1, BULLA_PADDING_PSS}, /* the hash stands in the parameters */
    {NID_ED25519, FAMILY_ED25519, BULLA_SHA512, BULLA_PADDING_NONE},
};
static const enum family families[] = {
    [BULLA_PUBLIC_P256] = FAMILY_CURVE,
    [BULLA_PUBLIC_P384] = FAMILY_CURVE,
    [BULLA_PUBLIC_RSA] = FAMILY_RSA,
    [BULLA_PUBLIC_ED25519] = FAMILY_ED25519,
};

static const struct {
    int nid;
    enum bulla_hash hash;
} pss_hashes[] = {{NID_sha256, BULLA_SHA256}, {NID_sha384, BULLA_SHA384}, {NID_sha512, BULLA_SHA512}};

static bool find_hash(const X509_ALGOR *algorithm, enum bulla_hash *hash)
{
    const ASN1_OBJECT *object = NULL;
    X509_ALGOR_get0(&object, NULL, NULL, algorithm);
    for (size_t i = 0; i < sizeof pss_hashes / sizeof *pss_hashes; i++) {
        if (OBJ_obj2nid(object) == pss_hashes[i].nid) {
            *hash = pss_hashes[i].hash;
            return true;
        }
    }
    return false;
}

/* MGF1 whose hash is the first of its parameters. */
static bool find_mask_hash(const X509_ALGOR *mask, enum bulla_hash *hash)
{
    const ASN1_OBJECT *object = NULL;
    int type = V_ASN1_UNDEF;
    const void *parameter = NULL;
    X509_ALGOR_get0(&object, &type, &parameter, mask);
    if (OBJ_obj2nid(object) != NID_mgf1 || type != V_ASN1_SEQUENCE)
        return false;
    X509_ALGOR *inner = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(X509_ALGOR), mask->parameter);
    bool found = inner && find_hash(inner, hash);
    X509_ALGOR_free(inner);
    return found;
}

/* Absent parameters mean SHA-1 (RFC 4055, 3.1), which is not taken; nor are two different hashes. */
static bool pss_hash(const X509_ALGOR *algorithm, enum bulla_hash *hash)
{
    enum bulla_hash mask = BULLA_SHA1;
    RSA_PSS_PARAMS *parameters =
        algorithm->parameter ? ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(RSA_PSS_PARAMS), algorithm->parameter) : NULL;
    bool found = parameters && parameters->hashAlgorithm && parameters->maskGenAlgorithm &&
                 find_hash(parameters->hashAlgorithm, hash) && find_mask_hash(parameters->maskGenAlgorithm, &mask) &&
                 mask == *hash && (!parameters->trailerField || ASN1_INTEGER_get(parameters->trailerField) == 1);
    RSA_PSS_PARAMS_free(parameters);
    return found;
}

/* ECDSA and Ed25519 have no parameters, RSA with PKCS#1 has NULL. */
static bool parameters_fit(const struct algorithm *row, const X509_ALGOR *algorithm, enum bulla_hash *hash)
{
    int type = V_ASN1_UNDEF;
    X509_ALGOR_get0(NULL, &type, NULL, algorithm);
    *hash = row->hash;
    if (row->padding == BULLA_PADDING_PSS)
        return pss_hash(algorithm, hash);
    return type == (row->family == FAMILY_RSA ? V_ASN1_NULL : V_ASN1_UNDEF);
}

static bool raw_pair(struct bulla_bytes der, size_t field, uint8_t *pair)
{
    const unsigned char *at = der.data;
    unsigned char *again = NULL;
    ECDSA_SIG *read = d2i_ECDSA_SIG(NULL, &at, (long)der.size);
    int size = read ? i2d_ECDSA_SIG(read, &again) : -1;
    bool done = size >= 0 && bulla_bytes_equal((struct bulla_bytes){again, (size_t)size}, der) &&
                !BN_is_negative(ECDSA_SIG_get0_r(read)) && !BN_is_negative(ECDSA_SIG_get0_s(read)) &&
                BN_bn2binpad(ECDSA_SIG_get0_r(read), pair, (int)field) >= 0 &&
                BN_bn2binpad(ECDSA_SIG_get0_s(read), pair + field, (int)field) >= 0;
    OPENSSL_free(again);
    ECDSA_SIG_free(read);
    return done;
}

static const struct algorithm *find_algorithm(const X509_ALGOR *algorithm)
{
    const ASN1_OBJECT *object = NULL;
    X509_ALGOR_get0(&object, NULL, NULL, algorithm);
    int nid = OBJ_obj2nid(object);
    for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++)
        if (nid == algorithms[i].nid)
            return &algorithms[i];
    return NULL;
}

enum bulla_reason bulla_x509_verify(const struct bulla_public_key *key, const X509_ALGOR *algorithm,
    const ASN1_BIT_STRING *signature, struct bulla_bytes part)
{
    uint8_t pair[2 * FIELD_LARGEST];
    const struct algorithm *row = find_algorithm(algorithm);
    if (!row)
        return bulla_refuse(BULLA_UNSUPPORTED, "it is signed with an algorithm that is not taken");
    if (families[key->kind] != row->family)
        return bulla_refuse(BULLA_SIGNATURE, "its algorithm is not one of the issuer's key");
    struct bulla_bytes bits = {ASN1_STRING_get0_data(signature), (size_t)ASN1_STRING_length(signature)};
    struct bulla_signature numbers = {.padding = row->padding, .value = bits};
    if (!parameters_fit(row, algorithm, &numbers.hash))
        return bulla_refuse(BULLA_UNSUPPORTED, "its signature's algorithm has other parameters than are taken");
    if (bits.size > SIGNATURE_LARGEST || (signature->flags & 7) != 0)
        return bulla_refuse(BULLA_MALFORMED, "its signature is of no form that the algorithm has");
    if (row->family == FAMILY_CURVE) {
        size_t field = (key->value.size - 1) / 2;
        if (!raw_pair(bits, field, pair))
            return bulla_refuse(BULLA_MALFORMED, "its signature is of no form that the algorithm has");
        numbers.value = (struct bulla_bytes){pair, 2 * field};
    }
    return bulla_signature_verify(key, &numbers, part);
}
