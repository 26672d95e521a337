/* Intel's collateral: the object that holds it, and the two statements, which are taken here as if they were signed. */
#include "fuzz.h"

#include "evidence/intel_tcb.h"

static const uint8_t svns[16] = {5, 1, 3, 2};
static const uint8_t zeros[48];
static const uint8_t intel_signer[32] = {0x8c, 0x4f, 0x57, 0x75, 0xd7, 0x96, 0x50, 0x3e, 0x96, 0x13, 0x7f, 0x77, 0xc6,
    0x8a, 0x82, 0x9a, 0x00, 0x56, 0xac, 0x8d, 0xed, 0x70, 0x14, 0x0b, 0x08, 0x1b, 0x09, 0x44, 0x90, 0xc5, 0x7b, 0xff};
/* The platforms of the seeds, SGX and TDX. */
static const struct bulla_pck platforms[2] = {
    {{11, 11, 2, 2, 255, 1}, 13, {0x00, 0xa0, 0x67, 0x11, 0x00, 0x00}, {0, 0}},
    {{3, 3, 2, 2, 4, 1, 0, 5}, 11, {0xb0, 0xc0, 0x6f, 0x00, 0x00, 0x00}, {0, 0}},
};

static void judge(const struct bulla_collateral *collateral, bool is_td)
{
    struct bulla_claims claims = {.kind = BULLA_EVIDENCE_NONE};
    struct bulla_quote quote = {.is_td = is_td, .qe = {.flags = 0x15, .product = 1, .svn = 8}};
    quote.td.tcb_svn = BULLA_BYTES(svns);
    quote.td.mrsignerseam = BULLA_BYTES(zeros);
    quote.qe.misc_select = (struct bulla_bytes){zeros, 4};
    quote.qe.attributes = (struct bulla_bytes){zeros, 16};
    quote.qe.mrsigner = BULLA_BYTES(intel_signer);
    if (bulla_intel_tcb(&quote, &platforms[is_td], collateral, 1750377600, &claims) == BULLA_OK)
        FUZZ_CHECK(claims.tcb > BULLA_TCB_UNKNOWN && claims.tcb < BULLA_TCB_REVOKED);
}

static void try_object(struct bulla_bytes bytes)
{
    BULLA_ENDORSED struct bulla_endorsed chain = {.certificate_count = 0};
    BULLA_COLLATERAL struct bulla_collateral collateral = {.json = NULL};
    if (bulla_collateral_read(bytes, &collateral, &chain) != BULLA_OK)
        return;
    FUZZ_CHECK(chain.crl_count >= 2 && collateral.tcb_info.signer.crl_count == 1);
    judge(&collateral, false);
    judge(&collateral, true);
}

/* The same bytes as both statements: each is refused by what the other has to be, but read before. */
static void try_statements(struct bulla_bytes bytes)
{
    const struct bulla_collateral collateral = {.tcb_info = {.text = bytes}, .qe_identity = {.text = bytes}};
    judge(&collateral, false);
    judge(&collateral, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bulla_bytes bytes = {data, size};
    try_object(bytes);
    try_statements(bytes);
    return 0;
}
