#include "commands.h"
#include "kes.h"
#include "output.h"

struct show_settings {
    struct bulla_common common;
};

static enum bulla_reason certificate_print(const struct bulla_operational_certificate *certificate, bool valid)
{
    char hot[2 * sizeof certificate->hot + 1], cold[2 * sizeof certificate->cold + 1];
    bulla_hex_write(certificate->hot, sizeof certificate->hot, hot);
    bulla_hex_write(certificate->cold, sizeof certificate->cold, cold);
    bulla_say("KES verification key  %s\ncounter               %llu\nKES period            %llu\n"
              "cold key              %s\n",
        hot, (unsigned long long)certificate->counter, (unsigned long long)certificate->period, cold);
    bulla_say(valid ? BULLA_GOOD "signed by the cold key" BULLA_PLAIN "\n"
                    : BULLA_BAD "not signed by the cold key" BULLA_PLAIN "\n");
    return bulla_output_document(json_pack("{s:s,s:I,s:I,s:s,s:b}", "verification_key", hot, "counter",
        (json_int_t)certificate->counter, "period", (json_int_t)certificate->period, "cold_key", cold, "valid", valid));
}

static enum bulla_reason show_run(const struct bulla_call *call)
{
    struct bulla_operational_certificate certificate;
    uint8_t cbor[BULLA_OPERATIONAL_CERTIFICATE_LARGEST];
    size_t size = 0;
    BULLA_TRY(bulla_kes_envelope_read(call->arguments[0], BULLA_KES_CERTIFICATE_TYPE, cbor, sizeof cbor, &size));
    BULLA_TRY(bulla_operational_certificate_read((struct bulla_bytes){cbor, size}, &certificate));
    BULLA_TRY(certificate_print(&certificate, bulla_operational_certificate_verify(&certificate) == BULLA_OK));
    return bulla_operational_certificate_verify(&certificate);
}

const struct bulla_command bulla_command_kes_opcert_show = {
    .name = "kes opcert show",
    .arguments = "FILE",
    .summary = "Show an operational certificate, and whether it is signed",
    .text = "FILE is a text envelope (NodeOperationalCertificate), or its CBOR.",
    .examples = "  bulla kes opcert show opcert.cert\n",
    .needs = BULLA_NEEDS_NOTHING,
    .settings_size = sizeof(struct show_settings),
    .arguments_least = 1,
    .arguments_most = 1,
    .run = show_run,
};
