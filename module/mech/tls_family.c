/* TLS 1.2 (RFC 5246; RFC 5705 for CKM_TLS_KDF): the master secret, the keys of a connection, the MAC of Finished, and
 * exported keys. The hash of the PRF is named by the number of its digest. TLS 1.3 is HKDF (kdf_family.c). */
#include <sodium.h>

#include "families.h"
#include "kdf.h"
#include "tls_prf.h"

enum { MASTER = 48, RANDOM = 32, PART_LARGEST = 64, FINISHED_LEAST = 12, SEED_LARGEST = 512 };

static enum bulla_reason find_hash(CK_MECHANISM_TYPE digest, const struct bulla_hash **hash)
{
    *hash = bulla_hash_find(digest);
    return *hash ? BULLA_OK : bulla_refuse(BULLA_PARAMETER, "0x%lx is no hash for the PRF of TLS 1.2", digest);
}

/* Both randoms are there and have 32 bytes. */
static enum bulla_reason read_randoms(
    const CK_SSL3_RANDOM_DATA *given, struct bulla_bytes *client, struct bulla_bytes *server)
{
    BULLA_TRY(bulla_kdf_string(given->pClientRandom, given->ulClientRandomLen, "a random", client));
    BULLA_TRY(bulla_kdf_string(given->pServerRandom, given->ulServerRandomLen, "a random", server));
    if (client->size != RANDOM || server->size != RANDOM)
        return bulla_refuse(BULLA_PARAMETER, "the randoms of client and server have %d bytes", RANDOM);
    return BULLA_OK;
}

static enum bulla_reason write_prf(const struct bulla_hash *hash, struct bulla_bytes secret,
    const struct bulla_bytes *seeds, size_t count, size_t size, struct bulla_writer *out)
{
    uint8_t *space = bulla_write_space(out, size);
    return space ? bulla_tls_prf(hash, secret, seeds, count, space, size) : BULLA_OK; /* the writer says so */
}

/* --- the master secret --- */

struct master_detail {
    bool version; /* the premaster secret begins with the client's version, which the caller gets (RSA) */
};
static const struct master_detail rsa_master = {true}, dh_master = {false};

static enum bulla_reason derive_master(const struct bulla_derivation *derivation, struct bulla_writer *out)
{
    const struct master_detail *detail = derivation->row->detail;
    struct bulla_bytes premaster = derivation->base->secret;
    CK_TLS12_MASTER_KEY_DERIVE_PARAMS given;
    const struct bulla_hash *hash;
    struct bulla_bytes seeds[3] = {BULLA_TEXT("master secret")};
    BULLA_TRY(bulla_mechanism_parameter(derivation->mechanism, sizeof given));
    memcpy(&given, derivation->mechanism->pParameter, sizeof given);
    BULLA_TRY(find_hash(given.prfHashMechanism, &hash));
    BULLA_TRY(read_randoms(&given.RandomInfo, &seeds[1], &seeds[2]));
    if (!detail->version != !given.pVersion)
        return bulla_refuse(BULLA_PARAMETER, "a version is in the premaster secret of RSA, and in no other");
    if (detail->version && premaster.size != MASTER)
        return bulla_refuse(BULLA_KEY_SIZE, "the premaster secret of RSA has %d bytes", MASTER);
    if (derivation->size != 0 && derivation->size != MASTER)
        return bulla_refuse(BULLA_KEY_INCONSISTENT, "a master secret has %d bytes", MASTER);
    BULLA_TRY(write_prf(hash, premaster, seeds, 3, MASTER, out));
    if (detail->version)
        *given.pVersion = (CK_VERSION){premaster.data[0], premaster.data[1]};
    return BULLA_OK;
}

/* --- the keys of a connection: two MAC keys, two of the cipher, two IVs, in the order of RFC 5246, 6.3 --- */

struct connection_detail {
    bool ivs;
};
static const struct connection_detail with_ivs = {true}, without_ivs = {false}; /* KEY_SAFE_DERIVE gives none */

struct connection {
    CK_TLS12_KEY_MAT_PARAMS given;
    const struct bulla_hash *hash;
    struct bulla_bytes client, server;
    size_t mac, key, iv; /* bytes */
};

static enum bulla_reason read_size(CK_ULONG bits, const char *what, size_t *size)
{
    if (bits % 8 != 0 || bits / 8 > PART_LARGEST)
        return bulla_refuse(BULLA_PARAMETER, "%s of %lu bits", what, bits);
    *size = bits / 8;
    return BULLA_OK;
}

static enum bulla_reason read_connection(const struct bulla_derivation *derivation, struct connection *connection)
{
    CK_TLS12_KEY_MAT_PARAMS *given = &connection->given;
    const struct connection_detail *detail = derivation->row->detail;
    BULLA_TRY(bulla_mechanism_parameter(derivation->mechanism, sizeof *given));
    memcpy(given, derivation->mechanism->pParameter, sizeof *given);
    BULLA_TRY(find_hash(given->prfHashMechanism, &connection->hash));
    BULLA_TRY(read_randoms(&given->RandomInfo, &connection->client, &connection->server));
    BULLA_TRY(read_size(given->ulMacSizeInBits, "a MAC key", &connection->mac));
    BULLA_TRY(read_size(given->ulKeySizeInBits, "a key", &connection->key));
    BULLA_TRY(read_size(given->ulIVSizeInBits, "an IV", &connection->iv));
    if (!detail->ivs)
        connection->iv = 0;
    if (given->bIsExport || !given->pReturnedKeyMaterial || connection->mac + connection->key + connection->iv == 0)
        return bulla_refuse(BULLA_PARAMETER, "keys of no size, for export, or without a place");
    if (connection->iv && (!given->pReturnedKeyMaterial->pIVClient || !given->pReturnedKeyMaterial->pIVServer))
        return bulla_refuse(BULLA_PARAMETER, "IVs without a place");
    return BULLA_OK;
}

static void add(struct bulla_shares *shares, struct bulla_share share, size_t *offset)
{
    if (share.handle)
        *share.handle = CK_INVALID_HANDLE; /* until all are made */
    if (share.size == 0)
        return;
    share.offset = *offset;
    *offset += share.size;
    shares->list[shares->count++] = share;
}

static enum bulla_reason divide_connection(const struct bulla_derivation *derivation, struct bulla_shares *shares)
{
    struct connection connection;
    size_t offset = 0;
    BULLA_TRY(read_connection(derivation, &connection));
    CK_SSL3_KEY_MAT_OUT *out = connection.given.pReturnedKeyMaterial;
    const struct bulla_share parts[] = {
        {.form = BULLA_SHARE_MAC, .size = connection.mac, .handle = &out->hClientMacSecret},
        {.form = BULLA_SHARE_MAC, .size = connection.mac, .handle = &out->hServerMacSecret},
        {.form = BULLA_SHARE_KEY, .size = connection.key, .handle = &out->hClientKey},
        {.form = BULLA_SHARE_KEY, .size = connection.key, .handle = &out->hServerKey},
        {.form = BULLA_SHARE_BYTES, .size = connection.iv, .bytes = out->pIVClient},
        {.form = BULLA_SHARE_BYTES, .size = connection.iv, .bytes = out->pIVServer},
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        add(shares, parts[i], &offset);
    return BULLA_OK;
}

static enum bulla_reason derive_connection(const struct bulla_derivation *derivation, struct bulla_writer *out)
{
    struct connection connection;
    BULLA_TRY(read_connection(derivation, &connection));
    const struct bulla_bytes seeds[] = {BULLA_TEXT("key expansion"), connection.server, connection.client};
    size_t size = 2 * (connection.mac + connection.key + connection.iv);
    return write_prf(connection.hash, derivation->base->secret, seeds, 3, size, out);
}

/* --- exported keys --- */

static enum bulla_reason derive_exported(const struct bulla_derivation *derivation, struct bulla_writer *out)
{
    CK_TLS_KDF_PARAMS given;
    const struct bulla_hash *hash;
    struct bulla_bytes seeds[5] = {{NULL, 0}};
    BULLA_TRY(bulla_mechanism_parameter(derivation->mechanism, sizeof given));
    memcpy(&given, derivation->mechanism->pParameter, sizeof given);
    BULLA_TRY(find_hash(given.prfMechanism, &hash));
    BULLA_TRY(bulla_kdf_string(given.pLabel, given.ulLabelLength, "a label", &seeds[0]));
    BULLA_TRY(read_randoms(&given.RandomInfo, &seeds[1], &seeds[2]));
    BULLA_TRY(bulla_kdf_string(given.pContextData, given.ulContextDataLength, "context", &seeds[4]));
    if (derivation->size == 0 || derivation->size > BULLA_KDF_DATA_LARGEST)
        return bulla_refuse(BULLA_KEY_INCOMPLETE, "the template does not say how long the key is (CKA_VALUE_LEN)");
    const uint8_t length[2] = {(uint8_t)(seeds[4].size >> 8), (uint8_t)seeds[4].size};
    seeds[3] = BULLA_BYTES(length);
    /* No context and an empty one are not the same (RFC 5705, section 4). */
    return write_prf(hash, derivation->base->secret, seeds, given.pContextData ? 5 : 3, derivation->size, out);
}

/* --- the MAC of Finished: the PRF of the label and of the hash of the handshake, which the caller gives as data --- */

struct finished {
    const struct bulla_hash *hash;
    const char *label;
    size_t size, filled;
    uint8_t seed[SEED_LARGEST];
};

static enum bulla_reason begin(struct bulla_run *run, const CK_MECHANISM *mechanism)
{
    struct finished *state = run->state;
    CK_TLS_MAC_PARAMS given;
    BULLA_TRY(bulla_mechanism_parameter(mechanism, sizeof given));
    memcpy(&given, mechanism->pParameter, sizeof given);
    BULLA_TRY(find_hash(given.prfHashMechanism, &state->hash));
    if (given.ulServerOrClient != 1 && given.ulServerOrClient != 2)
        return bulla_refuse(BULLA_PARAMETER, "neither the server's MAC (1) nor the client's (2)");
    if (given.ulMacLength < FINISHED_LEAST || given.ulMacLength > BULLA_HASH_LARGEST)
        return bulla_refuse(BULLA_PARAMETER, "a MAC of %lu bytes", given.ulMacLength);
    state->label = given.ulServerOrClient == 1 ? "server finished" : "client finished";
    state->size = given.ulMacLength;
    return BULLA_OK;
}

static enum bulla_reason bound(
    const struct bulla_run *run, enum bulla_phase phase, struct bulla_bytes in, size_t *bytes)
{
    const struct finished *state = run->state;
    (void)in;
    *bytes = phase == BULLA_UPDATE ? 0 : state->size;
    return BULLA_OK;
}

static enum bulla_reason update(struct bulla_run *run, struct bulla_bytes in, struct bulla_writer *out)
{
    struct finished *state = run->state;
    (void)out;
    if (in.size > SEED_LARGEST - state->filled)
        return bulla_refuse(BULLA_DATA_LENGTH, "a hash of the handshake of more than %d bytes", SEED_LARGEST);
    if (in.size)
        memcpy(state->seed + state->filled, in.data, in.size);
    state->filled += in.size;
    return BULLA_OK;
}

static enum bulla_reason compute(const struct bulla_run *run, uint8_t *mac)
{
    const struct finished *state = run->state;
    const struct bulla_bytes seeds[] = {BULLA_TEXT(state->label), {state->seed, state->filled}};
    return bulla_tls_prf(state->hash, run->key->secret, seeds, 2, mac, state->size);
}

static enum bulla_reason finish(struct bulla_run *run, struct bulla_writer *out)
{
    const struct finished *state = run->state;
    uint8_t *space = bulla_write_space(out, state->size);
    return space ? compute(run, space) : BULLA_OK;
}

static enum bulla_reason verify_finish(struct bulla_run *run, struct bulla_bytes signature)
{
    const struct finished *state = run->state;
    uint8_t mac[BULLA_HASH_LARGEST];
    if (signature.size != state->size)
        return bulla_refuse(BULLA_SIGNATURE_LENGTH, "the MAC has %zu bytes, not %zu", state->size, signature.size);
    enum bulla_reason reason = compute(run, mac);
    if (reason == BULLA_OK && sodium_memcmp(mac, signature.data, state->size) != 0)
        reason = bulla_refuse(BULLA_VERIFY_FAILED, "the MAC is another one");
    bulla_wipe(mac, sizeof mac);
    return reason;
}

static const struct bulla_processor finished_processor = {
    .state_size = sizeof(struct finished),
    .begin = begin,
    .bound = bound,
    .update = update,
    .finish = finish,
    .verify_finish = verify_finish,
};

/* --- rows --- */

enum { LARGEST = 8192 }; /* bytes of a key */
static const struct bulla_key_rule keys = {.count = 1, .types = {CKK_GENERIC_SECRET}};

#define FINISHED                                                                                                       \
    .parameter = "CK_TLS_MAC_PARAMS", .info = {1, LARGEST, CKF_SIGN | CKF_VERIFY}, .keys = &keys,                      \
    .processors = {[BULLA_SIGN] = &finished_processor, [BULLA_VERIFY] = &finished_processor}
#define MASTER_SECRET                                                                                                  \
    .parameter = "CK_TLS12_MASTER_KEY_DERIVE_PARAMS", .info = {1, LARGEST, CKF_DERIVE}, .keys = &keys,                 \
    .derive = derive_master
#define CONNECTION                                                                                                     \
    .parameter = "CK_TLS12_KEY_MAT_PARAMS", .info = {MASTER, MASTER, CKF_DERIVE}, .keys = &keys,                       \
    .derive = derive_connection, .divide = divide_connection
#define EXPORTED                                                                                                       \
    .parameter = "CK_TLS_KDF_PARAMS", .info = {1, LARGEST, CKF_DERIVE}, .keys = &keys, .derive = derive_exported

static const struct bulla_mechanism rows[] = {
    {BULLA_MECHANISM(CKM_TLS12_MAC), FINISHED},
    {BULLA_MECHANISM(CKM_TLS_MAC), FINISHED},
    {BULLA_MECHANISM(CKM_TLS12_MASTER_KEY_DERIVE), .detail = &rsa_master, MASTER_SECRET},
    {BULLA_MECHANISM(CKM_TLS12_MASTER_KEY_DERIVE_DH), .detail = &dh_master, MASTER_SECRET},
    {BULLA_MECHANISM(CKM_TLS12_KEY_AND_MAC_DERIVE), .detail = &with_ivs, CONNECTION},
    {BULLA_MECHANISM(CKM_TLS12_KEY_SAFE_DERIVE), .detail = &without_ivs, CONNECTION},
    {BULLA_MECHANISM(CKM_TLS12_KDF), EXPORTED},
    {BULLA_MECHANISM(CKM_TLS_KDF), EXPORTED},
};

const struct bulla_family bulla_tls_family = {
    .name = "tls",
    .mechanisms = rows,
    .count = sizeof rows / sizeof rows[0],
};
