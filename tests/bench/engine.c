#include "engine.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static unsigned char so_pin[] = "bench-officer-pin", user_pin[] = "bench-user-pin";
#define PIN(text) (text), sizeof(text) - 1

double bench_now(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

void bench_give_up(const char *what, unsigned long code)
{
    (void)fprintf(stderr, "bench: %s (0x%lx)\n", what, code);
    exit(1);
}

void bench_must(const char *what, CK_RV code)
{
    if (code != CKR_OK)
        bench_give_up(what, code);
}

static void load(struct engine *engine, const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    CK_RV (*list)(CK_FUNCTION_LIST **) = NULL;
    if (library)
        *(void **)&list = dlsym(library, "C_GetFunctionList");
    if (!list)
        bench_give_up(dlerror(), 0);
    bench_must("C_GetFunctionList", list(&engine->p11));
}

static void initialize(struct engine *engine)
{
    CK_C_INITIALIZE_ARGS arguments = {.flags = CKF_OS_LOCKING_OK};
    CK_SLOT_ID slots[8];
    CK_ULONG count = 8;
    bench_must("C_Initialize", engine->p11->C_Initialize(&arguments));
    bench_must("C_GetSlotList", engine->p11->C_GetSlotList(CK_TRUE, slots, &count));
    engine->slot = slots[0];
}

CK_SESSION_HANDLE bench_session(const struct engine *engine)
{
    CK_SESSION_HANDLE session = 0;
    CK_FLAGS flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;
    bench_must("C_OpenSession", engine->p11->C_OpenSession(engine->slot, flags, NULL, NULL, &session));
    return session;
}

static CK_SESSION_HANDLE make_token(struct engine *engine)
{
    unsigned char label[32];
    memset(label, ' ', sizeof label);
    memcpy(label, "bench", 5);
    initialize(engine);
    bench_must("C_InitToken", engine->p11->C_InitToken(engine->slot, PIN(so_pin), label));
    bench_must("C_Finalize", engine->p11->C_Finalize(NULL)); /* SoftHSM gives an initialised token another slot */
    initialize(engine);
    CK_SESSION_HANDLE session = bench_session(engine);
    bench_must("C_Login", engine->p11->C_Login(session, CKU_SO, PIN(so_pin)));
    bench_must("C_InitPIN", engine->p11->C_InitPIN(session, PIN(user_pin)));
    bench_must("C_Logout", engine->p11->C_Logout(session));
    bench_must("C_Login", engine->p11->C_Login(session, CKU_USER, PIN(user_pin)));
    return session;
}

/* Writes a configuration and points the environment's variable at it. */
static void __attribute__((format(printf, 3, 4)))
configure(const char *variable, const char *folder, const char *format, ...)
{
    char path[256];
    va_list arguments;
    (void)snprintf(path, sizeof path, "%s/%s", folder, variable);
    FILE *file = fopen(path, "w");
    if (!file)
        bench_give_up(path, 0);
    va_start(arguments, format);
    bool written = vfprintf(file, format, arguments) > 0;
    va_end(arguments);
    if (fclose(file) != 0 || !written || setenv(variable, path, 1) != 0)
        bench_give_up(path, 0);
}

CK_SESSION_HANDLE bench_bulla_open_kept(
    struct engine *engine, const char *module, const char *folder, const char *keeper)
{
    configure("BULLA_CONF", folder, "[token bench]\npath = %s/bulla\n%s\npin-cost = quick\n", folder, keeper);
    load(engine, module);
    return make_token(engine);
}

CK_SESSION_HANDLE bench_bulla_open(struct engine *engine, const char *module, const char *folder)
{
    return bench_bulla_open_kept(engine, module, folder, "release = passphrase");
}

CK_SESSION_HANDLE bench_softhsm_open(struct engine *engine, const char *module, const char *folder)
{
    char tokens[256];
    (void)snprintf(tokens, sizeof tokens, "%s/softhsm", folder);
    if (mkdir(tokens, 0700) != 0)
        bench_give_up(tokens, 0);
    configure("SOFTHSM2_CONF", folder,
        "directories.tokendir = %s/softhsm\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n",
        folder);
    load(engine, module);
    return make_token(engine);
}
