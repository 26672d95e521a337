/* The counter's file is written after the certificate. A crash between leaves a number that is issued again, which the
 * ledger takes; the other way round it would leave one that was never used, and the next would jump (m ≤ n ≤ m + 1). */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "commands.h"
#include "crypto/arena.h"
#include "crypto/cbor.h"
#include "file.h"
#include "kes.h"
#include "output.h"

enum { COUNTER_LARGEST = 64 };

struct issue_settings {
    struct bulla_common common;
    const char *key, *vkey, *cold, *cold_key, *counter, *first, *period, *output;
};
#define AT(member) offsetof(struct issue_settings, member)

static const struct bulla_option options[] = {
    {"key", 'k', "LABEL", "the KES key in the token that is certified", BULLA_OPTION_TEXT, AT(key), 0, 0, false},
    {"vkey", 0, "FILE", "instead of --key: a KES verification key, in a file or as 64 hex digits", BULLA_OPTION_TEXT,
        AT(vkey), 0, 0, false},
    {"cold", 'c', "LABEL", "the Ed25519 cold key in the token that signs", BULLA_OPTION_TEXT, AT(cold), 0, 0, false},
    {"cold-key", 0, "FILE", "instead of --cold: a StakePoolSigningKey_ed25519", BULLA_OPTION_TEXT, AT(cold_key), 0, 0,
        false},
    {"counter", 0, "FILE", "where the number of issues is kept, as cardano-cli keeps it", BULLA_OPTION_KEPT,
        AT(counter), 0, 0, true},
    {"first", 0, "N", "make the counter's file, with this number", BULLA_OPTION_TEXT, AT(first), 0, 0, false},
    {"period", 'p', "N", "the chain's KES period in which the key's 0 lies (default: by the key's clock)",
        BULLA_OPTION_TEXT, AT(period), 0, 0, false},
    {"output", 'o', "FILE", "where the certificate goes", BULLA_OPTION_OUTPUT, AT(output), 0, 0, true},
};

struct issuing {
    const struct issue_settings *settings;
    struct bulla_client client;
    struct bulla_operational_certificate certificate;
    CK_OBJECT_HANDLE cold;      /* in the token */
    struct cold_secret *secret; /* or from a file, in the arena */
};
struct cold_secret {
    uint8_t seed[32], key[crypto_sign_SECRETKEYBYTES];
};

/* --- the counter --- */

/* [number, cold vk] */
static enum bulla_reason counter_parse(
    struct bulla_bytes cbor, const struct bulla_operational_certificate *certificate, uint64_t *number)
{
    struct bulla_cbor outer, count, cold;
    BULLA_TRY(bulla_cbor_decode(cbor, "the counter", &outer));
    struct bulla_cbor_walk walk = bulla_cbor_inside(&outer);
    if (outer.kind != BULLA_CBOR_ARRAY || outer.number != 2 || !bulla_cbor_next(&walk, &count) ||
        count.kind != BULLA_CBOR_UINT || !bulla_cbor_next(&walk, &cold) || cold.kind != BULLA_CBOR_BSTR)
        return bulla_refuse(BULLA_MALFORMED, "the counter is not a number and a cold verification key");
    if (!bulla_bytes_equal(cold.string, BULLA_BYTES(certificate->cold)))
        return bulla_refuse(BULLA_COMMITMENT, "the counter is another cold key's");
    *number = count.number;
    return BULLA_OK;
}

static enum bulla_reason counter_take(struct issuing *issuing)
{
    const struct issue_settings *settings = issuing->settings;
    uint8_t cbor[COUNTER_LARGEST];
    size_t size = 0;
    bool there = access(settings->counter, F_OK) == 0;
    if (settings->first && there)
        return bulla_refuse(BULLA_ARGUMENT, "%s is there already: leave --first out", settings->counter);
    if (settings->first)
        return bulla_number_parse(settings->first, "--first", 0, INT64_MAX - 1, &issuing->certificate.counter);
    if (!there)
        bulla_output_remedy("name the pool's counter; for its first certificate --first 0 makes one");
    BULLA_TRY(bulla_kes_envelope_read(settings->counter, BULLA_KES_COUNTER_TYPE, cbor, sizeof cbor, &size));
    BULLA_TRY(counter_parse((struct bulla_bytes){cbor, size}, &issuing->certificate, &issuing->certificate.counter));
    return issuing->certificate.counter < INT64_MAX ? BULLA_OK
                                                    : bulla_refuse(BULLA_TOO_LARGE, "the counter is at its end");
}

static enum bulla_reason counter_write(const struct issuing *issuing)
{
    uint8_t cbor[COUNTER_LARGEST];
    char description[80];
    struct bulla_writer writer;
    uint64_t next = issuing->certificate.counter + 1;
    bulla_writer_open(&writer, cbor, sizeof cbor);
    bulla_cbor_write_array(&writer, 2);
    bulla_cbor_write_uint(&writer, next);
    bulla_cbor_write_bstr(&writer, BULLA_BYTES(issuing->certificate.cold));
    BULLA_TRY(bulla_writer_finish(&writer, "a counter"));
    (void)snprintf(description, sizeof description, "Next certificate issue number: %llu", (unsigned long long)next);
    return bulla_kes_envelope_write(
        issuing->settings->counter, BULLA_KES_COUNTER_TYPE, description, bulla_writer_bytes(&writer));
}

/* --- what is certified --- */

static enum bulla_reason period_of_key(const struct bulla_kes_view *view, uint64_t *period)
{
    if (!view->slots_per_period || view->start_slot % view->slots_per_period != 0)
        return bulla_refuse(BULLA_ARGUMENT, "the key has no clock whose period 0 begins with one of the chain's: give "
                                            "--period");
    *period = view->start_slot / view->slots_per_period;
    return BULLA_OK;
}

static enum bulla_reason hot_take(struct issuing *issuing)
{
    const struct issue_settings *settings = issuing->settings;
    struct bulla_operational_certificate *certificate = &issuing->certificate;
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    struct bulla_kes_view view;
    int depth = 0;
    if (settings->period)
        BULLA_TRY(bulla_number_parse(settings->period, "--period", 0, INT64_MAX, &certificate->period));
    if (settings->vkey)
        return bulla_kes_vkey_read(settings->vkey, certificate->hot, &depth);
    BULLA_TRY(bulla_kes_find(&issuing->client, settings->key, &key));
    BULLA_TRY(bulla_kes_look(&issuing->client, key, &view));
    memcpy(certificate->hot, view.key, sizeof certificate->hot);
    return settings->period ? BULLA_OK : period_of_key(&view, &certificate->period);
}

/* --- the cold key --- */

/* CKA_EC_POINT is an OCTET STRING of the 32 bytes. */
static enum bulla_reason cold_find(struct issuing *issuing)
{
    static const CK_KEY_TYPE type = CKK_EC_EDWARDS;
    static const uint8_t head[] = {0x04, 32};
    uint8_t *point = NULL;
    size_t size = 0;
    BULLA_TRY(bulla_client_private_key(
        &issuing->client, issuing->settings->cold, &type, "Ed25519 private key", &issuing->cold));
    BULLA_TRY(bulla_client_attribute(&issuing->client, issuing->cold, CKA_EC_POINT, &point, &size));
    bool good = size == sizeof head + sizeof issuing->certificate.cold && memcmp(point, head, sizeof head) == 0;
    if (good)
        memcpy(issuing->certificate.cold, point + sizeof head, sizeof issuing->certificate.cold);
    free(point);
    return good ? BULLA_OK : bulla_refuse(BULLA_KEY_INVALID, "\"%s\" is not an Ed25519 key", issuing->settings->cold);
}

static enum bulla_reason cold_take(struct issuing *issuing)
{
    if (issuing->settings->cold)
        return cold_find(issuing);
    BULLA_TRY(bulla_secret_allocate(sizeof *issuing->secret, (void **)&issuing->secret));
    BULLA_TRY(bulla_kes_cold_read(issuing->settings->cold_key, issuing->secret->seed));
    (void)crypto_sign_seed_keypair(issuing->certificate.cold, issuing->secret->key, issuing->secret->seed);
    return BULLA_OK;
}

static enum bulla_reason certificate_sign(struct issuing *issuing)
{
    uint8_t message[BULLA_OPERATIONAL_CERTIFICATE_SIGNED];
    struct bulla_client *client = &issuing->client;
    CK_MECHANISM mechanism = {CKM_EDDSA, NULL, 0};
    CK_ULONG size = sizeof issuing->certificate.signature;
    bulla_operational_certificate_signed(&issuing->certificate, message);
    if (issuing->secret) {
        (void)crypto_sign_detached(issuing->certificate.signature, NULL, message, sizeof message, issuing->secret->key);
    } else {
        CK_RV result = client->module->C_SignInit(client->session, &mechanism, issuing->cold);
        if (result == CKR_OK)
            result =
                client->module->C_Sign(client->session, message, sizeof message, issuing->certificate.signature, &size);
        BULLA_TRY(bulla_client_check(client, result, "signing the certificate"));
    }
    return bulla_operational_certificate_verify(&issuing->certificate);
}

/* --- both files --- */

/* Before anything is written: a counter that can't be is found out by making and removing the file that would become
 * it. */
static enum bulla_reason counter_probe(const char *path)
{
    struct bulla_file_writer writer;
    char *target = realpath(path, NULL);
    enum bulla_reason reason = bulla_file_writer_open(&writer, target ? target : path, 0644);
    if (reason == BULLA_OK)
        bulla_file_writer_drop(&writer);
    free(target);
    return reason;
}

static enum bulla_reason write_both(const struct issuing *issuing)
{
    uint8_t cbor[BULLA_OPERATIONAL_CERTIFICATE_LARGEST];
    struct bulla_writer writer;
    const char *output = issuing->settings->output;
    bulla_writer_open(&writer, cbor, sizeof cbor);
    BULLA_TRY(bulla_operational_certificate_write(&issuing->certificate, &writer));
    BULLA_TRY(counter_probe(issuing->settings->counter));
    BULLA_TRY(bulla_kes_envelope_write(output, BULLA_KES_CERTIFICATE_TYPE, "", bulla_writer_bytes(&writer)));
    if (counter_write(issuing) == BULLA_OK)
        return BULLA_OK;
    bulla_output_remedy("destroy that certificate, or the next one has the same number");
    return bulla_refuse_within(
        BULLA_FILE, "%s is issued, but not counted: ", bulla_file_is_output(output) ? "the certificate" : output);
}

static enum bulla_reason issue(struct issuing *issuing)
{
    const struct bulla_operational_certificate *certificate = &issuing->certificate;
    char hot[2 * sizeof certificate->hot + 1];
    BULLA_TRY(hot_take(issuing));
    BULLA_TRY(cold_take(issuing));
    BULLA_TRY(counter_take(issuing));
    BULLA_TRY(certificate_sign(issuing));
    BULLA_TRY(write_both(issuing));
    bulla_hex_write(certificate->hot, sizeof certificate->hot, hot);
    bulla_say(BULLA_GOOD "issued" BULLA_PLAIN " number %llu, from KES period %llu on: %s\n",
        (unsigned long long)certificate->counter, (unsigned long long)certificate->period,
        bulla_file_shown(issuing->settings->output));
    return bulla_output_document(
        json_pack("{s:s,s:I,s:I,s:s}", "verification_key", hot, "counter", (json_int_t)certificate->counter, "period",
            (json_int_t)certificate->period, "file", issuing->settings->output));
}

static enum bulla_reason settings_check(const struct issue_settings *settings)
{
    if (!settings->key == !settings->vkey)
        return bulla_refuse(BULLA_ARGUMENT, "what is certified is --key or --vkey, one of them");
    if (!settings->cold == !settings->cold_key)
        return bulla_refuse(BULLA_ARGUMENT, "what signs is --cold or --cold-key, one of them");
    if (settings->vkey && !settings->period)
        return bulla_refuse(BULLA_ARGUMENT, "with --vkey there is no clock: give --period");
    return BULLA_OK;
}

/* Where neither key is in a token, none is asked for. */
static enum bulla_reason issue_run(const struct bulla_call *call)
{
    struct issuing issuing = {.settings = call->settings, .client = {.session = CK_INVALID_HANDLE}};
    enum bulla_reason reason = settings_check(issuing.settings);
    if (reason == BULLA_OK && (issuing.settings->key || issuing.settings->cold))
        reason = bulla_client_connect(&issuing.client, call);
    if (reason == BULLA_OK)
        reason = issue(&issuing);
    bulla_secret_free(issuing.secret);
    bulla_client_close(&issuing.client);
    return reason;
}

const struct bulla_command bulla_command_kes_opcert_issue = {
    .name = "kes opcert issue",
    .arguments = "",
    .summary = "Issue an operational certificate: the pool's cold key certifies a KES key",
    .text =
        "The counter's file is cardano-cli's: its number goes into the certificate, and the next one into the file.\n"
        "A counter of another cold key is refused. Nothing of a cold key in the token leaves it.",
    .examples = "  bulla kes opcert issue --key pool --cold cold --counter pool.counter --first 0 -o opcert.cert\n"
                "  bulla kes opcert issue --vkey kes.vkey --period 478 --cold-key cold.skey --counter cold.counter "
                "-o opcert.cert\n",
    .options = options,
    .option_count = BULLA_COUNT(options),
    .needs = BULLA_NEEDS_LOGIN,
    .settings_size = sizeof(struct issue_settings),
    .run = issue_run,
};
