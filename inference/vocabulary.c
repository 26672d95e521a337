/* An open-addressed hash table beside the texts, all in one block of the caller's memory:
 *
 *   struct bulla_vocabulary | entries [count] by id | slots [2^k ≥ 2 · count] | texts
 *
 * The hash runs over bytes from the left, so the longest prefix of a word that is a piece is found in one pass: after
 * each byte the hash of the prefix is at hand, and a look into the table (mostly at an empty slot) says whether it is a
 * piece. A continuation begins with the hash of "##". Pieces and words are whole UTF-8, so a match ends between
 * characters. The vocabulary is foreign: pieces made to collide are refused at PROBES_MAX steps (about 70 are expected
 * at worst for a million pieces), which bounds lookups too. */
#include "vocabulary.h"

#include <string.h>

#include "error.h"
#include "pieces.h"

enum { ALIGNMENT = 64, PROBES_MAX = 512, CONTINUATION_SIZE = 2 };
static const char continuation_mark[CONTINUATION_SIZE] = {'#', '#'};

struct entry {
    uint32_t offset, size; /* in the texts; size 0: not set yet */
};

struct slot {
    uint32_t hash;
    uint32_t id_and_one; /* 0: empty */
};

struct bulla_vocabulary {
    size_t count, longest; /* pieces; bytes of the longest */
    size_t mask;           /* slots - 1 */
    const struct entry *entries;
    const struct slot *slots;
    const char *texts;
    uint32_t special[BULLA_TOKENS_SPECIAL];
};

/* Where the parts lie, from the start of the block. */
struct layout {
    size_t slots_count;
    size_t entries, slots, texts, bytes;
};

static const char *const special_names[] = {
    [BULLA_TOKEN_PAD] = "[PAD]",
    [BULLA_TOKEN_UNK] = "[UNK]",
    [BULLA_TOKEN_CLS] = "[CLS]",
    [BULLA_TOKEN_SEP] = "[SEP]",
};

static size_t aligned(size_t size)
{
    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* FNV-1a, 64 bits. */
static const uint64_t hash_begin = 0xcbf29ce484222325U;

static uint64_t hash_byte(uint64_t hash, char byte)
{
    return (hash ^ (uint8_t)byte) * 0x100000001b3U;
}

static uint64_t hash_bytes(uint64_t hash, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        hash = hash_byte(hash, bytes[i]);
    return hash;
}

/* The low bits of FNV-1a hang on the low bits of the bytes alone: fold the high ones in. */
static uint32_t hash_fold(uint64_t hash)
{
    return (uint32_t)(hash ^ hash >> 32);
}

bool bulla_vocabulary_open(
    const struct bulla_model_files *files, struct bulla_vocabulary_file *file, struct bulla_inference_error *error)
{
    struct bulla_piece piece;
    file->count = 0;
    file->texts_size = 0;
    if (!bulla_pieces_open(&file->pieces, files, error))
        return false;
    while (bulla_pieces_next(&file->pieces, &piece)) {
        if (++file->count > BULLA_VOCABULARY_MAX)
            return bulla_inference_refuse(error, BULLA_INFERENCE_TOO_LARGE, "%s: more than %d pieces",
                file->pieces.file->name, (int)BULLA_VOCABULARY_MAX);
        file->texts_size += piece.size;
    }
    return !file->pieces.failed;
}

const struct bulla_tokenizer_file *bulla_vocabulary_tokenizer(const struct bulla_vocabulary_file *file)
{
    return file->pieces.at ? NULL : &file->pieces.tokenizer;
}

static struct layout lay_out(const struct bulla_vocabulary_file *file)
{
    struct layout layout = {.slots_count = 16};
    while (layout.slots_count < 2 * file->count)
        layout.slots_count *= 2;
    layout.entries = aligned(sizeof(struct bulla_vocabulary));
    layout.slots = layout.entries + aligned(file->count * sizeof(struct entry));
    layout.texts = layout.slots + aligned(layout.slots_count * sizeof(struct slot));
    layout.bytes = layout.texts + aligned(file->texts_size);
    return layout;
}

size_t bulla_vocabulary_bytes(const struct bulla_vocabulary_file *file)
{
    return lay_out(file).bytes;
}

bool bulla_vocabulary_measure(const struct bulla_model_files *files, size_t *bytes, struct bulla_inference_error *error)
{
    struct bulla_vocabulary_file file;
    if (!bulla_vocabulary_open(files, &file, error))
        return false;
    *bytes = bulla_vocabulary_bytes(&file);
    return true;
}

/* Whether the entry's text is `mark` (or nothing) and then `text`. */
static bool entry_is(
    const struct bulla_vocabulary *vocabulary, uint32_t id, const char *text, size_t size, bool continuation)
{
    const struct entry *entry = &vocabulary->entries[id];
    const char *own = vocabulary->texts + entry->offset;
    size_t mark = continuation ? CONTINUATION_SIZE : 0;
    return entry->size == mark + size && memcmp(own, continuation_mark, mark) == 0 &&
           memcmp(own + mark, text, size) == 0;
}

/* The slot of that text, or the empty one where it would be put; NULL after PROBES_MAX steps. */
static const struct slot *probe(
    const struct bulla_vocabulary *vocabulary, uint64_t hash, const char *text, size_t size, bool continuation)
{
    uint32_t folded = hash_fold(hash);
    for (size_t i = 0; i < PROBES_MAX; i++) {
        const struct slot *slot = &vocabulary->slots[(folded + i) & vocabulary->mask];
        if (slot->id_and_one == 0 ||
            (slot->hash == folded && entry_is(vocabulary, slot->id_and_one - 1, text, size, continuation)))
            return slot;
    }
    return NULL;
}

/* The block while it is being filled. */
struct filling {
    struct bulla_vocabulary *vocabulary;
    struct entry *entries;
    struct slot *slots;
    char *texts;
    size_t used; /* bytes of texts */
};

static bool add_piece(struct filling *filling, const struct bulla_pieces *pieces, const struct bulla_piece *piece)
{
    struct bulla_vocabulary *vocabulary = filling->vocabulary;
    unsigned long long id = piece->id;
    if (id >= vocabulary->count || filling->entries[id].size > 0)
        return bulla_inference_refuse(pieces->error, BULLA_INFERENCE_MALFORMED, "%s: id %llu %s", pieces->file->name,
            id, id >= vocabulary->count ? "leaves a gap" : "twice");
    char *text = filling->texts + filling->used;
    bulla_piece_copy(piece, text);
    uint64_t hash = hash_bytes(hash_begin, text, piece->size);
    const struct slot *slot = probe(vocabulary, hash, text, piece->size, false);
    if (!slot || slot->id_and_one)
        return bulla_inference_refuse(pieces->error, BULLA_INFERENCE_MALFORMED, "%s: the piece of id %llu %s",
            pieces->file->name, id, slot ? "comes twice" : "collides with too many others");
    filling->slots[slot - filling->slots] = (struct slot){hash_fold(hash), (uint32_t)id + 1};
    filling->entries[id] = (struct entry){(uint32_t)filling->used, (uint32_t)piece->size};
    filling->used += piece->size;
    if (piece->size > vocabulary->longest)
        vocabulary->longest = piece->size;
    return true;
}

static bool find_special(
    struct bulla_vocabulary *vocabulary, const struct bulla_model_file *file, struct bulla_inference_error *error)
{
    for (size_t i = 0; i < BULLA_TOKENS_SPECIAL; i++) {
        int32_t id = bulla_vocabulary_lookup(vocabulary, special_names[i], strlen(special_names[i]), false);
        if (id < 0)
            return bulla_inference_refuse(
                error, BULLA_INFERENCE_MISSING, "%s: no piece %s", file->name, special_names[i]);
        vocabulary->special[i] = (uint32_t)id;
    }
    return true;
}

/* The special tokens that tokenizer.json repeats beside the pieces must be the pieces of those ids. One with an id
 * above all pieces is never produced here. */
static bool check_added(const struct bulla_vocabulary *vocabulary, const struct bulla_pieces *pieces)
{
    const struct bulla_document *document = &pieces->tokenizer.document;
    struct bulla_json token, content, number;
    uint64_t id;
    if (pieces->at)
        return true;
    for (struct bulla_json_walk walk = bulla_json_walk(pieces->tokenizer.added);
         bulla_json_next(&walk, NULL, &token);) {
        const char *text;
        size_t size;
        if (!bulla_document_need(document, token, "id", BULLA_JSON_NUMBER, &number) ||
            !bulla_document_need(document, token, "content", BULLA_JSON_STRING, &content))
            return false;
        if (!bulla_json_whole(number, &id) || !bulla_json_text_view(content, &text, &size) ||
            (id < vocabulary->count && !entry_is(vocabulary, (uint32_t)id, text, size, false)))
            return bulla_inference_refuse(document->error, BULLA_INFERENCE_MISMATCH,
                "%s: added token %.*s is not the piece of that id", pieces->file->name, BULLA_JSON_SHOWN(content));
    }
    return true;
}

/* Around a text stand the pieces [CLS] and [SEP]; tokenizer.json names them once more, by their ids. */
static bool check_around(const struct bulla_vocabulary *vocabulary, const struct bulla_pieces *pieces)
{
    const struct {
        enum bulla_special_token token;
        uint64_t id;
    } around[] = {{BULLA_TOKEN_CLS, pieces->tokenizer.cls}, {BULLA_TOKEN_SEP, pieces->tokenizer.sep}};
    for (size_t i = 0; !pieces->at && i < sizeof around / sizeof around[0]; i++)
        if (vocabulary->special[around[i].token] != around[i].id)
            return bulla_inference_refuse(pieces->error, BULLA_INFERENCE_MISMATCH,
                "%s: post_processor gives %s the id %llu, and the vocabulary %u", pieces->file->name,
                special_names[around[i].token], (unsigned long long)around[i].id, vocabulary->special[around[i].token]);
    return true;
}

bool bulla_vocabulary_fill(struct bulla_vocabulary_file *file, size_t limit, void *memory, size_t bytes,
    const struct bulla_vocabulary **vocabulary)
{
    struct bulla_piece piece;
    struct bulla_pieces *pieces = &file->pieces;
    struct layout layout = lay_out(file);
    if (layout.bytes > bytes)
        return bulla_inference_refuse(
            pieces->error, BULLA_INFERENCE_ARGUMENT, "the vocabulary needs %zu bytes, not %zu", layout.bytes, bytes);
    if (file->count > limit)
        return bulla_inference_refuse(pieces->error, BULLA_INFERENCE_MISMATCH,
            "%s: %zu pieces, but vocab_size of config.json is %zu", pieces->file->name, file->count, limit);
    memset(memory, 0, layout.bytes);
    char *block = memory;
    struct filling filling = {
        .vocabulary = memory,
        .entries = (struct entry *)(void *)(block + layout.entries),
        .slots = (struct slot *)(void *)(block + layout.slots),
        .texts = block + layout.texts,
    };
    *filling.vocabulary = (struct bulla_vocabulary){
        .count = file->count,
        .mask = layout.slots_count - 1,
        .entries = filling.entries,
        .slots = filling.slots,
        .texts = filling.texts,
    };
    bulla_pieces_rewind(pieces);
    while (bulla_pieces_next(pieces, &piece))
        if (!add_piece(&filling, pieces, &piece))
            return false;
    *vocabulary = filling.vocabulary;
    return !pieces->failed && find_special(filling.vocabulary, pieces->file, pieces->error) &&
           check_added(filling.vocabulary, pieces) && check_around(filling.vocabulary, pieces);
}

bool bulla_vocabulary_load(const struct bulla_model_files *files, size_t limit, void *memory, size_t bytes,
    const struct bulla_vocabulary **vocabulary, struct bulla_inference_error *error)
{
    struct bulla_vocabulary_file file;
    return bulla_vocabulary_open(files, &file, error) && bulla_vocabulary_fill(&file, limit, memory, bytes, vocabulary);
}

size_t bulla_vocabulary_count(const struct bulla_vocabulary *vocabulary)
{
    return vocabulary->count;
}

uint32_t bulla_vocabulary_special(const struct bulla_vocabulary *vocabulary, enum bulla_special_token token)
{
    return vocabulary->special[token];
}

int32_t bulla_vocabulary_lookup(
    const struct bulla_vocabulary *vocabulary, const char *piece, size_t size, bool continuation)
{
    uint64_t hash = continuation ? hash_bytes(hash_begin, continuation_mark, CONTINUATION_SIZE) : hash_begin;
    const struct slot *slot = probe(vocabulary, hash_bytes(hash, piece, size), piece, size, continuation);
    return slot && slot->id_and_one ? (int32_t)(slot->id_and_one - 1) : -1;
}

int32_t bulla_vocabulary_longest_prefix(
    const struct bulla_vocabulary *vocabulary, const char *word, size_t size, bool continuation, size_t *taken)
{
    int32_t found = -1;
    uint64_t hash = continuation ? hash_bytes(hash_begin, continuation_mark, CONTINUATION_SIZE) : hash_begin;
    size_t longest = size < vocabulary->longest ? size : vocabulary->longest;
    for (size_t i = 0; i < longest; i++) {
        hash = hash_byte(hash, word[i]);
        const struct slot *slot = probe(vocabulary, hash, word, i + 1, continuation);
        if (slot && slot->id_and_one) {
            found = (int32_t)(slot->id_and_one - 1);
            *taken = i + 1;
        }
    }
    return found;
}
