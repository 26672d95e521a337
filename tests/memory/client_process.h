/* The client as its watcher has it: started with pipes, served with PINs and requests, stopped at stages. */
#ifndef BULLA_TESTS_CLIENT_PROCESS_H
#define BULLA_TESTS_CLIENT_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "frames.h"

enum { DRAWS_MOST = 512, DRAW_LARGEST = 64, ANSWERS_MOST = 8 };

struct draw {
    char stage[24]; /* the stage that came after it */
    uint8_t bytes[DRAW_LARGEST];
    size_t size;
};
struct client {
    pid_t process;
    int in, out;
    char stage[24];
    uint8_t user[PIN_SIZE], officer[PIN_SIZE], text[TEXT_SIZE];
    struct draw draws[DRAWS_MOST];
    size_t draw_count;
    uint8_t *answers[ANSWERS_MOST]; /* malloc'd */
    size_t answer_sizes[ANSWERS_MOST], answer_count;
};

/* In `folder`, so that a core file falls there. */
void client_start(struct client *client, const char *folder, char *const *words);
/* Until the next stage, where it stands still; false when it ended or failed, which is printed. */
bool client_reach(struct client *client, const char *stage);
void client_go_on(struct client *client);
/* Lets it run to its end; its wait status. */
int client_end(struct client *client);
void client_free(struct client *client);

#endif
