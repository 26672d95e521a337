/* A strict JSON reader that works in place, for the small files of a model and for the header of safetensors.
 *
 * Why not the JSON library: it copies what it reads to the ordinary heap of the host's process, its allocator can only
 * be replaced for the whole process, and a sealed model's files belong to locked memory alone. So a document is checked
 * once as a whole, and afterwards walked by views into the caller's bytes. The test holds this reader against the
 * library.
 *
 * Accepted: RFC 8259, with an object or an array at the top, nested at most BULLA_JSON_DEPTH deep. Strings are UTF-8,
 * no escape stands for U+0000 or half of a surrogate pair. Whoever looks up members refuses a key that comes twice. */
#ifndef BULLA_INFERENCE_JSON_READER_H
#define BULLA_INFERENCE_JSON_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BULLA_JSON_DEPTH = 32 };

enum bulla_json_kind {
    BULLA_JSON_NULL,
    BULLA_JSON_FALSE,
    BULLA_JSON_TRUE,
    BULLA_JSON_NUMBER,
    BULLA_JSON_STRING,
    BULLA_JSON_ARRAY,
    BULLA_JSON_OBJECT,
};

/* One value of a checked document: its bytes, from its first to behind its last. */
struct bulla_json {
    const uint8_t *at;
    const uint8_t *end;
};

/* Checks the whole of `data`. On refusal `*wrong` is a constant sentence and `*where` the offset it is about. */
bool bulla_json_open(const uint8_t *data, size_t size, struct bulla_json *value, const char **wrong, size_t *where)
    __attribute__((warn_unused_result));

/* Everything below takes values of a checked document only. */

enum bulla_json_kind bulla_json_kind(struct bulla_json value);

/* Walks the members of an object or the elements of an array: starts at the container, moves with each step. `key` may
 * be NULL; it is set for members only. False at the end, and at once for anything that is no container. */
struct bulla_json_walk {
    struct bulla_json rest;
    bool members, begun;
};
struct bulla_json_walk bulla_json_walk(struct bulla_json container);
bool bulla_json_next(struct bulla_json_walk *walk, struct bulla_json *key, struct bulla_json *value);

/* Members by name, in one walk over the object: how often each is there, and its (last) value. */
struct bulla_json_lookup {
    const char *name;
    size_t times;
    struct bulla_json value;
};
void bulla_json_look(struct bulla_json object, struct bulla_json_lookup *lookups, size_t count);

enum bulla_json_found { BULLA_JSON_ABSENT, BULLA_JSON_FOUND, BULLA_JSON_TWICE };
/* One of them (ABSENT also for what is no object). */
enum bulla_json_found bulla_json_member(struct bulla_json object, const char *name, struct bulla_json *value);

/* A string's text with its escapes resolved: bytes of it, copied up to `capacity` (0 and NULL to count). 0 for what is
 * no string. */
size_t bulla_json_text(struct bulla_json value, char *out, size_t capacity);
bool bulla_json_text_is(struct bulla_json value, const char *text);
/* The text as it stands in the document; false when it is no string or holds an escape. */
bool bulla_json_text_view(struct bulla_json value, const char **text, size_t *size);

/* A number written as digits alone, up to 2^64 - 1; false for any other value ("1.0", "1e3" and "-1" among them). */
bool bulla_json_whole(struct bulla_json value, uint64_t *number);
/* A number of at most 15 significant digits whose power of ten is within ±22: correctly rounded, in any locale. False
 * for any other value. */
bool bulla_json_real(struct bulla_json value, double *number);

#endif
