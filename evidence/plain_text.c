#include "plain_text.h"

#include <stdio.h>
#include <time.h>

bool bulla_text_is_plain(struct bulla_bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t next = i + 1 < text.size ? text.data[i + 1] : 0;
        if (text.data[i] < 0x20 || text.data[i] == 0x7f || (text.data[i] == 0xc2 && next >= 0x80 && next < 0xa0))
            return false;
    }
    return true;
}

const char *bulla_text_when(uint64_t seconds, char text[static BULLA_WHEN_SIZE])
{
    struct tm parts;
    time_t time = (time_t)seconds;
    if (seconds > INT64_MAX || !gmtime_r(&time, &parts) || !strftime(text, BULLA_WHEN_SIZE, "%FT%TZ", &parts))
        (void)snprintf(text, BULLA_WHEN_SIZE, "%llu", (unsigned long long)seconds);
    return text;
}
