/* What a machine shows of itself to whoever enrols it, as JSON: the object "enrolment". All of it is public; that the
 * attestation key lies where it says is proved by activating a credential (docs/enrolment.md). */
#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>

#include "mech/mechanism.h"
#include "release/backend.h"
#include "token.h"

static json_t *hex(struct bulla_bytes bytes)
{
    size_t size = 2 * bytes.size + 1;
    char *text = bytes.size <= BULLA_ENDORSEMENT_CERTIFICATE_LARGEST ? malloc(size) : NULL;
    json_t *value = text ? json_string(sodium_bin2hex(text, size, bytes.data, bytes.size)) : json_null();
    free(text);
    return value;
}

static void tell(void *context, const struct bulla_backend_endorsement *endorsement)
{
    (void)json_array_append_new(context, json_pack("{s:s,s:o,s:o}", "algorithm", endorsement->name, "certificate",
                                             hex(endorsement->certificate), "public", hex(endorsement->key)));
}

static enum bulla_reason describe(struct bulla_token *token, json_t *enrolment)
{
    uint8_t public[1024], name[66], receipt_key[32];
    struct bulla_token_identity identity;
    struct bulla_services services;
    struct bulla_writer public_writer, name_writer;
    bulla_writer_open(&public_writer, public, sizeof public);
    bulla_writer_open(&name_writer, name, sizeof name);
    if (!bulla_token_can_enroll(token))
        return bulla_refuse(BULLA_UNSUPPORTED, "the token has no TPM: there is nothing that could be enrolled");
    bulla_token_services(token, &services);
    BULLA_TRY(services.receipt_key(token, receipt_key));
    BULLA_TRY(bulla_token_identity_get(token, &identity));
    BULLA_TRY(bulla_token_backend->key_public(
        (struct bulla_bytes){identity.blob, identity.size}, &public_writer, &name_writer));
    BULLA_TRY(bulla_writer_finish(&public_writer, "the attestation key"));
    BULLA_TRY(bulla_writer_finish(&name_writer, "the attestation key's name"));
    json_t *endorsements = json_array();
    (void)json_object_set_new(enrolment, "endorsements", endorsements);
    BULLA_TRY(bulla_token_backend->endorsements(token->config->tcti, tell, endorsements));
    (void)json_object_set_new(enrolment, "receipt_key", hex(BULLA_BYTES(receipt_key)));
    (void)json_object_set_new(enrolment, "attestation_key", hex(bulla_writer_bytes(&public_writer)));
    (void)json_object_set_new(enrolment, "attestation_key_name", hex(bulla_writer_bytes(&name_writer)));
    return BULLA_OK;
}

/* A refusal is the document, as with the TPM's part of "status". */
char *bulla_token_enrolment_json(struct bulla_token *token)
{
    json_t *enrolment = json_object();
    enum bulla_reason reason = describe(token, enrolment);
    if (reason != BULLA_OK) {
        json_decref(enrolment);
        enrolment = json_pack("{s:s,s:s,s:s}", "reason", bulla_reason_code(reason), "detail", bulla_detail(), "remedy",
            bulla_reason_remedy(reason));
    }
    json_t *who = json_pack("{s:s,s:s,s:s,s:s}", "format", "bulla/1 enrolment", "state",
        reason == BULLA_OK ? "ok" : "failed", "token", token->label, "serial", token->serial);
    (void)json_object_update(enrolment, who);
    char *text = json_dumps(enrolment, JSON_COMPACT);
    json_decref(who);
    json_decref(enrolment);
    return text;
}
