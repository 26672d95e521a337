/* Principals as text, and the proofs of those that have a key.
 *
 * A text has one form for each principal, in lower case; only an Ethereum address may be written with EIP-55's capitals
 * too, which are a checksum and are checked. Whether a key is a point of its curve is judged when it proves itself: no
 * other key can.
 *
 * An EIP-191 personal message is hashed as Keccak-256("\x19Ethereum Signed Message:\n" ‖ length in decimal ‖ message).
 * Of 65 bytes the signer's key is recovered, and compared: an address is the last 20 bytes of Keccak-256 over the
 * point. Ed25519 is libsodium's: keys of small order and S beyond the group's order are refused there. */
#include "principal.h"

#include <sodium.h>
#include <stdio.h>

#include "crypto/keccak.h"
#include "crypto/library.h"
#include "crypto/secp256k1.h"

static const char hex_digits[] = "0123456789abcdef";

/* --- text --- */

static bool is_name_byte(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '.' || byte == '_' || byte == '-';
}

static enum bulla_reason parse_name(struct bulla_bytes text, struct bulla_principal *principal)
{
    bool right = text.size >= 1 && text.size <= BULLA_PRINCIPAL_LARGEST && text.data[0] != '.' && text.data[0] != '-';
    for (size_t i = 0; i < text.size; i++)
        right &= is_name_byte(text.data[i]);
    if (!right)
        return bulla_refuse(BULLA_MALFORMED,
            "a user's name has 1 to %d bytes of a-z, 0-9, '.', '_' and '-', and begins with none of '.' and '-'",
            BULLA_PRINCIPAL_LARGEST);
    memcpy(principal->value, text.data, text.size);
    principal->size = (uint8_t)text.size;
    return BULLA_OK;
}

static int hex_value(uint8_t digit)
{
    const char *at = digit ? strchr(hex_digits, digit) : NULL;
    return at ? (int)(at - hex_digits) : -1;
}

/* Lower-case hex of `size` bytes, and nothing else. */
static enum bulla_reason parse_hex(struct bulla_bytes text, size_t size, const char *what, uint8_t *value)
{
    if (text.size != 2 * size)
        return bulla_refuse(BULLA_MALFORMED, "%s is written in %zu digits, not %zu", what, 2 * size, text.size);
    for (size_t i = 0; i < size; i++) {
        int high = hex_value(text.data[2 * i]), low = hex_value(text.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return bulla_refuse(BULLA_MALFORMED, "%s is written in digits 0-9 and a-f", what);
        value[i] = (uint8_t)(high << 4 | low);
    }
    return BULLA_OK;
}

static enum bulla_reason parse_ed25519(struct bulla_bytes text, struct bulla_principal *principal)
{
    principal->size = 32;
    return parse_hex(text, 32, "an Ed25519 key", principal->value);
}

static enum bulla_reason parse_secp256k1(struct bulla_bytes text, struct bulla_principal *principal)
{
    principal->size = 33;
    BULLA_TRY(parse_hex(text, 33, "a secp256k1 key", principal->value));
    if (principal->value[0] != 0x02 && principal->value[0] != 0x03)
        return bulla_refuse(BULLA_MALFORMED, "a secp256k1 key is a compressed point: 02 or 03 first");
    return BULLA_OK;
}

/* EIP-55: a letter is a capital where the same digit of the hash of the lower-case address is 8 or more. */
static bool has_right_capitals(const uint8_t *text, struct bulla_bytes lower)
{
    uint8_t hash[32];
    bulla_keccak256(&lower, 1, hash);
    for (size_t i = 0; i < lower.size; i++) {
        bool capital = (hash[i / 2] >> (i % 2 ? 0 : 4) & 0x8) && lower.data[i] >= 'a';
        if ((text[i] != lower.data[i]) != capital)
            return false;
    }
    return true;
}

static enum bulla_reason parse_ethereum(struct bulla_bytes text, struct bulla_principal *principal)
{
    uint8_t digits[40];
    struct bulla_bytes lower = {digits, text.size};
    principal->size = 20;
    for (size_t i = 0; i < text.size && i < sizeof digits; i++)
        digits[i] = text.data[i] >= 'A' && text.data[i] <= 'F' ? text.data[i] | 0x20 : text.data[i];
    BULLA_TRY(parse_hex(lower, 20, "an Ethereum address", principal->value));
    if (!bulla_bytes_equal(lower, text) && !has_right_capitals(text.data, lower))
        return bulla_refuse(BULLA_MALFORMED, "the capitals of the Ethereum address are not its checksum (EIP-55)");
    return BULLA_OK;
}

static enum bulla_reason parse_anyone(struct bulla_bytes text, struct bulla_principal *principal)
{
    (void)principal;
    return text.size ? bulla_refuse(BULLA_MALFORMED, "bytes after \"anyone\"") : BULLA_OK;
}

/* --- proofs --- */

static enum bulla_reason refuse_proof(const char *kind, struct bulla_bytes proof)
{
    return bulla_refuse(BULLA_PRINCIPAL_WRONG, "a proof of %zu bytes is no signature of %s", proof.size, kind);
}

/* Whatever a library says against a signature or a key, the principal did not prove itself. */
static enum bulla_reason as_proof(enum bulla_reason reason)
{
    return reason == BULLA_SIGNATURE || reason == BULLA_KEY_INVALID ? BULLA_PRINCIPAL_WRONG : reason;
}

static enum bulla_reason verify_ed25519(
    const struct bulla_principal *principal, struct bulla_bytes challenge, struct bulla_bytes proof)
{
    if (proof.size != crypto_sign_BYTES)
        return refuse_proof("Ed25519", proof);
    bulla_sodium_ready();
    if (crypto_sign_verify_detached(proof.data, challenge.data, challenge.size, principal->value) != 0)
        return bulla_refuse(BULLA_PRINCIPAL_WRONG, "the proof is no signature of the challenge by this Ed25519 key");
    return BULLA_OK;
}

void bulla_principal_hash(struct bulla_bytes challenge, uint8_t digest[static 32])
{
    char head[64];
    (void)snprintf(head, sizeof head, "\031Ethereum Signed Message:\n%zu", challenge.size);
    const struct bulla_bytes parts[] = {BULLA_TEXT(head), challenge};
    bulla_keccak256(parts, 2, digest);
}

/* The key that made a signature of 65 bytes: v is 0 or 1, or 27 more. */
static enum bulla_reason recover(struct bulla_bytes challenge, struct bulla_bytes proof, uint8_t key[static 65])
{
    uint8_t digest[32], v = proof.data[64];
    if (v > 1 && v != 27 && v != 28)
        return bulla_refuse(BULLA_PRINCIPAL_WRONG, "v of the signature is %u, not 0, 1, 27 or 28", v);
    bulla_principal_hash(challenge, digest);
    return as_proof(bulla_secp256k1_recover(digest, proof.data, v == 1 || v == 28, key));
}

static enum bulla_reason verify_secp256k1(
    const struct bulla_principal *principal, struct bulla_bytes challenge, struct bulla_bytes proof)
{
    uint8_t digest[32], key[65], compressed[33];
    if (proof.size == 64) {
        bulla_principal_hash(challenge, digest);
        return as_proof(bulla_secp256k1_verify(principal->value, digest, proof.data));
    }
    if (proof.size != 65)
        return refuse_proof("secp256k1", proof);
    BULLA_TRY(recover(challenge, proof, key));
    bulla_secp256k1_compress(key, compressed);
    if (memcmp(compressed, principal->value, sizeof compressed) != 0)
        return bulla_refuse(BULLA_PRINCIPAL_WRONG, "another secp256k1 key signed, or another challenge was signed");
    return BULLA_OK;
}

static enum bulla_reason verify_ethereum(
    const struct bulla_principal *principal, struct bulla_bytes challenge, struct bulla_bytes proof)
{
    uint8_t key[65], hash[32];
    if (proof.size != 65)
        return refuse_proof("an Ethereum account", proof);
    BULLA_TRY(recover(challenge, proof, key));
    const struct bulla_bytes point = {key + 1, 64};
    bulla_keccak256(&point, 1, hash);
    if (memcmp(hash + 12, principal->value, 20) != 0)
        return bulla_refuse(BULLA_PRINCIPAL_WRONG, "another Ethereum account signed, or another challenge was signed");
    return BULLA_OK;
}

/* --- the kinds --- */

static const struct {
    const char *before; /* the value, in the text */
    bool is_name;       /* the value is text itself */
    enum bulla_reason (*parse)(struct bulla_bytes text, struct bulla_principal *principal);
    enum bulla_reason (*verify)(
        const struct bulla_principal *principal, struct bulla_bytes challenge, struct bulla_bytes proof);
} kinds[BULLA_PRINCIPAL_KINDS] = {
    [BULLA_PRINCIPAL_NOBODY] = {"nobody", true, NULL, NULL},
    [BULLA_PRINCIPAL_ANYONE] = {"anyone", true, parse_anyone, NULL},
    [BULLA_PRINCIPAL_USER] = {"user:", true, parse_name, NULL},
    [BULLA_PRINCIPAL_ED25519] = {"ed25519:", false, parse_ed25519, verify_ed25519},
    [BULLA_PRINCIPAL_SECP256K1] = {"secp256k1:", false, parse_secp256k1, verify_secp256k1},
    [BULLA_PRINCIPAL_ETHEREUM] = {"ethereum:0x", false, parse_ethereum, verify_ethereum},
};

enum bulla_reason bulla_principal_parse(struct bulla_bytes text, struct bulla_principal *principal)
{
    for (uint8_t kind = 0; kind < BULLA_PRINCIPAL_KINDS; kind++) {
        size_t size = strlen(kinds[kind].before);
        *principal = (struct bulla_principal){.kind = kind};
        if (!kinds[kind].parse || text.size < size || memcmp(text.data, kinds[kind].before, size) != 0)
            continue;
        enum bulla_reason reason =
            kinds[kind].parse((struct bulla_bytes){text.data + size, text.size - size}, principal);
        if (reason != BULLA_OK)
            *principal = (struct bulla_principal){0};
        return reason;
    }
    *principal = (struct bulla_principal){0};
    return bulla_refuse(BULLA_MALFORMED, "a principal is anyone, user:, ed25519:, secp256k1: or ethereum:0x");
}

/* A principal that no parser made may have any kind and size: then it is nobody. */
void bulla_principal_text(const struct bulla_principal *principal, char text[static BULLA_PRINCIPAL_TEXT])
{
    uint8_t kind = principal->kind < BULLA_PRINCIPAL_KINDS ? principal->kind : BULLA_PRINCIPAL_NOBODY;
    size_t size = principal->size <= BULLA_PRINCIPAL_LARGEST ? principal->size : 0;
    char hex[2 * BULLA_PRINCIPAL_LARGEST + 1];
    if (kinds[kind].is_name) {
        (void)snprintf(text, BULLA_PRINCIPAL_TEXT, "%s%.*s", kinds[kind].before,
            kind == BULLA_PRINCIPAL_USER ? (int)size : 0, (const char *)principal->value);
        return;
    }
    (void)sodium_bin2hex(hex, sizeof hex, principal->value, size);
    (void)snprintf(text, BULLA_PRINCIPAL_TEXT, "%s%s", kinds[kind].before, hex);
}

bool bulla_principal_equal(const struct bulla_principal *left, const struct bulla_principal *right)
{
    if (left->kind == BULLA_PRINCIPAL_NOBODY || left->kind != right->kind || left->size != right->size)
        return false;
    return left->size <= BULLA_PRINCIPAL_LARGEST && memcmp(left->value, right->value, left->size) == 0;
}

bool bulla_principal_has_key(const struct bulla_principal *principal)
{
    return principal->kind < BULLA_PRINCIPAL_KINDS && kinds[principal->kind].verify;
}

void bulla_principal_challenge(const struct bulla_principal *principal, const char *serial,
    const uint8_t nonce[static 32], char challenge[static 2 * BULLA_CHALLENGE_SIZE])
{
    char text[BULLA_PRINCIPAL_TEXT], hex[2 * 32 + 1];
    bulla_principal_text(principal, text);
    (void)sodium_bin2hex(hex, sizeof hex, nonce, 32);
    (void)snprintf(challenge, 2 * BULLA_CHALLENGE_SIZE, "bulla login\ntoken: %.32s\nprincipal: %s\nnonce: %s\n", serial,
        text, hex);
}

enum bulla_reason bulla_principal_verify(
    const struct bulla_principal *principal, struct bulla_bytes challenge, struct bulla_bytes proof)
{
    if (!bulla_principal_has_key(principal))
        return bulla_refuse(BULLA_UNSUPPORTED, "a principal without a key proves nothing by a signature");
    return kinds[principal->kind].verify(principal, challenge, proof);
}
