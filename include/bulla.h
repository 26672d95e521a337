/* bulla's vendor numbers: what a program needs beside the PKCS#11 header.
 *
 * Vendor mechanisms take no parameter: the request describes itself. Vendor values are booleans, CK_ULONGs, text and
 * bytes, never pointers or arrays, so that they pass p11-kit's remoting. docs/mechanisms.md says what each does. */
#ifndef BULLA_H
#define BULLA_H

#define BULLA_VENDOR_BASE 0x82550000UL /* CKx_VENDOR_DEFINED | 0x02550000; bit 30, the array bit, stays clear */

/* Mechanisms */
#define CKM_BULLA_MODEL_KEY_GEN (BULLA_VENDOR_BASE | 0x01) /* C_GenerateKey: a model key */
#define CKM_BULLA_SEAL (BULLA_VENDOR_BASE | 0x02)          /* C_Encrypt*: archive (docs/formats.md) → sealed model */
#define CKM_BULLA_INFER (BULLA_VENDOR_BASE | 0x03)         /* C_Decrypt: request → answer and receipt */
#define CKM_BULLA_ATTEST (BULLA_VENDOR_BASE | 0x04)        /* C_Sign by a key of the token: nonce → evidence */
#define CKM_BULLA_ACTIVATE                                                                                             \
    (BULLA_VENDOR_BASE | 0x05) /* C_Decrypt by the receipt key: a credential made for the                              \
                                  attestation key → the secret in it (enrolment) */

#define CKM_BULLA_KES_KEY_PAIR_GEN                                                                                     \
    (BULLA_VENDOR_BASE | 0x06)                           /* C_GenerateKeyPair: a key that evolves (docs/kes.md)        \
                                                          */
#define CKM_BULLA_KES_SUM (BULLA_VENDOR_BASE | 0x07)     /* C_Sign, C_Verify: SumKES, as Cardano has it */
#define CKM_BULLA_KES_COMPACT (BULLA_VENDOR_BASE | 0x08) /* the same: CompactSumKES */

/* Key types */
#define CKK_BULLA_KES (BULLA_VENDOR_BASE | 0x01)

/* Object classes. Status objects are found only by a template that names their class. */
#define CKO_BULLA_POLICY (BULLA_VENDOR_BASE | 0x01)    /* CKA_VALUE: a signed policy bundle */
#define CKO_BULLA_STATUS (BULLA_VENDOR_BASE | 0x02)    /* read-only; CKA_LABEL "status", "why" …; CKA_VALUE: JSON */
#define CKO_BULLA_PRINCIPAL (BULLA_VENDOR_BASE | 0x03) /* session object: read a challenge, set the proof */

/* Attributes */
#define CKA_BULLA_RELEASE (BULLA_VENDOR_BASE | 0x01)   /* text: the release tree, "2 of (tpm, passphrase)" */
#define CKA_BULLA_AUTHORITY (BULLA_VENDOR_BASE | 0x02) /* bytes: P-256 public key, 65 bytes, 0x04 first */
#define CKA_BULLA_EPOCH (BULLA_VENDOR_BASE | 0x03)     /* CK_ULONG: the policy epoch that the object is sealed under */
#define CKA_BULLA_ATTESTED (BULLA_VENDOR_BASE | 0x04)  /* CK_BBOOL: every way to release it attests a state */
#define CKA_BULLA_GENERATION                                                                                           \
    (BULLA_VENDOR_BASE | 0x05)                         /* CK_ULONG: the latest sealing; set it to that value to        \
                                                           refuse every older one from now on */
#define CKA_BULLA_DIMENSION (BULLA_VENDOR_BASE | 0x06) /* CK_ULONG: numbers in an embedding */
#define CKA_BULLA_EXPIRES (BULLA_VENDOR_BASE | 0x07)   /* CK_ULONG: Unix seconds until which an answer is kept */
#define CKA_BULLA_VERSION (BULLA_VENDOR_BASE | 0x08)   /* CK_ULONG: of a policy */
#define CKA_BULLA_PRINCIPAL                                                                                            \
    (BULLA_VENDOR_BASE | 0x09) /* text: who, as grants name him: "user:ann", "ed25519:<hex>" … */
#define CKA_BULLA_CHALLENGE (BULLA_VENDOR_BASE | 0x0a) /* text to be signed; single-use, for minutes */
#define CKA_BULLA_PROOF (BULLA_VENDOR_BASE | 0x0b)     /* bytes, write-only: the signature, or a user's PIN */
#define CKA_BULLA_KES_DEPTH (BULLA_VENDOR_BASE | 0x0c) /* CK_ULONG: 0 to 7; the key has 2^depth periods */
#define CKA_BULLA_KES_PERIOD                                                                                           \
    (BULLA_VENDOR_BASE | 0x0d) /* CK_ULONG: of a private key the present period, which is set only to a higher one;    \
                                  of a public key the one that signatures must be of, any where there is none */
#define CKA_BULLA_KES_LAST_PERIOD (BULLA_VENDOR_BASE | 0x0e)      /* CK_ULONG: 2^depth - 1 */
#define CKA_BULLA_KES_START_TIME (BULLA_VENDOR_BASE | 0x0f)       /* CK_ULONG: Unix seconds of the chain's slot 0 */
#define CKA_BULLA_KES_START_SLOT (BULLA_VENDOR_BASE | 0x10)       /* CK_ULONG: where the key's period 0 begins */
#define CKA_BULLA_KES_SLOTS_PER_PERIOD (BULLA_VENDOR_BASE | 0x11) /* CK_ULONG: with the start time: the clock rules */
#define CKA_BULLA_KES_SLOT_LENGTH (BULLA_VENDOR_BASE | 0x12)      /* CK_ULONG: milliseconds; 1000 where none is given */
#define CKA_BULLA_KES_VERIFICATION_KEY (BULLA_VENDOR_BASE | 0x13) /* bytes: 32, of a private key */
#define CKA_BULLA_KES_KEEPER (BULLA_VENDOR_BASE | 0x14)           /* text: what forgets past periods: "tpm", "file" */

/* The application of data objects that carry requests (the object route). */
#define BULLA_INFER_APPLICATION "bulla.infer"

#endif
