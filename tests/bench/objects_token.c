/* The token of many objects that is timed. */
#include "objects.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

CK_FUNCTION_LIST *p11;
CK_SLOT_ID slot, other_slot;
unsigned char user_pin[15] = "bench-user-pin";
static unsigned char so_pin[] = "bench-officer-pin";

double bench_seconds(clockid_t clock)
{
    struct timespec time;
    (void)clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

double bench_now(void)
{
    return bench_seconds(CLOCK_MONOTONIC);
}

void __attribute__((noreturn)) bench_give_up(const char *what, unsigned long code)
{
    (void)fprintf(stderr, "bench_objects: %s (0x%lx)\n", what, code);
    exit(1);
}

void bench_must(const char *what, CK_RV code)
{
    if (code != CKR_OK)
        bench_give_up(what, code);
}

/* --- the token --- */

void bench_load(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    CK_RV (*list)(CK_FUNCTION_LIST **) = NULL;
    if (library)
        *(void **)&list = dlsym(library, "C_GetFunctionList");
    if (!list)
        bench_give_up(dlerror(), 0);
    bench_must("C_GetFunctionList", list(&p11));
}

void bench_initialize(void)
{
    CK_C_INITIALIZE_ARGS arguments = {.flags = CKF_OS_LOCKING_OK};
    CK_SLOT_ID slots[8];
    CK_ULONG count = 8;
    bench_must("C_Initialize", p11->C_Initialize(&arguments));
    bench_must("C_GetSlotList", p11->C_GetSlotList(CK_TRUE, slots, &count));
    slot = slots[0];
    other_slot = count > 1 ? slots[1] : slots[0];
}

CK_SESSION_HANDLE bench_open_session(void)
{
    CK_SESSION_HANDLE session = 0;
    bench_must("C_OpenSession", p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session));
    return session;
}

CK_SESSION_HANDLE bench_log_in(CK_SLOT_ID where)
{
    slot = where;
    CK_SESSION_HANDLE session = bench_open_session();
    bench_must("C_Login", p11->C_Login(session, CKU_USER, PIN(user_pin)));
    return session;
}

void bench_make_token(void)
{
    unsigned char label[32];
    memset(label, ' ', sizeof label);
    memcpy(label, "bench", 5);
    bench_must("C_InitToken", p11->C_InitToken(slot, PIN(so_pin), label));
    CK_SESSION_HANDLE session = bench_open_session();
    bench_must("C_Login", p11->C_Login(session, CKU_SO, PIN(so_pin)));
    bench_must("C_InitPIN", p11->C_InitPIN(session, PIN(user_pin)));
    bench_must("C_Logout", p11->C_Logout(session));
    bench_must("C_CloseSession", p11->C_CloseSession(session));
}

/* --- its objects --- */

CK_BBOOL yes = CK_TRUE;
static CK_BBOOL no = CK_FALSE;
CK_OBJECT_CLASS secret_key = CKO_SECRET_KEY;
static CK_OBJECT_CLASS data = CKO_DATA, certificate = CKO_CERTIFICATE, public_key = CKO_PUBLIC_KEY;
static CK_CERTIFICATE_TYPE x509 = CKC_X_509;
static CK_KEY_TYPE ec = CKK_EC, generic = CKK_GENERIC_SECRET;
static unsigned char value[600],
    name[] = {0x30, 0x10, 0x31, 0x0e, 0x30, 0x0c, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x05, 'b', 'e', 'n', 'c', 'h'},
    serial[] = {2, 1, 7}, p256[] = {6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7};
/* The generator of P-256 (SEC 2, 2.4.2) as an OCTET STRING: a valid point. */
static unsigned char point[] = {0x04, 0x41, 0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6,
    0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98,
    0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b,
    0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5};

#define LARGEST 12

CK_OBJECT_HANDLE bench_create(CK_SESSION_HANDLE session, unsigned long number)
{
    char label[32], id[16];
    CK_ULONG label_size = (CK_ULONG)snprintf(label, sizeof label, "object %lu", number);
    CK_ULONG id_size = (CK_ULONG)snprintf(id, sizeof id, "id %lu", number);
    CK_ATTRIBUTE kinds[4][LARGEST] = {
        {{CKA_CLASS, &data, sizeof data}, {CKA_APPLICATION, name + 13, 5}, {CKA_VALUE, value, 200},
            {CKA_PRIVATE, &no, 1}},
        {{CKA_CLASS, &certificate, sizeof certificate}, {CKA_ID, id, id_size},
            {CKA_CERTIFICATE_TYPE, &x509, sizeof x509}, {CKA_SUBJECT, name, sizeof name},
            {CKA_ISSUER, name, sizeof name}, {CKA_SERIAL_NUMBER, serial, sizeof serial}, {CKA_VALUE, value, 600},
            {CKA_PRIVATE, &no, 1}},
        {{CKA_CLASS, &public_key, sizeof public_key}, {CKA_ID, id, id_size}, {CKA_KEY_TYPE, &ec, sizeof ec},
            {CKA_EC_PARAMS, p256, sizeof p256}, {CKA_EC_POINT, point, sizeof point}, {CKA_VERIFY, &yes, 1},
            {CKA_PRIVATE, &no, 1}},
        {{CKA_CLASS, &secret_key, sizeof secret_key}, {CKA_ID, id, id_size}, {CKA_KEY_TYPE, &generic, sizeof generic},
            {CKA_VALUE, value, 32}, {CKA_PRIVATE, &yes, 1}, {CKA_SENSITIVE, &yes, 1}, {CKA_SIGN, &yes, 1}},
    };
    CK_ATTRIBUTE *attributes = kinds[number % 4];
    CK_ULONG count = 0;
    CK_OBJECT_HANDLE object = 0;
    memcpy(value, &number, sizeof number);
    while (attributes[count].pValue)
        count++;
    attributes[count++] = (CK_ATTRIBUTE){CKA_TOKEN, &yes, 1};
    attributes[count++] = (CK_ATTRIBUTE){CKA_LABEL, label, label_size};
    bench_must("C_CreateObject", p11->C_CreateObject(session, attributes, count, &object));
    return object;
}

CK_ULONG bench_find(CK_SESSION_HANDLE session, CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    static CK_OBJECT_HANDLE objects[1 << 16];
    CK_ULONG found = 0;
    bench_must("C_FindObjectsInit", p11->C_FindObjectsInit(session, attributes, count));
    bench_must("C_FindObjects", p11->C_FindObjects(session, objects, sizeof objects / sizeof objects[0], &found));
    bench_must("C_FindObjectsFinal", p11->C_FindObjectsFinal(session));
    return found;
}

void bench_find_label(CK_SESSION_HANDLE session, unsigned long number, unsigned long objects)
{
    char label[32];
    CK_ULONG size = (CK_ULONG)snprintf(label, sizeof label, "object %lu", number * 7919 % objects);
    CK_ATTRIBUTE template[] = {{CKA_LABEL, label, size}};
    if (bench_find(session, template, 1) != 1)
        bench_give_up("not one object of a label", number);
}
