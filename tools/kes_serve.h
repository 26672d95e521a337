/* `bulla kes serve`: a KES key of the token for programs at a unix socket; what its parts share.
 *
 * One thread, one poll: a mode says what its peers may send and what they are sent. The mode of kes-agent's service
 * protocol gives the key itself away (kes_serve_agent.c); the sign mode keeps it (kes_serve_sign.c). */
#ifndef BULLA_TOOLS_KES_SERVE_H
#define BULLA_TOOLS_KES_SERVE_H

#include <sys/stat.h>

#include "client.h"
#include "crypto/kes_calendar.h"
#include "crypto/kes_certificate.h"

struct bulla_serve_settings {
    struct bulla_common common;
    const char *socket, *key, *certificate;
    bool sign, advance;
    uint64_t interval; /* seconds; 0: the usual */
};

/* --- kes_serve_key.c: the key in the token --- */

struct bulla_served_key {
    CK_OBJECT_HANDLE handle;
    unsigned depth;
    uint8_t verification_key[BULLA_KES_HASH];
    struct bulla_kes_calendar calendar;
};

/* The one private KES key with this label. */
enum bulla_reason bulla_served_key_open(
    struct bulla_client *client, const char *label, struct bulla_served_key *key) BULLA_MUST_USE;
/* BULLA_KEY_UNEXTRACTABLE unless the key's owner allowed, when it was made, that it be read. */
enum bulla_reason bulla_served_key_check_export(
    struct bulla_client *client, const struct bulla_served_key *key) BULLA_MUST_USE;
enum bulla_reason bulla_served_key_period(
    struct bulla_client *client, const struct bulla_served_key *key, unsigned *period) BULLA_MUST_USE;
enum bulla_reason bulla_served_key_evolve(
    struct bulla_client *client, const struct bulla_served_key *key, unsigned period) BULLA_MUST_USE;
/* The present period, after the one evolution that the clock may ask for. BULLA_KES_CLOCK when it is further behind,
 * BULLA_KES_OVER when the clock has left the key's last period, or the token has the key no more. */
enum bulla_reason bulla_served_key_follow(
    struct bulla_client *client, const struct bulla_served_key *key, unsigned *period) BULLA_MUST_USE;
/* The raw key of exactly this period, checked against the verification key: `raw`, bulla_kes_raw_size bytes of the
 * arena, which the caller wipes. BULLA_KES_PAST when the key has evolved meanwhile. */
enum bulla_reason bulla_served_key_read(
    struct bulla_client *client, const struct bulla_served_key *key, unsigned period, uint8_t *raw) BULLA_MUST_USE;
/* Signs, and says in which period: what is returned was verified in that. `size`: what fits, then what was written. */
enum bulla_reason bulla_served_key_sign(struct bulla_client *client, const struct bulla_served_key *key,
    enum bulla_kes_scheme scheme, struct bulla_bytes message, uint8_t *signature, size_t *size,
    unsigned *period) BULLA_MUST_USE;

/* --- kes_serve_certificate.c --- */

/* An operational certificate, Cardano's TextEnvelope or its CBOR, that is signed and is the key's. */
enum bulla_reason bulla_served_certificate_read(const char *path, const struct bulla_served_key *key,
    struct bulla_operational_certificate *certificate) BULLA_MUST_USE;

/* --- kes_serve_socket.c --- */

struct bulla_serve_socket {
    int listener; /* -1: none */
    struct stat place;
    const char *path;
};
/* Listens at the path, mode 0600, in place of a socket that nobody serves. BULLA_FILE: the path is something else, it
 * is served, or somebody else could put his own socket there. */
enum bulla_reason bulla_serve_listen(struct bulla_serve_socket *place, const char *path) BULLA_MUST_USE;
/* Removes the socket if it is still this one. */
void bulla_serve_unlisten(struct bulla_serve_socket *place);

/* --- kes_serve_loop.c --- */

enum { BULLA_SERVE_PEERS = 64, BULLA_SERVE_OUT = 4096 };

struct bulla_serve_peer {
    int socket; /* -1: the place is free */
    int stage;  /* of the mode's own */
    uint64_t stamp;
    int64_t deadline; /* monotonic seconds; 0: it may wait */
    uint8_t *in;      /* the mode's in_largest bytes */
    size_t in_size;
    uint8_t out[BULLA_SERVE_OUT]; /* nothing secret */
    size_t out_size;
};

struct bulla_serve;
struct bulla_serve_mode {
    const char *name; /* of what is served */
    size_t in_largest;
    enum bulla_reason (*begin)(struct bulla_serve *serve); /* with the key open, before anybody can connect */
    /* Of a new peer, of what came from one, and once in an interval: a refusal ends the peer, and `tick`'s the server.
     */
    enum bulla_reason (*opened)(struct bulla_serve *serve, struct bulla_serve_peer *peer);
    enum bulla_reason (*came)(struct bulla_serve *serve, struct bulla_serve_peer *peer);
    enum bulla_reason (*tick)(struct bulla_serve *serve);
};

struct bulla_serve {
    const struct bulla_serve_settings *settings;
    const struct bulla_serve_mode *mode;
    struct bulla_client *client;
    struct bulla_served_key key;
    struct bulla_operational_certificate certificate;
    struct bulla_serve_socket place;
    struct bulla_serve_peer peers[BULLA_SERVE_PEERS];
    /* of the agent's mode: */
    unsigned period;
    uint64_t stamp;         /* microseconds since 1970 at which the present state was seen first; only grows */
    bool over;              /* there is no key any more */
    enum bulla_reason said; /* the trouble that was remarked on last */
};

extern const struct bulla_serve_mode bulla_serve_agent, bulla_serve_sign;

/* Until a signal comes, which is BULLA_OK. */
enum bulla_reason bulla_serve_loop(struct bulla_serve *serve) BULLA_MUST_USE;
/* Puts bytes into the peer's queue. BULLA_BUFFER_SMALL. */
enum bulla_reason bulla_serve_queue(struct bulla_serve_peer *peer, struct bulla_bytes bytes) BULLA_MUST_USE;
/* Takes the first bytes out of what came. */
void bulla_serve_take(struct bulla_serve_peer *peer, size_t size);
int64_t bulla_serve_seconds(void); /* monotonic */

/* --- kes_serve_sign.c, for its fuzzer --- */

enum { BULLA_SERVE_MESSAGE = 65536 };
struct bulla_serve_request {
    uint8_t message[BULLA_SERVE_MESSAGE];
    size_t size;
    bool wants_period;
    unsigned period;
    enum bulla_kes_scheme scheme;
};
/* {"sign": hex, "period": n, "scheme": "sum" or "compact"}: one line without its end. BULLA_REQUEST_MALFORMED. */
enum bulla_reason bulla_serve_request_read(struct bulla_bytes line, struct bulla_serve_request *request) BULLA_MUST_USE;

#endif
