/* The verifier's side, offline: whose TPM it is is told by its maker's certificate, and a secret that only that TPM can
 * read is bound to the attestation key's name. */
#include <sodium.h>
#include <string.h>
#include <time.h>

#include "certificates.h"
#include "commands.h"
#include "crypto/arena.h"
#include "crypto/cipher.h"
#include "enrolment.h"
#include "evidence/tpm_credential.h"
#include "evidence/tpm_ek.h"
#include "evidence/tpm_structures.h"
#include "file.h"
#include "output.h"

enum { DAY = 86400, CERTIFICATE_LARGEST = 8192, PUBLIC_LARGEST = 1024 };

struct challenge_settings {
    struct bulla_common common;
    const char *output, *keep;
    struct bulla_list roots, chain, revocations;
};
#define AT(member) offsetof(struct challenge_settings, member)

static const struct bulla_option options[] = {
    {"root", 'r', "FILE", "a TPM maker's root that you trust, in PEM or DER; repeatable", BULLA_OPTION_LIST, AT(roots),
        0, 0, true},
    {"chain", 'c', "FILE", "certificates between that root and the TPM's; repeatable", BULLA_OPTION_LIST, AT(chain), 0,
        0, false},
    {"revocations", 0, "FILE", "a revocation list of one of these, in PEM or DER; repeatable", BULLA_OPTION_LIST,
        AT(revocations), 0, BULLA_CERTIFICATES_LISTS, false},
    {"output", 'o', "FILE", "where the challenge goes", BULLA_OPTION_OUTPUT, AT(output), 0, 0, true},
    {"keep", 0, "STATE", "what stays here until the answer comes", BULLA_OPTION_KEPT, AT(keep), 0, 0, true},
};

/* What is enrolled, as far as it was checked. */
struct machine {
    uint8_t attestation_key[PUBLIC_LARGEST], endorsement_key[PUBLIC_LARGEST];
    size_t attestation_size, endorsement_size;
    struct bulla_tpm_name name;
    struct bulla_tpm_ek endorsement;
};

/* A question to tpm_ek.h but for the chain, and where its answer goes. */
struct endorsement {
    struct bulla_tpm_ek_question question;
    const struct bulla_certificates *trust;
    const struct bulla_crl *lists[BULLA_CERTIFICATES_LISTS]; /* of the chain that is judged */
    struct bulla_tpm_ek *answer;
};

/* --- the attestation key --- */

static enum bulla_reason attestation_check(const json_t *request, struct machine *machine)
{
    struct bulla_tpm_public key;
    uint8_t told[BULLA_TPM_NAME_LARGEST];
    size_t size = 0;
    BULLA_TRY(bulla_enrolment_bytes(request, "attestation_key", 1, sizeof machine->attestation_key,
        machine->attestation_key, &machine->attestation_size));
    BULLA_TRY(bulla_enrolment_bytes(request, "attestation_key_name", 34, sizeof told, told, &size));
    struct bulla_bytes public = {machine->attestation_key, machine->attestation_size};
    BULLA_TRY(bulla_tpm_public_read(public, &key));
    BULLA_TRY(bulla_tpm_public_attests(&key));
    BULLA_TRY(bulla_tpm_public_name(public, &machine->name));
    if (!bulla_bytes_equal(bulla_tpm_name_bytes(&machine->name), (struct bulla_bytes){told, size}))
        return bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the attestation key has another name than the document says");
    return BULLA_OK;
}

/* --- the endorsement --- */

static enum bulla_reason endorsement_judge(void *context, const struct bulla_certificate *const *issuers, size_t count)
{
    struct endorsement *endorsement = context;
    endorsement->question.crls = endorsement->lists;
    endorsement->question.crl_count =
        bulla_certificates_lists_by(endorsement->trust, issuers, count, endorsement->lists);
    endorsement->question.issuers = issuers;
    endorsement->question.issuer_count = count;
    return bulla_tpm_ek_verify(&endorsement->question, endorsement->answer);
}

static enum bulla_reason endorsement_check(
    const struct bulla_certificates *trust, const json_t *entry, struct machine *machine)
{
    uint8_t certificate[CERTIFICATE_LARGEST];
    size_t size = 0;
    BULLA_TRY(bulla_enrolment_bytes(entry, "certificate", 1, sizeof certificate, certificate, &size));
    BULLA_TRY(bulla_enrolment_bytes(
        entry, "public", 1, sizeof machine->endorsement_key, machine->endorsement_key, &machine->endorsement_size));
    struct endorsement endorsement = {
        .question =
            {
                .certificate = {certificate, size},
                .public_area = {machine->endorsement_key, machine->endorsement_size},
                .pins = trust->pins,
                .pin_count = trust->root_count,
                .at = (uint64_t)time(NULL),
            },
        .trust = trust,
        .answer = &machine->endorsement,
    };
    BULLA_CERTIFICATE struct bulla_certificate *leaf = NULL;
    BULLA_TRY(bulla_certificate_read(endorsement.question.certificate, "the endorsement certificate", &leaf));
    return bulla_certificates_chain(trust, leaf, endorsement_judge, &endorsement);
}

/* The first that chains to a root; where none does, why the first does not. */
static enum bulla_reason endorsement_choose(
    const struct bulla_certificates *trust, const json_t *request, struct machine *machine)
{
    const json_t *list = json_object_get(request, "endorsements");
    struct bulla_detail_kept detail;
    enum bulla_reason first = BULLA_OK;
    if (json_array_size(list) == 0)
        return bulla_refuse(BULLA_MALFORMED, "the document has no endorsement");
    for (size_t i = 0; i < json_array_size(list); i++) {
        enum bulla_reason reason = endorsement_check(trust, json_array_get(list, i), machine);
        if (reason == BULLA_OK)
            return BULLA_OK;
        if (first != BULLA_OK)
            continue;
        first = reason;
        bulla_detail_keep(&detail);
    }
    bulla_detail_restore(&detail);
    return first;
}

/* --- the challenge --- */

static enum bulla_reason state_write(const struct challenge_settings *settings, const json_t *request,
    const struct machine *machine, const uint8_t *secret)
{
    uint8_t digest[32];
    bulla_sha256((struct bulla_bytes){secret, BULLA_ENROLMENT_SECRET}, digest);
    return bulla_enrolment_write(settings->keep, 0600, true, &bulla_enrolment_state,
        json_pack("{s:o*,s:o*,s:o*,s:I,s:O*,s:O*,s:O*}", "certificate",
            bulla_enrolment_hex(BULLA_BYTES(machine->endorsement.fingerprint)), "attestation_key_name",
            bulla_enrolment_hex(bulla_tpm_name_bytes(&machine->name)), "answer_digest",
            bulla_enrolment_hex(BULLA_BYTES(digest)), "expires", (json_int_t)time(NULL) + DAY, "token",
            json_object_get(request, "token"), "serial", json_object_get(request, "serial"), "receipt_key",
            json_object_get(request, "receipt_key")));
}

static enum bulla_reason challenge_write(
    const struct challenge_settings *settings, const json_t *request, const struct machine *machine)
{
    uint8_t credential[BULLA_CREDENTIAL_LARGEST];
    BULLA_SECRET uint8_t *secret = NULL;
    struct bulla_writer writer;
    bulla_writer_open(&writer, credential, sizeof credential);
    BULLA_TRY(bulla_secret_allocate(BULLA_ENROLMENT_SECRET, (void **)&secret));
    randombytes_buf(secret, BULLA_ENROLMENT_SECRET);
    BULLA_TRY(bulla_tpm_credential_make((struct bulla_bytes){machine->endorsement_key, machine->endorsement_size},
        bulla_tpm_name_bytes(&machine->name), (struct bulla_bytes){secret, BULLA_ENROLMENT_SECRET}, &writer));
    BULLA_TRY(bulla_writer_finish(&writer, "the credential"));
    BULLA_TRY(state_write(settings, request, machine, secret));
    return bulla_enrolment_write(settings->output, 0644, false, &bulla_enrolment_challenge,
        json_pack("{s:o*,s:o*}", "attestation_key_name", bulla_enrolment_hex(bulla_tpm_name_bytes(&machine->name)),
            "credential", bulla_enrolment_hex(bulla_writer_bytes(&writer))));
}

static enum bulla_reason challenge_print(const struct challenge_settings *settings, const struct machine *machine)
{
    char name[2 * BULLA_TPM_NAME_LARGEST + 1];
    bulla_hex_write(machine->name.bytes, machine->name.size, name);
    const struct bulla_tpm_ek *maker = &machine->endorsement;
    bulla_say(BULLA_GOOD "endorsed" BULLA_PLAIN " by a maker that you trust: TPM %s, %s, version %s\n"
                         "  attestation key  %s\n  challenge        %s, to be answered within a day\n",
        maker->manufacturer, maker->model, maker->version, name, bulla_file_shown(settings->output));
    return bulla_output_document(
        json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "file", settings->output, "attestation_key_name", name, "state",
            settings->keep, "manufacturer", maker->manufacturer, "model", maker->model, "version", maker->version));
}

static enum bulla_reason request_challenge(const struct challenge_settings *settings, const json_t *request)
{
    struct machine machine;
    BULLA_CERTIFICATES struct bulla_certificates trust = {.root_count = 0};
    BULLA_TRY(bulla_certificates_add_roots(&trust, &settings->roots));
    for (size_t i = 0; i < settings->chain.count; i++)
        BULLA_TRY(bulla_certificates_add(&trust, settings->chain.items[i], false));
    BULLA_TRY(bulla_certificates_add_lists(&trust, &settings->revocations));
    BULLA_TRY(attestation_check(request, &machine));
    BULLA_TRY(endorsement_choose(&trust, request, &machine));
    BULLA_TRY(challenge_write(settings, request, &machine));
    return challenge_print(settings, &machine);
}

static enum bulla_reason challenge_run(const struct bulla_call *call)
{
    json_t *request = NULL;
    BULLA_TRY(bulla_enrolment_read(call->arguments[0], &bulla_enrolment_request, &request));
    enum bulla_reason reason = request_challenge(call->settings, request);
    json_decref(request);
    return reason;
}

const struct bulla_command bulla_command_enroll_challenge = {
    .name = "enroll challenge",
    .arguments = "REQUEST",
    .summary = "Check a machine's TPM certificate and make a challenge for it",
    .text = "The certificate has to chain to a root that you name, and the attestation key must be one that signs only "
            "what its\n"
            "TPM says. Only that TPM, with that key in it, can answer. No token is needed.",
    .examples =
        "  bulla enroll challenge machine.enrolment --root maker.pem -o machine.challenge --keep machine.state\n",
    .options = options,
    .option_count = BULLA_COUNT(options),
    .needs = BULLA_NEEDS_NOTHING,
    .settings_size = sizeof(struct challenge_settings),
    .arguments_least = 1,
    .arguments_most = 1,
    .run = challenge_run,
};
