#include <stdlib.h>
#include <string.h>

#include "authority.h"
#include "commands.h"
#include "evidence_settings.h"
#include "file.h"
#include "output.h"

struct verify_settings {
    struct bulla_evidence_settings evidence; /* first: the common options are at its beginning */
    const char *cwt, *key;
};
#define AT(member) offsetof(struct verify_settings, member)

static const struct bulla_option options[] = {
    BULLA_EVIDENCE_OPTIONS,
    {"cwt", 0, "FILE", "write the result as a signed EAR (CWT); needs --key", BULLA_OPTION_OUTPUT, AT(cwt), 0, 0,
        false},
    {"key", 'k', "FILE", "the verifier's own P-256 key, in PEM", BULLA_OPTION_TEXT, AT(key), 0, 0, false},
};

static enum bulla_reason cwt_write(
    const struct verify_settings *settings, const struct bulla_attestation_result *result)
{
    struct bulla_authority verifier = {.key = NULL};
    uint8_t document[BULLA_EAR_LARGEST + 512];
    struct bulla_writer writer;
    bulla_writer_open(&writer, document, sizeof document);
    BULLA_TRY(bulla_authority_open(&verifier, settings->key));
    enum bulla_reason reason = bulla_ear_cwt(result, &verifier.signer, &writer);
    bulla_authority_close(&verifier);
    BULLA_TRY(reason);
    return bulla_file_write(settings->cwt, 0644, bulla_writer_bytes(&writer));
}

static void result_say(const struct bulla_question *question)
{
    const struct bulla_attestation_result *result = &question->result;
    const struct bulla_evidence_verifier *verifier = bulla_evidence_verifiers[result->kind];
    if (result->reason != BULLA_OK)
        return;
    bulla_say(
        BULLA_GOOD "verified" BULLA_PLAIN ": %s, ear_status %s", verifier->people, bulla_trust_tier_name(result->tier));
    if (result->appraised)
        bulla_say(", accepted as \"%s\"", result->label);
    if (!result->claims.pinned)
        bulla_say(BULLA_WARN " (unpinned: nobody that you named vouches for its key)" BULLA_PLAIN);
    bulla_say("\n");
    bulla_question_remarks(question);
}

static enum bulla_reason result_print(const struct bulla_question *question)
{
    char *text = bulla_ear_json(&question->result, true);
    result_say(question);
    json_t *document = text ? json_loads(text, 0, NULL) : NULL;
    free(text);
    return bulla_output_document(document);
}

/* A refusal is the command's, with its reason and exit status; the EAR says the same. */
static enum bulla_reason judge(const struct verify_settings *settings, struct bulla_question *question)
{
    struct bulla_detail_kept detail;
    enum bulla_reason reason = bulla_evidence_judge(&question->judgement, &question->result);
    bulla_detail_keep(&detail);
    if (settings->cwt)
        BULLA_TRY(cwt_write(settings, &question->result));
    BULLA_TRY(result_print(question));
    bulla_detail_restore(&detail);
    return reason;
}

static enum bulla_reason verify_run(const struct bulla_call *call)
{
    const struct verify_settings *settings = call->settings;
    struct bulla_question *question = NULL;
    if ((settings->cwt == NULL) != (settings->key == NULL))
        return bulla_refuse(BULLA_ARGUMENT, "--cwt and --key go together");
    enum bulla_reason reason = bulla_question_open(&question, &settings->evidence, call->arguments[0]);
    if (reason == BULLA_OK)
        reason = judge(settings, question);
    bulla_question_close(question);
    return reason;
}

const struct bulla_command bulla_command_evidence_verify = {
    .name = "evidence verify",
    .arguments = "FILE",
    .summary = "Judge evidence: TPM, Nitro, SEV-SNP, TDX or SGX; no token is needed",
    .text =
        "FILE is what `bulla attest` wrote, or an attester's bare document. The roots of AWS, AMD and Intel are built\n"
        "in; a TPM is trusted by --attestation-key. The result is EAR (draft-ietf-rats-ear-04): --json prints it.",
    .examples = "  bulla evidence verify machine.evidence --nonce 0011… --attestation-key 000b…\n"
                "  bulla evidence verify nitro.cbor --policy enclaves.policy --authority authority.pem.pub --json\n",
    .options = options,
    .option_count = BULLA_COUNT(options),
    .needs = BULLA_NEEDS_NOTHING,
    .settings_size = sizeof(struct verify_settings),
    .arguments_least = 1,
    .arguments_most = 1,
    .run = verify_run,
};
