/* swtpm and the kernel take a command as it is and answer with the response; Microsoft's simulator frames both:
 *     u32 8 (send command) ‖ u8 locality ‖ u32 size ‖ command  →  u32 size ‖ response ‖ u32 0
 *
 * What is loaded is read off the wire: the response of a command of `loaders` has its handle after the header, and
 * FlushContext takes one away. A command whose response the deadline cut off is waited for once more, for the grace
 * time, when it may have loaded something. */
#include "channel.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypto/arena.h"
#include "crypto/bytes.h"
#include "dial.h"

enum { HEADER = 10, SIMULATOR_SEND = 8 };

static uint32_t u32_at(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static bool send_all(struct bulla_tpm_channel *channel, const uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t sent =
            channel->address.device ? write(channel->fd, data, size) : send(channel->fd, data, size, MSG_NOSIGNAL);
        if (sent < 0 && !bulla_tpm_passing(errno))
            return false;
        if (sent < 0 && !bulla_tpm_wait(channel, POLLOUT))
            return false;
        data += sent > 0 ? sent : 0;
        size -= sent > 0 ? (size_t)sent : 0;
    }
    return true;
}

/* --- frames --- */

/* Size of the whole frame as far as `got` bytes tell; 0: it can't be one. */
static size_t frame_size(const struct bulla_tpm_channel *channel, size_t got)
{
    size_t prefix = channel->address.simulator ? 4 : 0;
    if (got < prefix + HEADER)
        return prefix + HEADER;
    size_t size = u32_at(channel->frame + prefix + 2);
    if (size < HEADER || size > BULLA_TPM_MESSAGE_LARGEST)
        return 0;
    if (prefix == 0)
        return size;
    return u32_at(channel->frame) == size ? prefix + size + 4 : 0;
}

static bool receive_frame(struct bulla_tpm_channel *channel)
{
    size_t got = 0, whole;
    while ((whole = frame_size(channel, got)) > got) {
        if (!bulla_tpm_wait(channel, POLLIN))
            return false;
        /* A device gives the whole response to one read; a socket holds nothing behind it. */
        ssize_t more = read(channel->fd, channel->frame + got, sizeof channel->frame - got);
        if (more == 0 || (more < 0 && !bulla_tpm_passing(errno)))
            return false;
        got += more > 0 ? (size_t)more : 0;
    }
    if (whole == 0 || got != whole)
        return false;
    if (channel->address.simulator)
        memmove(channel->frame, channel->frame + 4, got - 8);
    return true;
}

/* --- what is loaded --- */

static bool loads(uint32_t command)
{
    static const uint32_t loaders[] = {
        TPM2_CC_CreatePrimary, TPM2_CC_Load, TPM2_CC_LoadExternal, TPM2_CC_StartAuthSession};
    for (size_t i = 0; i < sizeof loaders / sizeof loaders[0]; i++)
        if (loaders[i] == command)
            return true;
    return false;
}

static void loaded_forget(struct bulla_tpm_channel *channel, uint32_t handle)
{
    for (size_t i = 0; i < channel->loaded_count; i++)
        if (channel->loaded[i] == handle)
            channel->loaded[i--] = channel->loaded[--channel->loaded_count];
}

static void loaded_note(struct bulla_tpm_channel *channel)
{
    if (u32_at(channel->frame + 6) != TPM2_RC_SUCCESS)
        return;
    if (channel->command == TPM2_CC_FlushContext)
        loaded_forget(channel, channel->command_handle);
    if (loads(channel->command) && u32_at(channel->frame + 2) >= HEADER + 4 &&
        channel->loaded_count < BULLA_TPM_HANDLES)
        channel->loaded[channel->loaded_count++] = u32_at(channel->frame + HEADER);
}

/* --- connecting --- */

static void disconnect(struct bulla_tpm_channel *channel)
{
    if (channel->fd >= 0)
        (void)close(channel->fd);
    channel->fd = -1;
}

static TSS2_RC failed(struct bulla_tpm_channel *channel, int error)
{
    channel->error = error;
    channel->state = channel->timed_out && channel->state == BULLA_TPM_CHANNEL_WAITING ? BULLA_TPM_CHANNEL_LATE
                                                                                       : BULLA_TPM_CHANNEL_BROKEN;
    return TSS2_TCTI_RC_IO_ERROR;
}

enum bulla_reason bulla_tpm_channel_refuse(const struct bulla_tpm_channel *channel, const char *doing)
{
    const struct bulla_tpm_address *address = &channel->address;
    const char *name = address->path[0] ? address->path : address->host;
    if (channel->timed_out)
        return bulla_refuse(BULLA_TPM_TIMEOUT, "%s: the TPM at %s did not answer in time", doing, name);
    const char *words = channel->error ? strerrordesc_np(channel->error) : "it closed the connection";
    return bulla_refuse(BULLA_TPM_UNREACHABLE, "%s: the TPM at %s: %s", doing, name, words ? words : "unknown error");
}

static TSS2_RC connected(struct bulla_tpm_channel *channel)
{
    int error = channel->fd >= 0 ? 0 : bulla_tpm_dial(channel);
    return error == 0 ? TSS2_RC_SUCCESS : failed(channel, error);
}

/* --- one command and its response --- */

static TSS2_RC send_command(struct bulla_tpm_channel *channel, size_t size, const uint8_t *command)
{
    if (size < HEADER || size > BULLA_TPM_MESSAGE_LARGEST)
        return TSS2_TCTI_RC_BAD_VALUE;
    TSS2_RC code = connected(channel);
    if (code != TSS2_RC_SUCCESS)
        return code;
    channel->command = u32_at(command + 6);
    channel->command_handle = size >= HEADER + 4 ? u32_at(command + HEADER) : 0;
    struct bulla_writer frame;
    bulla_writer_open(&frame, channel->frame, sizeof channel->frame);
    if (channel->address.simulator) {
        bulla_write_u32(&frame, SIMULATOR_SEND);
        bulla_write_u8(&frame, 0);
        bulla_write_u32(&frame, (uint32_t)size);
    }
    bulla_write(&frame, command, size);
    if (!send_all(channel, channel->frame, frame.size))
        return failed(channel, errno);
    channel->state = BULLA_TPM_CHANNEL_WAITING;
    return TSS2_RC_SUCCESS;
}

static TSS2_RC receive_response(struct bulla_tpm_channel *channel)
{
    channel->state = BULLA_TPM_CHANNEL_WAITING;
    if (!receive_frame(channel))
        return failed(channel, 0);
    channel->state = BULLA_TPM_CHANNEL_IDLE;
    if (!channel->address.device && !channel->address.simulator)
        disconnect(channel);
    loaded_note(channel);
    return TSS2_RC_SUCCESS;
}

TSS2_RC bulla_tpm_channel_command(struct bulla_tpm_channel *channel, const uint8_t *command, size_t size)
{
    TSS2_RC code = send_command(channel, size, command);
    if (code == TSS2_RC_SUCCESS)
        code = receive_response(channel);
    return code == TSS2_RC_SUCCESS ? u32_at(channel->frame + 6) : code;
}

/* --- the TCTI: what ESAPI calls --- */

static TSS2_RC transmit(TSS2_TCTI_CONTEXT *context, size_t size, const uint8_t *command)
{
    struct bulla_tpm_channel *channel = (struct bulla_tpm_channel *)context;
    if (channel->state == BULLA_TPM_CHANNEL_IDLE && !channel->muted)
        (void)send_command(channel, size, command);
    return TSS2_RC_SUCCESS;
}

static TSS2_RC answer_ourselves(size_t *size, uint8_t *response)
{
    static const uint8_t failure[HEADER] = {0x80, 0x01, 0, 0, 0, HEADER, 0, 0, 0x01, 0x01};
    if (*size < sizeof failure)
        return TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
    bulla_wipe(response, *size);
    memcpy(response, failure, sizeof failure);
    *size = sizeof failure;
    return TSS2_RC_SUCCESS;
}

/* `timeout` is ESAPI's, and endless: the channel's own deadline holds. */
static TSS2_RC receive(TSS2_TCTI_CONTEXT *context, size_t *size, uint8_t *response, int32_t timeout)
{
    (void)timeout;
    struct bulla_tpm_channel *channel = (struct bulla_tpm_channel *)context;
    if (!response) { /* the largest there can be: reading takes the whole response at once */
        *size = BULLA_TPM_MESSAGE_LARGEST;
        return TSS2_RC_SUCCESS;
    }
    if (channel->state != BULLA_TPM_CHANNEL_WAITING || receive_response(channel) != TSS2_RC_SUCCESS)
        return answer_ourselves(size, response);
    size_t got = u32_at(channel->frame + 2);
    if (got > *size)
        return TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
    memcpy(response, channel->frame, got);
    *size = got;
    return TSS2_RC_SUCCESS;
}

/* The channel belongs to whoever opened it. */
static void finalize(TSS2_TCTI_CONTEXT *context)
{
    (void)context;
}

/* --- the channel --- */

enum bulla_reason bulla_tpm_channel_open(struct bulla_tpm_channel *channel, const char *tcti, uint64_t deadline)
{
    memset(channel, 0, sizeof *channel);
    channel->fd = -1;
    channel->lock = -1;
    channel->deadline = deadline;
    channel->tcti.v1.magic = 0x62756c6c61545043; /* "bullaTPC" */
    channel->tcti.v1.version = 2;
    channel->tcti.v1.transmit = transmit;
    channel->tcti.v1.receive = receive;
    channel->tcti.v1.finalize = finalize;
    BULLA_TRY(bulla_tpm_address_read(tcti, &channel->address));
    if (!channel->address.device && channel->address.path[0] && !bulla_tpm_turn_take(channel))
        return bulla_tpm_channel_refuse(channel, "waiting for another process");
    return BULLA_OK;
}

static void flush(struct bulla_tpm_channel *channel, uint32_t handle)
{
    uint8_t command[14];
    struct bulla_writer writer;
    bulla_writer_open(&writer, command, sizeof command);
    bulla_write_u16(&writer, TPM2_ST_NO_SESSIONS);
    bulla_write_u32(&writer, sizeof command);
    bulla_write_u32(&writer, TPM2_CC_FlushContext);
    bulla_write_u32(&writer, handle);
    /* A refusal means that it is gone already: a session ends by itself when its last command says so. */
    (void)bulla_tpm_channel_command(channel, command, sizeof command);
}

static void grant_grace(struct bulla_tpm_channel *channel)
{
    uint64_t grace = bulla_tpm_now_ms() + BULLA_TPM_GRACE_MS;
    if (channel->deadline < grace)
        channel->deadline = grace;
    channel->timed_out = false;
}

/* The answer that is late may give out one handle more. What was given out before a connection broke may be there
 * still, and so is worth a new connection. */
static void flush_all(struct bulla_tpm_channel *channel)
{
    grant_grace(channel);
    if (channel->state == BULLA_TPM_CHANNEL_LATE && loads(channel->command))
        (void)receive_response(channel);
    if (channel->state != BULLA_TPM_CHANNEL_IDLE) {
        disconnect(channel);
        channel->state = BULLA_TPM_CHANNEL_IDLE;
        grant_grace(channel);
    }
    while (channel->loaded_count > 0 && channel->state == BULLA_TPM_CHANNEL_IDLE)
        flush(channel, channel->loaded[--channel->loaded_count]);
}

void bulla_tpm_channel_close(struct bulla_tpm_channel *channel)
{
    bool late = channel->state == BULLA_TPM_CHANNEL_LATE && loads(channel->command);
    if (late || channel->loaded_count > 0)
        flush_all(channel);
    disconnect(channel);
    if (channel->lock >= 0) {
        (void)flock(channel->lock, LOCK_UN); /* a child that the host forked meanwhile has it too */
        (void)close(channel->lock);
    }
    bulla_wipe(channel, sizeof *channel);
    channel->fd = -1;
    channel->lock = -1;
}
