#include "oracle.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

struct oracle *oracle;
static CK_KEY_TYPE generic = CKK_GENERIC_SECRET;

unsigned random_below(unsigned *seed, unsigned bound)
{
    *seed = *seed * 1664525 + 1013904223;
    return (*seed >> 8) % bound;
}

void oracle_rest(unsigned microseconds)
{
    const struct timespec time = {0, microseconds * 1000L};
    (void)nanosleep(&time, NULL);
}

void oracle_blame(const char *what, unsigned object, unsigned long number)
{
    if (!atomic_exchange(&oracle->failed, true))
        (void)snprintf(oracle->failure, sizeof oracle->failure, "%s: object %u, %lu (process %d)", what, object, number,
            (int)getpid());
    atomic_store(&oracle->stop, true);
}

bool oracle_did(const char *what, unsigned object, CK_RV rv)
{
    if (rv != CKR_OK)
        oracle_blame(what, object, rv);
    return rv == CKR_OK;
}

const char *oracle_label(unsigned label)
{
    static const char *const labels[LABELS] = {"red", "green", "blue", "a label that is somewhat longer"};
    return labels[label];
}

void oracle_name(unsigned object, unsigned name, char text[static 16])
{
    (void)snprintf(text, 16, "%u-%u", object, name);
}

CK_RV oracle_start(CK_SESSION_HANDLE *session)
{
    CK_RV rv = p11->C_Initialize(NULL);
    if (rv == CKR_OK)
        rv = p11->C_OpenSession(0, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, session);
    return rv == CKR_OK ? module_login(*session, CKU_USER, USER_PIN) : rv;
}

CK_RV oracle_find(
    CK_SESSION_HANDLE session, CK_ATTRIBUTE *attributes, size_t count, CK_OBJECT_HANDLE *first, unsigned long *found)
{
    CK_OBJECT_HANDLE handles[128] = {0};
    CK_RV rv = p11->C_FindObjectsInit(session, attributes, count);
    if (rv == CKR_OK)
        rv = p11->C_FindObjects(session, handles, COUNT_OF(handles), found);
    if (rv == CKR_OK)
        rv = p11->C_FindObjectsFinal(session);
    if (first)
        *first = handles[0];
    return rv;
}

/* --- writing --- */

struct writer {
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE handles[OBJECTS];
    unsigned seed;
};

struct state oracle_state(unsigned object, unsigned long number)
{
    return oracle->objects[object].states[number % HISTORY];
}

/* Some name their mechanisms: the module reads their rows at once, and others' later. */
static CK_RV make(
    CK_SESSION_HANDLE session, const struct state *to, const char *name, bool named, CK_OBJECT_HANDLE *key)
{
    static const CK_MECHANISM_TYPE mechanism = CKM_SHA256_HMAC;
    CK_BBOOL is_private = !to->is_public;
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, generic),
        ATTRIBUTE(CKA_TOKEN, yes), ATTRIBUTE(CKA_PRIVATE, is_private), ATTRIBUTE(CKA_SIGN, yes),
        TEXT_ATTRIBUTE(CKA_LABEL, oracle_label(to->label)), TEXT_ATTRIBUTE(CKA_ID, name),
        TEXT_ATTRIBUTE(CKA_VALUE, "0123456789abcdef0123456789abcdef"), ATTRIBUTE(CKA_ALLOWED_MECHANISMS, mechanism)};
    return p11->C_CreateObject(session, attributes, COUNT_OF(attributes) - !named, key);
}

/* Another object that comes and goes. */
void oracle_noise(CK_SESSION_HANDLE session, const char *label)
{
    CK_OBJECT_HANDLE object = 0;
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_data), ATTRIBUTE(CKA_TOKEN, yes),
        TEXT_ATTRIBUTE(CKA_LABEL, label), TEXT_ATTRIBUTE(CKA_VALUE, label)};
    if (oracle_did("noise", 0, p11->C_CreateObject(session, attributes, COUNT_OF(attributes), &object)))
        (void)oracle_did("no noise", 0, p11->C_DestroyObject(session, object));
}

/* Brings the token's object from one state to the next. */
static CK_RV change(struct writer *writer, unsigned object, const struct state *from, const struct state *to)
{
    char name[16];
    CK_OBJECT_HANDLE handle = writer->handles[object];
    CK_BBOOL signs = to->signs;
    oracle_name(object, to->name, name);
    if (!to->exists)
        return p11->C_DestroyObject(writer->session, handle);
    if (!from->exists)
        return make(writer->session, to, name, random_below(&writer->seed, 4) == 0, &writer->handles[object]);
    CK_ATTRIBUTE attribute = TEXT_ATTRIBUTE(CKA_ID, name);
    if (to->label != from->label)
        attribute = (CK_ATTRIBUTE)TEXT_ATTRIBUTE(CKA_LABEL, oracle_label(to->label));
    else if (to->signs != from->signs)
        attribute = (CK_ATTRIBUTE)ATTRIBUTE(CKA_SIGN, signs);
    return p11->C_SetAttributeValue(writer->session, handle, &attribute, 1);
}

static struct state next_state(unsigned *seed, struct state state)
{
    unsigned what = random_below(seed, 10);
    if (!state.exists)
        return (struct state){.exists = true,
            .signs = true,
            .is_public = random_below(seed, 3) != 0,
            .incarnation = state.incarnation + 1,
            .label = random_below(seed, LABELS),
            .name = random_below(seed, NAMES)};
    if (what < 3)
        state.exists = false;
    else if (what < 6)
        state.label = (state.label + 1 + random_below(seed, LABELS - 1)) % LABELS;
    else if (what < 8)
        state.signs = !state.signs;
    else
        state.name = (state.name + 1) % NAMES;
    return state;
}

static void change_one(struct writer *writer, unsigned object)
{
    struct history *history = &oracle->objects[object];
    unsigned long number = atomic_load(&history->begun);
    struct state from = oracle_state(object, number), to = next_state(&writer->seed, from);
    history->states[(number + 1) % HISTORY] = to;
    atomic_store(&history->begun, number + 1);
    if (oracle_did("change", object, change(writer, object, &from, &to)))
        atomic_store(&history->ended, number + 1);
    (void)atomic_fetch_add(&oracle->changes[object % WRITERS], 1);
}

/* What the token has of an object: its handle, 0 for none. */
static bool look(struct writer *writer, unsigned object, struct state *state)
{
    unsigned long found = 0;
    writer->handles[object] = 0;
    for (unsigned name = 0; name < NAMES && !found; name++) {
        char text[16], label[64];
        oracle_name(object, name, text);
        CK_ATTRIBUTE id = TEXT_ATTRIBUTE(CKA_ID, text);
        CK_BBOOL signs = CK_FALSE;
        CK_ATTRIBUTE read[] = {{CKA_LABEL, label, sizeof label}, ATTRIBUTE(CKA_SIGN, signs)};
        if (!oracle_did("look", object, oracle_find(writer->session, &id, 1, &writer->handles[object], &found)))
            return false;
        if (!found)
            continue;
        if (!oracle_did("look at", object, p11->C_GetAttributeValue(writer->session, writer->handles[object], read, 2)))
            return false;
        *state = (struct state){.exists = true, .signs = signs, .name = name, .label = LABELS};
        for (unsigned i = 0; i < LABELS; i++)
            if (strlen(oracle_label(i)) == read[0].ulValueLen &&
                memcmp(oracle_label(i), label, read[0].ulValueLen) == 0)
                state->label = i;
    }
    if (!found)
        *state = (struct state){0};
    return true;
}

static bool same(const struct state *is, const struct state *known)
{
    return is->exists == known->exists &&
           (!is->exists || (is->signs == known->signs && is->label == known->label && is->name == known->name));
}

/* Where the one before was killed in a change, finds whether it was made, and says so. */
static bool take_over(struct writer *writer, unsigned object)
{
    struct history *history = &oracle->objects[object];
    unsigned long begun = atomic_load(&history->begun), ended = atomic_load(&history->ended);
    struct state is;
    if (!look(writer, object, &is))
        return false;
    struct state made = oracle_state(object, begun), before = oracle_state(object, ended);
    if (same(&is, &made)) {
        atomic_store(&history->ended, begun);
    } else if (same(&is, &before)) {
        history->states[(begun + 1) % HISTORY] = before;
        atomic_store(&history->begun, begun + 1);
        atomic_store(&history->ended, begun + 1);
    } else {
        oracle_blame("a killed writer's change is neither there nor not", object, begun);
    }
    return !atomic_load(&oracle->failed);
}

/* Object 0 is changed so seldom that more than is noted of changes comes between. */
static unsigned any_of(struct writer *writer, unsigned which)
{
    unsigned object = WRITERS * random_below(&writer->seed, OBJECTS / WRITERS) + which;
    return object || random_below(&writer->seed, 150) == 0 ? object : WRITERS;
}

int oracle_write(unsigned which, unsigned seed)
{
    struct writer writer = {.seed = seed};
    if (!oracle_did("start", which, oracle_start(&writer.session)))
        return 1;
    for (unsigned object = which; object < OBJECTS; object += WRITERS)
        if (!take_over(&writer, object))
            return 1;
    while (!atomic_load(&oracle->stop)) {
        change_one(&writer, any_of(&writer, which));
        if (random_below(&writer.seed, 8) == 0)
            oracle_noise(writer.session, "noise");
        if (random_below(&writer.seed, 500) == 0 && oracle_did("logout", which, p11->C_Logout(writer.session)))
            (void)oracle_did("login", which, module_login(writer.session, CKU_USER, USER_PIN));
        if (random_below(&writer.seed, 16) == 0)
            oracle_rest(random_below(&writer.seed, 4000));
        if (random_below(&writer.seed, 16) == 0) /* the handles of what was destroyed are no more */
            (void)look(&writer, any_of(&writer, which), &(struct state){0});
    }
    return p11->C_Finalize(NULL) == CKR_OK ? 0 : 1;
}
