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

/* The application of data objects that carry requests (the object route). */
#define BULLA_INFER_APPLICATION "bulla.infer"

#endif
