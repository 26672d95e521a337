#include "kes_fixture.h"

int depth;
bool kills;
CK_OBJECT_HANDLE public_key, key;
uint8_t vk[32];
char backup[128], current[128];

void make_key(void)
{
    flow_kes_make(depth, &public_key, &key, vk);
}

static int set_up_kind(enum flow_kind kind)
{
    flow_begin(kind, "");
    make_key();
    test_folder_join(backup, sizeof backup, flow.folder, "backup");
    test_folder_join(current, sizeof current, flow.folder, "current");
    return 0;
}

int set_up(void **state)
{
    (void)state;
    return set_up_kind(FLOW_PLAIN);
}

int set_up_tpm(void **state)
{
    (void)state;
    return set_up_kind(FLOW_TPM);
}

int tear_down(void **state)
{
    (void)state;
    if (kills && flow.kind == FLOW_TPM)
        flow_flush_loaded();
    flow_end();
    return 0;
}

void reopen(void)
{
    flow_kes_resume(&public_key, &key);
}

void assert_signs_in(CK_ULONG period)
{
    flow_kes_assert_signs_in(key, vk, period);
}

void take_backup(void)
{
    flow_close();
    flow_copy_folder(flow.token, backup);
    reopen();
}

void put_file_back(const char *name)
{
    flow_put_file(backup, name);
}
