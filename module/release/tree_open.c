/* Opening: from the root down, parts in the order in which they were written, until a gate has enough of them.
 *
 * A gate stops as soon as it has what it takes, and also as soon as it can no longer get it: a leaf that cannot help is
 * not tried, since trying may count (a TPM's dictionary-attack protection) or ask someone. Every share is compared with
 * its commitment before it is used, so a leaf that gives a wrong one is named instead of spoiling the whole; the gate
 * may still be satisfied by others. At last the tag shows that nothing else of the tree was changed. */
#include <sodium.h>
#include <stdio.h>

#include "crypto/arena.h"
#include "crypto/shamir.h"
#include "release/tree_sealed.h"

struct opening {
    const struct bulla_tree_sealed *sealed;
    struct bulla_leaf_request request; /* the caller's, with the path of the leaf that is being opened */
    unsigned failed;
    enum bulla_reason first;                                       /* of the parts that failed */
    char first_detail[BULLA_DETAIL_SIZE], list[BULLA_DETAIL_SIZE]; /* details hold no secrets: no wiping */
};

/* Keeps "0.1 passphrase: passphrase-wrong" for the list; what no longer fits is left out. */
static void note_failure(struct opening *opening, const char *path, const char *name, enum bulla_reason reason)
{
    size_t used = strlen(opening->list);
    (void)snprintf(opening->list + used, sizeof opening->list - used, "%s%s %s: %s", used ? ", " : "", path, name,
        bulla_reason_code(reason));
    if (opening->failed++ > 0)
        return;
    opening->first = reason;
    (void)snprintf(opening->first_detail, sizeof opening->first_detail, "%s", bulla_detail());
}

static enum bulla_reason open_leaf(
    struct opening *opening, const struct bulla_tree_record *leaf, const char *path, uint8_t *share)
{
    memcpy(opening->request.path, path, BULLA_LEAF_PATH_LARGEST);
    bulla_detail_clear();
    return leaf->node.scheme->open(&opening->request, leaf->blob, share);
}

static bool open_part(struct opening *opening, unsigned index, const char *path, uint8_t *share);

/* BULLA_NOT_RELEASED when too many parts failed: those stand in the list already. */
static enum bulla_reason open_gate(struct opening *opening, unsigned index, const char *path, uint8_t *secret)
{
    const struct bulla_tree_node *gate = &opening->sealed->records[index].node;
    BULLA_SECRET void *memory = NULL;
    uint8_t xs[BULLA_SHARES_LARGEST];
    unsigned got = 0, child = index + 1;
    BULLA_TRY(bulla_secret_allocate((size_t)gate->threshold * BULLA_SHARE_SIZE, &memory));
    uint8_t *shares = memory;
    for (unsigned i = 0; got < gate->threshold && got + gate->children - i >= gate->threshold; i++) {
        char child_path[BULLA_LEAF_PATH_LARGEST] = "";
        bulla_tree_path_child(path, i, child_path);
        xs[got] = (uint8_t)(i + 1);
        got += open_part(opening, child, child_path, shares + (size_t)got * BULLA_SHARE_SIZE);
        child += opening->sealed->records[child].span;
    }
    if (got < gate->threshold)
        return BULLA_NOT_RELEASED;
    return bulla_shamir_join(xs, shares, got, secret);
}

static enum bulla_reason check_commitment(
    const struct opening *opening, const struct bulla_tree_record *record, const char *path, const uint8_t *share)
{
    uint8_t commitment[32]; /* public */
    bulla_tree_part_commit(&opening->request, path, share, commitment);
    if (sodium_memcmp(commitment, record->commitment.data, sizeof commitment) != 0)
        return bulla_refuse(BULLA_SHARE_WRONG, "part %s gave a share that is not the one sealed", path);
    return BULLA_OK;
}

/* Opens the part into `share` and checks it, or notes why not and wipes `share`. */
static bool open_part(struct opening *opening, unsigned index, const char *path, uint8_t *share)
{
    const struct bulla_tree_record *record = &opening->sealed->records[index];
    const struct bulla_leaf_scheme *scheme = record->node.scheme;
    enum bulla_reason reason =
        scheme ? open_leaf(opening, record, path, share) : open_gate(opening, index, path, share);
    if (reason == BULLA_OK)
        reason = check_commitment(opening, record, path, share);
    if (reason == BULLA_OK)
        return true;
    bulla_wipe(share, BULLA_SHARE_SIZE);
    if (scheme || reason != BULLA_NOT_RELEASED)
        note_failure(opening, path, scheme ? scheme->name : "gate", reason);
    return false;
}

static enum bulla_reason refuse_failures(const struct opening *opening)
{
    if (opening->failed == 1)
        return bulla_refuse(opening->first, "release tree: %.150s: %.300s", opening->list, opening->first_detail);
    return bulla_refuse(BULLA_NOT_RELEASED, "release tree: %.480s", opening->list);
}

static enum bulla_reason check_tag(const struct opening *opening, const uint8_t *secret)
{
    uint8_t tag[32]; /* public */
    bulla_tree_tag(&opening->request, opening->sealed->part, secret, tag);
    if (sodium_memcmp(tag, opening->sealed->tag.data, sizeof tag) != 0)
        return bulla_refuse(BULLA_AUTHENTICATION, "the release tree was changed after it was sealed");
    return BULLA_OK;
}

enum bulla_reason bulla_tree_open(
    struct bulla_bytes sealed, const struct bulla_leaf_request *request, uint8_t secret[static 32])
{
    static const char root[BULLA_LEAF_PATH_LARGEST] = "0";
    struct bulla_tree_sealed tree;
    struct opening opening = {.sealed = &tree, .request = *request};
    bulla_wipe(secret, BULLA_SHARE_SIZE);
    BULLA_TRY(bulla_tree_sealed_read(sealed, &tree));
    if (!open_part(&opening, 0, root, secret))
        return refuse_failures(&opening);
    enum bulla_reason reason = check_tag(&opening, secret);
    if (reason != BULLA_OK)
        bulla_wipe(secret, BULLA_SHARE_SIZE);
    return reason;
}

/* --- is it the passphrase? --- */

static enum bulla_reason check_passphrase(struct opening *opening, unsigned index, const char *path, uint8_t *share)
{
    const struct bulla_tree_record *record = &opening->sealed->records[index];
    if (record->node.scheme) {
        if (!record->node.scheme->by_passphrase)
            return BULLA_OK;
        BULLA_TRY(open_leaf(opening, record, path, share));
        return check_commitment(opening, record, path, share);
    }
    unsigned child = index + 1;
    for (unsigned i = 0; i < record->node.children; i++) {
        char child_path[BULLA_LEAF_PATH_LARGEST] = "";
        bulla_tree_path_child(path, i, child_path);
        BULLA_TRY(check_passphrase(opening, child, child_path, share));
        child += opening->sealed->records[child].span;
    }
    return BULLA_OK;
}

enum bulla_reason bulla_tree_passphrase_check(struct bulla_bytes sealed, const struct bulla_leaf_request *request)
{
    static const char root[BULLA_LEAF_PATH_LARGEST] = "0";
    struct bulla_tree_sealed tree;
    struct opening opening = {.sealed = &tree, .request = *request};
    BULLA_SECRET void *share = NULL; /* wiped with its memory, whatever a leaf leaves in it */
    BULLA_TRY(bulla_tree_sealed_read(sealed, &tree));
    BULLA_TRY(bulla_secret_allocate(BULLA_SHARE_SIZE, &share));
    return check_passphrase(&opening, 0, root, share);
}
