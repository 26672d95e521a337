/* The grammar of JSON, for json_reader.c. */
#ifndef BULLA_INFERENCE_JSON_SCAN_H
#define BULLA_INFERENCE_JSON_SCAN_H

#include <stdbool.h>
#include <stdint.h>

struct bulla_json_scan {
    const uint8_t *at, *end;
    const char *wrong; /* set by a refusal: a constant sentence about `at` */
};

void bulla_json_scan_space(struct bulla_json_scan *scan);
/* A value that is `depth` containers deep already. */
bool bulla_json_scan_value(struct bulla_json_scan *scan, unsigned depth);
bool bulla_json_scan_string(struct bulla_json_scan *scan);
/* One character of a string, which is not at its closing quote. */
bool bulla_json_scan_point(struct bulla_json_scan *scan, uint32_t *point);

#endif
