/* One poll over the listening socket and all peers. A peer that sends more than its mode takes, answers late or is one
 * too many is closed; none of them can hold up the others but by the time that the token needs for an answer. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "interrupt.h"
#include "kes_serve.h"
#include "output.h"

enum { TICK = 500 /* milliseconds: how late a signal may be seen */, INTERVAL_USUAL = 10 };

int64_t bulla_serve_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

enum bulla_reason bulla_serve_queue(struct bulla_serve_peer *peer, struct bulla_bytes bytes)
{
    if (bytes.size > sizeof peer->out - peer->out_size)
        return bulla_refuse(BULLA_BUFFER_SMALL, "a client does not take what it asked for");
    memcpy(peer->out + peer->out_size, bytes.data, bytes.size);
    peer->out_size += bytes.size;
    return BULLA_OK;
}

void bulla_serve_take(struct bulla_serve_peer *peer, size_t size)
{
    memmove(peer->in, peer->in + size, peer->in_size - size);
    peer->in_size -= size;
}

static void peer_close(struct bulla_serve_peer *peer)
{
    (void)close(peer->socket);
    free(peer->in);
    *peer = (struct bulla_serve_peer){.socket = -1};
}

static void peer_end(struct bulla_serve_peer *peer)
{
    bulla_remark("a client is disconnected: %s", bulla_detail());
    peer_close(peer);
}

/* false: the peer has gone. */
static bool peer_flush(struct bulla_serve_peer *peer)
{
    ssize_t sent = peer->out_size ? send(peer->socket, peer->out, peer->out_size, MSG_NOSIGNAL) : 0;
    if (sent < 0)
        return errno == EAGAIN || errno == EINTR;
    memmove(peer->out, peer->out + sent, peer->out_size - (size_t)sent);
    peer->out_size -= (size_t)sent;
    return true;
}

static void peer_open(struct bulla_serve *serve)
{
    struct bulla_serve_peer *peer = serve->peers;
    int socket = accept4(serve->place.listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (socket < 0)
        return; /* it went away again, or there are too many files: the next poll tells */
    while (peer < serve->peers + BULLA_SERVE_PEERS && peer->socket >= 0)
        peer++;
    uint8_t *in = peer < serve->peers + BULLA_SERVE_PEERS ? malloc(serve->mode->in_largest) : NULL;
    if (!in) {
        bulla_remark("a client is turned away: there are %d", BULLA_SERVE_PEERS);
        (void)close(socket);
        return;
    }
    *peer = (struct bulla_serve_peer){.socket = socket, .in = in};
    if (serve->mode->opened(serve, peer) != BULLA_OK)
        peer_end(peer);
    else if (!peer_flush(peer))
        peer_close(peer);
}

static bool peer_receive(struct bulla_serve *serve, struct bulla_serve_peer *peer)
{
    ssize_t got = recv(peer->socket, peer->in + peer->in_size, serve->mode->in_largest - peer->in_size, 0);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    peer->in_size += (size_t)got;
    return got > 0;
}

/* The mode works off what came, as far as the peer takes the answers. false: the peer has gone. */
static bool peer_work(struct bulla_serve *serve, struct bulla_serve_peer *peer, enum bulla_reason *reason)
{
    for (size_t before = SIZE_MAX; peer->in_size < before && !peer->out_size && *reason == BULLA_OK;) {
        before = peer->in_size;
        *reason = serve->mode->came(serve, peer);
        if (!peer_flush(peer))
            return false;
    }
    return true;
}

static void peer_turn(struct bulla_serve *serve, struct bulla_serve_peer *peer, short events)
{
    enum bulla_reason reason = BULLA_OK;
    bool there = true;
    if (events & POLLOUT)
        there = peer_flush(peer);
    if (there && (events & (POLLIN | POLLHUP | POLLERR)) && !peer->out_size)
        there = peer_receive(serve, peer);
    if (!there || !peer_work(serve, peer, &reason)) {
        peer_close(peer);
        return;
    }
    if (reason == BULLA_OK && peer->deadline && bulla_serve_seconds() > peer->deadline)
        reason = bulla_refuse(BULLA_CANCELLED, "it did not answer in time");
    if (reason != BULLA_OK)
        peer_end(peer);
}

/* What is polled: the listener, then each peer at its own place; a place that is free has socket -1, which poll skips.
 * A peer that has not taken its answer is not read. */
static void watch(const struct bulla_serve *serve, struct pollfd *polled)
{
    polled[0] = (struct pollfd){serve->place.listener, POLLIN, 0};
    for (size_t i = 0; i < BULLA_SERVE_PEERS; i++) {
        const struct bulla_serve_peer *peer = &serve->peers[i];
        polled[i + 1] = (struct pollfd){peer->socket, peer->out_size ? POLLOUT : POLLIN, 0};
    }
}

enum bulla_reason bulla_serve_loop(struct bulla_serve *serve)
{
    struct pollfd polled[1 + BULLA_SERVE_PEERS];
    int64_t interval = serve->settings->interval ? (int64_t)serve->settings->interval : INTERVAL_USUAL;
    int64_t next = bulla_serve_seconds() + interval;
    enum bulla_reason reason = BULLA_OK;
    while (reason == BULLA_OK && bulla_interrupt_check() == BULLA_OK) {
        watch(serve, polled);
        int ready = poll(polled, 1 + BULLA_SERVE_PEERS, TICK);
        if (ready < 0 && errno != EINTR)
            return bulla_refuse(BULLA_FILE, "waiting for clients: %s", strerror(errno));
        for (size_t i = 0; i < BULLA_SERVE_PEERS && ready >= 0; i++)
            if (serve->peers[i].socket >= 0 && (polled[i + 1].revents || serve->peers[i].deadline))
                peer_turn(serve, &serve->peers[i], polled[i + 1].revents);
        if (ready > 0 && polled[0].revents)
            peer_open(serve);
        if (bulla_serve_seconds() >= next) {
            reason = serve->mode->tick(serve);
            next = bulla_serve_seconds() + interval;
        }
    }
    for (size_t i = 0; i < BULLA_SERVE_PEERS; i++)
        if (serve->peers[i].socket >= 0)
            peer_close(&serve->peers[i]);
    return reason;
}
