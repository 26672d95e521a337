/* What derives keys from keys (kdf_family.c has the rows), and what its files share. */
#ifndef BULLA_MECH_KDF_H
#define BULLA_MECH_KDF_H

#include "hmac.h"
#include "mechanism.h"

enum { BULLA_KDF_DATA_LARGEST = 16384 }; /* bytes of any string in a parameter */

/* A string of a parameter: NULL with a length, or more than BULLA_KDF_DATA_LARGEST, is BULLA_PARAMETER. */
enum bulla_reason bulla_kdf_string(
    const void *data, CK_ULONG size, const char *what, struct bulla_bytes *bytes) BULLA_MUST_USE;

/* kdf_parts.c: concatenation, XOR, extraction */
bulla_derive bulla_derive_base_and_key, bulla_derive_base_and_data, bulla_derive_data_and_base, bulla_derive_xor,
    bulla_derive_extract;
enum bulla_reason bulla_base_and_key_other(const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE *other) BULLA_MUST_USE;
/* kdf_encrypt.c: the encryption of data as a key */
bulla_derive bulla_derive_aes_ecb, bulla_derive_aes_cbc;
/* kdf_hkdf.c */
bulla_derive bulla_derive_hkdf;
enum bulla_reason bulla_hkdf_other(const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE *other) BULLA_MUST_USE;
/* kdf_counter.c: SP 800-108 in counter mode */
bulla_derive bulla_derive_counter;
bulla_divide bulla_divide_counter;
/* kdf_pbkdf2.c */
bulla_generate bulla_generate_pbkdf2;

#endif
