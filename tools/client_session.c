/* Sessions and logins, and what a failed call is told as. */
#include <p11-kit/p11-kit.h>
#include <string.h>
#include <time.h>

#include "client.h"
#include "exit.h"
#include "module_log.h"
#include "output.h"
#include "progress.h"

/* Standard codes in the vocabulary of the programs. What is not here has failed for a reason of its own. */
static const struct {
    CK_RV result;
    enum bulla_reason reason;
} codes[] = {
    {CKR_PIN_INCORRECT, BULLA_PIN_WRONG},
    {CKR_PIN_INVALID, BULLA_PIN_LENGTH},
    {CKR_PIN_LEN_RANGE, BULLA_PIN_LENGTH},
    {CKR_PIN_EXPIRED, BULLA_PIN_LOCKED},
    {CKR_PIN_LOCKED, BULLA_PIN_LOCKED},
    {CKR_USER_PIN_NOT_INITIALIZED, BULLA_PIN_UNSET},
    {CKR_USER_NOT_LOGGED_IN, BULLA_NOT_LOGGED_IN},
    {CKR_TOKEN_NOT_PRESENT, BULLA_TOKEN_UNINITIALIZED},
    {CKR_TOKEN_NOT_RECOGNIZED, BULLA_TOKEN_UNINITIALIZED},
    {CKR_SLOT_ID_INVALID, BULLA_TOKEN_UNINITIALIZED},
    {CKR_DEVICE_ERROR, BULLA_TPM_UNREACHABLE},
    {CKR_DEVICE_REMOVED, BULLA_TPM_UNREACHABLE},
    {CKR_DEVICE_MEMORY, BULLA_MEMORY_LOCK},
    {CKR_HOST_MEMORY, BULLA_MEMORY_LOCK},
    {CKR_TOKEN_WRITE_PROTECTED, BULLA_STORE_READ_ONLY},
    {CKR_ACTION_PROHIBITED, BULLA_NOT_RELEASED},
    {CKR_FUNCTION_REJECTED, BULLA_NOT_RELEASED},
    {CKR_KEY_FUNCTION_NOT_PERMITTED, BULLA_NOT_RELEASED},
    {CKR_FUNCTION_CANCELED, BULLA_CANCELLED},
    {CKR_ENCRYPTED_DATA_INVALID, BULLA_MALFORMED},
    {CKR_MECHANISM_INVALID, BULLA_UNSUPPORTED},
    {CKR_FUNCTION_NOT_SUPPORTED, BULLA_UNSUPPORTED},
    {CKR_ARGUMENTS_BAD, BULLA_INTERNAL},
};

enum bulla_reason bulla_reason_of_ckr(CK_RV result)
{
    if (result == CKR_OK)
        return BULLA_OK;
    for (size_t i = 0; i < BULLA_COUNT(codes); i++)
        if (codes[i].result == result)
            return codes[i].reason;
    return BULLA_FILE;
}

/* Milliseconds since 1970 of an entry's "time", RFC 3339 with a fraction; 0 when it is something else. */
static int64_t entry_time(const json_t *entry)
{
    const char *text = json_string_value(json_object_get(entry, "time"));
    struct tm parts;
    memset(&parts, 0, sizeof parts);
    const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &parts) : NULL;
    if (!rest)
        return 0;
    int64_t milliseconds = (int64_t)timegm(&parts) * 1000;
    int64_t place = 100;
    for (rest += *rest == '.'; *rest >= '0' && *rest <= '9'; rest++, place /= 10)
        milliseconds += place * (*rest - '0');
    return milliseconds;
}

/* The newest refusal that the token recorded since this program started: with several programs on one token it may be
 * another's, which costs a wrong sentence and no more. */
static json_t *why_newest(struct bulla_client *client)
{
    json_t *why = NULL;
    if (client->session == CK_INVALID_HANDLE || bulla_client_document(client, "why", &why) != BULLA_OK)
        return NULL;
    const json_t *refusals = json_object_get(why, "refusals");
    size_t count = json_array_size(refusals);
    json_t *newest = count ? json_incref(json_array_get(refusals, count - 1)) : NULL;
    json_decref(why);
    int64_t when = newest ? entry_time(newest) : 0;
    if (newest && when && when < client->started) {
        json_decref(newest);
        newest = NULL;
    }
    return newest;
}

static const char *entry_text(const json_t *entry, const char *name)
{
    const char *text = json_string_value(json_object_get(entry, name));
    return text ? text : "";
}

enum bulla_reason bulla_client_check(struct bulla_client *client, CK_RV result, const char *doing)
{
    if (result == CKR_OK)
        return BULLA_OK;
    enum bulla_reason reason = bulla_reason_of_ckr(result);
    json_t *why = why_newest(client);
    if (!why)
        return bulla_module_log_refuse(reason, doing, p11_kit_strerror(result));
    enum bulla_reason exact = bulla_reason_of_code(entry_text(why, "reason"));
    reason = exact != BULLA_REASON_COUNT && exact != BULLA_OK ? exact : reason;
    if (*entry_text(why, "remedy"))
        bulla_output_remedy("%s", entry_text(why, "remedy"));
    const char *detail = *entry_text(why, "detail") ? entry_text(why, "detail") : p11_kit_strerror(result);
    (void)bulla_refuse(reason, "%s: %s", doing, detail);
    json_decref(why);
    return reason;
}

enum bulla_reason bulla_client_session(struct bulla_client *client)
{
    CK_FLAGS flags = CKF_SERIAL_SESSION;
    if (!(client->token.flags & CKF_WRITE_PROTECTED))
        flags |= CKF_RW_SESSION;
    CK_RV result = client->module->C_OpenSession(client->slot, flags, NULL, NULL, &client->session);
    if (result != CKR_OK)
        client->session = CK_INVALID_HANDLE;
    return bulla_client_check(client, result, "opening a session");
}

enum bulla_reason bulla_client_login(struct bulla_client *client, const struct bulla_common *common)
{
    BULLA_SECRET struct bulla_pin *pin = NULL;
    char label[33];
    char prompt[160];
    struct bulla_wait wait;
    bool named = common->user && strcmp(common->user, "user") != 0;
    if (named)
        BULLA_TRY(bulla_client_user_check(common->user));
    if (!(client->token.flags & CKF_TOKEN_INITIALIZED))
        return bulla_refuse(BULLA_TOKEN_UNINITIALIZED, "the token is not initialised");
    char clean[sizeof label];
    bulla_client_label(client, label);
    bulla_output_clean(label, clean, sizeof clean); /* the prompt goes to the terminal as it is */
    (void)snprintf(prompt, sizeof prompt, "PIN of %s%s%s", named ? common->user : "", named ? " on " : "", clean);
    struct bulla_pin_source source = {
        .file = common->pin_file, .environment = "BULLA_PIN", .second_file = client->pin_source, .prompt = prompt};
    BULLA_TRY(bulla_pin_get(&source, &pin));
    bulla_wait_begin(&wait, "logging in");
    CK_RV result = named ? bulla_client_login_named(client, common->user, pin)
                         : client->module->C_Login(client->session, CKU_USER, pin->bytes, pin->size);
    bulla_wait_end(&wait);
    client->logged_in = result == CKR_OK || (result == CKR_USER_ALREADY_LOGGED_IN && !named);
    return client->logged_in ? BULLA_OK : bulla_client_check(client, result, "logging in");
}

/* For release trees with a passphrase leaf: PKCS#11's way is a second login, of CKU_CONTEXT_SPECIFIC. */
static enum bulla_reason passphrase_give(struct bulla_client *client, const struct bulla_common *common)
{
    BULLA_SECRET struct bulla_pin *passphrase = NULL;
    struct bulla_pin_source source = {
        .file = common->passphrase_file, .environment = "BULLA_PASSPHRASE", .prompt = "Passphrase"};
    if (!common->passphrase_file && !getenv("BULLA_PASSPHRASE"))
        return BULLA_OK;
    BULLA_TRY(bulla_pin_get(&source, &passphrase));
    CK_RV result = client->module->C_Login(client->session, CKU_CONTEXT_SPECIFIC, passphrase->bytes, passphrase->size);
    return bulla_client_check(client, result, "giving the passphrase");
}

enum bulla_reason bulla_client_connect(struct bulla_client *client, const struct bulla_call *call)
{
    const struct bulla_common *common = call->settings;
    BULLA_TRY(bulla_client_open(client, common));
    if (!(client->token.flags & CKF_TOKEN_INITIALIZED))
        return bulla_refuse(BULLA_TOKEN_UNINITIALIZED, "the token is not initialised");
    BULLA_TRY(bulla_client_session(client));
    if (call->command->needs < BULLA_NEEDS_LOGIN)
        return BULLA_OK;
    BULLA_TRY(bulla_client_login(client, common));
    BULLA_TRY(bulla_client_act_as(client, common));
    return passphrase_give(client, common);
}
