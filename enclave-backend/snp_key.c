/* /dev/sev-guest: SNP_GET_DERIVED_KEY. What the driver and its encrypted channel to the firmware leave of the key is
 * the kernel's; here it lies in the arena only. */
#include "snp_key.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sev-guest.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "crypto/arena.h"
#include "test_machine.h"

enum { MESSAGE_VERSION = 1, KEY_OFFSET = 32 };
_Static_assert(sizeof(struct snp_derived_key_resp) == BULLA_SNP_KEY_ANSWER, "the kernel's answer has another size");

static const char device[] = "/dev/sev-guest";

static bool present(void)
{
    return access(device, F_OK) == 0;
}

static enum bulla_reason derive(
    const struct bulla_snp_key_request *request, uint8_t answer[static BULLA_SNP_KEY_ANSWER])
{
    struct snp_derived_key_req wanted = {
        .guest_field_select = request->fields,
        .vmpl = request->vmpl,
        .guest_svn = request->guest_svn,
        .tcb_version = request->tcb_version,
    };
    struct snp_guest_request_ioctl message = {
        .msg_version = MESSAGE_VERSION,
        .req_data = (uintptr_t)&wanted,
        .resp_data = (uintptr_t)answer,
    };
    int file = open(device, O_RDWR | O_CLOEXEC);
    if (file < 0)
        return bulla_refuse(BULLA_ENCLAVE_UNREACHABLE, "%s: %s", device, strerror(errno));
    int result = ioctl(file, SNP_GET_DERIVED_KEY, &message);
    int error = errno;
    (void)close(file);
    return result == 0 ? BULLA_OK
                       : bulla_refuse(BULLA_ENCLAVE_FAILED, "%s derives no key: %s", device, strerror(error));
}

static const struct bulla_snp_transport device_transport = {device, present, derive};

const struct bulla_snp_transport *bulla_snp_transport(void)
{
    const struct bulla_snp_transport *played = bulla_test_machine_snp();
    return played ? played : &device_transport;
}

/* The status is the firmware's, little-endian as the answer is; the reserved bytes may come to mean something. */
static enum bulla_reason take_key(const uint8_t answer[static BULLA_SNP_KEY_ANSWER], uint8_t *key)
{
    uint32_t status =
        (uint32_t)answer[0] | (uint32_t)answer[1] << 8 | (uint32_t)answer[2] << 16 | (uint32_t)answer[3] << 24;
    uint8_t any = 0;
    if (status != 0)
        return bulla_refuse(BULLA_ENCLAVE_FAILED, "the SEV-SNP firmware derives no key: status 0x%x", status);
    for (size_t i = 0; i < BULLA_SNP_KEY_SIZE; i++)
        any |= answer[KEY_OFFSET + i];
    if (!any)
        return bulla_refuse(BULLA_ENCLAVE_FAILED, "the SEV-SNP firmware's key is zero");
    memcpy(key, answer + KEY_OFFSET, BULLA_SNP_KEY_SIZE);
    return BULLA_OK;
}

enum bulla_reason bulla_snp_key_derive(const struct bulla_snp_transport *transport,
    const struct bulla_snp_key_request *request, uint8_t key[static BULLA_SNP_KEY_SIZE])
{
    BULLA_SECRET uint8_t *answer = NULL;
    bulla_wipe(key, BULLA_SNP_KEY_SIZE);
    BULLA_TRY(bulla_secret_allocate(BULLA_SNP_KEY_ANSWER, (void **)&answer));
    BULLA_TRY(transport->derive(request, answer));
    return take_key(answer, key);
}
