/* bulla.conf: whatever is accepted has absolute paths, slots of its own, and no TCTI that runs a command. */
#include "fuzz.h"

#include <string.h>

#include "core/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bulla_config config;
    char *text = malloc(size + 1);
    FUZZ_CHECK(text);
    memcpy(text, data, size);
    text[size] = '\0';
    if (bulla_config_parse(text, "fuzz", &config) == BULLA_OK) {
        FUZZ_CHECK(config.count <= BULLA_TOKENS_LARGEST);
        for (unsigned i = 0; i < config.count; i++) {
            const struct bulla_token_config *token = &config.tokens[i];
            FUZZ_CHECK(token->path[0] == '/' && token->models[0] == '/' && token->name[0]);
            FUZZ_CHECK(strncmp(token->tcti, "cmd", 3) != 0 && token->release[0]);
            for (unsigned j = 0; j < i; j++)
                FUZZ_CHECK(token->slot != config.tokens[j].slot);
        }
    }
    free(text);
    return 0;
}
