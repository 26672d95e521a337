#include "pace.h"

enum { WINDOW_PARTS = 60 };

static uint64_t bucket_width(uint32_t seconds)
{
    return ((uint64_t)seconds + WINDOW_PARTS - 1) / WINDOW_PARTS;
}

/* A grant that was signed anew with another window: all that was counted counts as had now. */
static void take_window(struct bulla_pace *pace, uint32_t seconds, uint64_t bucket)
{
    uint64_t sum = 0;
    if (pace->seconds == seconds)
        return;
    for (size_t i = 0; i < BULLA_PACE_BUCKETS; i++)
        sum += pace->counts[i];
    *pace = (struct bulla_pace){.last = bucket, .seconds = seconds};
    pace->counts[0] = sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX;
}

/* A clock that went back a little finds the newest bucket the newest still. */
static void move_on(struct bulla_pace *pace, uint64_t bucket)
{
    if (bucket <= pace->last)
        return;
    uint64_t by = bucket - pace->last;
    for (size_t i = BULLA_PACE_BUCKETS; i-- > 0;)
        pace->counts[i] = i >= by ? pace->counts[i - by] : 0;
    pace->last = bucket;
}

/* The window at the newest bucket's own end reaches back over so many buckets, that one included. */
static uint64_t had(const struct bulla_pace *pace, uint64_t width, uint32_t seconds, uint64_t now)
{
    uint64_t first = now > seconds ? (now - seconds) / width : 0, sum = 0;
    for (size_t i = 0; i < BULLA_PACE_BUCKETS && pace->last >= first + i; i++)
        sum += pace->counts[i];
    return sum;
}

enum bulla_reason bulla_pace_count(struct bulla_pace *pace, uint32_t rate, uint32_t seconds, uint64_t now)
{
    uint64_t width = bucket_width(seconds);
    take_window(pace, seconds, now / width);
    move_on(pace, now / width);
    if (now < pace->last * width)
        now = pace->last * width;
    if (had(pace, width, seconds, now) >= rate)
        return bulla_refuse(BULLA_GRANT_TOO_FAST, "the grant allows %u use%s in %u s, which %s had", rate,
            rate == 1 ? "" : "s", seconds, rate == 1 ? "was" : "were");
    pace->counts[0]++;
    return BULLA_OK;
}

void bulla_pace_write(const struct bulla_pace *pace, struct bulla_writer *writer)
{
    bulla_write_u64(writer, pace->last);
    bulla_write_u32(writer, pace->seconds);
    for (size_t i = 0; i < BULLA_PACE_BUCKETS; i++)
        bulla_write_u32(writer, pace->counts[i]);
}

enum bulla_reason bulla_pace_read(struct bulla_bytes bytes, struct bulla_pace *pace)
{
    struct bulla_reader reader;
    bulla_reader_open(&reader, bytes);
    pace->last = bulla_read_u64(&reader);
    pace->seconds = bulla_read_u32(&reader);
    for (size_t i = 0; i < BULLA_PACE_BUCKETS; i++)
        pace->counts[i] = bulla_read_u32(&reader);
    return bulla_reader_finish(&reader, "a grant's pace");
}
