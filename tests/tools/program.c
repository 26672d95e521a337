#include "program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORDS_LARGEST = 64 };

static void must(int done, const char *what)
{
    if (done)
        return;
    perror(what);
    abort();
}

static char *taken(FILE *file, size_t *taken_size)
{
    long size = 0;
    must(fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) >= 0, "output");
    rewind(file);
    char *text = calloc(1, (size_t)size + 1);
    must(text && fread(text, 1, (size_t)size, file) == (size_t)size, "output");
    must(fclose(file) == 0, "output");
    *taken_size = (size_t)size;
    return text;
}

static void child_become(FILE *in, FILE *out, FILE *err, const char *const *words)
{
    char *copies[WORDS_LARGEST + 2] = {NULL};
    copies[0] = strdup("bulla");
    for (size_t i = 0; words[i] && i < WORDS_LARGEST; i++)
        copies[i + 1] = strdup(words[i]);
    (void)setsid(); /* no controlling terminal: nothing asks the person who runs the tests */
    must(dup2(fileno(in), 0) == 0 && dup2(fileno(out), 1) == 1 && dup2(fileno(err), 2) == 2, "dup2");
    execv(BULLA_PROGRAM, copies);
    must(0, BULLA_PROGRAM);
}

void program_run(struct program_result *result, const char *input, const char *const *words)
{
    FILE *in = tmpfile();
    FILE *out = tmpfile();
    FILE *err = tmpfile();
    int status = 0;
    must(in && out && err, "tmpfile");
    if (input)
        must(fputs(input, in) >= 0 && fflush(in) == 0, "input");
    rewind(in);
    pid_t child = fork();
    must(child >= 0, "fork");
    if (child == 0)
        child_become(in, out, err, words);
    must(waitpid(child, &status, 0) == child, "waitpid");
    (void)fclose(in);
    result->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    size_t err_size = 0;
    result->out = taken(out, &result->out_size);
    result->err = taken(err, &err_size);
    result->json = json_loads(result->out, JSON_REJECT_DUPLICATES, NULL);
}

void program_result_free(struct program_result *result)
{
    free(result->out);
    free(result->err);
    json_decref(result->json);
    memset(result, 0, sizeof *result);
}

const char *program_text(const struct program_result *result, const char *name)
{
    const json_t *at = result->json;
    char word[64];
    while (*name && at) {
        size_t size = strcspn(name, ".");
        must(size < sizeof word, "a name");
        memcpy(word, name, size);
        word[size] = '\0';
        at = json_object_get(at, word);
        name += size + (name[size] == '.');
    }
    return json_string_value(at);
}
