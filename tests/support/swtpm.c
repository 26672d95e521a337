#include "swtpm.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "folder.h"

enum { START_MS = 10000, ANSWER_S = 10, RESPONSE_LARGEST = 4096 };

static void __attribute__((noreturn)) give_up(const char *what)
{
    (void)fprintf(stderr, "tests: swtpm: %s (errno: %s)\n", what, strerror(errno));
    abort();
}

static bool is_on_path(const char *name)
{
    const char *path = getenv("PATH");
    char *copy = strdup(path ? path : "/usr/bin:/bin");
    bool found = false;
    char *rest = copy;
    for (char *folder; copy && !found && (folder = strsep(&rest, ":")) != NULL;) {
        char program[4096];
        found = (size_t)snprintf(program, sizeof program, "%s/%s", folder, name) < sizeof program &&
                access(program, X_OK) == 0;
    }
    free(copy);
    return found;
}

bool test_swtpm_available(void)
{
    return is_on_path("swtpm");
}

bool test_swtpm_setup_available(void)
{
    return is_on_path("swtpm") && is_on_path("swtpm_setup") && is_on_path("swtpm_localca") && is_on_path("certtool");
}

/* -1 while nobody listens yet. */
static int connect_to(const struct test_swtpm *tpm)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if ((size_t)snprintf(address.sun_path, sizeof address.sun_path, "%s", tpm->socket) >= sizeof address.sun_path)
        give_up("the socket's path is too long");
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        give_up("no socket");
    struct timeval limit = {.tv_sec = ANSWER_S};
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0)
        give_up("no receive timeout");
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

static uint32_t u32_at(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static size_t exchange(int fd, const uint8_t *command, size_t size, uint8_t *response, size_t capacity)
{
    if (send(fd, command, size, MSG_NOSIGNAL) != (ssize_t)size)
        give_up("the command was not taken");
    size_t got = 0;
    while (got < 10 || got < u32_at(response + 2)) {
        ssize_t more = read(fd, response + got, capacity - got);
        if (more <= 0)
            give_up("no answer");
        got += (size_t)more;
    }
    return got;
}

size_t test_swtpm_command(
    const struct test_swtpm *tpm, const uint8_t *command, size_t size, uint8_t *response, size_t capacity)
{
    int fd = connect_to(tpm);
    if (fd < 0)
        give_up("nobody listens");
    size_t got = exchange(fd, command, size, response, capacity);
    (void)close(fd);
    return got;
}

static void command_or_give_up(
    const struct test_swtpm *tpm, const char *what, const uint8_t *command, size_t size, uint8_t *response)
{
    (void)test_swtpm_command(tpm, command, size, response, RESPONSE_LARGEST);
    if (u32_at(response + 6) != 0) {
        (void)fprintf(stderr, "tests: swtpm: response 0x%x\n", u32_at(response + 6));
        give_up(what);
    }
}

/* In the child: its output goes to the log, and it ends with us. */
static void settle(const struct test_swtpm *tpm)
{
    char log[128];
    (void)snprintf(log, sizeof log, "%s/log", tpm->folder);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd >= 0) {
        (void)dup2(fd, STDOUT_FILENO);
        (void)dup2(fd, STDERR_FILENO);
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* In the child: never returns. */
static void __attribute__((noreturn)) become_swtpm(const struct test_swtpm *tpm)
{
    char state[96], server[160], control[160];
    (void)snprintf(state, sizeof state, "dir=%s/state", tpm->folder);
    (void)snprintf(server, sizeof server, "type=unixio,path=%s,disconnect", tpm->socket);
    (void)snprintf(control, sizeof control, "type=unixio,path=%s.ctrl", tpm->socket);
    settle(tpm);
    (void)execlp("swtpm", "swtpm", "socket", "--tpm2", "--tpmstate", state, "--server", server, "--ctrl", control,
        "--flags", "not-need-init,startup-clear", (char *)NULL);
    _exit(127);
}

static void wait_until_it_answers(const struct test_swtpm *tpm)
{
    /* TPM2_GetRandom of 8 bytes. */
    static const uint8_t command[] = {0x80, 0x01, 0, 0, 0, 12, 0, 0, 0x01, 0x7b, 0, 8};
    uint8_t response[RESPONSE_LARGEST];
    for (int waited = 0; waited < START_MS; waited += 5) {
        int fd = connect_to(tpm);
        if (fd >= 0) {
            (void)exchange(fd, command, sizeof command, response, sizeof response);
            (void)close(fd);
            return;
        }
        if (waitpid(tpm->pid, NULL, WNOHANG) != 0)
            give_up("it ended at once: see its log");
        (void)nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    give_up("it does not listen");
}

void test_swtpm_restart(struct test_swtpm *tpm)
{
    if (tpm->pid != 0)
        give_up("it runs already");
    (void)unlink(tpm->socket); /* left behind by SIGKILL */
    tpm->pid = fork();
    if (tpm->pid < 0)
        give_up("no process");
    if (tpm->pid == 0)
        become_swtpm(tpm);
    wait_until_it_answers(tpm);
}

static void prepare(struct test_swtpm *tpm)
{
    memset(tpm, 0, sizeof *tpm);
    test_folder_make(tpm->folder, sizeof tpm->folder);
    test_folder_join(tpm->socket, sizeof tpm->socket, tpm->folder, "tpm");
    (void)snprintf(tpm->tcti, sizeof tpm->tcti, "swtpm:path=%s", tpm->socket);
    char state[96];
    test_folder_join(state, sizeof state, tpm->folder, "state");
    if (mkdir(state, 0700) != 0)
        give_up("no folder for its state");
}

void test_swtpm_start(struct test_swtpm *tpm)
{
    prepare(tpm);
    test_swtpm_restart(tpm);
}

/* --- one with endorsement certificates --- */

static void put(const struct test_swtpm *tpm, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void put(const struct test_swtpm *tpm, const char *name, const char *format, ...)
{
    char path[128], text[1024];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    test_folder_join(path, sizeof path, tpm->folder, name);
    test_file_write(path, text, (size_t)size);
}

/* In the child: never returns. */
static void __attribute__((noreturn)) become_maker(const struct test_swtpm *tpm)
{
    char state[96], config[128];
    (void)snprintf(state, sizeof state, "%s/state", tpm->folder);
    (void)snprintf(config, sizeof config, "%s/setup.conf", tpm->folder);
    settle(tpm);
    (void)execlp("swtpm_setup", "swtpm_setup", "--tpm2", "--tpmstate", state, "--create-ek-cert", "--pcr-banks",
        "sha256,sha384", "--config", config, (char *)NULL);
    _exit(127);
}

void test_swtpm_start_endorsed(struct test_swtpm *tpm)
{
    int status = 0;
    prepare(tpm);
    test_folder_join(tpm->root, sizeof tpm->root, tpm->folder, "swtpm-localca-rootca-cert.pem");
    test_folder_join(tpm->issuer, sizeof tpm->issuer, tpm->folder, "issuer.pem");
    put(tpm, "localca.conf", "statedir = %s\nsigningkey = %s/signkey.pem\nissuercert = %s\ncertserial = %s/serial\n",
        tpm->folder, tpm->folder, tpm->issuer, tpm->folder);
    put(tpm, "localca.options", "--platform-manufacturer bulla\n--platform-version 1\n--platform-model tests\n");
    put(tpm, "setup.conf",
        "create_certs_tool = swtpm_localca\ncreate_certs_tool_config = %s/localca.conf\n"
        "create_certs_tool_options = %s/localca.options\n",
        tpm->folder, tpm->folder);
    pid_t maker = fork();
    if (maker < 0)
        give_up("no process");
    if (maker == 0)
        become_maker(tpm);
    if (waitpid(maker, &status, 0) != maker || status != 0)
        give_up("swtpm_setup failed: see its log");
    test_swtpm_restart(tpm);
}

static void end(struct test_swtpm *tpm, int signal)
{
    if (kill(tpm->pid, signal) != 0 || waitpid(tpm->pid, NULL, 0) != tpm->pid)
        give_up("it can't be ended");
    tpm->pid = 0;
}

void test_swtpm_stop(struct test_swtpm *tpm)
{
    /* TPM2_Shutdown(CLEAR) */
    static const uint8_t command[] = {0x80, 0x01, 0, 0, 0, 12, 0, 0, 0x01, 0x45, 0, 0};
    uint8_t response[RESPONSE_LARGEST];
    command_or_give_up(tpm, "shutdown", command, sizeof command, response);
    end(tpm, SIGTERM);
}

void test_swtpm_kill(struct test_swtpm *tpm)
{
    end(tpm, SIGKILL);
}

void test_swtpm_freeze(struct test_swtpm *tpm)
{
    if (kill(tpm->pid, SIGSTOP) != 0)
        give_up("it can't be frozen");
}

void test_swtpm_thaw(struct test_swtpm *tpm)
{
    if (kill(tpm->pid, SIGCONT) != 0)
        give_up("it can't be thawed");
}

void test_swtpm_finish(struct test_swtpm *tpm)
{
    if (tpm->pid != 0)
        end(tpm, SIGKILL);
    test_folder_remove(tpm->folder);
}

void test_swtpm_extend(const struct test_swtpm *tpm, unsigned pcr, uint8_t byte)
{
    /* TPM2_PCR_Extend: the PCR's handle, a password session with an empty password, one SHA-256 digest. */
    uint8_t command[65] = {0x80, 0x02, 0, 0, 0, 65, 0, 0, 0x01, 0x82, 0, 0, 0, (uint8_t)pcr, 0, 0, 0, 9, 0x40, 0, 0, 9,
        0, 0, 0, 0, 0, 0, 0, 0, 1, 0x00, 0x0b};
    memset(command + 33, byte, 32);
    uint8_t response[RESPONSE_LARGEST];
    command_or_give_up(tpm, "extend", command, sizeof command, response);
}

void test_swtpm_pcr(const struct test_swtpm *tpm, unsigned pcr, uint8_t value[static 32])
{
    /* TPM2_PCR_Read of one PCR of the SHA-256 bank; the value ends the response. */
    uint8_t command[20] = {0x80, 0x01, 0, 0, 0, 20, 0, 0, 0x01, 0x7e, 0, 0, 0, 1, 0x00, 0x0b, 3};
    command[17 + pcr / 8] = (uint8_t)(1U << pcr % 8);
    uint8_t response[RESPONSE_LARGEST];
    command_or_give_up(tpm, "PCR read", command, sizeof command, response);
    uint32_t size = u32_at(response + 2);
    if (size < 34 || response[size - 33] != 32)
        give_up("no value of that PCR");
    memcpy(value, response + size - 32, 32);
}
