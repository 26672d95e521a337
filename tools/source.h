/* A token that keys are brought over from: any PKCS#11 module, loaded by its path into this process.
 *
 * p11-kit may have the same module loaded and initialised: then it is used as it is, and left as it is. */
#ifndef BULLA_TOOLS_SOURCE_H
#define BULLA_TOOLS_SOURCE_H

#include <stdbool.h>

#include "bulla_pkcs11.h"
#include "crypto/reason.h"

struct bulla_source {
    void *library; /* of dlopen */
    CK_FUNCTION_LIST *module;
    bool initialised; /* by us */
    CK_SLOT_ID slot;
    CK_TOKEN_INFO token;
    CK_SESSION_HANDLE session; /* CK_INVALID_HANDLE: none */
    bool logged_in;
};

/* Loads the module and chooses the token by its label or serial number. BULLA_FILE when it can't be loaded;
 * BULLA_TOKEN_UNINITIALIZED when no token, or several, have the name. Close it in any case. */
enum bulla_reason bulla_source_open(struct bulla_source *source, const char *path, const char *name) BULLA_MUST_USE;
/* A session, logged in as the user where the token wants it, with the PIN of the file or of the terminal; a token with
 * a PIN pad of its own is asked to use that. */
enum bulla_reason bulla_source_login(struct bulla_source *source, const char *pin_file) BULLA_MUST_USE;
void bulla_source_close(struct bulla_source *source);

/* BULLA_OK for CKR_OK; otherwise the refusal, in the words that p11-kit has for the code. */
enum bulla_reason bulla_source_check(CK_RV result, const char *doing) BULLA_MUST_USE;

#endif
