/* Reading in the quote's order. What stands in a quote is bounded by lengths inside lengths; each must be filled by its
 * parts, so that no byte is left which nobody looked at. Behind the whole quote the kernel and others leave zeros:
 * these are cut off by the length that the quote states, anything else there is refused. */
#include "intel_quote.h"

#include <sodium.h>

enum {
    SGX_VERSION = 3,
    TDX_VERSION = 4,
    TDX_VERSION_15 = 5,
    KEY_ECDSA_P256 = 2,
    TEE_SGX = 0,
    TEE_TDX = 0x81,
    BODY_TD_10 = 2, /* of version 5, which names its body */
    BODY_TD_15 = 3,
    CERTIFICATES_PEM = 5,    /* the PCK's chain */
    CERTIFICATES_NESTED = 6, /* the quoting enclave's report, its signature and again certification data */
    SIGNATURE = 64,
    POINT = 64,
};
/* INIT, DEBUG, MODE64BIT, PROVISIONKEY, EINITTOKENKEY, CET, KSS, AEXNOTIFY. */
static const uint64_t enclave_flags_known = 0x4f7;
/* The debug group, LASS, SEPT_VE_DISABLE, MIGRATABLE, PKS, KL, TPA, PERFMON. */
static const uint64_t td_attributes_known = 0xc0000000f80000ff;

static const uint8_t intel_vendor[16] = {
    0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07};

/* --- bodies --- */

enum bulla_reason bulla_enclave_report_read(
    struct bulla_bytes bytes, const char *what, struct bulla_enclave_report *report)
{
    struct bulla_reader reader;
    bulla_reader_open(&reader, bytes);
    report->cpu_svn = bulla_read(&reader, 16);
    report->misc_select = bulla_read(&reader, 4);
    bool zero = bulla_read_zeros(&reader, 12);
    report->extended_product = bulla_read(&reader, 16);
    report->attributes = bulla_read(&reader, 16);
    report->mrenclave = bulla_read(&reader, 32);
    zero &= bulla_read_zeros(&reader, 32);
    report->mrsigner = bulla_read(&reader, 32);
    zero &= bulla_read_zeros(&reader, 32);
    report->config_id = bulla_read(&reader, 64);
    report->product = bulla_read_u16_little(&reader);
    report->svn = bulla_read_u16_little(&reader);
    report->config_svn = bulla_read_u16_little(&reader);
    zero &= bulla_read_zeros(&reader, 42);
    report->family_id = bulla_read(&reader, 16);
    report->report_data = bulla_read(&reader, 64);
    BULLA_TRY(bulla_reader_finish(&reader, what));
    bulla_reader_open(&reader, report->attributes);
    report->flags = bulla_read_u64_little(&reader);
    if (!zero || report->flags & ~enclave_flags_known || !(report->flags & BULLA_SGX_INIT))
        return bulla_refuse(BULLA_MALFORMED, "%s: reserved bytes are set, or flags %llx are not an enclave's", what,
            (unsigned long long)report->flags);
    return BULLA_OK;
}

static void read_td(struct bulla_reader *reader, bool has_service, struct bulla_td_report *td)
{
    td->tcb_svn = bulla_read(reader, 16);
    td->mrseam = bulla_read(reader, 48);
    td->mrsignerseam = bulla_read(reader, 48);
    td->seam_attributes = bulla_read_u64_little(reader);
    td->attributes = bulla_read_u64_little(reader);
    td->xfam = bulla_read_u64_little(reader);
    td->mrtd = bulla_read(reader, 48);
    td->mrconfigid = bulla_read(reader, 48);
    td->mrowner = bulla_read(reader, 48);
    td->mrownerconfig = bulla_read(reader, 48);
    for (unsigned i = 0; i < 4; i++)
        td->rtmr[i] = bulla_read(reader, 48);
    td->report_data = bulla_read(reader, 64);
    td->has_service = has_service;
    if (has_service) {
        td->tcb_svn_now = bulla_read(reader, 16);
        td->mrservicetd = bulla_read(reader, 48);
    }
}

/* Modules of Intel's carry no signer's measurement and no attributes. */
static enum bulla_reason check_td(const struct bulla_td_report *td)
{
    if (td->attributes & ~td_attributes_known)
        return bulla_refuse(
            BULLA_MALFORMED, "TD attributes %llx: reserved bits are set", (unsigned long long)td->attributes);
    if (td->seam_attributes || !sodium_is_zero(td->mrsignerseam.data, td->mrsignerseam.size))
        return bulla_refuse(BULLA_MALFORMED, "the TDX module is not one of Intel's");
    return BULLA_OK;
}

/* The size of a TD's body: fixed in version 4, stated in version 5. */
static enum bulla_reason read_body_size(struct bulla_reader *reader, uint16_t version, size_t *size)
{
    *size = BULLA_TD_REPORT;
    if (version == TDX_VERSION)
        return BULLA_OK;
    uint16_t type = bulla_read_u16_little(reader);
    uint32_t stated = bulla_read_u32_little(reader);
    if (type == BODY_TD_15)
        *size = BULLA_TD_REPORT_15;
    if (!reader->failed && ((type != BODY_TD_10 && type != BODY_TD_15) || stated != *size))
        return bulla_refuse(BULLA_UNSUPPORTED, "quote body of type %u with %u bytes", type, stated);
    return BULLA_OK;
}

static enum bulla_reason read_body(struct bulla_reader *reader, struct bulla_quote *quote)
{
    size_t size = BULLA_ENCLAVE_REPORT;
    if (quote->is_td)
        BULLA_TRY(read_body_size(reader, quote->version, &size));
    struct bulla_bytes body = bulla_read(reader, size);
    if (reader->failed)
        return bulla_reader_finish(reader, "the quote");
    if (!quote->is_td)
        return bulla_enclave_report_read(body, "the enclave's report", &quote->enclave);
    struct bulla_reader inside;
    bulla_reader_open(&inside, body);
    read_td(&inside, size == BULLA_TD_REPORT_15, &quote->td);
    BULLA_TRY(bulla_reader_finish(&inside, "the TD report"));
    return check_td(&quote->td);
}

/* --- header --- */

static enum bulla_reason read_header(struct bulla_reader *reader, struct bulla_quote *quote)
{
    quote->version = bulla_read_u16_little(reader);
    uint16_t key_type = bulla_read_u16_little(reader);
    uint32_t tee = bulla_read_u32_little(reader);
    (void)bulla_read(reader, 4); /* SGX: SVNs of the quoting enclaves, which their certificates say with a signature */
    struct bulla_bytes vendor = bulla_read(reader, sizeof intel_vendor);
    (void)bulla_read(reader, 20); /* user data: an identifier of the platform */
    if (reader->failed)
        return bulla_reader_finish(reader, "the quote");
    quote->is_td = tee == TEE_TDX;
    bool fits = quote->is_td ? quote->version == TDX_VERSION || quote->version == TDX_VERSION_15
                             : tee == TEE_SGX && quote->version == SGX_VERSION;
    if (!fits)
        return bulla_refuse(BULLA_UNSUPPORTED, "quote of version %u for TEE type %x", quote->version, tee);
    if (key_type != KEY_ECDSA_P256 || !bulla_bytes_equal(vendor, BULLA_BYTES(intel_vendor)))
        return bulla_refuse(BULLA_UNSUPPORTED, "quote by another enclave than Intel's, or of key type %u", key_type);
    return BULLA_OK;
}

bool bulla_quote_recognised(struct bulla_bytes bytes, bool is_td)
{
    struct bulla_reader reader;
    bulla_reader_open(&reader, bytes);
    (void)bulla_read(&reader, 4);
    uint32_t tee = bulla_read_u32_little(&reader);
    (void)bulla_read(&reader, 4);
    struct bulla_bytes vendor = bulla_read(&reader, sizeof intel_vendor);
    return bulla_bytes_equal(vendor, BULLA_BYTES(intel_vendor)) && tee == (is_td ? TEE_TDX : TEE_SGX);
}

/* --- signature data --- */

/* Certification data: its kind and its bytes. */
static enum bulla_reason read_certification(struct bulla_reader *reader, uint16_t wanted, struct bulla_bytes *data)
{
    uint16_t type = bulla_read_u16_little(reader);
    *data = bulla_read(reader, bulla_read_u32_little(reader));
    BULLA_TRY(bulla_reader_finish(reader, "the quote's signature data"));
    if (type != wanted)
        return bulla_refuse(BULLA_UNSUPPORTED, "certification data of type %u: only %u is taken", type, wanted);
    return BULLA_OK;
}

/* The quoting enclave's report and what certifies it, which fill the reader. */
static enum bulla_reason read_qe(struct bulla_reader *reader, struct bulla_quote *quote)
{
    quote->qe_report = bulla_read(reader, BULLA_ENCLAVE_REPORT);
    quote->qe_signature = bulla_read(reader, SIGNATURE);
    quote->qe_auth_data = bulla_read(reader, bulla_read_u16_little(reader));
    BULLA_TRY(read_certification(reader, CERTIFICATES_PEM, &quote->certificates));
    if (quote->certificates.size && quote->certificates.data[quote->certificates.size - 1] == 0)
        quote->certificates.size--; /* the text is a C string */
    return bulla_enclave_report_read(quote->qe_report, "the quoting enclave's report", &quote->qe);
}

static enum bulla_reason read_signature_data(struct bulla_bytes data, struct bulla_quote *quote)
{
    struct bulla_reader reader, inside;
    bulla_reader_open(&reader, data);
    quote->signature = bulla_read(&reader, SIGNATURE);
    quote->attestation_key = bulla_read(&reader, POINT);
    if (!quote->is_td)
        return read_qe(&reader, quote);
    struct bulla_bytes nested;
    BULLA_TRY(read_certification(&reader, CERTIFICATES_NESTED, &nested));
    bulla_reader_open(&inside, nested);
    return read_qe(&inside, quote);
}

enum bulla_reason bulla_quote_read(struct bulla_bytes bytes, struct bulla_quote *quote)
{
    struct bulla_reader reader;
    bulla_reader_open(&reader, bytes);
    *quote = (struct bulla_quote){.version = 0};
    BULLA_TRY(read_header(&reader, quote));
    BULLA_TRY(read_body(&reader, quote));
    quote->signed_part = (struct bulla_bytes){bytes.data, bytes.size - bulla_reader_left(&reader)};
    struct bulla_bytes data = bulla_read(&reader, bulla_read_u32_little(&reader));
    struct bulla_bytes padding = bulla_read(&reader, bulla_reader_left(&reader));
    if (reader.failed)
        return bulla_reader_finish(&reader, "the quote");
    if (!sodium_is_zero(padding.data, padding.size))
        return bulla_refuse(BULLA_TRAILING, "%zu bytes that are not all zero follow the quote", padding.size);
    return read_signature_data(data, quote);
}
