/* /dev/nsm: one ioctl with two iovecs; the driver puts the answer's size into the second.
 *
 * The device is opened for each exchange. It answers one request at a time, within milliseconds; the driver gives up by
 * itself after two minutes. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "nsm.h"
#include "test_machine.h"

struct nsm_message {
    struct iovec request, answer;
};
#define NSM_EXCHANGE _IOWR(0x0A, 0, struct nsm_message)

static const char device[] = "/dev/nsm";

static bool present(void)
{
    return access(device, F_OK) == 0;
}

static enum bulla_reason exchange(
    struct bulla_bytes request, uint8_t answer[static BULLA_NSM_ANSWER_LARGEST], size_t *size)
{
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): iovec has no const, and the driver only reads it */
    struct nsm_message message = {{(void *)(uintptr_t)request.data, request.size}, {answer, BULLA_NSM_ANSWER_LARGEST}};
    int file = open(device, O_RDWR | O_CLOEXEC);
    if (file < 0)
        return bulla_refuse(BULLA_ENCLAVE_UNREACHABLE, "%s: %s", device, strerror(errno));
    int result = ioctl(file, NSM_EXCHANGE, &message);
    int error = errno;
    (void)close(file);
    if (result != 0)
        return bulla_refuse(BULLA_ENCLAVE_FAILED, "%s takes no request: %s", device, strerror(error));
    *size = message.answer.iov_len;
    return BULLA_OK;
}

static const struct bulla_nsm_transport device_transport = {device, present, exchange};

const struct bulla_nsm_transport *bulla_nsm_transport(void)
{
    const struct bulla_nsm_transport *played = bulla_test_machine_nsm();
    return played ? played : &device_transport;
}
