/* The grammar, a part of what libtss2-tctildr takes:
 *     swtpm:path=/absolute | swtpm:host=ADDRESS,port=N | mssim:host=ADDRESS,port=N | device:/dev/tpm… */
#include "address.h"

#include <stdlib.h>
#include <string.h>

#include "tpm.h"

struct setting {
    const char *key;
    char *value;
    size_t size;
};

static enum bulla_reason wrong(const char *tcti, const char *why)
{
    return bulla_refuse(BULLA_CONFIG_TCTI, "tcti = %.80s: %s", tcti, why);
}

/* "key=value" into its setting; false for an unknown key, a second value, an empty or an overlong one. */
static bool setting_take(const struct setting *settings, const char *pair, size_t size)
{
    for (const struct setting *row = settings; row->key; row++) {
        size_t key = strlen(row->key);
        if (size <= key + 1 || strncmp(pair, row->key, key) != 0 || pair[key] != '=')
            continue;
        size_t length = size - key - 1;
        if (length >= row->size || row->value[0] != '\0')
            return false;
        memcpy(row->value, pair + key + 1, length);
        row->value[length] = '\0';
        return true;
    }
    return false;
}

static bool port_valid(const char *port)
{
    size_t digits = strspn(port, "0123456789");
    unsigned long number = strtoul(port, NULL, 10);
    return digits > 0 && port[digits] == '\0' && number > 0 && number < 65536;
}

static bool host_valid(const char *host)
{
    return host[0] != '\0' && host[strspn(host, "0123456789abcdefABCDEF.:")] == '\0';
}

static enum bulla_reason socket_read(const char *tcti, const char *rest, struct bulla_tpm_address *address)
{
    const struct setting settings[] = {
        {"path", address->path, address->simulator ? 1 : sizeof address->path},
        {"host", address->host, sizeof address->host},
        {"port", address->port, sizeof address->port},
        {NULL, NULL, 0},
    };
    for (const char *at = rest;; at++) {
        size_t size = strcspn(at, ",");
        if (!setting_take(settings, at, size))
            return wrong(tcti, "an unknown, repeated or overlong setting");
        at += size;
        if (*at == '\0')
            break;
    }
    if (strcmp(address->host, "localhost") == 0)
        memcpy(address->host, "127.0.0.1", sizeof "127.0.0.1");
    if (address->path[0] != '\0' && (address->host[0] != '\0' || address->port[0] != '\0'))
        return wrong(tcti, "both a path and a host");
    if (address->path[0] != '\0')
        return address->path[0] == '/' ? BULLA_OK : wrong(tcti, "the socket's path is not absolute");
    if (!host_valid(address->host) || !port_valid(address->port))
        return wrong(tcti, "host has to be an IP address or localhost, port 1 to 65535");
    return BULLA_OK;
}

static enum bulla_reason swtpm_read(const char *tcti, const char *rest, struct bulla_tpm_address *address)
{
    return socket_read(tcti, rest, address);
}

static enum bulla_reason mssim_read(const char *tcti, const char *rest, struct bulla_tpm_address *address)
{
    address->simulator = true;
    return socket_read(tcti, rest, address);
}

static enum bulla_reason device_read(const char *tcti, const char *rest, struct bulla_tpm_address *address)
{
    static const char prefix[] = "/dev/tpm";
    const char *number = rest + sizeof prefix - 1;
    if (strncmp(rest, prefix, sizeof prefix - 1) != 0)
        return wrong(tcti, "the device has to be /dev/tpm… or /dev/tpmrm…");
    if (strncmp(number, "rm", 2) == 0)
        number += 2;
    if (number[0] == '\0' || number[strspn(number, "0123456789")] != '\0' || strlen(rest) >= sizeof address->path)
        return wrong(tcti, "the device has to be /dev/tpm… or /dev/tpmrm… and a number");
    address->device = true;
    memcpy(address->path, rest, strlen(rest) + 1);
    return BULLA_OK;
}

enum bulla_reason bulla_tpm_address_read(const char *tcti, struct bulla_tpm_address *address)
{
    static const struct {
        const char *prefix;
        enum bulla_reason (*read)(const char *tcti, const char *rest, struct bulla_tpm_address *address);
    } kinds[] = {{"swtpm:", swtpm_read}, {"mssim:", mssim_read}, {"device:", device_read}};
    memset(address, 0, sizeof *address);
    if (!tcti)
        return bulla_refuse(BULLA_CONFIG_TCTI, "the token has no tcti");
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t size = strlen(kinds[i].prefix);
        if (strncmp(tcti, kinds[i].prefix, size) == 0)
            return kinds[i].read(tcti, tcti + size, address);
    }
    return wrong(tcti, "not one of swtpm:, device:, mssim:");
}

enum bulla_reason bulla_tpm_tcti_check(const char *tcti)
{
    struct bulla_tpm_address address;
    return bulla_tpm_address_read(tcti, &address);
}
