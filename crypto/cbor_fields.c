/* A map as a table of fields. Every pair looks for its row and every row for its pair; rows met are bits of one word.
 */
#include <ctype.h>
#include <stdio.h>

#include "cbor.h"

enum { ROWS_LARGEST = 64, NAME_SIZE = 48 };

/* The key as it may stand in a detail: foreign text is cut and its control characters are not passed on. */
static const char *name_key(const struct bulla_cbor *key, char name[static NAME_SIZE])
{
    if (key->kind == BULLA_CBOR_UINT || key->kind == BULLA_CBOR_NEGATIVE) {
        bool negative = key->kind == BULLA_CBOR_NEGATIVE;
        (void)snprintf(name, NAME_SIZE, "%s%llu", negative ? "-1-" : "", (unsigned long long)key->number);
        return name;
    }
    if (key->kind != BULLA_CBOR_TSTR)
        return "of another kind";
    size_t size = key->string.size < NAME_SIZE - 1 ? key->string.size : NAME_SIZE - 1;
    for (size_t i = 0; i < size; i++)
        name[i] = (char)(key->string.data[i] < 0x80 && isgraph(key->string.data[i]) ? key->string.data[i] : '?');
    name[size] = '\0';
    return name;
}

static bool key_matches(const struct bulla_cbor *key, const struct bulla_cbor_field *field)
{
    if (field->text_key)
        return key->kind == BULLA_CBOR_TSTR && bulla_bytes_equal_text(key->string, field->text_key);
    if (field->key >= 0)
        return key->kind == BULLA_CBOR_UINT && key->number == (uint64_t)field->key;
    return key->kind == BULLA_CBOR_NEGATIVE && key->number == ~(uint64_t)field->key;
}

static bool within_bounds(const struct bulla_cbor *value, const struct bulla_cbor_field *field)
{
    if (field->smallest == 0 && field->largest == 0)
        return true;
    bool is_string = value->kind == BULLA_CBOR_BSTR || value->kind == BULLA_CBOR_TSTR;
    uint64_t measure = is_string ? value->string.size : value->number;
    return measure >= field->smallest && measure <= field->largest;
}

static enum bulla_reason take_pair(const struct bulla_cbor *key, const struct bulla_cbor *value,
    const struct bulla_cbor_field *fields, size_t count, uint64_t *met, const char *what)
{
    char name[NAME_SIZE];
    size_t row = 0;
    while (row < count && !key_matches(key, &fields[row]))
        row++;
    if (row == count)
        return bulla_refuse(BULLA_UNKNOWN_FIELD, "%s has a field %s", what, name_key(key, name));
    if (*met >> row & 1)
        return bulla_refuse(BULLA_DUPLICATE, "%s has the field %s twice", what, name_key(key, name));
    bool null = fields[row].optional == BULLA_CBOR_OR_NULL && value->kind == BULLA_CBOR_NULL;
    if (!null && value->kind != fields[row].kind)
        return bulla_refuse(BULLA_MALFORMED, "field %s of %s is of the wrong kind", name_key(key, name), what);
    if (!null && !within_bounds(value, &fields[row]))
        return bulla_refuse(BULLA_MALFORMED, "field %s of %s is not within %zu to %zu", name_key(key, name), what,
            fields[row].smallest, fields[row].largest);
    *met |= UINT64_C(1) << row;
    *fields[row].value = *value;
    return BULLA_OK;
}

static enum bulla_reason check_missing(
    const struct bulla_cbor_field *fields, size_t count, uint64_t met, const char *what)
{
    for (size_t row = 0; row < count; row++) {
        if (fields[row].optional == true || met >> row & 1)
            continue;
        if (fields[row].text_key)
            return bulla_refuse(BULLA_MALFORMED, "%s lacks the field %s", what, fields[row].text_key);
        return bulla_refuse(BULLA_MALFORMED, "%s lacks the field %lld", what, (long long)fields[row].key);
    }
    return BULLA_OK;
}

enum bulla_reason bulla_cbor_fields(
    const struct bulla_cbor *map, const struct bulla_cbor_field *fields, size_t count, const char *what)
{
    if (count > ROWS_LARGEST)
        return bulla_refuse(BULLA_INTERNAL, "%s: a table of %zu fields", what, count);
    if (map->kind != BULLA_CBOR_MAP)
        return bulla_refuse(BULLA_MALFORMED, "%s is not a CBOR map", what);
    uint64_t met = 0;
    struct bulla_cbor_walk walk = bulla_cbor_inside(map);
    struct bulla_cbor key;
    struct bulla_cbor value;
    while (bulla_cbor_next(&walk, &key) && bulla_cbor_next(&walk, &value))
        BULLA_TRY(take_pair(&key, &value, fields, count, &met, what));
    return check_missing(fields, count, met, what);
}
