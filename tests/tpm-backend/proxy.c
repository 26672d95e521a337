#include "proxy.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE = 4096, FLUSH = 0x165 };

static uint32_t u32_at(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void u32_put(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (24 - 8 * i));
}

static bool read_all(int fd, uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t got = read(fd, data, size);
        if (got <= 0)
            return false;
        data += got;
        size -= (size_t)got;
    }
    return true;
}

static void write_all(int fd, const uint8_t *data, size_t size)
{
    (void)!send(fd, data, size, MSG_NOSIGNAL);
}

/* The size of the command, 0 at the end of the connection. */
static size_t command_read(const struct proxy *proxy, int fd, uint8_t *command)
{
    uint8_t prefix[9];
    if (proxy->form == PROXY_SIMULATOR &&
        (!read_all(fd, prefix, sizeof prefix) || u32_at(prefix) != 8 || prefix[4] != 0))
        return 0;
    if (!read_all(fd, command, 10))
        return 0;
    size_t size = u32_at(command + 2);
    if (size < 10 || size > MESSAGE || !read_all(fd, command + 10, size - 10))
        return 0;
    if (proxy->form == PROXY_SIMULATOR && u32_at(prefix + 5) != size)
        abort();
    return size;
}

static void answer_write(const struct proxy *proxy, int fd, const uint8_t *answer, size_t size)
{
    uint8_t frame[MESSAGE + 8] = {0};
    if (proxy->form != PROXY_SIMULATOR) {
        write_all(fd, answer, size);
        return;
    }
    u32_put(frame, (uint32_t)size);
    memcpy(frame + 4, answer, size);
    write_all(fd, frame, size + 8);
}

static void record(struct proxy *proxy, const uint8_t *data, size_t size)
{
    if (proxy->wire_size + size > proxy->wire_capacity) {
        proxy->wire_capacity = 2 * (proxy->wire_size + size);
        proxy->wire = realloc(proxy->wire, proxy->wire_capacity);
        if (!proxy->wire)
            abort();
    }
    memcpy(proxy->wire + proxy->wire_size, data, size);
    proxy->wire_size += size;
}

static bool strikes(struct proxy *proxy, uint32_t code)
{
    int number = code == FLUSH ? -1 : atomic_fetch_add(&proxy->seen, 1);
    bool here = proxy->at_code != 0 ? proxy->at_code == code : number >= 0 && number == proxy->at;
    return here && !atomic_exchange(&proxy->struck, true);
}

static void rest(unsigned milliseconds)
{
    struct timespec time = {.tv_sec = milliseconds / 1000, .tv_nsec = (long)(milliseconds % 1000) * 1000000};
    (void)nanosleep(&time, NULL);
}

/* False: the connection is at its end. */
static bool serve_one(struct proxy *proxy, int fd)
{
    uint8_t command[MESSAGE], answer[MESSAGE];
    size_t size = command_read(proxy, fd, command);
    if (size == 0)
        return false;
    record(proxy, command, size);
    enum proxy_act act = PROXY_FORWARD;
    if (strikes(proxy, u32_at(command + 6))) {
        act = proxy->act;
        if (proxy->before)
            proxy->before(proxy);
    }
    if (act == PROXY_HANG) {
        (void)read_all(fd, answer, 1); /* until the other side gives up */
        return false;
    }
    if (act == PROXY_CLOSE || proxy->tpm->pid == 0)
        return false;
    size_t got = 10;
    if (act == PROXY_ERROR) {
        static const uint8_t head[10] = {0x80, 0x01, 0, 0, 0, 10};
        memcpy(answer, head, sizeof head);
        u32_put(answer + 6, proxy->error);
    } else {
        got = test_swtpm_command(proxy->tpm, command, size, answer, sizeof answer);
        record(proxy, answer, got);
    }
    if (act == PROXY_DELAY)
        rest(proxy->delay_ms);
    if (act == PROXY_FLIP)
        answer[got - 1] ^= 1;
    if (act == PROXY_HUGE)
        u32_put(answer + 2, 0x80000000);
    answer_write(proxy, fd, answer, act == PROXY_SHORT ? got / 2 : got);
    return act != PROXY_SHORT && proxy->form == PROXY_SIMULATOR;
}

static void *serve(void *context)
{
    struct proxy *proxy = context;
    for (;;) {
        int fd = accept(proxy->listener, NULL, NULL);
        if (fd < 0)
            return NULL;
        while (serve_one(proxy, fd))
            ;
        (void)close(fd);
    }
}

static void listen_unix(struct proxy *proxy)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/proxy", proxy->tpm->folder);
    (void)snprintf(proxy->tcti, sizeof proxy->tcti, "swtpm:path=%s", address.sun_path);
    proxy->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)unlink(address.sun_path);
    if (bind(proxy->listener, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(proxy->listener, 8) != 0)
        abort();
}

static void listen_tcp(struct proxy *proxy)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    proxy->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(proxy->listener, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(proxy->listener, 8) != 0 || getsockname(proxy->listener, (struct sockaddr *)&address, &size) != 0)
        abort();
    (void)snprintf(proxy->tcti, sizeof proxy->tcti, "%s:host=127.0.0.1,port=%u",
        proxy->form == PROXY_SIMULATOR ? "mssim" : "swtpm", ntohs(address.sin_port));
}

void proxy_start(struct proxy *proxy, const struct test_swtpm *tpm, enum proxy_form form)
{
    memset(proxy, 0, sizeof *proxy);
    proxy->tpm = tpm;
    proxy->form = form;
    proxy_reset(proxy);
    if (form == PROXY_UNIX)
        listen_unix(proxy);
    else
        listen_tcp(proxy);
    if (pthread_create(&proxy->thread, NULL, serve, proxy) != 0)
        abort();
}

void proxy_reset(struct proxy *proxy)
{
    proxy->at = -1;
    proxy->at_code = 0;
    proxy->act = PROXY_FORWARD;
    proxy->before = NULL;
    proxy->wire_size = 0;
    atomic_store(&proxy->seen, 0);
    atomic_store(&proxy->struck, false);
}

void proxy_stop(struct proxy *proxy)
{
    (void)shutdown(proxy->listener, SHUT_RDWR);
    (void)pthread_join(proxy->thread, NULL);
    (void)close(proxy->listener);
    free(proxy->wire);
}

bool proxy_saw(const struct proxy *proxy, const uint8_t *bytes, size_t size)
{
    return proxy->wire && memmem(proxy->wire, proxy->wire_size, bytes, size) != NULL;
}
