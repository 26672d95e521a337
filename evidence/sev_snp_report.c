/* The report is read in its order, field after field, and every byte is accounted for: what is reserved must be zero,
 * in each version. A reserved bit that is set belongs to a firmware that is not known here, and so does its meaning. */
#include <sodium.h>

#include "sev_snp.h"

enum {
    FIRST_VERSION = 2,
    CPUID_VERSION = 3,      /* tells the processor's family, model and stepping */
    MITIGATION_VERSION = 5, /* tells the mitigation vectors */
    LAST_VERSION = 5,
    ECDSA_P384_SHA384 = 1,
    LEAST_PRIVILEGED = 3, /* VMPL; what a host asks for itself carries 0xffffffff */
    FAMILY_TURIN = 0x1a,  /* and later: another layout of the TCB version */
};
static const uint64_t policy_known = 0x3ffffff;
static const uint64_t platform_known = 0xbf; /* bit 6 is reserved */
static const uint32_t key_info_known = 0x1f;

enum { TCB = 8, RESERVED_CPUID = 21, RESERVED_MITIGATIONS = 152, RESERVED_SIGNATURE = 368 };

/* Offsets 0x00 to 0x4f; false where something reserved is not zero. */
static bool read_head(struct bulla_reader *reader, struct bulla_snp_report *report)
{
    report->version = bulla_read_u32_little(reader);
    report->guest_svn = bulla_read_u32_little(reader);
    report->policy = bulla_read_u64_little(reader);
    report->family_id = bulla_read(reader, 16);
    report->image_id = bulla_read(reader, 16);
    report->vmpl = bulla_read_u32_little(reader);
    report->signature_algorithm = bulla_read_u32_little(reader);
    report->current_tcb = bulla_read(reader, TCB);
    report->platform_info = bulla_read_u64_little(reader);
    report->key_info = bulla_read_u32_little(reader);
    return bulla_read_zeros(reader, 4);
}

/* 0x50 to 0x187. */
static void read_identity(struct bulla_reader *reader, struct bulla_snp_report *report)
{
    report->report_data = bulla_read(reader, 64);
    report->measurement = bulla_read(reader, 48);
    report->host_data = bulla_read(reader, 32);
    report->id_key_digest = bulla_read(reader, 48);
    report->author_key_digest = bulla_read(reader, 48);
    report->report_id = bulla_read(reader, 32);
    report->migration_agent_id = bulla_read(reader, 32);
    report->reported_tcb = bulla_read(reader, TCB);
}

/* 0x188 to 0x29f. */
static bool read_platform(struct bulla_reader *reader, struct bulla_snp_report *report)
{
    report->cpu_family = bulla_read_u8(reader);
    report->cpu_model = bulla_read_u8(reader);
    report->cpu_stepping = bulla_read_u8(reader);
    bool zero = bulla_read_zeros(reader, RESERVED_CPUID);
    report->chip_id = bulla_read(reader, 64);
    report->committed_tcb = bulla_read(reader, TCB);
    report->current_build = bulla_read_u8(reader);
    report->current_minor = bulla_read_u8(reader);
    report->current_major = bulla_read_u8(reader);
    zero &= bulla_read_zeros(reader, 1);
    report->committed_build = bulla_read_u8(reader);
    report->committed_minor = bulla_read_u8(reader);
    report->committed_major = bulla_read_u8(reader);
    zero &= bulla_read_zeros(reader, 1);
    report->launch_tcb = bulla_read(reader, TCB);
    report->launch_mitigations = bulla_read_u64_little(reader);
    report->current_mitigations = bulla_read_u64_little(reader);
    zero &= bulla_read_zeros(reader, RESERVED_MITIGATIONS);
    return zero;
}

/* 0x2a0 to the end. */
static bool read_signature(struct bulla_reader *reader, struct bulla_snp_report *report)
{
    report->r = bulla_read(reader, BULLA_SNP_FIELD);
    report->s = bulla_read(reader, BULLA_SNP_FIELD);
    return bulla_read_zeros(reader, RESERVED_SIGNATURE);
}

enum bulla_snp_key bulla_snp_signing_key(const struct bulla_snp_report *report)
{
    return (enum bulla_snp_key)(report->key_info >> 2 & 7);
}

/* The bytes between bootloader and TEE on one side, SNP and microcode on the other, are reserved. */
static bool tcb_is_known(struct bulla_bytes tcb)
{
    return sodium_is_zero(tcb.data + 2, 4);
}

static bool versions_fit(const struct bulla_snp_report *report)
{
    bool cpuid = report->cpu_family || report->cpu_model || report->cpu_stepping;
    bool mitigations = report->launch_mitigations || report->current_mitigations;
    return (report->version >= CPUID_VERSION || !cpuid) && (report->version >= MITIGATION_VERSION || !mitigations);
}

static enum bulla_reason check_bits(const struct bulla_snp_report *report)
{
    if (report->policy & ~policy_known || !(report->policy & BULLA_SNP_POLICY_ONE))
        return bulla_refuse(BULLA_MALFORMED, "SNP report: policy %llx has other bits than the ABI's",
            (unsigned long long)report->policy);
    if (report->platform_info & ~platform_known || report->key_info & ~key_info_known)
        return bulla_refuse(BULLA_MALFORMED, "SNP report: platform info %llx, key info %x: other bits than the ABI's",
            (unsigned long long)report->platform_info, report->key_info);
    if (report->vmpl > LEAST_PRIVILEGED)
        return bulla_refuse(BULLA_MALFORMED, "SNP report: VMPL %u: no guest asked for it", report->vmpl);
    return BULLA_OK;
}

static enum bulla_reason check_support(const struct bulla_snp_report *report)
{
    if (report->version < FIRST_VERSION || report->version > LAST_VERSION)
        return bulla_refuse(BULLA_UNSUPPORTED, "SNP report of version %u: %d to %d are known", report->version,
            FIRST_VERSION, LAST_VERSION);
    if (report->signature_algorithm != ECDSA_P384_SHA384)
        return bulla_refuse(BULLA_UNSUPPORTED, "SNP report: signature algorithm %u is not ECDSA P-384 with SHA-384",
            report->signature_algorithm);
    if (report->cpu_family >= FAMILY_TURIN)
        return bulla_refuse(BULLA_UNSUPPORTED, "SNP report: the TCB version of processor family %02xh is not known",
            report->cpu_family);
    return BULLA_OK;
}

enum bulla_reason bulla_snp_report_read(struct bulla_bytes bytes, struct bulla_snp_report *report)
{
    struct bulla_reader reader;
    bulla_reader_open(&reader, bytes);
    *report = (struct bulla_snp_report){.version = 0};
    bool zero = read_head(&reader, report);
    read_identity(&reader, report);
    zero &= read_platform(&reader, report);
    zero &= read_signature(&reader, report);
    BULLA_TRY(bulla_reader_finish(&reader, "the SNP report"));
    BULLA_TRY(check_support(report));
    BULLA_TRY(check_bits(report));
    if (!zero || !versions_fit(report) || !tcb_is_known(report->current_tcb) || !tcb_is_known(report->reported_tcb) ||
        !tcb_is_known(report->committed_tcb) || !tcb_is_known(report->launch_tcb))
        return bulla_refuse(BULLA_MALFORMED, "SNP report: reserved bytes are not zero in version %u", report->version);
    return BULLA_OK;
}
