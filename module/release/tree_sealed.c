/* Reading a sealed tree, and its two kinds of keyed hash.
 *
 * A commitment is keyed by the share that it names; the tag is keyed by the root's secret and covers every byte of the
 * tree, also of leaves that were not opened. So nobody who lacks the secret can lower a threshold, rename a scheme or
 * exchange a leaf without its being seen at the next opening. */
#include "release/tree_sealed.h"

#include <stdio.h>

#include "crypto/cbor.h"
#include "crypto/cipher.h"
#include "crypto/shamir.h"

enum { VERSION = 1, HASH = 32 };

static const char what[] = "a release tree";

static enum bulla_reason malformed(const char *of)
{
    return bulla_refuse(BULLA_MALFORMED, "%s has a malformed %s", what, of);
}

/* The two or three items of an array; false unless it has exactly so many. */
static bool items(const struct bulla_cbor *array, struct bulla_cbor *into, size_t count)
{
    if (array->kind != BULLA_CBOR_ARRAY || array->number != count)
        return false;
    struct bulla_cbor_walk walk = bulla_cbor_inside(array);
    for (size_t i = 0; i < count; i++)
        if (!bulla_cbor_next(&walk, &into[i]))
            return false;
    return true;
}

static enum bulla_reason read_leaf(const struct bulla_cbor leaf[static 2], struct bulla_tree_record *record)
{
    if (leaf[1].kind != BULLA_CBOR_BSTR || leaf[1].string.size == 0 || leaf[1].string.size > BULLA_LEAF_BLOB_LARGEST)
        return malformed("leaf");
    record->node.scheme = bulla_leaf_scheme_find(leaf[0].string);
    if (!record->node.scheme)
        return bulla_refuse(BULLA_LEAF_UNKNOWN, "%s has a leaf of an unknown scheme", what);
    record->blob = leaf[1].string;
    return BULLA_OK;
}

static enum bulla_reason read_part(const struct bulla_cbor *part, unsigned depth, struct bulla_tree_sealed *sealed);

static enum bulla_reason read_gate(const struct bulla_cbor gate[static 2], unsigned depth,
    struct bulla_tree_sealed *sealed, struct bulla_tree_record *record)
{
    if (gate[0].kind != BULLA_CBOR_UINT || gate[1].kind != BULLA_CBOR_ARRAY || depth == BULLA_TREE_DEPTH)
        return malformed("gate");
    if (gate[0].number < 1 || gate[0].number > gate[1].number || gate[1].number > BULLA_SHARES_LARGEST)
        return malformed("threshold");
    record->node.threshold = (unsigned)gate[0].number;
    record->node.children = (unsigned)gate[1].number;
    struct bulla_cbor_walk walk = bulla_cbor_inside(&gate[1]);
    struct bulla_cbor child;
    while (bulla_cbor_next(&walk, &child))
        BULLA_TRY(read_part(&child, depth + 1, sealed));
    return BULLA_OK;
}

static enum bulla_reason read_part(const struct bulla_cbor *part, unsigned depth, struct bulla_tree_sealed *sealed)
{
    struct bulla_cbor parts[2], node[2];
    unsigned index = sealed->count;
    if (index == BULLA_TREE_NODES)
        return bulla_refuse(BULLA_TOO_LARGE, "%s has more than %d nodes", what, BULLA_TREE_NODES);
    if (!items(part, parts, 2) || parts[0].kind != BULLA_CBOR_BSTR || parts[0].string.size != HASH)
        return malformed("part");
    if (!items(&parts[1], node, 2))
        return malformed("node");
    struct bulla_tree_record *record = &sealed->records[sealed->count++];
    *record = (struct bulla_tree_record){.commitment = parts[0].string};
    BULLA_TRY(node[0].kind == BULLA_CBOR_TSTR ? read_leaf(node, record) : read_gate(node, depth, sealed, record));
    record->span = sealed->count - index;
    return BULLA_OK;
}

enum bulla_reason bulla_tree_sealed_read(struct bulla_bytes bytes, struct bulla_tree_sealed *sealed)
{
    struct bulla_cbor item, top[3];
    sealed->count = 0;
    if (bytes.size > BULLA_TREE_LARGEST)
        return bulla_refuse(BULLA_TOO_LARGE, "%s has at most %d bytes", what, BULLA_TREE_LARGEST);
    BULLA_TRY(bulla_cbor_decode(bytes, what, &item));
    if (!items(&item, top, 3) || top[0].kind != BULLA_CBOR_UINT || top[2].kind != BULLA_CBOR_BSTR ||
        top[2].string.size != HASH)
        return malformed("frame");
    if (top[0].number != VERSION)
        return bulla_refuse(BULLA_UNSUPPORTED, "%s of another version than 1", what);
    sealed->part = top[1].encoded;
    sealed->tag = top[2].string;
    return read_part(&top[1], 0, sealed);
}

enum bulla_reason bulla_tree_shape_read(struct bulla_bytes bytes, struct bulla_tree_shape *shape)
{
    struct bulla_tree_sealed sealed;
    shape->count = 0;
    BULLA_TRY(bulla_tree_sealed_read(bytes, &sealed));
    for (unsigned i = 0; i < sealed.count; i++)
        shape->nodes[i] = sealed.records[i].node;
    shape->count = sealed.count;
    return BULLA_OK;
}

/* Token and object have fixed sizes and the last field ends the context: no two places have the same. */
static struct bulla_bytes context(
    const struct bulla_leaf_request *request, const char *purpose, struct bulla_bytes last, uint8_t memory[static 128])
{
    struct bulla_writer writer;
    bulla_writer_open(&writer, memory, 128);
    bulla_write_bytes(&writer, BULLA_TEXT(purpose));
    bulla_write(&writer, request->token, sizeof request->token);
    bulla_write(&writer, request->object, sizeof request->object);
    bulla_write_bytes(&writer, last);
    return bulla_writer_bytes(&writer);
}

void bulla_tree_part_commit(const struct bulla_leaf_request *request, const char *path, const uint8_t share[static 32],
    uint8_t commitment[static 32])
{
    uint8_t memory[128]; /* public */
    const struct bulla_bytes place = {(const uint8_t *)path, strnlen(path, BULLA_LEAF_PATH_LARGEST - 1)};
    bulla_share_commit(share, context(request, "part", place, memory), commitment);
}

void bulla_tree_tag(const struct bulla_leaf_request *request, struct bulla_bytes part, const uint8_t secret[static 32],
    uint8_t tag[static 32])
{
    uint8_t memory[128], digest[HASH]; /* public */
    bulla_sha256(part, digest);
    bulla_share_commit(secret, context(request, "tree", BULLA_BYTES(digest), memory), tag);
}

void bulla_tree_path_child(const char *path, unsigned number, char child[static BULLA_LEAF_PATH_LARGEST])
{
    (void)snprintf(child, BULLA_LEAF_PATH_LARGEST, "%.40s.%u", path, number);
}
