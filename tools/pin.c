#include "pin.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "output.h"
#include "terminal.h"

enum { PIN_SMALLEST = 4 };

static void line_end_drop(struct bulla_pin *pin)
{
    if (pin->size && pin->bytes[pin->size - 1] == '\n')
        pin->size--;
    if (pin->size && pin->bytes[pin->size - 1] == '\r')
        pin->size--;
}

/* Straight from the file into the arena: no stream's buffer holds the PIN. */
static enum bulla_reason pin_read_all(int file, const char *path, struct bulla_pin *pin)
{
    for (;;) {
        ssize_t got = read(file, pin->bytes + pin->size, sizeof pin->bytes - pin->size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return bulla_refuse(BULLA_FILE, "reading the PIN from %s: %s", path, strerror(errno));
        if (got == 0)
            break;
        pin->size += (size_t)got;
        if (pin->size == sizeof pin->bytes && pin->bytes[pin->size - 1] != '\n')
            return bulla_refuse(BULLA_PIN_LENGTH, "the PIN in %s is longer than %d bytes", path, BULLA_PIN_LARGEST);
        if (pin->size == sizeof pin->bytes)
            break;
    }
    line_end_drop(pin);
    return BULLA_OK;
}

static enum bulla_reason pin_from_file(const char *path, struct bulla_pin *pin)
{
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (file < 0)
        return bulla_refuse(BULLA_FILE, "opening the PIN file %s: %s", path, strerror(errno));
    if (fstat(file, &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & (S_IRGRP | S_IROTH)))
        bulla_remark("others may read the PIN file %s: chmod 600 it", path);
    enum bulla_reason reason = pin_read_all(file, path, pin);
    (void)close(file);
    return reason;
}

/* The variable's bytes are wiped in place: what /proc/self/environ shows afterwards is zeros. */
static enum bulla_reason pin_from_environment(const char *name, char *value, struct bulla_pin *pin)
{
    size_t size = strlen(value);
    enum bulla_reason reason = BULLA_OK;
    if (size > BULLA_PIN_LARGEST)
        reason = bulla_refuse(BULLA_PIN_LENGTH, "the PIN in $%s is longer than %d bytes", name, BULLA_PIN_LARGEST);
    else
        memcpy(pin->bytes, value, pin->size = size);
    bulla_wipe(value, size);
    (void)unsetenv(name);
    return reason;
}

static enum bulla_reason pin_from_terminal(const struct bulla_pin_source *source, struct bulla_pin *pin)
{
    BULLA_SECRET struct bulla_pin *again = NULL;
    char prompt[96] = "Again: ";
    BULLA_TRY(bulla_terminal_secret(source->prompt, pin));
    if (!source->twice)
        return BULLA_OK;
    void *memory = NULL;
    BULLA_TRY(bulla_secret_allocate(sizeof *again, &memory));
    again = memory;
    (void)strncat(prompt, source->prompt, sizeof prompt - sizeof "Again: ");
    BULLA_TRY(bulla_terminal_secret(prompt, again));
    /* Both are zero beyond their ends but for what was erased while typing: the sizes decide how much counts. */
    if (pin->size != again->size || sodium_memcmp(pin->bytes, again->bytes, pin->size) != 0)
        return bulla_refuse(BULLA_PIN_WRONG, "the two entries differ");
    return BULLA_OK;
}

static enum bulla_reason pin_fill(const struct bulla_pin_source *source, struct bulla_pin *pin)
{
    char *value = source->environment ? getenv(source->environment) : NULL;
    if (source->file)
        return pin_from_file(source->file, pin);
    if (value)
        return pin_from_environment(source->environment, value, pin);
    if (source->second_file)
        return pin_from_file(source->second_file, pin);
    if (bulla_terminal_present())
        return pin_from_terminal(source, pin);
    bulla_output_remedy("give it in a file (the options that end in pin-file); BULLA_PIN may hold the user's");
    return bulla_refuse(BULLA_NOT_LOGGED_IN, "%s is needed, and there is no file, variable or terminal to take it from",
        source->prompt);
}

enum bulla_reason bulla_pin_get(const struct bulla_pin_source *source, struct bulla_pin **pin)
{
    BULLA_SECRET struct bulla_pin *fresh = NULL;
    void *memory = NULL;
    *pin = NULL;
    BULLA_TRY(bulla_secret_allocate(sizeof *fresh, &memory));
    fresh = memory;
    BULLA_TRY(pin_fill(source, fresh));
    if (fresh->size < PIN_SMALLEST)
        return bulla_refuse(BULLA_PIN_LENGTH, "%s has %zu byte%s; at least %d are needed", source->prompt, fresh->size,
            bulla_plural(fresh->size), PIN_SMALLEST);
    *pin = BULLA_SECRET_KEEP(fresh);
    return BULLA_OK;
}
