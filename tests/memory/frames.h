/* What the client and the test that watches it say to each other: frames of a kind, a size and that many bytes. */
#ifndef BULLA_TESTS_FRAMES_H
#define BULLA_TESTS_FRAMES_H

#include <stdint.h>

enum { FRAMES_IN = 3, FRAMES_OUT = 4, FRAME_LARGEST = 65536, PIN_SIZE = 24, TEXT_SIZE = 96 };

enum frame_kind {
    FRAME_DRAWN = 'r',   /* bytes that the module drew from libsodium */
    FRAME_ANSWER = 'a',  /* of an inference, or what C_GetAttributeValue gave for it */
    FRAME_STAGE = 's',   /* its name; the client then waits for one byte */
    FRAME_USER = 'u',    /* wants the user's PIN: PIN_SIZE bytes come back */
    FRAME_OFFICER = 'o', /* wants the SO's PIN */
    FRAME_TEXT = 't',    /* wants a request: TEXT_SIZE bytes */
    FRAME_FAILED = 'f',  /* which call failed, and how */
};

struct frame {
    uint32_t kind;
    uint32_t size;
};

#endif
