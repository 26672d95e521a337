/* Reports of SEV-SNP and TDX through the kernel's configfs-tsm (Linux 6.7 and later).
 *
 * A report is a folder: made, given 64 bytes, read, and removed on every path. */
#ifndef BULLA_ENCLAVE_BACKEND_TSM_H
#define BULLA_ENCLAVE_BACKEND_TSM_H

#include "crypto/bytes.h"

enum { BULLA_TSM_DATA = 64, BULLA_TSM_REPORT_LARGEST = 16384, BULLA_TSM_AUXILIARY_LARGEST = 32768 };

/* /sys/kernel/config/tsm/report. */
const char *bulla_tsm_folder(void);
/* Whether the folder is there, and the guest device beside it; only looks, for making a report folder needs rights.
 * `provider`: the kernel's name, "sev_guest" or "tdx_guest". */
bool bulla_tsm_present(const char *folder, const char *provider);
/* Appends the report over `data`, and what the host added to it (of "sev_guest" a table of certificates; maybe
 * nothing). BULLA_ENCLAVE_UNREACHABLE: no such folder, or no right to use it; BULLA_ENCLAVE_FAILED: another provider, a
 * report that was not made, or one that another wrote to meanwhile. */
enum bulla_reason bulla_tsm_report(const char *folder, const char *provider, const uint8_t data[static BULLA_TSM_DATA],
    struct bulla_writer *report, struct bulla_writer *auxiliary) BULLA_MUST_USE;

/* The certificates of a "sev_guest" table (GHCB specification, 4.1.8.1), DER, concatenated: VCEK or VLEK, then ASK,
 * then ARK, those that are there. Others are left out. An empty table gives none. BULLA_MALFORMED, BULLA_TRUNCATED,
 * BULLA_DUPLICATE. */
enum bulla_reason bulla_tsm_certificates(struct bulla_bytes table, struct bulla_writer *certificates) BULLA_MUST_USE;

#endif
