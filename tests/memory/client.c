/* An application of the module that is watched from outside: it stops at stages, and keeps no copy of its own of what
 * must not stay. PINs and requests come when they are needed and are wiped after the call; what the module draws at
 * random is told to the test and not kept.
 *   usage: client MODULE ARCHIVE MODELS [AUTHORITY]
 * The archive is what C_EncryptUpdate takes; with an authority (hex) the model's key has a release tree, "tpm". */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bulla_pkcs11.h"
#include "frames.h"

enum { PIECE = 1 << 20, SEALED = PIECE + PIECE / 2 };

static CK_FUNCTION_LIST *module;
static CK_SESSION_HANDLE session;
static CK_OBJECT_HANDLE key;
static unsigned char model_id[8];
static pthread_mutex_t frame_lock = PTHREAD_MUTEX_INITIALIZER;

/* --- frames --- */

static void put_all(int file, const void *data, size_t size)
{
    const uint8_t *at = data;
    while (size) {
        ssize_t put = write(file, at, size);
        if (put <= 0)
            _exit(3);
        at += put;
        size -= (size_t)put;
    }
}

static void get_all(void *data, size_t size)
{
    uint8_t *at = data;
    while (size) {
        ssize_t got = read(FRAMES_IN, at, size);
        if (got <= 0)
            _exit(3);
        at += got;
        size -= (size_t)got;
    }
}

static void tell(enum frame_kind kind, const void *data, size_t size)
{
    const struct frame frame = {kind, (uint32_t)size};
    (void)pthread_mutex_lock(&frame_lock);
    put_all(FRAMES_OUT, &frame, sizeof frame);
    put_all(FRAMES_OUT, data, size);
    (void)pthread_mutex_unlock(&frame_lock);
}

static void check(CK_RV result, const char *call)
{
    char text[128];
    if (result == CKR_OK)
        return;
    tell(FRAME_FAILED, text, (size_t)snprintf(text, sizeof text, "%s: 0x%lx", call, result));
    _exit(2);
}

static void stage(const char *name)
{
    char go;
    tell(FRAME_STAGE, name, strlen(name));
    get_all(&go, 1);
}

/* --- libsodium's source of random bytes, which tells --- */

static void draw(void *const data, const size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t got = getrandom((uint8_t *)data + at, size - at, 0);
        if (got <= 0)
            _exit(3);
        at += (size_t)got;
    }
    if (size <= FRAME_LARGEST)
        tell(FRAME_DRAWN, data, size);
}

static uint32_t draw_number(void)
{
    uint32_t number;
    draw(&number, sizeof number);
    return number;
}

static const char *source_name(void)
{
    return "told";
}

static struct randombytes_implementation source = {
    .implementation_name = source_name, .random = draw_number, .buf = draw};

/* --- the token --- */

static void start(void)
{
    CK_C_INITIALIZE_ARGS arguments = {.flags = CKF_OS_LOCKING_OK};
    check(module->C_Initialize(&arguments), "C_Initialize");
}

static CK_SLOT_ID slot(void)
{
    CK_SLOT_ID id;
    CK_ULONG count = 1;
    check(module->C_GetSlotList(CK_FALSE, &id, &count), "C_GetSlotList");
    return id;
}

static void open_session(void)
{
    check(module->C_OpenSession(slot(), CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session), "C_OpenSession");
}

static void login(CK_USER_TYPE role)
{
    unsigned char pin[PIN_SIZE];
    tell(role == CKU_SO ? FRAME_OFFICER : FRAME_USER, NULL, 0);
    get_all(pin, sizeof pin);
    CK_RV result = module->C_Login(session, role, pin, sizeof pin);
    explicit_bzero(pin, sizeof pin);
    check(result, "C_Login");
}

static void logout(void)
{
    check(module->C_Logout(session), "C_Logout");
}

static void make_token(void)
{
    unsigned char pin[PIN_SIZE], label[32];
    memset(label, ' ', sizeof label);
    tell(FRAME_OFFICER, NULL, 0);
    get_all(pin, sizeof pin);
    check(module->C_InitToken(slot(), pin, sizeof pin, label), "C_InitToken");
    open_session();
    login(CKU_SO);
    tell(FRAME_USER, NULL, 0);
    get_all(pin, sizeof pin);
    CK_RV result = module->C_InitPIN(session, pin, sizeof pin);
    explicit_bzero(pin, sizeof pin);
    check(result, "C_InitPIN");
    logout();
}

/* --- the model --- */

static void make_key(const char *authority)
{
    CK_MECHANISM mechanism = {CKM_BULLA_MODEL_KEY_GEN, NULL, 0};
    CK_BBOOL yes = CK_TRUE;
    char label[] = "minilm", release[] = "tpm";
    unsigned char point[65];
    CK_ATTRIBUTE template[] = {{CKA_TOKEN, &yes, sizeof yes}, {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_LABEL, label, strlen(label)}, {CKA_ID, model_id, sizeof model_id},
        {CKA_BULLA_RELEASE, release, strlen(release)}, {CKA_BULLA_AUTHORITY, point, sizeof point}};
    if (authority && sodium_hex2bin(point, sizeof point, authority, strlen(authority), NULL, NULL, NULL) != 0)
        _exit(64);
    check(module->C_GenerateKey(session, &mechanism, template, authority ? 6 : 4, &key), "C_GenerateKey");
}

static void find_key(void)
{
    CK_ATTRIBUTE template[] = {{CKA_ID, model_id, sizeof model_id}};
    CK_ULONG count = 0;
    check(module->C_FindObjectsInit(session, template, 1), "C_FindObjectsInit");
    check(module->C_FindObjects(session, &key, 1, &count), "C_FindObjects");
    check(module->C_FindObjectsFinal(session), "C_FindObjectsFinal");
    check(count == 1 ? CKR_OK : CKR_GENERAL_ERROR, "finding the model key");
}

/* The caller's copy of the weights goes through one buffer, which is wiped. The id is 01 01 … for the file's name. */
static void seal(const char *archive, const char *models)
{
    static unsigned char plain[PIECE], sealed[SEALED];
    char path[4096];
    CK_MECHANISM mechanism = {CKM_BULLA_SEAL, NULL, 0};
    (void)snprintf(path, sizeof path, "%s/0101010101010101.bulla", models);
    int in = open(archive, O_RDONLY | O_CLOEXEC);
    int out = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    check(in >= 0 && out >= 0 ? CKR_OK : CKR_GENERAL_ERROR, "opening archive and sealed file");
    check(module->C_EncryptInit(session, &mechanism, key), "C_EncryptInit");
    CK_ULONG size;
    for (ssize_t got; (got = read(in, plain, sizeof plain)) > 0;) {
        size = sizeof sealed;
        check(module->C_EncryptUpdate(session, plain, (CK_ULONG)got, sealed, &size), "C_EncryptUpdate");
        put_all(out, sealed, size);
    }
    explicit_bzero(plain, sizeof plain);
    size = sizeof sealed;
    check(module->C_EncryptFinal(session, sealed, &size), "C_EncryptFinal");
    put_all(out, sealed, size);
    (void)close(in);
    (void)close(out);
}

static void infer(void)
{
    unsigned char text[TEXT_SIZE];
    static unsigned char answer[FRAME_LARGEST];
    CK_MECHANISM mechanism = {CKM_BULLA_INFER, NULL, 0};
    CK_ULONG size = sizeof answer;
    tell(FRAME_TEXT, NULL, 0);
    get_all(text, sizeof text);
    check(module->C_DecryptInit(session, &mechanism, key), "C_DecryptInit");
    CK_RV result = module->C_Decrypt(session, text, sizeof text, answer, &size);
    explicit_bzero(text, sizeof text);
    check(result, "C_Decrypt");
    tell(FRAME_ANSWER, answer, size);
    explicit_bzero(answer, sizeof answer);
}

static void infer_by_object(void)
{
    unsigned char text[TEXT_SIZE];
    static unsigned char answer[FRAME_LARGEST];
    char application[] = BULLA_INFER_APPLICATION, label[] = "minilm#watched";
    CK_OBJECT_CLASS data = CKO_DATA;
    CK_OBJECT_HANDLE object;
    tell(FRAME_TEXT, NULL, 0);
    get_all(text, sizeof text);
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &data, sizeof data}, {CKA_APPLICATION, application, strlen(application)},
        {CKA_LABEL, label, strlen(label)}, {CKA_VALUE, text, sizeof text}};
    CK_ATTRIBUTE value = {CKA_VALUE, answer, sizeof answer};
    CK_RV result = module->C_CreateObject(session, template, 4, &object);
    explicit_bzero(text, sizeof text);
    check(result, "C_CreateObject");
    check(module->C_GetAttributeValue(session, object, &value, 1), "C_GetAttributeValue");
    tell(FRAME_ANSWER, answer, value.ulValueLen);
    explicit_bzero(answer, sizeof answer);
}

/* --- stages --- */

static void run(const char *archive, const char *models, const char *authority)
{
    start();
    make_token();
    stage("initialised");
    login(CKU_USER);
    make_key(authority);
    seal(archive, models);
    stage("sealed");
    infer();
    stage("open");
    CK_MECHANISM mechanism = {CKM_BULLA_INFER, NULL, 0};
    check(module->C_DecryptInit(session, &mechanism, key), "C_DecryptInit"); /* and left alone */
    (void)sleep(4);                                                          /* the lease is two seconds */
    stage("lapsed");
    check(module->C_DecryptInit(session, NULL, 0), "cancelling");
    infer();
    infer_by_object();
    logout();
    stage("logged out");
    login(CKU_USER);
    find_key();
    infer();
    check(module->C_Finalize(NULL), "C_Finalize");
    stage("finalised");
    start();
    open_session();
    login(CKU_USER);
    find_key();
    infer();
    stage("dying");
}

int main(int count, char **words)
{
    CK_C_GetFunctionList get_list;
    struct rlimit whole = {RLIM_INFINITY, RLIM_INFINITY};
    if (count != 4 && count != 5)
        return 64;
    memset(model_id, 1, sizeof model_id);
    (void)prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
    if (randombytes_set_implementation(&source) != 0 || sodium_init() < 0)
        return 3;
    void *library = dlopen(words[1], RTLD_NOW);
    if (!library || !(get_list = (CK_C_GetFunctionList)dlsym(library, "C_GetFunctionList"))) {
        (void)fprintf(stderr, "%s\n", dlerror());
        return 3;
    }
    check(get_list(&module), "C_GetFunctionList");
    run(words[2], words[3], words[4]);
    (void)setrlimit(RLIMIT_CORE, &whole);
    abort();
}
