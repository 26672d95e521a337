#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "commands.h"
#include "interrupt.h"
#include "kes_serve.h"
#include "output.h"

#define AT(member) offsetof(struct bulla_serve_settings, member)

static const struct bulla_option options[] = {
    {"socket", 's', "PATH", "where to listen: a unix socket, made for this user alone", BULLA_OPTION_TEXT, AT(socket),
        0, 0, true},
    {"key", 'k', "LABEL", "the KES key's label", BULLA_OPTION_TEXT, AT(key), 0, 0, true},
    {"certificate", 'c', "FILE", "the key's operational certificate, which nodes are given with it", BULLA_OPTION_TEXT,
        AT(certificate), 0, 0, false},
    {"sign", 0, NULL, "keep the key in the token, and sign what is asked for", BULLA_OPTION_FLAG, AT(sign), 0, 0,
        false},
    {"advance", 0, NULL, "with --sign: a request for a later period evolves the key", BULLA_OPTION_FLAG, AT(advance), 0,
        0, false},
    {"interval", 0, "SECONDS", "how often the key's state is looked at (default 10)", BULLA_OPTION_NUMBER, AT(interval),
        1, 3600, false},
};

/* This process is a daemon of our own, and what it reads from the token may be a key. */
static void harden(void)
{
    const struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static enum bulla_reason begun_say(const struct bulla_serve *serve)
{
    const struct bulla_serve_settings *settings = serve->settings;
    bulla_say(
        BULLA_GOOD "serving" BULLA_PLAIN " %s of \"%s\" at %s\n", serve->mode->name, settings->key, settings->socket);
    BULLA_TRY(bulla_output_document(
        json_pack("{s:s,s:s,s:b}", "key", settings->key, "socket", settings->socket, "sign", settings->sign)));
    return bulla_output_finish();
}

static enum bulla_reason serve_all(struct bulla_serve *serve, const struct bulla_call *call)
{
    const struct bulla_serve_settings *settings = serve->settings;
    if (settings->advance && !settings->sign)
        return bulla_refuse(BULLA_ARGUMENT, "--advance goes with --sign");
    BULLA_TRY(bulla_client_connect(serve->client, call));
    BULLA_TRY(bulla_served_key_open(serve->client, settings->key, &serve->key));
    BULLA_TRY(serve->mode->begin(serve));
    BULLA_TRY(bulla_serve_listen(&serve->place, settings->socket));
    harden();
    BULLA_TRY(begun_say(serve));
    return bulla_serve_loop(serve);
}

static enum bulla_reason serve_run(const struct bulla_call *call)
{
    const struct bulla_serve_settings *settings = call->settings;
    struct bulla_client client = {.session = CK_INVALID_HANDLE};
    struct bulla_serve *serve = calloc(1, sizeof *serve);
    if (!serve)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "for a server");
    serve->settings = settings;
    serve->mode = settings->sign ? &bulla_serve_sign : &bulla_serve_agent;
    serve->client = &client;
    serve->place.listener = -1;
    for (size_t i = 0; i < BULLA_SERVE_PEERS; i++)
        serve->peers[i].socket = -1;
    bulla_interrupt_watch();
    enum bulla_reason reason = serve_all(serve, call);
    bulla_serve_unlisten(&serve->place);
    bulla_client_close(&client);
    free(serve);
    return reason;
}

const struct bulla_command bulla_command_kes_serve = {
    .name = "kes serve",
    .arguments = "",
    .summary = "Serve a KES key to nodes, or sign with it for others, at a unix socket",
    .text = "Nodes get the key itself, by kes-agent's service protocol 2.0, at once and after each evolution; who made "
            "the\n"
            "key must have allowed that. With --sign the key stays in the token: requests are lines of JSON,\n"
            "  {\"sign\": \"<hex>\", \"period\": 5}, answered by {\"signature\": \"<hex>\", \"period\": 5} or "
            "{\"error\": …}.\n"
            "Runs until SIGTERM.",
    .examples = "  bulla kes serve --key pool --certificate node.cert --socket /run/bulla/kes.socket\n"
                "  bulla kes serve --key pool --sign --socket /run/bulla/sign.socket\n",
    .options = options,
    .option_count = BULLA_COUNT(options),
    .needs = BULLA_NEEDS_LOGIN,
    .settings_size = sizeof(struct bulla_serve_settings),
    .run = serve_run,
};
