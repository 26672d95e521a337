/* Templates: what a caller wants an object to be, judged by the attribute table. */
#ifndef BULLA_CORE_TEMPLATE_H
#define BULLA_CORE_TEMPLATE_H

#include "attributes.h"

/* How a key comes to be. What is not created has its values from a mechanism, and its template names none of them. */
enum bulla_origin { BULLA_CREATED, BULLA_GENERATED, BULLA_UNWRAPPED, BULLA_DERIVED, BULLA_ENCAPSULATED };

/* Attributes of one call that only reads or compares them: more than any object has. */
enum { BULLA_TEMPLATE_MOST = 4096 };

/* Fills `list` with the template's values and the table's defaults. The views point into the template and to constants.
 * CKR_TEMPLATE_INCOMPLETE, CKR_TEMPLATE_INCONSISTENT (an attribute twice, or not of this class),
 * CKR_ATTRIBUTE_TYPE_INVALID, CKR_ATTRIBUTE_VALUE_INVALID, CKR_ATTRIBUTE_READ_ONLY; CKR_ARGUMENTS_BAD for a NULL value
 * with a length. */
CK_RV bulla_template_new(const CK_ATTRIBUTE *attributes, CK_ULONG count, enum bulla_origin origin,
    CK_OBJECT_CLASS object_class, struct bulla_attribute_list *list);
/* Applies a change to a list that already describes an object; `copying` allows what only C_CopyObject may change. */
CK_RV bulla_template_change(
    const CK_ATTRIBUTE *attributes, CK_ULONG count, bool copying, struct bulla_attribute_list *list);
/* Checks the form only: for searches. */
CK_RV bulla_template_form(const CK_ATTRIBUTE *attributes, CK_ULONG count);
/* The value of a CK_ULONG in a template, or `absent`. */
CK_ULONG bulla_template_ulong(const CK_ATTRIBUTE *attributes, CK_ULONG count, CK_ATTRIBUTE_TYPE type, CK_ULONG absent);

#endif
