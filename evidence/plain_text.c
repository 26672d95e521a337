#include "plain_text.h"

bool bulla_text_is_plain(struct bulla_bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t next = i + 1 < text.size ? text.data[i + 1] : 0;
        if (text.data[i] < 0x20 || text.data[i] == 0x7f || (text.data[i] == 0xc2 && next >= 0x80 && next < 0xa0))
            return false;
    }
    return true;
}
