/* The reasons, their stable codes and what to do about them: rows for reason.h, included there and in reason.c.
 * No include guard: the table is read more than once. New rows go to the end of their group; a code, once released, is
 * never given another meaning. */
BULLA_REASON(OK, "ok", "")
/* the process and the machine */
BULLA_REASON(INTERNAL, "internal", "report this: it is a defect of bulla")
BULLA_REASON(ARGUMENT, "argument", "correct the call")
BULLA_REASON(OUT_OF_MEMORY, "out-of-memory", "free some memory")
BULLA_REASON(
    MEMORY_LOCK, "memory-lock", "raise the limit: systemd LimitMEMLOCK=, limits.conf memlock, or prlimit --memlock")
BULLA_REASON(RANDOM, "random", "check the kernel's random number source")
BULLA_REASON(BUFFER_SMALL, "buffer-small", "pass a larger buffer")
BULLA_REASON(TOO_LARGE, "too-large", "pass less at once")
BULLA_REASON(FORKED, "forked", "call C_Initialize in the child")
BULLA_REASON(FILE, "file", "check the path and its permissions")
BULLA_REASON(UNSUPPORTED, "unsupported", "use one of the values that the documentation lists")
BULLA_REASON(CANCELLED, "cancelled", "")
/* bytes from outside */
BULLA_REASON(TRUNCATED, "truncated", "get the whole of it again")
BULLA_REASON(TRAILING, "trailing-bytes", "cut it to its length or get it again")
BULLA_REASON(MALFORMED, "malformed", "get it again from its source")
BULLA_REASON(NOT_CANONICAL, "not-canonical", "encode it deterministically (RFC 8949 section 4.2)")
BULLA_REASON(DUPLICATE, "duplicate", "remove the second one")
BULLA_REASON(UNKNOWN_FIELD, "unknown-field", "remove it, or use a version of bulla that knows it")
BULLA_REASON(NOT_TEXT, "not-utf-8", "encode the text as UTF-8")
/* cryptography */
BULLA_REASON(AUTHENTICATION, "authentication", "it was changed or belongs to another key: restore it")
BULLA_REASON(SIGNATURE, "signature", "it was changed or signed by another key")
BULLA_REASON(COMMITMENT, "commitment", "the key or share belongs to something else")
BULLA_REASON(KEY_INVALID, "key-invalid", "use a valid key of the right kind")
/* configuration */
BULLA_REASON(CONFIG_SYNTAX, "config-syntax", "correct the line; bulla.conf(5) lists the settings")
BULLA_REASON(CONFIG_PERMISSION, "config-permission", "make the file writable by its owner only")
BULLA_REASON(CONFIG_TCTI, "config-tcti", "use swtpm:path=…, swtpm:host=…,port=… or device:/dev/tpmrm0")
/* the store */
BULLA_REASON(STORE_MISSING, "store-missing", "initialise the token (bulla init), or correct its path in bulla.conf")
BULLA_REASON(STORE_READ_ONLY, "store-read-only", "make the token's folder writable for its owner")
BULLA_REASON(STORE_FULL, "store-full", "free space on the file system of the token's folder")
BULLA_REASON(STORE_CORRUPT, "store-corrupt",
    "move the token's folder away, make the token anew (bulla init) and seal the models again")
BULLA_REASON(STORE_NEWER, "store-newer", "use the version of bulla that wrote it, or a later one")
BULLA_REASON(STORE_PERMISSION, "store-permission", "chown and chmod 0700 the token's folder: others may write to it")
BULLA_REASON(STORE_NETWORK, "store-network-file-system", "move the token's folder to a local file system")
BULLA_REASON(STORE_BUSY, "store-busy", "another process holds the token's store: try again")
BULLA_REASON(STORE_IO, "store-io", "check the disk of the token's folder")
BULLA_REASON(ROLLED_BACK, "rolled-back", "the token's folder is older than its TPM: put the current folder back")
/* the token and its users */
BULLA_REASON(TOKEN_UNINITIALIZED, "token-uninitialized", "initialise the token: bulla init")
BULLA_REASON(PIN_WRONG, "pin-wrong", "try again with the right PIN; the count of wrong ones is kept")
BULLA_REASON(PIN_LOCKED, "pin-locked",
    "have the SO grant another try: C_InitPIN with the same PIN (pkcs11-tool --login --login-type so --init-pin)")
BULLA_REASON(PIN_LENGTH, "pin-length", "use 4 to 255 bytes")
BULLA_REASON(PIN_UNSET, "pin-unset", "have the SO set the user's PIN (C_InitPIN)")
BULLA_REASON(
    SO_CANNOT_OPEN, "so-cannot-open", "initialise the token anew, or declare so-recovery before it is initialised")
BULLA_REASON(NOT_LOGGED_IN, "not-logged-in", "log in as the user")
BULLA_REASON(OBJECT_HIDDEN, "object-hidden", "the object's record was changed outside bulla: restore it")
/* release */
BULLA_REASON(TREE_SYNTAX, "tree-syntax", "write it like 2 of (tpm, passphrase)")
BULLA_REASON(LEAF_UNKNOWN, "leaf-unknown", "use one of the leaves that bulla status lists")
BULLA_REASON(NOT_RELEASED, "not-released", "satisfy enough of the leaves named")
BULLA_REASON(SHARE_WRONG, "share-wrong", "the named leaf gave a share that is not the one that was sealed")
BULLA_REASON(PASSPHRASE_WRONG, "passphrase-wrong", "try again with the right passphrase")
BULLA_REASON(PASSPHRASE_NEEDED, "passphrase-needed",
    "give it: bulla --passphrase-file FILE, or C_Login of CKU_CONTEXT_SPECIFIC")
BULLA_REASON(AUTHORITY_MISSING, "authority-missing",
    "name the authority whose policy releases it: CKA_BULLA_AUTHORITY, bulla model seal --authority")
BULLA_REASON(TREE_LOOSER, "tree-looser",
    "make another key whose tree is the one you want, and seal the model under it: an attested key stays attested")
/* the TPM */
BULLA_REASON(TPM_UNREACHABLE, "tpm-unreachable", "start it, or correct tcti in bulla.conf")
BULLA_REASON(TPM_TIMEOUT, "tpm-timeout", "another client may hold the TPM, or it hangs")
BULLA_REASON(TPM_FAILED, "tpm-failed", "look up the TPM's response code with tpm2_rc_decode")
BULLA_REASON(TPM_AUTHORIZATION, "tpm-authorization", "the auth value is not the object's")
BULLA_REASON(TPM_LOCKOUT, "tpm-lockout", "wait for the TPM's recovery time, or reset its lockout")
BULLA_REASON(TPM_PCR, "tpm-pcr-changed", "boot the approved state, or load a policy that approves this one")
BULLA_REASON(TPM_POLICY, "tpm-policy", "load a policy bundle of the object's authority")
BULLA_REASON(TPM_OTHER, "tpm-other", "it was sealed by another TPM, or this one was cleared")
BULLA_REASON(TPM_NV, "tpm-nv", "free an NV index of the TPM, or restore the one that was removed")
/* policy and evidence */
BULLA_REASON(POLICY_MISSING, "policy-missing", "load a signed policy bundle: bulla policy load")
BULLA_REASON(POLICY_SIGNATURE, "policy-signature", "have the authority sign it")
BULLA_REASON(POLICY_AUTHORITY, "policy-authority", "use a bundle of the authority that the object names")
BULLA_REASON(POLICY_EXPIRED, "policy-expired", "load a bundle that is valid now")
BULLA_REASON(POLICY_NOT_YET, "policy-not-yet-valid", "wait, or check the clock")
BULLA_REASON(POLICY_OLDER, "policy-older", "load a bundle of a higher version")
BULLA_REASON(POLICY_STATE, "policy-state", "the measured state is not on the policy's allowlist")
BULLA_REASON(EVIDENCE_MISMATCH, "evidence-mismatch", "get evidence made for this purpose and nonce")
BULLA_REASON(EVIDENCE_UNTRUSTED, "evidence-untrusted", "name the attestation key you trust")
BULLA_REASON(RECEIPT_INVALID, "receipt-invalid", "it does not follow the receipt's format")
BULLA_REASON(AUDIT_BROKEN, "audit-broken", "lines were changed or removed: keep the file as evidence")
/* sealed models and inference */
BULLA_REASON(MODEL_MISSING, "model-missing",
    "bulla model list lists the models: name one of them, or copy its sealed file into the models folder")
BULLA_REASON(MODEL_OTHER_KEY, "model-other-key", "use the key that sealed it")
BULLA_REASON(MODEL_OTHER_TOKEN, "model-other-token", "use the token that sealed it")
BULLA_REASON(MODEL_OLDER, "model-older-generation", "copy the latest sealing of this model into the models folder")
BULLA_REASON(MODEL_MALFORMED, "model-malformed", "export the model again")
BULLA_REASON(MODEL_UNSUPPORTED, "model-unsupported", "seal a model of an architecture that the documentation lists")
BULLA_REASON(REQUEST_MALFORMED, "request-malformed", "send UTF-8 text, or the CBOR map that docs/formats.md gives")
BULLA_REASON(REQUEST_EMPTY, "request-empty", "send at least one text")
BULLA_REASON(REQUEST_TOO_LARGE, "request-too-large", "send fewer or shorter texts at once")
BULLA_REASON(ANSWER_PENDING, "answer-pending", "use another label, or wait until the answer's lease ends")
