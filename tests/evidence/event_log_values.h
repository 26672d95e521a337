/* What the logs of tests/vectors/tpm lead to, by a program of its own: Python's struct and hashlib, which read the
 * records and extend PCRs (tests/vectors/tpm/replay.py). Those of debian-10.log and rhel8-uefi.log are, for SHA-1 and
 * SHA-256, also the values that their repository publishes (google/go-tpm-tools, server/eventlog_test.go). */
#ifndef BULLA_TESTS_EVENT_LOG_VALUES_H
#define BULLA_TESTS_EVENT_LOG_VALUES_H

#include "crypto/signature.h"

/* SHA-256(31 zero bytes, 3, SHA-256(four zero bytes)) */
static const char locality_3_separator[] = "50bd7d88f0414b40608f8ffc56fd4f3201b5ed0644e36b8128d33624ebe0f053";

static const struct event_log_value {
    const char *log;
    enum bulla_hash bank;
    unsigned pcr;
    const char *value;
} event_log_values[] = {
    {"crypto-agile.log", BULLA_SHA256, 0, "1536de221b2187a421602cd81f43aa04496b0bd5a424d3b25b637a942080d0fa"},
    {"crypto-agile.log", BULLA_SHA256, 1, "f883c25efc566190a8449b54717cacb3f35fc83e4f8e19330b3e32a2b57bb03f"},
    {"crypto-agile.log", BULLA_SHA256, 2, "3d458cfe55cc03ea1f443f1562beec8df51c75e14a9fcf9a7234a13f198e7969"},
    {"crypto-agile.log", BULLA_SHA256, 3, "3d458cfe55cc03ea1f443f1562beec8df51c75e14a9fcf9a7234a13f198e7969"},
    {"crypto-agile.log", BULLA_SHA256, 4, "b0af298ea2ca63fe39d0f9887948f8c9ccedd1cca90b6ed20f0aa1f9cbd8504e"},
    {"crypto-agile.log", BULLA_SHA256, 5, "3f2855fc9db5201707a42708e00f9f54ebf78e250152decbf5086cab1690add8"},
    {"crypto-agile.log", BULLA_SHA256, 6, "3d458cfe55cc03ea1f443f1562beec8df51c75e14a9fcf9a7234a13f198e7969"},
    {"crypto-agile.log", BULLA_SHA256, 7, "3d6207f9a2c3fa1db729f06e71b09d2e7ca7c0c198f6c1410c2186bbe2cc1826"},
    {"debian-10.log", BULLA_SHA1, 0, "0f2d3a2a1adaa479aeeca8f5df76aadc41b862ea"},
    {"debian-10.log", BULLA_SHA1, 1, "b1676439cac1531683990fefe2218a43239d6fe8"},
    {"debian-10.log", BULLA_SHA1, 2, "b2a83b0ebf2f8374299a5b2bdfc31ea955ad7236"},
    {"debian-10.log", BULLA_SHA1, 3, "b2a83b0ebf2f8374299a5b2bdfc31ea955ad7236"},
    {"debian-10.log", BULLA_SHA1, 4, "1eb30816474a3f144e99b24e4ad480b2e51fd9e1"},
    {"debian-10.log", BULLA_SHA1, 5, "019079179dbc0eb5992c500dcf8a095910ac590d"},
    {"debian-10.log", BULLA_SHA1, 6, "b2a83b0ebf2f8374299a5b2bdfc31ea955ad7236"},
    {"debian-10.log", BULLA_SHA1, 7, "9e6c57e850f371c2a7fe02bca552149363952318"},
    {"rhel8-uefi.log", BULLA_SHA1, 0, "0f2d3a2a1adaa479aeeca8f5df76aadc41b862ea"},
    {"rhel8-uefi.log", BULLA_SHA1, 1, "5cc549378bafaa92e965c7e9c287925cfff33abd"},
    {"rhel8-uefi.log", BULLA_SHA1, 2, "b2a83b0ebf2f8374299a5b2bdfc31ea955ad7236"},
    {"rhel8-uefi.log", BULLA_SHA1, 3, "b2a83b0ebf2f8374299a5b2bdfc31ea955ad7236"},
    {"rhel8-uefi.log", BULLA_SHA1, 4, "7fbe2df30156ca4934109f48d850ab327110f8fa"},
    {"rhel8-uefi.log", BULLA_SHA1, 5, "3258daa13f4cccf245c170481c76e2a4602e5a7b"},
    {"rhel8-uefi.log", BULLA_SHA1, 6, "b2a83b0ebf2f8374299a5b2bdfc31ea955ad7236"},
    {"rhel8-uefi.log", BULLA_SHA1, 7, "d7a632f8990b2171e987041b0a3c69fc1b2a4f27"},
    {"rhel8-uefi.log", BULLA_SHA1, 8, "15aab2077008f8325e7c61ee39fedd7118aad5d7"},
    {"rhel8-uefi.log", BULLA_SHA1, 9, "25de9455ef4e8180b76bbb9bb54a82f9a73abb0a"},
    {"rhel8-uefi.log", BULLA_SHA1, 14, "1f5149668c40524e01be9cbc3ad527645943f148"},
    {"rhel8-uefi.log", BULLA_SHA256, 0, "24af52a4f429b71a3184a6d64cddad17e54ea030e2aa6576bf3a5a3d8bd3328f"},
    {"rhel8-uefi.log", BULLA_SHA256, 1, "454220afaa80c83c3839f6cccd8b3c88bf4f562316a9dda1121c578c9e005a53"},
    {"rhel8-uefi.log", BULLA_SHA256, 2, "3d458cfe55cc03ea1f443f1562beec8df51c75e14a9fcf9a7234a13f198e7969"},
    {"rhel8-uefi.log", BULLA_SHA256, 3, "3d458cfe55cc03ea1f443f1562beec8df51c75e14a9fcf9a7234a13f198e7969"},
    {"rhel8-uefi.log", BULLA_SHA256, 4, "758a3d35f1b0ff5b135dacd07db0c8132c0ac665d944090d4bf96e66447a245c"},
    {"rhel8-uefi.log", BULLA_SHA256, 5, "53d0ee36163219201e686167bbb71ec505b3ba2917b9d9183ed84aad26cfeb89"},
    {"rhel8-uefi.log", BULLA_SHA256, 6, "3d458cfe55cc03ea1f443f1562beec8df51c75e14a9fcf9a7234a13f198e7969"},
    {"rhel8-uefi.log", BULLA_SHA256, 7, "5fd54361d580eb7592adb8deb236ff35444ceeac7148f24b3de63c041f12b3da"},
    {"rhel8-uefi.log", BULLA_SHA256, 8, "25c3874041ebd4e9a21b6ed71b624a7bfa99907a8dcea7f129a4c64cbaf5829a"},
    {"rhel8-uefi.log", BULLA_SHA256, 9, "d43b2f61eb18b4791812ff5f20ab20e4ef621ba683370bedf5dbdf518b3a8078"},
    {"rhel8-uefi.log", BULLA_SHA256, 14, "d8f57ebcc1a23cc46832696e1a657f720e1be8f5b405bb7204682114e363b455"},
    {"rhel8-uefi.log", BULLA_SHA384, 0,
        "8be2d39fecef6e883d467379c57847437cfa03a6f7f7f78dcb2a05a479db4b4749ececedd105b760bc8313abccf1dfb6"},
    {"rhel8-uefi.log", BULLA_SHA384, 1,
        "fe3dc5d3f48a1b682e9ec3a2ea4d4e82b76868e216c886872ed05421c28522f63ef26de16e262585a9f3a8eaea3f933b"},
    {"rhel8-uefi.log", BULLA_SHA384, 2,
        "518923b0f955d08da077c96aaba522b9decede61c599cea6c41889cfbea4ae4d50529d96fe4d1afdafb65e7f95bf23c4"},
    {"rhel8-uefi.log", BULLA_SHA384, 3,
        "518923b0f955d08da077c96aaba522b9decede61c599cea6c41889cfbea4ae4d50529d96fe4d1afdafb65e7f95bf23c4"},
    {"rhel8-uefi.log", BULLA_SHA384, 4,
        "62622ff1f3ed4c7ec59650f78caa80499f54d4bf273560cee780c9411cab9ee0f040299b22599c5f797d0c8b0f0342c4"},
    {"rhel8-uefi.log", BULLA_SHA384, 5,
        "f653a0a6625b3eb12f56a075fb07c9f3f9c9c0d33abd770663f98e2b13ab0f8f971557133702d2faa9e19355ca5fff77"},
    {"rhel8-uefi.log", BULLA_SHA384, 6,
        "518923b0f955d08da077c96aaba522b9decede61c599cea6c41889cfbea4ae4d50529d96fe4d1afdafb65e7f95bf23c4"},
    {"rhel8-uefi.log", BULLA_SHA384, 7,
        "c045321e7b0361a932c779319f590c798b1e9dcada13b9b5df8afae1012240babd3e42d5a1e83f5bb6e9f8463a0f21f8"},
    {"rhel8-uefi.log", BULLA_SHA384, 8,
        "6b789d88cf56779b2fcc641958f5d10ea0a53d0944abe16a9c727bc08a876ec7c002b831fb394f60242e2866c8155bc2"},
    {"rhel8-uefi.log", BULLA_SHA384, 9,
        "7a9bdaf00517a432127aa65d50c354db7c915f41b68194a1331907705c005c4b406876f37689d5387f4766b8f6c133db"},
    {"rhel8-uefi.log", BULLA_SHA384, 14,
        "57fd21f31d9e28c4fbee7bafaaaa94bfb0c5b289dbb749fc15ab3503f1cc0ca3c2b23ac479a42bc70ae306eadac6693a"},
    {"sb-cert.log", BULLA_SHA1, 0, "51c323de0c0c694f4601cdd02beb58ff13629f74"},
    {"sb-cert.log", BULLA_SHA1, 4, "b771008d173c022bc16f4b4d1a7f8b99ed88eeb1"},
    {"sb-cert.log", BULLA_SHA1, 5, "d7396ac6e887da22dea03b40952f70b8dbd2a996"},
    {"sb-cert.log", BULLA_SHA1, 7, "45a8621d34a57df2b2e7f14c92b99ac8de7d5805"},
    {"sb-cert.log", BULLA_SHA256, 0, "fcecb56acc303862b30eb342c4990beb50b5e0ab89722449c2d9a73f37b019fe"},
    {"sb-cert.log", BULLA_SHA256, 4, "a92968806f795fa34435d9f11813684ca1e7056077f700ba49f26f9962f86d89"},
    {"sb-cert.log", BULLA_SHA256, 5, "cc8618b77932b4efda12cc58bad93ecdd1959dea29e5ab794525a619f5baabee"},
    {"sb-cert.log", BULLA_SHA256, 7, "51b30488c9e6255d822bdc1b20d9a92c32bde6c3e7bc02bcdd32825eb5ef069a"},
    {"sb-cert.log", BULLA_SHA384, 0,
        "6193872dc723d533e3bb45fb0aeec13548adde7111df93a4d70cb1b577ce31104ac9dfbcb876bd07f77d2ce4b3f733df"},
    {"sb-cert.log", BULLA_SHA384, 4,
        "14496a4f8fe921af7fc11b7c613f720bbc36fe4fa1605d0646b4315ddecc17dbf0dbbcf6b665d8dffa7d00881c75ecb2"},
    {"sb-cert.log", BULLA_SHA384, 5,
        "bafccaa98f6eafb415c2aa7847ff6707432361bc99537ea873e60d59f11b9c8ef3182ce7253d52d9f9c5c2d569a45bcf"},
    {"sb-cert.log", BULLA_SHA384, 7,
        "bf54547614362d6cb54d3c7de075b78a81669cf63e3ea62d0da118220d96f489690c6ae84f146d7e9019331bd4773b60"},
    {"short-no-action.log", BULLA_SHA1, 0, "0000000000000000000000000000000000000003"},
};

#endif
