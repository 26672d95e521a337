/* The attesters of this room: a report's digest goes where its kind has a place for it, and what comes back travels in
 * an envelope (evidence/verifier.h). A Nitro document has fields for a nonce and a key, and carries both. */
#include <stdio.h>
#include <stdlib.h>

#include "backend.h"
#include "evidence/verifier.h"
#include "nsm.h"
#include "snp_key.h"
#include "tsm.h"

enum {
    ENVELOPE = 64 + BULLA_REPORT_LARGEST,
    NITRO_LARGEST = BULLA_NSM_ANSWER_LARGEST + ENVELOPE,
    CERTIFICATES_LARGEST = 16384,
    TSM_LARGEST = BULLA_TSM_REPORT_LARGEST + CERTIFICATES_LARGEST + ENVELOPE,
};

/* --- Nitro --- */

static bool nitro_detect(const char *tcti)
{
    (void)tcti;
    return bulla_nsm_transport()->present();
}

static void nitro_devices(bulla_backend_tell *tell, void *context)
{
    if (bulla_nsm_transport()->present())
        tell(context, &(struct bulla_backend_fact){"device", bulla_nsm_transport()->name, 0});
}

static void tell_hex(bulla_backend_tell *tell, void *context, const char *name, const uint8_t *bytes, size_t size)
{
    char hex[2 * BULLA_NSM_PCR_LARGEST + 1] = "";
    for (size_t i = 0; i < size && i < BULLA_NSM_PCR_LARGEST; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    tell(context, &(struct bulla_backend_fact){name, hex, 0});
}

/* PCR0 to PCR4 and PCR8 are what AWS gives a meaning: image, kernel, application, role, instance, signer. */
static enum bulla_reason nitro_state(bulla_backend_tell *tell, void *context)
{
    static const unsigned shown[] = {0, 1, 2, 3, 4, 8};
    const struct bulla_nsm_transport *transport = bulla_nsm_transport();
    struct bulla_nsm_description description;
    struct bulla_nsm_pcr pcr;
    char version[48], name[16];
    BULLA_TRY(bulla_nsm_describe(transport, &description));
    (void)snprintf(version, sizeof version, "%u.%u.%u", description.version_major, description.version_minor,
        description.version_patch);
    tell(context, &(struct bulla_backend_fact){"module_id", description.module_id, 0});
    tell(context, &(struct bulla_backend_fact){"version", version, 0});
    for (size_t i = 0; i < sizeof shown / sizeof shown[0] && shown[i] < description.pcrs; i++) {
        BULLA_TRY(bulla_nsm_pcr(transport, shown[i], &pcr));
        (void)snprintf(name, sizeof name, "pcr%u", shown[i]);
        tell_hex(tell, context, name, pcr.value, pcr.size);
    }
    return BULLA_OK;
}

static enum bulla_reason nitro_evidence(const struct bulla_attester_request *request, struct bulla_writer *evidence)
{
    uint8_t digest[32], memory[BULLA_NSM_ANSWER_LARGEST];
    struct bulla_writer document;
    const struct bulla_nsm_attestation attestation = {BULLA_BYTES(digest), request->nonce, request->public_key};
    bulla_report_digest(request->report, digest);
    bulla_writer_open(&document, memory, sizeof memory);
    BULLA_TRY(bulla_nsm_attest(bulla_nsm_transport(), &attestation, &document));
    const struct bulla_envelope envelope = {
        .kind = BULLA_EVIDENCE_NITRO, .document = bulla_writer_bytes(&document), .report = request->report};
    return bulla_envelope_write(&envelope, evidence);
}

const struct bulla_attester bulla_nitro_attester = {
    .name = "nitro",
    .kind = BULLA_EVIDENCE_NITRO,
    .evidence_largest = NITRO_LARGEST,
    .detect = nitro_detect,
    .devices = nitro_devices,
    .state = nitro_state,
    .evidence = nitro_evidence,
};

/* --- configfs-tsm --- */

static bool snp_detect(const char *tcti)
{
    (void)tcti;
    return bulla_tsm_present(bulla_tsm_folder(), "sev_guest");
}

static bool tdx_detect(const char *tcti)
{
    (void)tcti;
    return bulla_tsm_present(bulla_tsm_folder(), "tdx_guest");
}

/* The guest's device is there before the kernel has reports to give (Linux 6.7): the leaf snp needs no more. */
static void snp_devices(bulla_backend_tell *tell, void *context)
{
    if (bulla_snp_transport()->present())
        tell(context, &(struct bulla_backend_fact){"device", bulla_snp_transport()->name, 0});
    if (snp_detect(""))
        tell(context, &(struct bulla_backend_fact){"device", "configfs-tsm (sev_guest)", 0});
}

static void tdx_devices(bulla_backend_tell *tell, void *context)
{
    if (tdx_detect(""))
        tell(context, &(struct bulla_backend_fact){"device", "configfs-tsm (tdx_guest)", 0});
}

/* The digest first, and zeros behind it; `memory` holds the report, what the host added, and certificates of that. */
static enum bulla_reason tsm_envelope(const struct bulla_attester_request *request, enum bulla_evidence_kind kind,
    uint8_t *memory, struct bulla_writer *evidence)
{
    bool certified = kind == BULLA_EVIDENCE_SEV_SNP;
    uint8_t data[BULLA_TSM_DATA] = {0};
    struct bulla_writer report, auxiliary, certificates;
    bulla_report_digest(request->report, data);
    bulla_writer_open(&report, memory, BULLA_TSM_REPORT_LARGEST);
    bulla_writer_open(&auxiliary, memory + BULLA_TSM_REPORT_LARGEST, BULLA_TSM_AUXILIARY_LARGEST);
    bulla_writer_open(
        &certificates, memory + BULLA_TSM_REPORT_LARGEST + BULLA_TSM_AUXILIARY_LARGEST, CERTIFICATES_LARGEST);
    BULLA_TRY(bulla_tsm_report(bulla_tsm_folder(), certified ? "sev_guest" : "tdx_guest", data, &report, &auxiliary));
    if (certified)
        BULLA_TRY(bulla_tsm_certificates(bulla_writer_bytes(&auxiliary), &certificates));
    const struct bulla_envelope envelope = {.kind = kind,
        .document = bulla_writer_bytes(&report),
        .report = request->report,
        .certificates = bulla_writer_bytes(&certificates)};
    return bulla_envelope_write(&envelope, evidence);
}

static enum bulla_reason tsm_evidence(
    const struct bulla_attester_request *request, enum bulla_evidence_kind kind, struct bulla_writer *evidence)
{
    uint8_t *memory = malloc(BULLA_TSM_REPORT_LARGEST + BULLA_TSM_AUXILIARY_LARGEST + CERTIFICATES_LARGEST);
    if (!memory)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "for a report of the machine");
    enum bulla_reason reason = tsm_envelope(request, kind, memory, evidence);
    free(memory);
    return reason;
}

static enum bulla_reason snp_evidence(const struct bulla_attester_request *request, struct bulla_writer *evidence)
{
    return tsm_evidence(request, BULLA_EVIDENCE_SEV_SNP, evidence);
}

static enum bulla_reason tdx_evidence(const struct bulla_attester_request *request, struct bulla_writer *evidence)
{
    return tsm_evidence(request, BULLA_EVIDENCE_TDX, evidence);
}

const struct bulla_attester bulla_sev_snp_attester = {
    .name = "sev-snp",
    .kind = BULLA_EVIDENCE_SEV_SNP,
    .evidence_largest = TSM_LARGEST,
    .detect = snp_detect,
    .devices = snp_devices,
    .evidence = snp_evidence,
};

const struct bulla_attester bulla_tdx_attester = {
    .name = "tdx",
    .kind = BULLA_EVIDENCE_TDX,
    .evidence_largest = TSM_LARGEST,
    .detect = tdx_detect,
    .devices = tdx_devices,
    .evidence = tdx_evidence,
};
