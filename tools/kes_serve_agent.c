/* kes-agent's service protocol, version 2.0 (input-output-hk/kes-agent, Protocols/Service/V2 and VersionHandshake), as
 * its server. Numbers are big-endian, a version is 32 bytes, filled up with zeros:
 *
 *     server: u32 count ‖ count versions                    client: u8 1 ‖ version, or u8 0
 *     server: version                                       what was agreed on, once more
 *     then, each time there is a new state of the key:
 *     server: u8 0 ‖ u64 time in microseconds ‖ bundle      client: u32 receipt; 0: taken
 *     or, when there is no key any more:
 *     server: u8 1 ‖ u64 time                               client: u32 receipt
 *
 *     bundle = signing key (608) ‖ u32 period ‖ verification key (32) ‖ u64 counter ‖ u64 certificate's period ‖
 *              certificate's signature (64)
 *
 * There are no pings: an end is the connection's. A client takes a message only if its time is above the last one's.
 *
 * The key is read from the token for each message, stands in the arena until the kernel has it, and is wiped. */
#include <errno.h>
#include <sys/socket.h>
#include <time.h>

#include "kes_serve.h"
#include "output.h"

enum { OFFERED, IDLE, ASKED };
enum { VERSION = 32, DEPTH = 6, MESSAGE = 1 + 8, BUNDLE = 608 + 4 + 32 + 8 + 8 + 64, PATIENCE = 60 };
enum { KEY_MESSAGE = 0, DROP_MESSAGE = 1 };

static const uint8_t version[VERSION] = "Service:2.0";

/* What a client may make of a message, by number. */
static const char *const receipts[] = {"taken", "it has a newer key",
    "it holds the operational certificate for invalid", "it has no key", "it can't do that"};

static enum bulla_reason opened(struct bulla_serve *serve, struct bulla_serve_peer *peer)
{
    static const uint8_t one[4] = {0, 0, 0, 1};
    (void)serve;
    peer->stage = OFFERED;
    peer->deadline = bulla_serve_seconds() + PATIENCE;
    BULLA_TRY(bulla_serve_queue(peer, BULLA_BYTES(one)));
    return bulla_serve_queue(peer, BULLA_BYTES(version));
}

/* --- the state of the key --- */

static void new_stamp(struct bulla_serve *serve)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    uint64_t stamp = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
    serve->stamp = stamp > serve->stamp ? stamp : serve->stamp + 1;
}

/* The key's end is a state as any other. */
static enum bulla_reason refresh(struct bulla_serve *serve)
{
    unsigned period = serve->period;
    enum bulla_reason reason = bulla_served_key_follow(serve->client, &serve->key, &period);
    bool over = reason == BULLA_KES_OVER;
    if (reason != BULLA_OK && !over)
        return reason;
    if (over != serve->over || period != serve->period)
        new_stamp(serve);
    serve->over = over;
    serve->period = period;
    return BULLA_OK;
}

/* --- messages --- */

static enum bulla_reason write_bundle(struct bulla_serve *serve, struct bulla_writer *writer)
{
    const struct bulla_operational_certificate *certificate = &serve->certificate;
    uint8_t *raw = bulla_write_space(writer, bulla_kes_raw_size(DEPTH));
    if (!raw)
        return bulla_refuse(BULLA_INTERNAL, "no room for a key");
    BULLA_TRY(bulla_served_key_read(serve->client, &serve->key, serve->period, raw));
    bulla_write_u32(writer, serve->period);
    bulla_write(writer, certificate->hot, sizeof certificate->hot);
    bulla_write_u64(writer, certificate->counter);
    bulla_write_u64(writer, certificate->period);
    bulla_write(writer, certificate->signature, sizeof certificate->signature);
    return bulla_writer_finish(writer, "a key for a node");
}

/* A message is never sent in part: the peer has answered all before, so that its queue in the kernel is empty. */
static enum bulla_reason send_whole(struct bulla_serve_peer *peer, struct bulla_bytes message)
{
    ssize_t sent;
    do
        sent = send(peer->socket, message.data, message.size, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)message.size ? BULLA_OK : bulla_refuse(BULLA_CANCELLED, "it does not take its key");
}

static enum bulla_reason push(struct bulla_serve *serve, struct bulla_serve_peer *peer)
{
    struct bulla_writer writer;
    BULLA_SECRET uint8_t *message = NULL;
    BULLA_TRY(bulla_secret_allocate(MESSAGE + BUNDLE, (void **)&message));
    bulla_writer_open(&writer, message, MESSAGE + BUNDLE);
    bulla_write_u8(&writer, serve->over ? DROP_MESSAGE : KEY_MESSAGE);
    bulla_write_u64(&writer, serve->stamp);
    if (!serve->over)
        BULLA_TRY(write_bundle(serve, &writer));
    BULLA_TRY(send_whole(peer, bulla_writer_bytes(&writer)));
    peer->stamp = serve->stamp;
    peer->stage = ASKED;
    peer->deadline = bulla_serve_seconds() + PATIENCE;
    return BULLA_OK;
}

/* A client that was never given a key is not told to drop it. Of a key that somebody evolved meanwhile the next look
 * finds the new state. */
static enum bulla_reason push_if_new(struct bulla_serve *serve, struct bulla_serve_peer *peer)
{
    if (peer->stage != IDLE || peer->out_size || peer->stamp == serve->stamp || (serve->over && !peer->stamp))
        return BULLA_OK;
    enum bulla_reason reason = push(serve, peer);
    return reason == BULLA_KES_PAST ? BULLA_OK : reason;
}

/* --- what comes --- */

static enum bulla_reason accepted(struct bulla_serve *serve, struct bulla_serve_peer *peer)
{
    if (!peer->in_size || (peer->in[0] == 1 && peer->in_size < 1 + VERSION))
        return BULLA_OK;
    if (peer->in[0] != 1 || memcmp(peer->in + 1, version, VERSION) != 0)
        return bulla_refuse(BULLA_UNSUPPORTED, "it does not speak %s", (const char *)version);
    bulla_serve_take(peer, 1 + VERSION);
    BULLA_TRY(bulla_serve_queue(peer, BULLA_BYTES(version)));
    peer->stage = IDLE;
    peer->deadline = 0;
    return refresh(serve);
}

static enum bulla_reason received(struct bulla_serve *serve, struct bulla_serve_peer *peer)
{
    struct bulla_reader reader;
    if (peer->in_size < 4)
        return BULLA_OK;
    bulla_reader_open(&reader, (struct bulla_bytes){peer->in, 4});
    uint32_t receipt = bulla_read_u32(&reader);
    bulla_serve_take(peer, 4);
    bulla_remark("%s of period %u: %s", serve->over ? "the key's end" : "the key", serve->period,
        receipt < BULLA_COUNT(receipts) ? receipts[receipt] : "the client could not take it");
    peer->stage = IDLE;
    peer->deadline = 0;
    return BULLA_OK;
}

/* The token's own trouble is no peer's fault, but a peer that waits for its first key had better come again. */
static enum bulla_reason came(struct bulla_serve *serve, struct bulla_serve_peer *peer)
{
    if (peer->stage == OFFERED)
        BULLA_TRY(accepted(serve, peer));
    else if (peer->stage == ASKED)
        BULLA_TRY(received(serve, peer));
    if (peer->stage == IDLE && peer->in_size)
        return bulla_refuse(BULLA_MALFORMED, "it speaks when it was not asked");
    return push_if_new(serve, peer);
}

static enum bulla_reason tick(struct bulla_serve *serve)
{
    enum bulla_reason reason = refresh(serve);
    if (reason != BULLA_OK && reason != serve->said)
        bulla_remark("the key is not renewed: %s (%s)", bulla_detail(), bulla_reason_code(reason));
    serve->said = reason;
    for (size_t i = 0; i < BULLA_SERVE_PEERS && reason == BULLA_OK; i++)
        if (serve->peers[i].socket >= 0 && push_if_new(serve, &serve->peers[i]) != BULLA_OK) {
            bulla_remark("a client could not be given the key: %s", bulla_detail());
            (void)shutdown(serve->peers[i].socket, SHUT_RDWR); /* and its end is noticed as any other's */
        }
    return BULLA_OK;
}

/* What must hold before anybody is served. */
static enum bulla_reason begin(struct bulla_serve *serve)
{
    const char *file = serve->settings->certificate;
    if (!file)
        return bulla_refuse(BULLA_ARGUMENT, "a node's key goes with its operational certificate: --certificate FILE");
    if (serve->key.depth != DEPTH)
        return bulla_refuse(
            BULLA_UNSUPPORTED, "nodes take KES keys of depth %d, and this one's is %u", DEPTH, serve->key.depth);
    BULLA_TRY(bulla_served_key_check_export(serve->client, &serve->key));
    BULLA_TRY(bulla_served_certificate_read(file, &serve->key, &serve->certificate));
    BULLA_TRY(bulla_served_key_follow(serve->client, &serve->key, &serve->period));
    new_stamp(serve);
    return BULLA_OK;
}

const struct bulla_serve_mode bulla_serve_agent = {
    .name = "the key itself", .in_largest = 1 + VERSION, .begin = begin, .opened = opened, .came = came, .tick = tick};
