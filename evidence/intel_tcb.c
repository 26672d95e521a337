/* Intel's rules (Intel SGX and TDX Provisioning Certification Service API, "Enclave Identity" and "TCB Info"; the
 * Quote Verification Library does the same):
 *
 * A platform is of the first level in the list whose every component is at most the platform's: SGX components and PCE
 * SVN against the PCK certificate, TDX components against TEE_TCB_SVN. Of a TDX 1.5 module, whose major version stands
 * in TEE_TCB_SVN's second byte, the first two bytes are judged by the module's own entry instead. The quoting enclave
 * is judged by its identity. What counts is the worst of these.
 *
 * The levels are Intel's to order, and are taken as they come. */
#include "intel_tcb.h"

#include <sodium.h>
#include <stdio.h>

#include "intel_json.h"

enum { TCB_INFO_VERSION = 3, QE_IDENTITY_VERSION = 2, LEVELS = 256, MODULE_BYTES = 2 };

static const struct {
    const char *text;
    enum bulla_tcb_status status;
} statuses[] = {
    {"UpToDate", BULLA_TCB_UP_TO_DATE},
    {"SWHardeningNeeded", BULLA_TCB_CONFIGURATION_NEEDED},
    {"ConfigurationNeeded", BULLA_TCB_CONFIGURATION_NEEDED},
    {"ConfigurationAndSWHardeningNeeded", BULLA_TCB_CONFIGURATION_NEEDED},
    {"OutOfDate", BULLA_TCB_OUT_OF_DATE},
    {"OutOfDateConfigurationNeeded", BULLA_TCB_OUT_OF_DATE},
    {"Revoked", BULLA_TCB_REVOKED},
};

struct judged {
    const struct bulla_quote *quote;
    const struct bulla_pck *pck;
    uint64_t at;
    struct bulla_claims *claims;
};

/* --- statuses --- */

/* The worst so far; each that is not the best is told, with Intel's own word for it. */
static enum bulla_reason take_status(struct judged *judged, const char *what, struct bulla_members *level)
{
    const char *text = bulla_member_text(level, "tcbStatus");
    const char *date = bulla_member_text(level, "tcbDate");
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        if (level->failed || strcmp(text, statuses[i].text) != 0)
            continue;
        if (statuses[i].status > judged->claims->tcb)
            judged->claims->tcb = statuses[i].status;
        bulla_claims_tell(judged->claims, what, "%s (%s)", text, date);
        if (statuses[i].status == BULLA_TCB_REVOKED)
            return bulla_refuse(BULLA_EVIDENCE_TCB, "%s: Intel revoked this level of it", what);
        return BULLA_OK;
    }
    return bulla_refuse(BULLA_MALFORMED, "%s: a level without a status that is known", what);
}

static void tell_advisories(struct judged *judged, const struct bulla_members *level)
{
    char text[sizeof judged->claims->facts[0].text] = "";
    size_t size = 0;
    const json_t *list = json_object_get(level->object, "advisoryIDs");
    for (size_t i = 0; i < json_array_size(list) && size < sizeof text; i++) {
        const char *id = json_string_value(json_array_get(list, i));
        size += (size_t)snprintf(text + size, sizeof text - size, "%s%s", size ? " " : "", id ? id : "?");
    }
    if (size)
        bulla_claims_tell(judged->claims, "advisories", "%s", text);
}

/* --- the head that both statements have --- */

static enum bulla_reason check_head(
    struct bulla_members *statement, const char *id, uint64_t version, uint64_t at, const char *what)
{
    const char *said = bulla_member_text(statement, "id");
    uint64_t number = bulla_member_number(statement, "version", UINT16_MAX);
    uint64_t issued = bulla_member_time(statement, "issueDate"), next = bulla_member_time(statement, "nextUpdate");
    if (statement->failed)
        return bulla_refuse(BULLA_MALFORMED, "%s lacks its id, version or dates", what);
    if (strcmp(said, id) != 0)
        return bulla_refuse(BULLA_EVIDENCE_MISMATCH, "%s is for %.16s, not for %s", what, said, id);
    if (number != version)
        return bulla_refuse(BULLA_UNSUPPORTED, "%s has version %llu", what, (unsigned long long)number);
    if (at < issued)
        return bulla_refuse(BULLA_CERTIFICATE_NOT_YET, "%s was not issued yet at the time asked for", what);
    if (at > next)
        return bulla_refuse(BULLA_CERTIFICATE_EXPIRED, "%s should have been updated before the time asked for", what);
    return BULLA_OK;
}

static enum bulla_reason parse(const struct bulla_statement *statement, const char *what, json_t **json)
{
    json_error_t error;
    *json = json_loadb((const char *)statement->text.data, statement->text.size, JSON_REJECT_DUPLICATES, &error);
    if (!*json)
        return bulla_refuse(BULLA_MALFORMED, "%s is not JSON: column %d", what, error.column);
    return BULLA_OK;
}

/* A list of levels, within reason; NULL where it is none. */
static const json_t *levels_of(struct bulla_members *members)
{
    const json_t *levels = bulla_member_array(members, "tcbLevels");
    members->failed |= json_array_size(levels) > LEVELS;
    return members->failed ? NULL : levels;
}

static struct bulla_members level_at(const json_t *levels, size_t index)
{
    const json_t *object = json_array_get(levels, index);
    return (struct bulla_members){object, !json_is_object(object)};
}

/* The first level whose isvsvn is at most this one: of a quoting enclave, of a TDX module. */
static enum bulla_reason judge_svn(struct judged *judged, struct bulla_members *holder, uint16_t svn, const char *what)
{
    const json_t *levels = levels_of(holder);
    if (!levels)
        return bulla_refuse(BULLA_MALFORMED, "%s: no list of levels", what);
    for (size_t i = 0; i < json_array_size(levels); i++) {
        struct bulla_members level = level_at(levels, i), tcb = bulla_member_object(&level, "tcb");
        uint64_t least = bulla_member_number(&tcb, "isvsvn", UINT16_MAX);
        if (tcb.failed || level.failed)
            return bulla_refuse(BULLA_MALFORMED, "%s: level %zu has no isvsvn", what, i);
        if (least <= svn)
            return take_status(judged, what, &level);
    }
    return bulla_refuse(BULLA_EVIDENCE_TCB, "%s: Intel knows no level as low as SVN %u", what, svn);
}

/* --- the platform --- */

/* Whether a list of { "svn": n }, from a component on, asks for no more than there is. */
static bool components_reach(struct bulla_members *tcb, const char *name, const uint8_t *have, size_t first)
{
    const json_t *list = bulla_member_array(tcb, name);
    bool reach = true;
    tcb->failed |= json_array_size(list) != BULLA_TCB_COMPONENTS;
    for (size_t i = 0; i < BULLA_TCB_COMPONENTS && !tcb->failed; i++) {
        struct bulla_members component = level_at(list, i);
        uint64_t least = bulla_member_number(&component, "svn", UINT8_MAX);
        tcb->failed |= component.failed;
        reach = reach && (i < first || least <= have[i]);
    }
    return reach && !tcb->failed;
}

static bool has_own_module_entry(const struct bulla_td_report *td)
{
    return td->tcb_svn.data[1] > 0;
}

static bool platform_reaches(const struct judged *judged, struct bulla_members *tcb)
{
    const struct bulla_quote *quote = judged->quote;
    bool reach = components_reach(tcb, "sgxtcbcomponents", judged->pck->components, 0);
    reach &= bulla_member_number(tcb, "pcesvn", UINT16_MAX) <= judged->pck->pce_svn;
    if (quote->is_td)
        reach &= components_reach(
            tcb, "tdxtcbcomponents", quote->td.tcb_svn.data, has_own_module_entry(&quote->td) ? MODULE_BYTES : 0);
    return reach && !tcb->failed;
}

static enum bulla_reason judge_platform(struct judged *judged, struct bulla_members *info)
{
    const json_t *levels = levels_of(info);
    if (!levels)
        return bulla_refuse(BULLA_MALFORMED, "TCB info: no list of levels");
    for (size_t i = 0; i < json_array_size(levels); i++) {
        struct bulla_members level = level_at(levels, i), tcb = bulla_member_object(&level, "tcb");
        bool reaches = platform_reaches(judged, &tcb);
        if (tcb.failed || level.failed)
            return bulla_refuse(BULLA_MALFORMED, "TCB info: level %zu is not of the form that version 3 has", i);
        if (!reaches)
            continue;
        tell_advisories(judged, &level);
        return take_status(judged, "platform-tcb", &level);
    }
    return bulla_refuse(BULLA_EVIDENCE_TCB, "TCB info: Intel knows no level as low as this platform's");
}

static enum bulla_reason check_platform(const struct judged *judged, struct bulla_members *info)
{
    uint8_t fmspc[6], pce_id[2];
    bulla_member_hex(info, "fmspc", fmspc, sizeof fmspc);
    bulla_member_hex(info, "pceId", pce_id, sizeof pce_id);
    uint64_t type = bulla_member_number(info, "tcbType", UINT16_MAX);
    if (info->failed || type != 0)
        return bulla_refuse(BULLA_MALFORMED, "TCB info: no FMSPC and PCE ID, or TCBs of another type");
    if (memcmp(fmspc, judged->pck->fmspc, sizeof fmspc) != 0 || memcmp(pce_id, judged->pck->pce_id, sizeof pce_id) != 0)
        return bulla_refuse(BULLA_EVIDENCE_MISMATCH, "TCB info is for another platform than the PCK certificate's");
    return BULLA_OK;
}

/* --- the TDX module --- */

static enum bulla_reason check_module(const struct bulla_td_report *td, struct bulla_members *module)
{
    uint8_t signer[48], attributes[8], mask[8];
    bulla_member_hex(module, "mrsigner", signer, sizeof signer);
    bulla_member_hex(module, "attributes", attributes, sizeof attributes);
    bulla_member_hex(module, "attributesMask", mask, sizeof mask);
    if (module->failed)
        return bulla_refuse(BULLA_MALFORMED, "TCB info: the TDX module's identity is not whole");
    bool same = bulla_bytes_equal(td->mrsignerseam, BULLA_BYTES(signer));
    for (size_t i = 0; i < sizeof mask; i++)
        same &= ((td->seam_attributes >> (8 * i) ^ attributes[i]) & mask[i]) == 0;
    if (!same)
        return bulla_refuse(BULLA_EVIDENCE_MISMATCH, "TCB info is for another TDX module");
    return BULLA_OK;
}

/* "TDX_01" … by the module's major version. */
static enum bulla_reason judge_module(struct judged *judged, struct bulla_members *info)
{
    const struct bulla_td_report *td = &judged->quote->td;
    char id[8];
    if (!has_own_module_entry(td)) {
        struct bulla_members module = bulla_member_object(info, "tdxModule");
        return check_module(td, &module);
    }
    (void)snprintf(id, sizeof id, "TDX_%02X", td->tcb_svn.data[1]);
    const json_t *modules = bulla_member_array(info, "tdxModuleIdentities");
    if (!modules)
        return bulla_refuse(BULLA_MALFORMED, "TCB info: no list of TDX modules");
    for (size_t i = 0; i < json_array_size(modules) && i < LEVELS; i++) {
        struct bulla_members module = level_at(modules, i);
        if (strcmp(bulla_member_text(&module, "id"), id) != 0)
            continue;
        BULLA_TRY(check_module(td, &module));
        return judge_svn(judged, &module, td->tcb_svn.data[0], "tdx-module-tcb");
    }
    return bulla_refuse(BULLA_EVIDENCE_TCB, "TCB info: Intel names no TDX module %s", id);
}

static enum bulla_reason judge_tcb_info(struct judged *judged, struct bulla_members *info)
{
    bool is_td = judged->quote->is_td;
    BULLA_TRY(check_head(info, is_td ? "TDX" : "SGX", TCB_INFO_VERSION, judged->at, "TCB info"));
    BULLA_TRY(check_platform(judged, info));
    BULLA_TRY(judge_platform(judged, info));
    return is_td ? judge_module(judged, info) : BULLA_OK;
}

/* --- the quoting enclave --- */

static bool same_masked(struct bulla_bytes have, const uint8_t *wanted, const uint8_t *mask)
{
    uint8_t differs = 0;
    for (size_t i = 0; i < have.size; i++)
        differs |= (uint8_t)((have.data[i] ^ wanted[i]) & mask[i]);
    return differs == 0;
}

static enum bulla_reason judge_qe_identity(struct judged *judged, struct bulla_members *identity)
{
    const struct bulla_enclave_report *qe = &judged->quote->qe;
    uint8_t misc[4], misc_mask[4], attributes[16], mask[16], signer[32];
    BULLA_TRY(check_head(
        identity, judged->quote->is_td ? "TD_QE" : "QE", QE_IDENTITY_VERSION, judged->at, "the QE identity"));
    bulla_member_hex(identity, "miscselect", misc, sizeof misc);
    bulla_member_hex(identity, "miscselectMask", misc_mask, sizeof misc_mask);
    bulla_member_hex(identity, "attributes", attributes, sizeof attributes);
    bulla_member_hex(identity, "attributesMask", mask, sizeof mask);
    bulla_member_hex(identity, "mrsigner", signer, sizeof signer);
    uint64_t product = bulla_member_number(identity, "isvprodid", UINT16_MAX);
    if (identity->failed)
        return bulla_refuse(BULLA_MALFORMED, "the QE identity is not whole");
    if (!same_masked(qe->misc_select, misc, misc_mask) || !same_masked(qe->attributes, attributes, mask) ||
        !bulla_bytes_equal(qe->mrsigner, BULLA_BYTES(signer)) || product != qe->product)
        return bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the quoting enclave is not the one of the QE identity");
    return judge_svn(judged, identity, qe->svn, "qe-tcb");
}

/* --- both --- */

static enum bulla_reason judge(struct judged *judged, const struct bulla_statement *statement, const char *what,
    enum bulla_reason (*with)(struct judged *judged, struct bulla_members *members))
{
    json_t *json = NULL;
    BULLA_TRY(parse(statement, what, &json));
    struct bulla_members members = {json, !json_is_object(json)};
    enum bulla_reason reason = with(judged, &members);
    json_decref(json);
    return reason;
}

enum bulla_reason bulla_intel_tcb(const struct bulla_quote *quote, const struct bulla_pck *pck,
    const struct bulla_collateral *collateral, uint64_t at, struct bulla_claims *claims)
{
    struct judged judged = {quote, pck, at, claims};
    BULLA_TRY(judge(&judged, &collateral->tcb_info, "TCB info", judge_tcb_info));
    return judge(&judged, &collateral->qe_identity, "the QE identity", judge_qe_identity);
}
