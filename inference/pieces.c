/* vocab.txt: a piece a line, the line's number is its id; lines end with LF or CRLF. */
#include "pieces.h"

#include <string.h>
#include <utf8proc.h>

#include "config.h"
#include "error.h"
#include "vocabulary.h"

enum { VOCABULARY_BYTES_MAX = 64 << 20 };

bool bulla_pieces_open(
    struct bulla_pieces *pieces, const struct bulla_model_files *files, struct bulla_inference_error *error)
{
    memset(pieces, 0, sizeof *pieces);
    pieces->error = error;
    pieces->file = bulla_model_file_find(files, "tokenizer.json");
    if (pieces->file) {
        if (!bulla_tokenizer_file_open(pieces->file, &pieces->tokenizer, error))
            return false;
        bulla_pieces_rewind(pieces);
        return true;
    }
    pieces->file = bulla_model_file_find(files, "vocab.txt");
    if (!pieces->file)
        return bulla_inference_refuse(error, BULLA_INFERENCE_MISSING, "tokenizer.json and vocab.txt are missing");
    if (pieces->file->size > VOCABULARY_BYTES_MAX)
        return bulla_inference_refuse(error, BULLA_INFERENCE_TOO_LARGE, "vocab.txt: %zu bytes, above %d",
            pieces->file->size, (int)VOCABULARY_BYTES_MAX);
    if (pieces->file->size == 0)
        return bulla_inference_refuse(error, BULLA_INFERENCE_MALFORMED, "vocab.txt: empty");
    pieces->at = pieces->file->data;
    return true;
}

void bulla_pieces_rewind(struct bulla_pieces *pieces)
{
    pieces->line = 0;
    if (pieces->at)
        pieces->at = pieces->file->data;
    else
        pieces->walk = bulla_json_walk(pieces->tokenizer.pieces);
}

static bool fail(struct bulla_pieces *pieces, uint64_t number, const char *wrong)
{
    pieces->failed = true;
    return bulla_inference_refuse(pieces->error, BULLA_INFERENCE_MALFORMED, "%s: piece %llu %s", pieces->file->name,
        (unsigned long long)number, wrong);
}

static bool is_utf8(const uint8_t *text, size_t size)
{
    for (const uint8_t *end = text + size; text < end;) {
        utf8proc_int32_t point;
        utf8proc_ssize_t taken = utf8proc_iterate(text, end - text, &point);
        if (taken < 1)
            return false;
        text += taken;
    }
    return true;
}

static bool next_line(struct bulla_pieces *pieces, struct bulla_piece *piece)
{
    const uint8_t *end = pieces->file->data + pieces->file->size;
    if (pieces->at == end)
        return false;
    const uint8_t *stop = memchr(pieces->at, '\n', (size_t)(end - pieces->at));
    piece->text = pieces->at;
    piece->size = (size_t)((stop ? stop : end) - pieces->at);
    piece->id = pieces->line++;
    pieces->at = stop ? stop + 1 : end;
    if (piece->size > 0 && piece->text[piece->size - 1] == '\r')
        piece->size--;
    if (memchr(piece->text, '\r', piece->size) || memchr(piece->text, 0, piece->size) ||
        !is_utf8(piece->text, piece->size))
        return fail(pieces, piece->id, "is not a line of text");
    return true;
}

static bool next_member(struct bulla_pieces *pieces, struct bulla_piece *piece)
{
    struct bulla_json id;
    if (!bulla_json_next(&pieces->walk, &piece->key, &id))
        return false;
    piece->text = NULL;
    piece->size = bulla_json_text(piece->key, NULL, 0);
    if (!bulla_json_whole(id, &piece->id))
        return fail(pieces, pieces->line, "has an id that is not a whole number");
    pieces->line++;
    return true;
}

bool bulla_pieces_next(struct bulla_pieces *pieces, struct bulla_piece *piece)
{
    if (!(pieces->at ? next_line(pieces, piece) : next_member(pieces, piece)))
        return false;
    if (piece->size == 0 || piece->size > BULLA_PIECE_MAX)
        return fail(pieces, piece->id, piece->size ? "is too long" : "is empty");
    return true;
}

void bulla_piece_copy(const struct bulla_piece *piece, char *out)
{
    if (piece->text)
        memcpy(out, piece->text, piece->size);
    else
        (void)bulla_json_text(piece->key, out, piece->size);
}
