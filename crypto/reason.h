/* Why something was refused: one vocabulary for every room.
 *
 * A function that can fail returns enum bulla_reason; BULLA_OK is 0. Each reason has a stable code (a short word that
 * audit logs, `bulla why` and scripts may rely on) and a remedy; both stand in reasons.h, and nowhere else. The
 * sentence that says what was wrong with what is kept for the calling thread until the next refusal, in the way of
 * errno.
 *
 * A detail never holds a secret: no PIN, key, share, plaintext, request or answer. */
#ifndef BULLA_CRYPTO_REASON_H
#define BULLA_CRYPTO_REASON_H

#include <stddef.h>

enum bulla_reason {
#define BULLA_REASON(name, code, remedy) BULLA_##name,
#include "reasons.h"
#undef BULLA_REASON
    BULLA_REASON_COUNT
};

#define BULLA_MUST_USE __attribute__((warn_unused_result))

/* Longest detail that is kept, in bytes with its terminating zero; a longer one is cut. */
enum { BULLA_DETAIL_SIZE = 512 };

/* Records the detail for this thread and returns `reason`, so that refusing is one line:
 *     return bulla_refuse(BULLA_TRUNCATED, "chunk %u of %s ends early", index, name);  */
enum bulla_reason bulla_refuse(enum bulla_reason reason, const char *format, ...)
    __attribute__((format(printf, 2, 3), cold));

/* Puts words before the detail already recorded ("opening model 6d69: " …) and returns `reason` unchanged. */
enum bulla_reason bulla_refuse_within(enum bulla_reason reason, const char *format, ...)
    __attribute__((format(printf, 2, 3), cold));

#ifdef __clang_analyzer__ /* which can't see into reason.c that a refusal returns what it was given, never BULLA_OK */
#define bulla_refuse(reason, ...) ((void)(bulla_refuse)(reason, __VA_ARGS__), (reason))
#define bulla_refuse_within(reason, ...) ((void)(bulla_refuse_within)(reason, __VA_ARGS__), (reason))
#endif

/* The stable code ("pin-wrong"), the remedy, and this thread's last detail (never NULL; "" before any refusal). */
const char *bulla_reason_code(enum bulla_reason reason);
const char *bulla_reason_remedy(enum bulla_reason reason);
const char *bulla_detail(void);
void bulla_detail_clear(void);
/* A detail put aside while something else may be refused, and put back. */
struct bulla_detail_kept {
    char text[BULLA_DETAIL_SIZE];
};
void bulla_detail_keep(struct bulla_detail_kept *kept);
void bulla_detail_restore(const struct bulla_detail_kept *kept);

/* Evaluates a call and returns its reason from the enclosing function unless it is BULLA_OK. For functions that have
 * nothing to clean up, or clean up by attribute. */
#define BULLA_TRY(call)                                                                                                \
    do {                                                                                                               \
        enum bulla_reason bulla_try_reason = (call);                                                                   \
        if (bulla_try_reason != BULLA_OK)                                                                              \
            return bulla_try_reason;                                                                                   \
    } while (0)

#endif
