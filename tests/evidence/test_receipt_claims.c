/* Claims that may not stand in a receipt, by themselves or beside each other: neither written nor read. */
#include "receipt_fixture.h"

#include <stdio.h>
#include <string.h>

static void set_type(struct bulla_receipt *receipt, const char *type)
{
    (void)snprintf(receipt->measurement_type, sizeof receipt->measurement_type, "%s", type);
}

static void wrong_air_over_tpm(struct bulla_receipt *receipt)
{
    receipt->profile = BULLA_TEXT(BULLA_RECEIPT_PROFILE_AIR);
}
static void wrong_air_over_none(struct bulla_receipt *receipt)
{
    wrong_air_over_tpm(receipt);
    set_type(receipt, "none");
    receipt->measurement_count = 0;
}
static void wrong_own_over_nitro(struct bulla_receipt *receipt)
{
    receipt_air_nitro(receipt);
    receipt->profile = BULLA_TEXT(BULLA_RECEIPT_PROFILE);
}
static void wrong_own_over_tdx(struct bulla_receipt *receipt)
{
    receipt_air_tdx(receipt);
    receipt->profile = BULLA_TEXT(BULLA_RECEIPT_PROFILE);
}
static void wrong_profile(struct bulla_receipt *receipt)
{
    receipt->profile = BULLA_TEXT("https://example.org/receipt");
}
static void wrong_scheme(struct bulla_receipt *receipt)
{
    receipt_air_nitro(receipt);
    receipt->model_hash_scheme = BULLA_TEXT("sha256-tree");
}
static void wrong_own_scheme(struct bulla_receipt *receipt)
{
    receipt->model_hash_scheme = BULLA_TEXT("sha256-single");
}
static void wrong_no_own_scheme(struct bulla_receipt *receipt)
{
    receipt->model_hash_scheme.size = 0;
}
static void wrong_zero_hash(struct bulla_receipt *receipt)
{
    memset(receipt->model_hash, 0, 32);
}
static void wrong_mode(struct bulla_receipt *receipt)
{
    receipt->security_mode = BULLA_TEXT("production");
}
static void wrong_attested_by_nothing(struct bulla_receipt *receipt)
{
    memset(receipt->attestation_hash, 0, 32);
}
static void wrong_attested_without_measurements(struct bulla_receipt *receipt)
{
    set_type(receipt, "none");
    receipt->measurement_count = 0;
}
static void wrong_uuid_version(struct bulla_receipt *receipt)
{
    receipt->id[6] = 0x1f;
}
static void wrong_uuid_variant(struct bulla_receipt *receipt)
{
    receipt->id[8] = 0x4f;
}
static void wrong_short_nonce(struct bulla_receipt *receipt)
{
    receipt->nonce.size = 7;
}
static void wrong_long_nonce(struct bulla_receipt *receipt)
{
    receipt->nonce = (struct bulla_bytes){receipt_memory, 65};
}
static void wrong_no_pcr(struct bulla_receipt *receipt)
{
    receipt->measurement_count = 0;
}
static void wrong_pcr_order(struct bulla_receipt *receipt)
{
    memcpy(receipt->measurements[3].name, "pcr4", 5);
    memcpy(receipt->measurements[4].name, "pcr3", 5);
}
static void wrong_pcr_twice(struct bulla_receipt *receipt)
{
    memcpy(receipt->measurements[4].name, "pcr3", 5);
}
static void wrong_pcr_name(struct bulla_receipt *receipt)
{
    memcpy(receipt->measurements[23].name, "pcr24", 6);
}
static void wrong_pcr_number(struct bulla_receipt *receipt)
{
    receipt->measurement_count = 1;
    memcpy(receipt->measurements[0].name, "pcr00", 6);
}
static void wrong_pcr_size(struct bulla_receipt *receipt)
{
    receipt->measurement_count = 1;
    receipt->measurements[0].value = BULLA_BYTES(receipt_nitro_pcrs[0]);
}
static void wrong_nitro_pcr_size(struct bulla_receipt *receipt)
{
    receipt_air_nitro(receipt);
    receipt->measurements[0].value = BULLA_BYTES(receipt_tpm_pcrs[0]);
}
static void wrong_nitro_pcr_missing(struct bulla_receipt *receipt)
{
    receipt_air_nitro(receipt);
    receipt->measurement_count = 2;
}
static void wrong_nitro_pcr2_missing(struct bulla_receipt *receipt)
{
    receipt_air_nitro(receipt);
    memcpy(receipt->measurements[2].name, "pcr3", 5);
}
static void wrong_nitro_pcr5(struct bulla_receipt *receipt)
{
    receipt_air_nitro(receipt);
    receipt->measurements[3] = receipt->measurements[2];
    memcpy(receipt->measurements[3].name, "pcr5", 5);
    receipt->measurement_count = 4;
}
static void wrong_tdx_pcr8(struct bulla_receipt *receipt)
{
    receipt_air_tdx(receipt);
    receipt->measurements[3] = receipt->measurements[2];
    memcpy(receipt->measurements[3].name, "pcr8", 5);
    receipt->measurement_count = 4;
}
/* SEV-SNP's one measurement, under bulla's own profile. */
static void own_over_snp(struct bulla_receipt *receipt)
{
    set_type(receipt, "snp-measurement");
    receipt->measurement_count = 1;
    (void)snprintf(receipt->measurements[0].name, sizeof receipt->measurements[0].name, "pcr0");
    receipt->measurements[0].value = BULLA_BYTES(receipt_nitro_pcrs[0]);
}
static void wrong_air_over_snp(struct bulla_receipt *receipt)
{
    own_over_snp(receipt);
    receipt->profile = BULLA_TEXT(BULLA_RECEIPT_PROFILE_AIR);
}
static void wrong_snp_size(struct bulla_receipt *receipt)
{
    own_over_snp(receipt);
    receipt->measurements[0].value.size = 32;
}
static void wrong_snp_pcr1(struct bulla_receipt *receipt)
{
    own_over_snp(receipt);
    (void)snprintf(receipt->measurements[0].name, sizeof receipt->measurements[0].name, "pcr1");
}
static void wrong_snp_missing(struct bulla_receipt *receipt)
{
    own_over_snp(receipt);
    receipt->measurement_count = 0;
}
static void wrong_type(struct bulla_receipt *receipt)
{
    set_type(receipt, "tpm-pcr-sha1");
}
static void wrong_text(struct bulla_receipt *receipt)
{
    receipt->model_version = (struct bulla_bytes){(const uint8_t *)"\xc0\x80", 2};
}
static void wrong_line_in_model(struct bulla_receipt *receipt)
{
    receipt->model_id = BULLA_TEXT("x\n\001attested\006 by");
}
static void wrong_escape_in_version(struct bulla_receipt *receipt)
{
    receipt->policy_version = BULLA_TEXT("\x1b[1m0123456789abcdef/7");
}
static void wrong_delete_in_issuer(struct bulla_receipt *receipt)
{
    receipt->issuer = BULLA_TEXT("bulla:0123456789abcdef\x7f");
}
static void wrong_c1_in_model(struct bulla_receipt *receipt)
{
    receipt->model_id = BULLA_TEXT("x\xc2\x9b"
                                   "1m");
}
static void wrong_no_issuer(struct bulla_receipt *receipt)
{
    receipt->issuer.size = 0;
}
static void wrong_count(struct bulla_receipt *receipt)
{
    receipt->measurement_count = 25;
}
static void wrong_unended_type(struct bulla_receipt *receipt)
{
    memset(receipt->measurement_type, 'x', sizeof receipt->measurement_type);
}

static void (*const wrongs[])(struct bulla_receipt *receipt) = {
    wrong_air_over_tpm,
    wrong_air_over_none,
    wrong_own_over_nitro,
    wrong_own_over_tdx,
    wrong_profile,
    wrong_scheme,
    wrong_own_scheme,
    wrong_no_own_scheme,
    wrong_zero_hash,
    wrong_mode,
    wrong_attested_by_nothing,
    wrong_attested_without_measurements,
    wrong_uuid_version,
    wrong_uuid_variant,
    wrong_short_nonce,
    wrong_long_nonce,
    wrong_no_pcr,
    wrong_pcr_order,
    wrong_pcr_twice,
    wrong_pcr_name,
    wrong_pcr_number,
    wrong_pcr_size,
    wrong_nitro_pcr_size,
    wrong_nitro_pcr_missing,
    wrong_nitro_pcr2_missing,
    wrong_nitro_pcr5,
    wrong_tdx_pcr8,
    wrong_air_over_snp,
    wrong_snp_size,
    wrong_snp_pcr1,
    wrong_snp_missing,
    wrong_type,
    wrong_text,
    wrong_line_in_model,
    wrong_escape_in_version,
    wrong_delete_in_issuer,
    wrong_c1_in_model,
    wrong_no_issuer,
    wrong_count,
    wrong_unended_type,
};

/* The writer reads back what it wrote, so the bytes that it refused are properly signed: the reader is asked as well.
 */
static void claims_that_may_not_stand_are_neither_written_nor_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
        struct bulla_receipt receipt, read;
        struct bulla_bytes bytes;
        receipt_own(&receipt);
        wrongs[i](&receipt);
        enum bulla_reason reason = receipt_write(&receipt, &bytes);
        if (reason != BULLA_RECEIPT_INVALID && reason != BULLA_ARGUMENT)
            fail_msg("claims %zu: %s", i, bulla_reason_code(reason));
        if (bytes.size > 0)
            assert_int_equal(
                bulla_receipt_verify(bytes, receipt_key.point, &receipt_nothing, &read), BULLA_RECEIPT_INVALID);
    }
}

/* What the wrong ones begin with is right. */
static void a_guests_measurement_may_stand(void **state)
{
    (void)state;
    struct bulla_receipt receipt, read;
    struct bulla_bytes bytes;
    receipt_own(&receipt);
    own_over_snp(&receipt);
    assert_int_equal(receipt_write(&receipt, &bytes), BULLA_OK);
    assert_int_equal(bulla_receipt_verify(bytes, receipt_key.point, &receipt_nothing, &read), BULLA_OK);
    assert_string_equal(read.measurement_type, "snp-measurement");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guests_measurement_may_stand),
        cmocka_unit_test(claims_that_may_not_stand_are_neither_written_nor_read),
    };
    return cmocka_run_group_tests(tests, receipt_key_make, NULL);
}
