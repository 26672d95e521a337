/* What a template gives way in. bulla does not let one key wrap and decrypt, for whoever may use it could then unwrap
 * any key in the clear; other tokens do. Such a key comes with what it does to data, and without wrapping. */
#include "import.h"

static CK_ATTRIBUTE *template_find(CK_ATTRIBUTE *template, CK_ULONG count, CK_ATTRIBUTE_TYPE type)
{
    for (CK_ULONG i = 0; i < count; i++)
        if (template[i].type == type)
            return &template[i];
    return NULL;
}

static bool is_on(CK_ATTRIBUTE *template, CK_ULONG count, CK_ATTRIBUTE_TYPE type)
{
    const CK_ATTRIBUTE *found = template_find(template, count, type);
    return found && found->ulValueLen == 1 && *(const CK_BBOOL *)found->pValue != CK_FALSE;
}

/* Whether it wraps in any way, and does something to data as well. */
static bool roles_split(CK_ATTRIBUTE *template, CK_ULONG count)
{
    static CK_BBOOL no = CK_FALSE; /* what a template points to is not written */
    static const CK_ATTRIBUTE_TYPE wrapping[] = {CKA_WRAP, CKA_UNWRAP};
    bool data = is_on(template, count, CKA_ENCRYPT) || is_on(template, count, CKA_DECRYPT);
    bool wraps = is_on(template, count, CKA_WRAP) || is_on(template, count, CKA_UNWRAP);
    for (size_t i = 0; data && wraps && i < BULLA_COUNT(wrapping); i++) {
        CK_ATTRIBUTE *found = template_find(template, count, wrapping[i]);
        if (found)
            *found = (CK_ATTRIBUTE){wrapping[i], &no, sizeof no};
    }
    return data && wraps;
}

bool bulla_import_yield(CK_RV result, CK_ATTRIBUTE *template, CK_ULONG count, struct bulla_import_row *row)
{
    bool inconsistent = result == CKR_TEMPLATE_INCONSISTENT || result == CKR_ATTRIBUTE_VALUE_INVALID;
    bool yields = inconsistent && roles_split(template, count);
    row->split = row->split || yields;
    return yields;
}
