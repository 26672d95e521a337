/* Sealing: from the root down, each part gets its commitment, each gate splits its secret, each leaf seals its share.
 */
#include "crypto/arena.h"
#include "crypto/cbor.h"
#include "crypto/shamir.h"
#include "release/tree_sealed.h"
#include "release/tree_shape.h"

struct sealing {
    const struct bulla_tree_shape *shape;
    struct bulla_leaf_request request; /* the caller's, with the path of the leaf that is being sealed */
    struct bulla_writer *out;
    unsigned next; /* node */
};

static enum bulla_reason seal_leaf(
    struct sealing *sealing, const struct bulla_leaf_scheme *scheme, const char *path, const uint8_t *share)
{
    uint8_t memory[BULLA_LEAF_BLOB_LARGEST]; /* sealed: no wiping */
    struct bulla_writer blob;
    bulla_writer_open(&blob, memory, sizeof memory);
    memcpy(sealing->request.path, path, BULLA_LEAF_PATH_LARGEST);
    enum bulla_reason reason = scheme->seal(&sealing->request, share, &blob);
    if (reason != BULLA_OK)
        return bulla_refuse_within(reason, "sealing leaf %s (%s): ", path, scheme->name);
    if (blob.size == 0 || blob.size > sizeof memory)
        return bulla_refuse(BULLA_INTERNAL, "leaf %s (%s) sealed into %zu bytes", path, scheme->name, blob.size);
    bulla_cbor_write_array(sealing->out, 2);
    bulla_cbor_write_tstr(sealing->out, scheme->name);
    bulla_cbor_write_bstr(sealing->out, bulla_writer_bytes(&blob));
    return BULLA_OK;
}

static enum bulla_reason seal_part(struct sealing *sealing, const char *path, const uint8_t *secret);

static enum bulla_reason seal_gate(
    struct sealing *sealing, const struct bulla_tree_node *gate, const char *path, const uint8_t *secret)
{
    BULLA_SECRET void *memory = NULL;
    BULLA_TRY(bulla_secret_allocate((size_t)gate->children * BULLA_SHARE_SIZE, &memory));
    uint8_t *shares = memory;
    BULLA_TRY(bulla_shamir_split(secret, gate->threshold, gate->children, shares));
    bulla_cbor_write_array(sealing->out, 2);
    bulla_cbor_write_uint(sealing->out, gate->threshold);
    bulla_cbor_write_array(sealing->out, gate->children);
    for (unsigned i = 0; i < gate->children; i++) {
        char child[BULLA_LEAF_PATH_LARGEST] = "";
        bulla_tree_path_child(path, i, child);
        BULLA_TRY(seal_part(sealing, child, shares + (size_t)i * BULLA_SHARE_SIZE));
    }
    return BULLA_OK;
}

static enum bulla_reason seal_part(struct sealing *sealing, const char *path, const uint8_t *secret)
{
    const struct bulla_tree_node *node = &sealing->shape->nodes[sealing->next++];
    uint8_t commitment[32]; /* public */
    bulla_tree_part_commit(&sealing->request, path, secret, commitment);
    bulla_cbor_write_array(sealing->out, 2);
    bulla_cbor_write_bstr(sealing->out, BULLA_BYTES(commitment));
    return node->scheme ? seal_leaf(sealing, node->scheme, path, secret) : seal_gate(sealing, node, path, secret);
}

/* A PIN's tree is opened with the PIN: under two leaves it could be guessed against the weaker one. */
static enum bulla_reason check_pin_leaves(
    const struct bulla_tree_shape *shape, const struct bulla_leaf_request *request)
{
    if (request->purpose == BULLA_LEAF_OF_OBJECT)
        return BULLA_OK;
    if (request->purpose != BULLA_LEAF_OF_PIN || request->authority.size > 0)
        return bulla_refuse(BULLA_ARGUMENT, "a release tree is a PIN's, without an authority, or an object's");
    unsigned leaves = 0;
    for (unsigned i = 0; i < shape->count; i++)
        leaves += shape->nodes[i].scheme && shape->nodes[i].scheme->protects_pin;
    if (leaves > 1)
        return bulla_refuse(BULLA_ARGUMENT, "a PIN's tree has %u leaves that take the PIN: one at most", leaves);
    return BULLA_OK;
}

static enum bulla_reason seal_tree(struct sealing *sealing, const uint8_t *secret)
{
    static const char root[BULLA_LEAF_PATH_LARGEST] = "0";
    struct bulla_writer *out = sealing->out;
    uint8_t tag[32]; /* public */
    size_t start = out->size;
    bulla_cbor_write_array(out, 3);
    bulla_cbor_write_uint(out, 1);
    size_t part = out->size;
    BULLA_TRY(seal_part(sealing, root, secret));
    if (out->size > out->capacity)
        return bulla_writer_finish(out, "a release tree");
    bulla_tree_tag(&sealing->request, (struct bulla_bytes){out->data + part, out->size - part}, secret, tag);
    bulla_cbor_write_bstr(out, BULLA_BYTES(tag));
    if (out->size - start > BULLA_TREE_LARGEST)
        return bulla_refuse(BULLA_TOO_LARGE, "a release tree has at most %d bytes", BULLA_TREE_LARGEST);
    return bulla_writer_finish(out, "a release tree");
}

enum bulla_reason bulla_tree_seal(const struct bulla_tree_shape *shape, const struct bulla_leaf_request *request,
    const uint8_t secret[static 32], struct bulla_writer *out)
{
    struct sealing sealing = {.shape = shape, .request = *request, .out = out};
    size_t start = out->size;
    BULLA_TRY(bulla_tree_shape_check(shape));
    BULLA_TRY(check_pin_leaves(shape, request));
    enum bulla_reason reason = seal_tree(&sealing, secret);
    if (reason != BULLA_OK && out->size <= out->capacity)
        out->size = start;
    return reason;
}
