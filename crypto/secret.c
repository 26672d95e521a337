#include "secret.h"

enum bulla_reason bulla_secret_hold(struct bulla_secret *secret, size_t size, const char *what)
{
    *secret = (struct bulla_secret){0};
    if (size <= BULLA_ARENA_LARGEST) {
        void *memory = NULL;
        BULLA_TRY(bulla_secret_allocate(size, &memory));
        secret->data = memory;
    } else {
        BULLA_TRY(bulla_pages_lock(&secret->pages, size, what));
        secret->data = secret->pages.data;
    }
    secret->size = size;
    return BULLA_OK;
}

void bulla_secret_release(struct bulla_secret *secret)
{
    if (secret->pages.data)
        bulla_pages_release(&secret->pages);
    else
        bulla_secret_free(secret->data);
    *secret = (struct bulla_secret){0};
}
