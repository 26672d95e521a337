/* Who uses the token. A user with a name logs in by a session object, since C_LoginUser does not pass p11-kit 0.24; a
 * key's holder proves himself by another, whose challenge a key file or a wallet signs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "evidence/principal.h"
#include "output.h"
#include "principal_key.h"

enum bulla_reason bulla_client_user_check(const char *name)
{
    char text[BULLA_PRINCIPAL_TEXT];
    struct bulla_principal user;
    int size = snprintf(text, sizeof text, "user:%s", name);
    if (size < 0 || (size_t)size >= sizeof text || bulla_principal_parse(BULLA_TEXT(text), &user) != BULLA_OK)
        return bulla_refuse(BULLA_ARGUMENT,
            "'%.80s' is no user's name: 1 to %d of a-z, 0-9, '.', '_' and '-', the first none of '.' and '-'", name,
            BULLA_PRINCIPAL_LARGEST);
    return BULLA_OK;
}

static CK_RV object_make(struct bulla_client *client, const char *principal, CK_OBJECT_HANDLE *object)
{
    CK_OBJECT_CLASS class = CKO_BULLA_PRINCIPAL;
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class}, {CKA_TOKEN, &no, sizeof no},
        {CKA_BULLA_PRINCIPAL, (void *)(uintptr_t)principal, strlen(principal)}};
    return client->module->C_CreateObject(client->session, template, BULLA_COUNT(template), object);
}

static CK_RV proof_set(struct bulla_client *client, CK_OBJECT_HANDLE object, const uint8_t *proof, size_t size)
{
    CK_ATTRIBUTE template[] = {{CKA_BULLA_PROOF, (void *)(uintptr_t)proof, size}};
    return client->module->C_SetAttributeValue(client->session, object, template, 1);
}

CK_RV bulla_client_login_named(struct bulla_client *client, const char *name, const struct bulla_pin *pin)
{
    char text[BULLA_PRINCIPAL_TEXT];
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    (void)snprintf(text, sizeof text, "user:%s", name);
    CK_RV result = object_make(client, text, &object);
    return result == CKR_OK ? proof_set(client, object, pin->bytes, pin->size) : result;
}

/* --- --as --- */

static enum bulla_reason pin_prove(
    struct bulla_client *client, CK_OBJECT_HANDLE object, const struct bulla_common *common)
{
    BULLA_SECRET struct bulla_pin *pin = NULL;
    char prompt[BULLA_PRINCIPAL_TEXT + 16];
    (void)snprintf(prompt, sizeof prompt, "PIN of %s", common->as);
    struct bulla_pin_source source = {.file = common->as_key, .prompt = prompt};
    BULLA_TRY(bulla_pin_get(&source, &pin));
    return bulla_client_check(client, proof_set(client, object, pin->bytes, pin->size), "proving who you are");
}

/* One line of standard input, a byte at a time: what comes after it is the command's. */
static enum bulla_reason line_read(char *line, size_t room)
{
    size_t used = 0;
    for (;;) {
        char byte = '\n';
        ssize_t got = read(STDIN_FILENO, &byte, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return bulla_refuse(BULLA_FILE, "reading the proof: %s", strerror(errno));
        if (got == 0 || byte == '\n')
            break;
        if (used + 1 == room)
            return bulla_refuse(BULLA_ARGUMENT, "the proof is longer than %zu digits", room - 1);
        line[used++] = byte;
    }
    while (used && (line[used - 1] == '\r' || line[used - 1] == ' '))
        used--;
    line[used] = '\0';
    return BULLA_OK;
}

/* A wallet shows the challenge to its user, signs it, and gives 0x and hex digits. */
static enum bulla_reason proof_ask(const char *challenge, struct bulla_hex *proof)
{
    char line[2 * BULLA_HEX_LARGEST + 3];
    bulla_say_error("Sign this text, line ends and all, and give the signature in hex:\n");
    (void)fputs(challenge, stderr); /* the token's own: its lines are checked by whoever signs them */
    BULLA_TRY(line_read(line, sizeof line));
    if (!*line)
        return bulla_refuse(BULLA_ARGUMENT, "standard input has no proof");
    return bulla_hex_parse(strncmp(line, "0x", 2) == 0 ? line + 2 : line, "the proof", proof);
}

static enum bulla_reason key_prove(struct bulla_client *client, CK_OBJECT_HANDLE object,
    const struct bulla_principal *principal, const struct bulla_common *common)
{
    struct bulla_hex proof = {.size = 0};
    uint8_t *challenge = NULL;
    size_t size = 0;
    BULLA_TRY(bulla_client_attribute(client, object, CKA_BULLA_CHALLENGE, &challenge, &size));
    enum bulla_reason reason =
        challenge ? BULLA_OK : bulla_refuse(BULLA_UNSUPPORTED, "the token gives no challenge to sign");
    if (reason == BULLA_OK)
        reason = common->as_key
                     ? bulla_principal_sign(principal, common->as_key, (struct bulla_bytes){challenge, size}, &proof)
                     : proof_ask((const char *)challenge, &proof);
    if (reason == BULLA_OK)
        reason = bulla_client_check(client, proof_set(client, object, proof.data, proof.size), "proving who you are");
    free(challenge);
    return reason;
}

enum bulla_reason bulla_client_act_as(struct bulla_client *client, const struct bulla_common *common)
{
    struct bulla_principal principal;
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    if (!common->as)
        return common->as_key ? bulla_refuse(BULLA_ARGUMENT, "--as-key wants --as PRINCIPAL") : BULLA_OK;
    if (bulla_principal_parse(BULLA_TEXT(common->as), &principal) != BULLA_OK)
        return bulla_refuse_within(BULLA_ARGUMENT, "--as: ");
    BULLA_TRY(bulla_client_check(client, object_make(client, common->as, &object), "naming the principal"));
    return bulla_principal_has_key(&principal) ? key_prove(client, object, &principal, common)
                                               : pin_prove(client, object, common);
}
