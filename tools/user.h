/* What the commands about users share. */
#ifndef BULLA_TOOLS_USER_H
#define BULLA_TOOLS_USER_H

#include "client.h"

enum { BULLA_USERS_LARGEST = 1024 };

/* The token's users, or the one of this name. */
enum bulla_reason bulla_client_users(struct bulla_client *client, const char *name, CK_OBJECT_HANDLE *objects,
    CK_ULONG capacity, CK_ULONG *count) BULLA_MUST_USE;

#endif
