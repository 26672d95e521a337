#include "client_process.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

/* Letters and digits, so that it is text to whoever reads it. */
static void choose_text(uint8_t *text, size_t size)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz012345";
    if (getrandom(text, size, 0) != (ssize_t)size)
        abort();
    for (size_t i = 0; i < size; i++)
        text[i] = (uint8_t)letters[text[i] & 31];
}

/* Words of 7 letters and a full stop: the tokeniser gives a word of 100 letters one unknown token. */
static void choose_request(uint8_t *text, size_t size)
{
    choose_text(text, size);
    for (size_t i = 7; i < size; i += 8)
        text[i] = ' ';
}

static void become(const char *folder, int in, int out, char *const *words)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    in = fcntl(in, F_DUPFD, 16); /* out of the way of 3 and 4 */
    out = fcntl(out, F_DUPFD, 16);
    if (dup2(in, FRAMES_IN) < 0 || dup2(out, FRAMES_OUT) < 0 || chdir(folder) != 0)
        _exit(3);
    for (int file = FRAMES_OUT + 1; file < 64; file++)
        (void)close(file);
    (void)execv(words[0], words);
    _exit(3);
}

void client_start(struct client *client, const char *folder, char *const *words)
{
    int to[2], from[2];
    *client = (struct client){0};
    choose_text(client->user, sizeof client->user);
    choose_text(client->officer, sizeof client->officer);
    choose_request(client->text, sizeof client->text);
    if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0 || (client->process = fork()) < 0)
        abort();
    if (client->process == 0)
        become(folder, to[0], from[1], words);
    (void)close(to[0]);
    (void)close(from[1]);
    client->in = to[1];
    client->out = from[0];
}

static bool get_all(int file, void *data, size_t size)
{
    uint8_t *at = data;
    while (size) {
        ssize_t got = read(file, at, size);
        if (got <= 0)
            return false;
        at += got;
        size -= (size_t)got;
    }
    return true;
}

static void keep_draw(struct client *client, const uint8_t *bytes, size_t size)
{
    if (client->draw_count == DRAWS_MOST || size > DRAW_LARGEST)
        abort();
    struct draw *draw = &client->draws[client->draw_count++];
    memcpy(draw->bytes, bytes, size);
    draw->size = size;
}

static void keep_answer(struct client *client, const uint8_t *bytes, size_t size)
{
    if (client->answer_count == ANSWERS_MOST || !(client->answers[client->answer_count] = malloc(size)))
        abort();
    memcpy(client->answers[client->answer_count], bytes, size);
    client->answer_sizes[client->answer_count++] = size;
}

static void send(struct client *client, const void *data, size_t size)
{
    if (write(client->in, data, size) != (ssize_t)size)
        abort();
}

static void take_stage(struct client *client, const uint8_t *bytes, size_t size)
{
    (void)snprintf(client->stage, sizeof client->stage, "%.*s", (int)size, (const char *)bytes);
    for (size_t i = 0; i < client->draw_count; i++)
        if (!*client->draws[i].stage)
            memcpy(client->draws[i].stage, client->stage, sizeof client->stage);
}

/* False when the client ended. */
static bool serve(struct client *client)
{
    static uint8_t bytes[FRAME_LARGEST];
    struct frame frame;
    if (!get_all(client->out, &frame, sizeof frame) || frame.size > sizeof bytes ||
        !get_all(client->out, bytes, frame.size))
        return false;
    if (frame.kind == FRAME_DRAWN)
        keep_draw(client, bytes, frame.size);
    else if (frame.kind == FRAME_ANSWER)
        keep_answer(client, bytes, frame.size);
    else if (frame.kind == FRAME_STAGE)
        take_stage(client, bytes, frame.size);
    else if (frame.kind == FRAME_USER)
        send(client, client->user, PIN_SIZE);
    else if (frame.kind == FRAME_OFFICER)
        send(client, client->officer, PIN_SIZE);
    else if (frame.kind == FRAME_TEXT)
        send(client, client->text, TEXT_SIZE);
    else
        (void)fprintf(stderr, "the client: %.*s\n", (int)frame.size, (const char *)bytes);
    return true;
}

bool client_reach(struct client *client, const char *stage)
{
    *client->stage = '\0';
    while (!*client->stage)
        if (!serve(client))
            return false;
    return strcmp(client->stage, stage) == 0;
}

void client_go_on(struct client *client)
{
    send(client, "", 1);
}

int client_end(struct client *client)
{
    int status = 0;
    (void)close(client->in);
    (void)waitpid(client->process, &status, 0);
    (void)close(client->out);
    client->process = 0;
    return status;
}

void client_free(struct client *client)
{
    for (size_t i = 0; i < client->answer_count; i++)
        free(client->answers[i]);
    client->answer_count = 0;
}
