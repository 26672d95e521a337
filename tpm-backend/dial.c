/* Every wait is a poll until the deadline; descriptors never block. */
#include "dial.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { REST_NS = 1000000 };

uint64_t bulla_tpm_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool bulla_tpm_wait(struct bulla_tpm_channel *channel, short events)
{
    for (;;) {
        uint64_t now = bulla_tpm_now_ms();
        channel->timed_out = now >= channel->deadline;
        if (channel->timed_out)
            return false;
        struct pollfd descriptor = {.fd = channel->fd, .events = events};
        int ready = poll(&descriptor, 1, (int)(channel->deadline - now));
        if (ready > 0)
            return true;
        if (ready < 0 && errno != EINTR)
            return false;
    }
}

bool bulla_tpm_passing(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static void rest(struct bulla_tpm_channel *channel)
{
    channel->timed_out = bulla_tpm_now_ms() >= channel->deadline;
    (void)nanosleep(&(struct timespec){.tv_nsec = REST_NS}, NULL);
}

/* A unix socket says EAGAIN when its queue of connections is full; TCP goes on in the background. */
static int connect_to(struct bulla_tpm_channel *channel, const struct sockaddr *address, socklen_t size)
{
    channel->fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (channel->fd < 0)
        return errno;
    while (connect(channel->fd, address, size) != 0 && errno != EISCONN) {
        int error = errno;
        socklen_t length = sizeof error;
        if (error == EINPROGRESS && bulla_tpm_wait(channel, POLLOUT) &&
            getsockopt(channel->fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0)
            break;
        if (!bulla_tpm_passing(error) || channel->timed_out)
            return error;
        rest(channel);
    }
    return 0;
}

static int connect_unix(struct bulla_tpm_channel *channel)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, channel->address.path, sizeof address.sun_path);
    return connect_to(channel, (const struct sockaddr *)&address, sizeof address);
}

static int connect_tcp(struct bulla_tpm_channel *channel)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    if (getaddrinfo(channel->address.host, channel->address.port, &hints, &found) != 0)
        return EADDRNOTAVAIL;
    int error = connect_to(channel, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    int on = 1;
    if (error == 0)
        (void)setsockopt(channel->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return error;
}

/* /dev/tpm0, past the resource manager, has one user at a time. */
static int open_device(struct bulla_tpm_channel *channel)
{
    const int flags = O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
    while ((channel->fd = open(channel->address.path, flags)) < 0) {
        if (errno != EBUSY && errno != EINTR)
            return errno;
        rest(channel);
        if (channel->timed_out)
            return EBUSY;
    }
    return 0;
}

int bulla_tpm_dial(struct bulla_tpm_channel *channel)
{
    if (channel->address.device)
        return open_device(channel);
    return channel->address.path[0] ? connect_unix(channel) : connect_tcp(channel);
}

bool bulla_tpm_turn_take(struct bulla_tpm_channel *channel)
{
    char folder[BULLA_TPM_PATH_LARGEST];
    memcpy(folder, channel->address.path, sizeof folder);
    *(strrchr(folder, '/') + 1) = '\0';
    channel->lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (channel->lock >= 0 && flock(channel->lock, LOCK_EX | LOCK_NB) != 0 && bulla_tpm_passing(errno)) {
        rest(channel);
        if (channel->timed_out)
            return false;
    }
    return true;
}
