/* Searches compare what is not sealed; a sealed attribute never matches. Status objects are made for the search that
 * asks for their class by name, and no other search sees them. A label or an id in the template leads to the few
 * objects that may match (index.h); without one all are looked at. */
#include <sodium.h>
#include <stdlib.h>

#include "follow.h"
#include "objects.h"
#include "rows.h"
#include "template.h"

/* The unique id is the object's own, not one of its attributes. */
static bool is_unique_id(const struct bulla_object *object, struct bulla_bytes wanted)
{
    char hex[33];
    (void)sodium_bin2hex(hex, sizeof hex, object->id, sizeof object->id);
    return bulla_bytes_equal_text(wanted, hex);
}

static bool matches(const struct bulla_object *object, const CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    for (CK_ULONG i = 0; i < count; i++) {
        struct bulla_bytes value = bulla_attributes_get(object->attributes, attributes[i].type);
        struct bulla_bytes wanted = {attributes[i].pValue, attributes[i].ulValueLen};
        if (attributes[i].type == CKA_UNIQUE_ID ? !is_unique_id(object, wanted)
                                                : !value.data || !bulla_bytes_equal(value, wanted))
            return false;
    }
    return true;
}

CK_RV bulla_search_offer(struct bulla_session *session, const struct bulla_attribute_list *list)
{
    struct bulla_attributes *attributes = bulla_attributes_make(list);
    struct bulla_object *object = attributes ? bulla_object_make(attributes) : NULL;
    if (!object)
        return CKR_HOST_MEMORY;
    object->owner = session->handle;
    object->transient = true;
    (void)pthread_rwlock_wrlock(&session->token->lock);
    bool put = bulla_index_put(&session->token->index, object);
    (void)pthread_rwlock_unlock(&session->token->lock);
    if (!put)
        bulla_object_drop(object);
    return put ? CKR_OK : CKR_HOST_MEMORY;
}

static CK_RV put_status(struct bulla_session *session, const char *label, char *json)
{
    static const CK_OBJECT_CLASS status_class = CKO_BULLA_STATUS;
    struct bulla_attribute_list list = {0};
    bool listed =
        json &&
        bulla_list_put(&list, CKA_CLASS, (struct bulla_bytes){(const uint8_t *)&status_class, sizeof status_class}) &&
        bulla_list_put_bool(&list, CKA_TOKEN, false) && bulla_list_put_bool(&list, CKA_PRIVATE, false) &&
        bulla_list_put(&list, CKA_LABEL, BULLA_TEXT(label)) && bulla_list_put(&list, CKA_VALUE, BULLA_TEXT(json));
    CK_RV rv = listed ? bulla_search_offer(session, &list) : CKR_HOST_MEMORY;
    free(json);
    return rv;
}

/* Whether the template names this label; `open`: where it names none. */
static bool asks_for(const CK_ATTRIBUTE *attributes, CK_ULONG count, const char *label, bool open)
{
    for (CK_ULONG i = 0; i < count; i++)
        if (attributes[i].type == CKA_LABEL)
            return bulla_bytes_equal_text((struct bulla_bytes){attributes[i].pValue, attributes[i].ulValueLen}, label);
    return open;
}

/* One that the session's last search made; 0: there is none. */
static CK_OBJECT_HANDLE status_left(const struct bulla_index *index, CK_SESSION_HANDLE owner)
{
    const struct bulla_object *object;
    struct bulla_index_walk walk =
        bulla_index_with(index, BULLA_INDEX_OWNER, (struct bulla_bytes){(const uint8_t *)&owner, sizeof owner});
    while ((object = bulla_index_step(&walk)))
        if (object->transient && object->owner == owner)
            return object->handle;
    return 0;
}

/* Those that this session's last search made. */
static void drop_transient(struct bulla_session *session)
{
    struct bulla_token *token = session->token;
    (void)pthread_rwlock_wrlock(&token->lock);
    CK_OBJECT_HANDLE left;
    while ((left = status_left(&token->index, session->handle)))
        bulla_index_remove(&token->index, left);
    (void)pthread_rwlock_unlock(&token->lock);
}

/* "why" asks no TPM: it answers at once after the TPM has failed. "enrolment" has the TPM make keys, which may take it
 * seconds: it is made for who names it. */
static CK_RV make_status(struct bulla_session *session, const CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    struct bulla_token *token = session->token;
    CK_RV rv = CKR_OK;
    if (asks_for(attributes, count, "status", true))
        rv = put_status(session, "status", bulla_token_status_json(token));
    if (rv == CKR_OK && asks_for(attributes, count, "why", true))
        rv = put_status(session, "why", bulla_token_why_json(token));
    if (rv == CKR_OK && asks_for(attributes, count, "enrolment", false))
        rv = put_status(session, "enrolment", bulla_token_enrolment_json(token));
    if (rv == CKR_OK && asks_for(attributes, count, "uses", false))
        rv = put_status(session, "uses", bulla_token_uses_json(token));
    return rv;
}

/* Fresh ones in place of the last, for a search that names their class. */
static CK_RV make_transient(
    struct bulla_session *session, CK_OBJECT_CLASS wanted, const CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    if (wanted != CKO_BULLA_STATUS && wanted != CKO_PROFILE)
        return CKR_OK;
    drop_transient(session);
    return wanted == CKO_PROFILE ? bulla_profiles_put(session) : make_status(session, attributes, count);
}

enum { MARKED_MOST = 16 };
struct collecting {
    struct bulla_session *session;
    const CK_ATTRIBUTE *attributes;
    CK_ULONG count;
    CK_OBJECT_CLASS wanted;
    uint64_t named[BULLA_STORE_MARKS]; /* the marks that rows of the answer have, set by is_unread; 0: any */
    bool any;                          /* the template names none */
    /* The rows that the answer depends on (follow.h): a place for those that the template names, and those found. */
    uint64_t marks[MARKED_MOST];
    size_t marked; /* MARKED_MOST + 1: too many */
    uint64_t seen; /* of the index that was searched */
};

static void mark_found(struct collecting *asked, const struct bulla_object *object)
{
    if (asked->marked < MARKED_MOST)
        asked->marks[asked->marked] = bulla_store_id_mark(object->id);
    asked->marked += asked->marked <= MARKED_MOST;
}

/* `lock` is held. */
static bool is_asked_for(const struct collecting *asked, const struct bulla_object *object)
{
    bool named = object->object_class == asked->wanted;
    bool offered = object->transient ? named && object->owner == asked->session->handle
                                     : named || !(object->object_class & CKO_VENDOR_DEFINED);
    return offered && matches(object, asked->attributes, asked->count) &&
           bulla_object_is_visible(asked->session->token, object);
}

/* A walk over the objects that a template can match, the shortest of those that its attributes allow; false: all can.
 */
static bool narrow(
    const struct bulla_index *index, const CK_ATTRIBUTE *attributes, CK_ULONG count, struct bulla_index_walk *walk)
{
    static const struct {
        CK_ATTRIBUTE_TYPE type;
        enum bulla_index_key key;
    } keys[] = {{CKA_LABEL, BULLA_INDEX_LABEL}, {CKA_ID, BULLA_INDEX_ID}};
    bool narrowed = false;
    for (CK_ULONG i = 0; i < count; i++)
        for (size_t j = 0; j < sizeof keys / sizeof keys[0]; j++) {
            if (attributes[i].type != keys[j].type)
                continue;
            struct bulla_bytes value = {attributes[i].pValue, attributes[i].ulValueLen};
            struct bulla_index_walk other = bulla_index_with(index, keys[j].key, value);
            *walk = narrowed ? bulla_index_shorter(*walk, other) : other;
            narrowed = true;
        }
    return narrowed;
}

static bool add_handle(struct bulla_search *search, size_t *capacity, CK_OBJECT_HANDLE handle)
{
    if (search->count == *capacity) {
        size_t more = *capacity ? 4 * *capacity : 16;
        CK_OBJECT_HANDLE *handles = realloc(search->handles, more * sizeof *handles);
        if (!handles)
            return false;
        search->handles = handles;
        *capacity = more;
    }
    search->handles[search->count++] = handle;
    return true;
}

static int by_handle(const void *left, const void *right)
{
    CK_OBJECT_HANDLE a = *(const CK_OBJECT_HANDLE *)left, b = *(const CK_OBJECT_HANDLE *)right;
    return (a > b) - (a < b);
}

static bool collect_walk(
    struct collecting *asked, struct bulla_index_walk *walk, struct bulla_search *search, size_t *capacity)
{
    const struct bulla_object *object;
    while ((object = bulla_index_step(walk))) {
        if (!is_asked_for(asked, object))
            continue;
        if (!add_handle(search, capacity, object->handle))
            return false;
        mark_found(asked, object);
    }
    qsort(search->handles, search->count, sizeof *search->handles, by_handle);
    return true;
}

static bool collect_all(const struct collecting *asked, struct bulla_search *search, size_t *capacity)
{
    const struct bulla_index *index = &asked->session->token->index;
    for (size_t i = 0; i < index->count; i++)
        if (is_asked_for(asked, index->objects[i]) && !add_handle(search, capacity, index->objects[i]->handle))
            return false;
    return true;
}

/* Whether the template asks for what the module makes or looks for itself: classes of its own, and profiles. */
static bool is_of_module(const struct collecting *asked)
{
    bool own_class = asked->wanted != CK_UNAVAILABLE_INFORMATION && asked->wanted & CKO_VENDOR_DEFINED;
    return own_class || asked->wanted == CKO_PROFILE;
}

/* Notes what the template names of that by which rows are marked; false: nothing. */
static bool name_marks(struct collecting *asked)
{
    bool named = false;
    memset(asked->named, 0, sizeof asked->named);
    for (CK_ULONG i = 0; i < asked->count; i++)
        for (int j = 0; j < BULLA_STORE_MARKS; j++) {
            const CK_ATTRIBUTE *attribute = &asked->attributes[i];
            if (attribute->type != bulla_row_marks[j])
                continue;
            struct bulla_bytes value = {attribute->pValue, attribute->ulValueLen};
            asked->named[j] = bulla_store_mark(attribute->type, value);
            named = true;
        }
    return named;
}

/* `lock` is held: whether the answer may depend on rows that were not read yet, which are plain ones. */
static bool is_unread(struct collecting *asked)
{
    const struct bulla_unread *unread = &asked->session->token->unread;
    if (!atomic_load(&unread->count) || is_of_module(asked))
        return false;
    asked->any = !name_marks(asked);
    return asked->any || bulla_unread_marked(unread, asked->named, NULL);
}

static CK_RV read_rows(const struct collecting *asked)
{
    struct bulla_token *token = asked->session->token;
    enum bulla_reason reason = asked->any ? bulla_rows_read_all(token) : bulla_rows_read_marked(token, asked->named);
    return bulla_token_refusal(token, "find", reason);
}

static CK_RV collect(struct collecting *asked)
{
    struct bulla_token *token = asked->session->token;
    struct bulla_search *search = &asked->session->search;
    struct bulla_index_walk walk;
    size_t capacity = 16;
    CK_RV rv = CKR_OK;
    asked->marked = 1;
    search->handles = malloc(capacity * sizeof *search->handles); /* not NULL even where nothing is found */
    if (!search->handles)
        return CKR_HOST_MEMORY;
    (void)pthread_rwlock_rdlock(&token->lock);
    while (rv == CKR_OK && is_unread(asked)) {
        (void)pthread_rwlock_unlock(&token->lock);
        rv = read_rows(asked);
        (void)pthread_rwlock_rdlock(&token->lock);
    }
    asked->seen = token->seen;
    bool done = rv == CKR_OK && (narrow(&token->index, asked->attributes, asked->count, &walk)
                                        ? collect_walk(asked, &walk, search, &capacity)
                                        : collect_all(asked, search, &capacity));
    (void)pthread_rwlock_unlock(&token->lock);
    if (done)
        return CKR_OK;
    free(search->handles);
    *search = (struct bulla_search){0};
    return rv == CKR_OK ? CKR_HOST_MEMORY : rv;
}

/* The attribute by which a row that the search would find is marked, where it can be followed by its marks. */
static const CK_ATTRIBUTE *naming(const struct collecting *asked)
{
    for (CK_ULONG i = 0; i < asked->count && !is_of_module(asked); i++)
        if (asked->attributes[i].type == CKA_LABEL || asked->attributes[i].type == CKA_ID)
            return &asked->attributes[i];
    return NULL;
}

/* Collects from what is known here, and once more where something new may belong to the answer: a row that has the name
 * now, or one that was found. */
static CK_RV collect_following(struct collecting *asked, const CK_ATTRIBUTE *name)
{
    bool taken = true;
    CK_RV rv = collect(asked);
    if (rv != CKR_OK || !bulla_follow_is_behind(asked->session->token, asked->seen))
        return rv;
    asked->marks[0] = bulla_store_mark(name->type, (struct bulla_bytes){name->pValue, name->ulValueLen});
    rv = asked->marked > MARKED_MOST
             ? bulla_follow_all(asked->session)
             : bulla_follow_marks(asked->session, asked->seen, asked->marks, asked->marked, &taken);
    if (rv == CKR_OK && !taken)
        return CKR_OK;
    free(asked->session->search.handles);
    asked->session->search = (struct bulla_search){0};
    return rv == CKR_OK ? collect(asked) : rv;
}

CK_RV bulla_search_begin(struct bulla_session *session, const CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    if (session->search.handles)
        return CKR_OPERATION_ACTIVE;
    if ((!attributes && count) || count > BULLA_TEMPLATE_MOST)
        return CKR_ARGUMENTS_BAD;
    for (CK_ULONG i = 0; i < count; i++)
        if (!attributes[i].pValue && attributes[i].ulValueLen)
            return CKR_ARGUMENTS_BAD;
        else if (attributes[i].ulValueLen > PTRDIFF_MAX)
            return CKR_ATTRIBUTE_VALUE_INVALID;
    bool profile = bulla_template_ulong(attributes, count, CKA_PROFILE_ID, 0) != 0;
    CK_OBJECT_CLASS wanted =
        bulla_template_ulong(attributes, count, CKA_CLASS, profile ? CKO_PROFILE : CK_UNAVAILABLE_INFORMATION);
    struct collecting asked; /* not zeroed: marks are counted */
    asked.session = session;
    asked.attributes = attributes;
    asked.count = count;
    asked.wanted = wanted;
    const CK_ATTRIBUTE *name = naming(&asked);
    CK_RV rv = name ? CKR_OK : bulla_follow_all(session);
    if (rv != CKR_OK)
        return rv;
    bulla_request_expire(session);
    rv = make_transient(session, wanted, attributes, count);
    if (rv != CKR_OK)
        return rv;
    return name ? collect_following(&asked, name) : collect(&asked);
}

CK_RV bulla_search_next(struct bulla_session *session, CK_OBJECT_HANDLE *handles, CK_ULONG most, CK_ULONG *count)
{
    struct bulla_search *search = &session->search;
    if (!search->handles)
        return CKR_OPERATION_NOT_INITIALIZED;
    CK_ULONG given = 0;
    while (given < most && search->next < search->count)
        handles[given++] = search->handles[search->next++];
    *count = given;
    return CKR_OK;
}

CK_RV bulla_search_end(struct bulla_session *session)
{
    if (!session->search.handles)
        return CKR_OPERATION_NOT_INITIALIZED;
    free(session->search.handles);
    session->search = (struct bulla_search){0};
    return CKR_OK;
}
