/* Runs the built program `bulla` as a shell would, without one: arguments go as they are. */
#ifndef BULLA_TESTS_PROGRAM_H
#define BULLA_TESTS_PROGRAM_H

#include <jansson.h>
#include <stddef.h>

struct program_result {
    int status; /* exit status; 128 + signal when one ended it */
    char *out;  /* standard output, with a zero after it */
    size_t out_size;
    char *err;
    json_t *json; /* standard output when it is one JSON document, else NULL */
};

/* The words end with NULL; input (may be NULL) is standard input. There is no controlling terminal. Aborts the test
 * when the program can't be started. */
void program_run(struct program_result *result, const char *input, const char *const *words);
#define RUN(result, ...) program_run(result, NULL, (const char *const[]){__VA_ARGS__, NULL})
void program_result_free(struct program_result *result);

/* A text at a path of member names in the JSON output; NULL when it is not there. */
const char *program_text(const struct program_result *result, const char *name);

#endif
