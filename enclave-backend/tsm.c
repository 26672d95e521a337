/* The kernel counts in "generation" what is written to a report's folder: one write is ours, and a second one would
 * mean that the report is over another's data. Reading "outblob" makes the report; it is read to its end, at most as
 * large as the caller's memory. */
#include "tsm.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test_machine.h"

enum { PATH = 512, SMALL = 64 };

const char *bulla_tsm_folder(void)
{
    const char *played = bulla_test_machine_tsm();
    return played ? played : "/sys/kernel/config/tsm/report";
}

/* A played machine has a file with the provider's name in its folder, in place of the device. */
static const char *device_of(const char *provider)
{
    return strcmp(provider, "sev_guest") == 0 ? "/dev/sev-guest" : "/dev/tdx_guest";
}

bool bulla_tsm_present(const char *folder, const char *provider)
{
    char played[PATH];
    const char *device = device_of(provider);
    if (bulla_test_machine_tsm()) {
        (void)snprintf(played, sizeof played, "%s/%s", folder, provider);
        device = played;
    }
    return access(folder, F_OK) == 0 && access(device, F_OK) == 0;
}

static enum bulla_reason refuse_file(const char *folder, const char *name)
{
    int error = errno;
    bool unreachable = error == ENOENT || error == EACCES || error == EPERM;
    return bulla_refuse(
        unreachable ? BULLA_ENCLAVE_UNREACHABLE : BULLA_ENCLAVE_FAILED, "%s/%s: %s", folder, name, strerror(error));
}

static bool join(char path[static PATH], const char *folder, const char *name)
{
    int size = snprintf(path, PATH, "%s/%s", folder, name);
    return size > 0 && size < PATH;
}

/* Reads to the end, in the reads that the kernel likes. */
static bool read_all(int file, uint8_t *data, size_t capacity, size_t *size)
{
    ssize_t part = 1;
    *size = 0;
    while (part > 0 && *size < capacity) {
        part = read(file, data + *size, capacity - *size);
        *size += part > 0 ? (size_t)part : 0;
    }
    return part >= 0;
}

static enum bulla_reason read_file(const char *folder, const char *name, uint8_t *data, size_t capacity, size_t *size)
{
    char path[PATH];
    *size = 0;
    int file = join(path, folder, name) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return refuse_file(folder, name);
    enum bulla_reason reason = read_all(file, data, capacity, size) ? BULLA_OK : refuse_file(folder, name);
    (void)close(file);
    if (reason == BULLA_OK && *size == capacity)
        reason = bulla_refuse(BULLA_TOO_LARGE, "%s/%s has %zu bytes or more", folder, name, capacity);
    return reason;
}

static enum bulla_reason read_text(const char *folder, const char *name, char text[static SMALL])
{
    size_t size = 0;
    BULLA_TRY(read_file(folder, name, (uint8_t *)text, SMALL, &size));
    text[size] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return BULLA_OK;
}

static enum bulla_reason read_generation(const char *folder, unsigned long *generation)
{
    char text[SMALL], *end;
    BULLA_TRY(read_text(folder, "generation", text));
    *generation = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end)
        return bulla_refuse(BULLA_ENCLAVE_FAILED, "%s/generation is no number", folder);
    return BULLA_OK;
}

static enum bulla_reason write_data(const char *folder, const uint8_t data[static BULLA_TSM_DATA])
{
    char path[PATH];
    int file = join(path, folder, "inblob") ? open(path, O_WRONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return refuse_file(folder, "inblob");
    ssize_t written = write(file, data, BULLA_TSM_DATA);
    enum bulla_reason reason = BULLA_OK;
    if (written != BULLA_TSM_DATA) {
        errno = written < 0 ? errno : EIO;
        reason = refuse_file(folder, "inblob");
    }
    if (close(file) != 0 && reason == BULLA_OK) /* configfs takes a binary attribute when the file is closed */
        reason = refuse_file(folder, "inblob");
    return reason;
}

static enum bulla_reason check_provider(const char *folder, const char *provider)
{
    char text[SMALL];
    BULLA_TRY(read_text(folder, "provider", text));
    if (strcmp(text, provider) != 0)
        return bulla_refuse(BULLA_ENCLAVE_FAILED, "this machine's reports are not by %s", provider);
    return BULLA_OK;
}

static enum bulla_reason append_file(
    const char *folder, const char *name, size_t largest, bool optional, struct bulla_writer *writer)
{
    char path[PATH];
    size_t size = 0;
    if (optional && join(path, folder, name) && access(path, F_OK) != 0)
        return BULLA_OK; /* the kernel shows the file only where there can be something in it */
    uint8_t *data = malloc(largest + 1);
    if (!data)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "for a report of the machine");
    enum bulla_reason reason = read_file(folder, name, data, largest + 1, &size);
    if (reason == BULLA_OK)
        bulla_write(writer, data, size);
    free(data);
    return reason;
}

static enum bulla_reason fill(const char *folder, const char *provider, const uint8_t data[static BULLA_TSM_DATA],
    struct bulla_writer *report, struct bulla_writer *auxiliary)
{
    unsigned long before = 0, after = 0;
    size_t start = report->size;
    BULLA_TRY(check_provider(folder, provider));
    BULLA_TRY(read_generation(folder, &before));
    BULLA_TRY(write_data(folder, data));
    BULLA_TRY(append_file(folder, "outblob", BULLA_TSM_REPORT_LARGEST, false, report));
    BULLA_TRY(append_file(folder, "auxblob", BULLA_TSM_AUXILIARY_LARGEST, true, auxiliary));
    BULLA_TRY(read_generation(folder, &after));
    if (after != before + 1)
        return bulla_refuse(BULLA_ENCLAVE_FAILED, "another wrote to the report while it was made");
    if (report->size == start)
        return bulla_refuse(BULLA_ENCLAVE_FAILED, "the machine's report is empty");
    BULLA_TRY(bulla_writer_finish(auxiliary, "what is added to a report"));
    return bulla_writer_finish(report, "a report of the machine");
}

enum bulla_reason bulla_tsm_report(const char *folder, const char *provider, const uint8_t data[static BULLA_TSM_DATA],
    struct bulla_writer *report, struct bulla_writer *auxiliary)
{
    char path[PATH], name[SMALL];
    (void)snprintf(name, sizeof name, "bulla-%d-%08x", (int)getpid(), randombytes_random());
    errno = ENAMETOOLONG;
    if (!join(path, folder, name) || mkdir(path, 0700) != 0)
        return refuse_file(folder, name);
    enum bulla_reason reason = fill(path, provider, data, report, auxiliary);
    (void)rmdir(path);
    return reason;
}
