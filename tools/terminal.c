/* Echo is off and input comes byte by byte, so that the line does not wait in the terminal's buffer; the signals that
 * the keyboard makes are read as bytes, and those that others may send wait until the terminal is as it was. */
#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

struct hush {
    int terminal;
    bool known; /* `before` is what the terminal was */
    struct termios before;
    sigset_t signals_before;
};

bool bulla_terminal_present(void)
{
    int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (terminal < 0)
        return false;
    (void)close(terminal);
    return true;
}

static void terminal_write(int terminal, const char *text)
{
    ssize_t written = write(terminal, text, strlen(text));
    (void)written; /* a prompt that can't be shown is not worth a failure */
}

static bool hush_begin(struct hush *hush)
{
    sigset_t blocked;
    hush->terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (hush->terminal < 0)
        return false;
    (void)sigfillset(&blocked);
    (void)sigprocmask(SIG_BLOCK, &blocked, &hush->signals_before);
    hush->known = tcgetattr(hush->terminal, &hush->before) == 0;
    if (!hush->known)
        return false;
    struct termios silent = hush->before;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG);
    silent.c_cc[VMIN] = 1;
    silent.c_cc[VTIME] = 0;
    return tcsetattr(hush->terminal, TCSAFLUSH, &silent) == 0;
}

static void hush_end(struct hush *hush)
{
    if (hush->terminal < 0)
        return;
    if (hush->known)
        (void)tcsetattr(hush->terminal, TCSAFLUSH, &hush->before);
    (void)sigprocmask(SIG_SETMASK, &hush->signals_before, NULL);
    (void)close(hush->terminal);
}

enum key_effect { KEY_STORED, KEY_LINE_END, KEY_CANCEL, KEY_TOO_MANY };

static enum key_effect key_take(struct bulla_pin *pin, unsigned char key)
{
    switch (key) {
    case '\r':
    case '\n':
        return KEY_LINE_END;
    case 3: /* ^C */
    case 4: /* ^D */
        return KEY_CANCEL;
    case 8: /* backspace */
    case 127:
        pin->size -= pin->size > 0;
        return KEY_STORED;
    case 21: /* ^U */
        pin->size = 0;
        return KEY_STORED;
    default:
        break;
    }
    if (pin->size >= BULLA_PIN_LARGEST)
        return KEY_TOO_MANY;
    pin->bytes[pin->size++] = key;
    return KEY_STORED;
}

/* One byte of the secret passes through a local, which the next one overwrites; the last is a line end. */
static enum key_effect line_read(int terminal, struct bulla_pin *pin)
{
    enum key_effect effect = KEY_STORED;
    while (effect == KEY_STORED) {
        unsigned char key = 0;
        ssize_t got = read(terminal, &key, 1);
        effect = got == 1 ? key_take(pin, key) : KEY_CANCEL;
        bulla_wipe(&key, sizeof key);
    }
    return effect;
}

enum bulla_reason bulla_terminal_secret(const char *prompt, struct bulla_pin *pin)
{
    struct hush hush;
    enum bulla_reason reason = BULLA_OK;
    if (!hush_begin(&hush)) {
        reason = bulla_refuse(BULLA_FILE, "the terminal can't be made silent: %s", strerror(errno));
        goto done;
    }
    pin->size = 0;
    terminal_write(hush.terminal, prompt);
    terminal_write(hush.terminal, ": ");
    enum key_effect effect = line_read(hush.terminal, pin);
    terminal_write(hush.terminal, "\r\n");
    if (effect == KEY_CANCEL)
        reason = bulla_refuse(BULLA_CANCELLED, "no PIN was entered");
    if (effect == KEY_TOO_MANY)
        reason = bulla_refuse(BULLA_PIN_LENGTH, "a PIN has at most %d bytes", BULLA_PIN_LARGEST);
done:
    hush_end(&hush);
    return reason;
}

bool bulla_terminal_confirm(const char *question)
{
    char answer[16] = "";
    FILE *terminal = fopen("/dev/tty", "r+e");
    if (!terminal)
        return false;
    (void)fprintf(terminal, "%s [y/N] ", question);
    (void)fflush(terminal);
    bool read = fgets(answer, sizeof answer, terminal) != NULL;
    (void)fclose(terminal);
    answer[strcspn(answer, "\r\n")] = '\0';
    return read && (strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0);
}

enum bulla_reason bulla_terminal_consent(bool given, const char *question)
{
    if (given)
        return BULLA_OK;
    if (!bulla_terminal_present())
        return bulla_refuse(BULLA_CANCELLED, "consent is needed: see what is shown above, then give --yes");
    return bulla_terminal_confirm(question) ? BULLA_OK : bulla_refuse(BULLA_CANCELLED, "there was no consent");
}
