/* Keys from outside: raw, in pieces, as CBOR and as an envelope. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/kes_certificate.h"
#include "crypto/kes_export.h"
#include "kes_checks.h"

/* A key in the scheme's middle period, and memory for another. */
struct pair {
    struct signer *signer, *other;
    uint8_t raw[ORACLE_RAW + 1];
};

static struct pair pair_open(const struct scheme *scheme, unsigned number)
{
    uint8_t seed[32];
    seed_for(number, seed);
    struct pair pair = {signer_open(seed, scheme->depth), signer_open(NULL, 0), {0}};
    signer_evolve_to(pair.signer, scheme_middle(scheme));
    memcpy(pair.raw, pair.signer->secret->raw, scheme->raw_size);
    return pair;
}

static void pair_close(struct pair *pair)
{
    signer_close(pair->signer);
    signer_close(pair->other);
}

static enum bulla_reason import(const struct scheme *scheme, struct pair *pair, size_t size, unsigned period)
{
    memset(pair->other->secret, 0x55, sizeof *pair->other->secret); /* of another key, which may not stay */
    memset(pair->other->secret->work, 0, sizeof pair->other->secret->work);
    return bulla_kes_import(
        (struct bulla_bytes){pair->raw, size}, scheme->depth, period, &pair->other->key, pair->other->secret);
}

static void assert_refused(
    const struct scheme *scheme, struct pair *pair, size_t size, unsigned period, enum bulla_reason reason)
{
    assert_int_equal(import(scheme, pair, size, period), reason);
    assert_true(signer_is_wiped(pair->other));
}

/* The other key signs what the first one does, in its period and, evolved, in the last. */
static void assert_same(const struct scheme *scheme, struct pair *pair)
{
    uint8_t mine[BULLA_KES_SIGNATURE_LARGEST], its[BULLA_KES_SIGNATURE_LARGEST];
    const unsigned periods[] = {pair->signer->key.period, scheme_periods(scheme) - 1};
    for (size_t i = 0; i < 2; i++) {
        signer_evolve_to(pair->signer, periods[i]);
        signer_evolve_to(pair->other, periods[i]);
        assert_memory_equal(pair->other->secret, pair->signer->secret, sizeof *pair->signer->secret);
        assert_int_equal(
            bulla_kes_sign(scheme->kind, &pair->signer->key, pair->signer->secret, kes_published_message, mine),
            BULLA_OK);
        assert_int_equal(
            bulla_kes_sign(scheme->kind, &pair->other->key, pair->other->secret, kes_published_message, its), BULLA_OK);
        assert_memory_equal(mine, its, scheme->signature_size);
    }
}

static void a_key_imported_in_any_period_signs_as_the_one_it_was_taken_from(const struct scheme *scheme)
{
    for (unsigned period = 0; period < scheme_periods(scheme); period += period < 4 ? 1 : 13) {
        uint8_t seed[32];
        seed_for(200, seed);
        struct pair pair = {signer_open(seed, scheme->depth), signer_open(NULL, 0), {0}};
        signer_evolve_to(pair.signer, period);
        memcpy(pair.raw, pair.signer->secret->raw, scheme->raw_size);
        assert_int_equal(import(scheme, &pair, scheme->raw_size, period), BULLA_OK);
        assert_memory_equal(pair.other->key.nodes[1], pair.signer->key.nodes[1], 32);
        assert_same(scheme, &pair);
        pair_close(&pair);
    }
}

static void no_other_period_takes_a_key(const struct scheme *scheme)
{
    static const unsigned beyond[] = {0, 1, 64, 0x7fffffff, UINT32_MAX - 64};
    struct pair pair = pair_open(scheme, 201);
    for (unsigned period = 0; period < scheme_periods(scheme); period++)
        if (period != scheme_middle(scheme))
            assert_refused(scheme, &pair, scheme->raw_size, period, BULLA_KEY_INVALID);
    for (size_t i = 0; i < sizeof beyond / sizeof beyond[0]; i++)
        assert_refused(scheme, &pair, scheme->raw_size, scheme_periods(scheme) + beyond[i], BULLA_KES_OVER);
    assert_int_equal(import(scheme, &pair, scheme->raw_size, scheme_middle(scheme)), BULLA_OK);
    pair_close(&pair);
}

static void no_shorter_key_is_one(const struct scheme *scheme)
{
    struct pair pair = pair_open(scheme, 202);
    for (size_t size = 0; size < scheme->raw_size; size++)
        assert_refused(scheme, &pair, size, scheme_middle(scheme), BULLA_KEY_INVALID);
    pair_close(&pair);
}

static void no_longer_key_is_one(const struct scheme *scheme)
{
    struct pair pair = pair_open(scheme, 203);
    for (size_t size = scheme->raw_size + 1; size <= sizeof pair.raw; size++)
        assert_refused(scheme, &pair, size, scheme_middle(scheme), BULLA_KEY_INVALID);
    pair_close(&pair);
}

/* Without a tree, any 32 bytes are a key: another one. */
static void another_leafs_seed_is_another_key_or_none(const struct scheme *scheme)
{
    struct pair pair = pair_open(scheme, 204);
    for (size_t i = 0; i < 32; i++) {
        pair.raw[i] ^= 4;
        if (scheme->depth) {
            assert_refused(scheme, &pair, scheme->raw_size, scheme_middle(scheme), BULLA_KEY_INVALID);
        } else {
            assert_int_equal(import(scheme, &pair, scheme->raw_size, 0), BULLA_OK);
            assert_memory_not_equal(pair.other->key.nodes[1], pair.signer->key.nodes[1], 32);
        }
        pair.raw[i] ^= 4;
    }
    pair_close(&pair);
}

static void an_imported_key_takes_the_place_of_a_deeper_one(const struct scheme *scheme)
{
    struct pair pair = pair_open(scheme, 205);
    uint8_t seed[32];
    seed_for(206, seed);
    signer_close(pair.other);
    pair.other = signer_open(seed, BULLA_KES_DEPTH_LARGEST);
    assert_int_equal(bulla_kes_import((struct bulla_bytes){pair.raw, scheme->raw_size}, scheme->depth,
                         scheme_middle(scheme), &pair.other->key, pair.other->secret),
        BULLA_OK);
    assert_same(scheme, &pair);
    pair_close(&pair);
}

/* In the root's pair the half that the key is not in only names the key: with another one it is another key. */
static void no_byte_of_a_pair_can_be_another(const struct scheme *scheme)
{
    struct pair pair = pair_open(scheme, 207);
    assert_true(scheme_middle(scheme) >= scheme_periods(scheme) / 2);
    for (unsigned level = 0; level < scheme->depth; level++)
        for (size_t i = 0; i < 64; i++) {
            uint8_t *byte = pair.raw + 32 + 96 * level + 32 + i;
            *byte ^= 0x10;
            if (level + 1 < scheme->depth || i >= 32) {
                assert_refused(scheme, &pair, scheme->raw_size, scheme_middle(scheme), BULLA_KEY_INVALID);
            } else {
                assert_int_equal(import(scheme, &pair, scheme->raw_size, scheme_middle(scheme)), BULLA_OK);
                assert_memory_not_equal(pair.other->key.nodes[1], pair.signer->key.nodes[1], 32);
            }
            *byte ^= 0x10;
        }
    pair_close(&pair);
}

static void a_pair_the_wrong_way_round_is_refused(const struct scheme *scheme)
{
    struct pair pair = pair_open(scheme, 208);
    for (unsigned level = 0; level < scheme->depth; level++) {
        uint8_t kept[64], *place = pair.raw + 32 + 96 * level + 32;
        memcpy(kept, place, 64);
        memcpy(place, kept + 32, 32);
        memcpy(place + 32, kept, 32);
        assert_refused(scheme, &pair, scheme->raw_size, scheme_middle(scheme), BULLA_KEY_INVALID);
        memcpy(place, kept, 64);
    }
    pair_close(&pair);
}

/* Zeros where a half is still to come; anything else where one was begun. */
static void a_seed_too_few_or_too_many_is_refused(const struct scheme *scheme)
{
    struct pair pair = pair_open(scheme, 209);
    for (unsigned level = 0; level < scheme->depth; level++) {
        uint8_t kept[32], *place = pair.raw + 32 + 96 * level;
        bool begun = scheme_middle(scheme) >> level & 1;
        memcpy(kept, place, 32);
        assert_int_equal(sodium_is_zero(place, 32), begun);
        memset(place, 0, 32);
        place[31] = begun;
        assert_refused(scheme, &pair, scheme->raw_size, scheme_middle(scheme), BULLA_KEY_INVALID);
        memcpy(place, kept, 32);
    }
    pair_close(&pair);
}

/* It shows when the half is made, and until then the key signs. */
static void another_seed_of_a_half_to_come_is_refused_before_evolving(const struct scheme *scheme)
{
    struct pair pair = pair_open(scheme, 210);
    uint8_t signature[BULLA_KES_SIGNATURE_LARGEST];
    for (unsigned level = 0; level < scheme->depth; level++) {
        if (scheme_middle(scheme) >> level & 1)
            continue;
        pair.raw[32 + 96 * level + 7] ^= 2;
        assert_int_equal(import(scheme, &pair, scheme->raw_size, scheme_middle(scheme)), BULLA_OK);
        assert_int_equal(bulla_kes_complete(&pair.other->key, pair.other->secret), BULLA_KEY_INVALID);
        assert_int_equal(bulla_kes_evolve(&pair.other->key, pair.other->secret), BULLA_KEY_INVALID);
        assert_false(pair.other->key.whole);
        assert_int_equal(pair.other->key.period, scheme_middle(scheme));
        assert_memory_equal(pair.other->secret->raw, pair.raw, scheme->raw_size);
        assert_int_equal(
            bulla_kes_sign(scheme->kind, &pair.other->key, pair.other->secret, kes_published_message, signature),
            BULLA_OK);
        const struct bulla_kes_claim claim =
            claim_of(scheme->kind, pair.signer, scheme_middle(scheme), kes_published_message, signature);
        assert_int_equal(bulla_kes_verify(&claim), BULLA_OK);
        pair.raw[32 + 96 * level + 7] ^= 2;
    }
    pair_close(&pair);
}

static void an_incomplete_tree_is_made_whole_once(const struct scheme *scheme)
{
    struct pair pair = pair_open(scheme, 211);
    const unsigned periods = scheme_periods(scheme);
    assert_int_equal(import(scheme, &pair, scheme->raw_size, scheme_middle(scheme)), BULLA_OK);
    assert_int_equal(pair.other->key.whole, scheme->depth == 0);
    assert_int_equal(bulla_kes_complete(&pair.other->key, pair.other->secret), BULLA_OK);
    assert_true(pair.other->key.whole);
    for (unsigned period = scheme_middle(scheme); period < periods; period++)
        assert_memory_equal(pair.other->key.nodes[periods + period], pair.signer->key.nodes[periods + period], 32);
    assert_int_equal(bulla_kes_complete(&pair.other->key, pair.other->secret), BULLA_OK);
    assert_same(scheme, &pair);
    pair_close(&pair);
}

/* --- pieces --- */

/* Upstream pushes the child's pieces, then the right seed, then the two keys: of the published key, its file. */
static void pieces_are_pushed_in_upstreams_order(const struct scheme *scheme)
{
    char name[64];
    struct pieces pieces = {.refuse_at = SIZE_MAX};
    struct signer *signer = signer_open(kes_published_seed, scheme->depth);
    assert_int_equal(bulla_kes_direct_write(&signer->key, signer->secret, pieces_push, &pieces), BULLA_OK);
    assert_int_equal(pieces.count, scheme->depth == 0 ? 1 : 19);
    (void)snprintf(name, sizeof name, "%skey%u", scheme->prefix, scheme->depth);
    assert_published(name, pieces.bytes, scheme->raw_size);
    signer_close(signer);
}

static enum bulla_reason pull_all(const struct scheme *scheme, struct pair *pair, struct pieces *pieces)
{
    pieces->count = 0;
    memset(pair->other->secret->raw, 0x55, sizeof pair->other->secret->raw);
    return bulla_kes_direct_read(
        pieces_pull, pieces, scheme->depth, scheme_middle(scheme), &pair->other->key, pair->other->secret);
}

static void pieces_that_are_pulled_are_the_key(const struct scheme *scheme)
{
    struct pair pair = pair_open(scheme, 212);
    struct pieces pieces = {.refuse_at = SIZE_MAX};
    memcpy(pieces.bytes, pair.raw, scheme->raw_size);
    assert_int_equal(pull_all(scheme, &pair, &pieces), BULLA_OK);
    assert_int_equal(pieces.count, scheme->raw_size / 32);
    assert_same(scheme, &pair);
    pair_close(&pair);
}

static void pieces_that_are_no_key_are_refused(const struct scheme *scheme)
{
    struct pair pair = pair_open(scheme, 213);
    struct pieces pieces = {.refuse_at = SIZE_MAX};
    memcpy(pieces.bytes, pair.raw, scheme->raw_size);
    for (size_t piece = 0; piece < scheme->raw_size / 32; piece++) {
        bool to_come = piece && (piece - 1) % 3 == 0 && !(scheme_middle(scheme) >> ((piece - 1) / 3) & 1);
        bool root = piece + 2 == scheme->raw_size / 32; /* the left key of the root's pair only names the key */
        if (to_come || root)
            continue;
        pieces.bytes[32 * piece] ^= 1;
        assert_int_equal(pull_all(scheme, &pair, &pieces), BULLA_KEY_INVALID);
        assert_true(signer_is_wiped(pair.other));
        pieces.bytes[32 * piece] ^= 1;
    }
    assert_int_equal(bulla_kes_direct_read(pieces_pull, &pieces, scheme->depth, scheme_periods(scheme),
                         &pair.other->key, pair.other->secret),
        BULLA_KES_OVER);
    assert_true(signer_is_wiped(pair.other));
    pair_close(&pair);
}

static void pieces_that_stop_leave_nothing(const struct scheme *scheme)
{
    struct pair pair = pair_open(scheme, 214);
    struct pieces pieces = {.refuse_at = 0};
    memcpy(pieces.bytes, pair.raw, scheme->raw_size);
    for (; pieces.refuse_at < scheme->raw_size / 32; pieces.refuse_at++) {
        assert_int_equal(pull_all(scheme, &pair, &pieces), BULLA_CANCELLED);
        assert_true(signer_is_wiped(pair.other));
        pieces.count = 0;
        assert_int_equal(
            bulla_kes_direct_write(&pair.signer->key, pair.signer->secret, pieces_push, &pieces), BULLA_CANCELLED);
        assert_int_equal(pieces.count, pieces.refuse_at);
    }
    pair_close(&pair);
}

/* --- other forms --- */

static void its_cbor_is_read_again(const struct scheme *scheme)
{
    struct pair pair = pair_open(scheme, 215);
    struct bulla_writer writer;
    struct bulla_bytes raw;
    uint8_t cbor[BULLA_KES_CBOR_LARGEST];
    bulla_writer_open(&writer, cbor, sizeof cbor);
    assert_int_equal(
        bulla_kes_form_write(BULLA_KES_CBOR, scheme->depth, (struct bulla_bytes){pair.raw, scheme->raw_size}, &writer),
        BULLA_OK);
    assert_memory_equal(cbor, scheme->depth ? "\x59\x02\x60" : "\x58\x20", scheme->depth ? 3 : 2);
    assert_int_equal(bulla_kes_cbor_read(bulla_writer_bytes(&writer), scheme->raw_size, "a KES key", &raw), BULLA_OK);
    assert_int_equal(raw.size, scheme->raw_size);
    assert_memory_equal(raw.data, pair.raw, scheme->raw_size);
    pair_close(&pair);
}

static void cbor_of_another_size_cut_or_followed_is_refused(const struct scheme *scheme)
{
    struct pair pair = pair_open(scheme, 216);
    struct bulla_writer writer;
    struct bulla_bytes raw;
    uint8_t cbor[BULLA_KES_CBOR_LARGEST + 1] = {0};
    bulla_writer_open(&writer, cbor, sizeof cbor);
    assert_int_equal(
        bulla_kes_form_write(BULLA_KES_CBOR, scheme->depth, (struct bulla_bytes){pair.raw, scheme->raw_size}, &writer),
        BULLA_OK);
    for (size_t size = 0; size < writer.size; size++)
        assert_int_not_equal(
            bulla_kes_cbor_read((struct bulla_bytes){cbor, size}, scheme->raw_size, "a KES key", &raw), BULLA_OK);
    assert_int_not_equal(
        bulla_kes_cbor_read((struct bulla_bytes){cbor, writer.size + 1}, scheme->raw_size, "a KES key", &raw),
        BULLA_OK);
    for (unsigned depth = 0; depth <= BULLA_KES_DEPTH_LARGEST; depth++)
        assert_int_equal(bulla_kes_cbor_read(bulla_writer_bytes(&writer), bulla_kes_raw_size(depth), "a KES key", &raw),
            depth == scheme->depth ? BULLA_OK : BULLA_MALFORMED);
    pair_close(&pair);
}

static void an_envelope_is_had_where_cardano_names_one(const struct scheme *scheme)
{
    struct pair pair = pair_open(scheme, 217);
    struct bulla_writer writer;
    uint8_t text[BULLA_KES_FORM_LARGEST];
    bulla_writer_open(&writer, text, sizeof text);
    enum bulla_reason reason = bulla_kes_form_write(
        BULLA_KES_ENVELOPE, scheme->depth, (struct bulla_bytes){pair.raw, scheme->raw_size}, &writer);
    assert_int_equal(reason, scheme->depth == 6 ? BULLA_OK : BULLA_ARGUMENT);
    assert_int_equal(writer.size > 0, scheme->depth == 6);
    pair_close(&pair);
}

const struct check kes_import_checks[] = {
    CHECK(a_key_imported_in_any_period_signs_as_the_one_it_was_taken_from),
    CHECK(no_other_period_takes_a_key),
    CHECK(no_shorter_key_is_one),
    CHECK(no_longer_key_is_one),
    CHECK(another_leafs_seed_is_another_key_or_none),
    CHECK(an_imported_key_takes_the_place_of_a_deeper_one),
    CHECK_OF_TREES(no_byte_of_a_pair_can_be_another),
    CHECK_OF_TREES(a_pair_the_wrong_way_round_is_refused),
    CHECK_OF_TREES(a_seed_too_few_or_too_many_is_refused),
    CHECK_OF_TREES(another_seed_of_a_half_to_come_is_refused_before_evolving),
    CHECK_OF_TREES(an_incomplete_tree_is_made_whole_once),
    CHECK(pieces_are_pushed_in_upstreams_order),
    CHECK(pieces_that_are_pulled_are_the_key),
    CHECK_OF_TREES(pieces_that_are_no_key_are_refused),
    CHECK(pieces_that_stop_leave_nothing),
    CHECK(its_cbor_is_read_again),
    CHECK(cbor_of_another_size_cut_or_followed_is_refused),
    CHECK(an_envelope_is_had_where_cardano_names_one),
};
const size_t kes_import_check_count = sizeof kes_import_checks / sizeof kes_import_checks[0];
