/* Profile objects: which of the standard's profiles the module fulfils. Made for the search that asks for them, as
 * status objects are; no store has them.
 *
 * The profile of authentication tokens is not claimed: it is for cards that authenticate their holder, and NSS takes it
 * as leave to ask for the PIN when the browser starts. */
#include "mech/mechanism.h"
#include "objects.h"

/* What each one wants of the table of mechanisms beside the functions, which are all there; 0: nothing. */
static const struct {
    CK_ULONG id;
    CK_MECHANISM_TYPE mechanism;
} profiles[] = {
    {CKP_BASELINE_PROVIDER, 0},
    {CKP_EXTENDED_PROVIDER, CKM_RSA_PKCS},
};

static CK_RV put(struct bulla_session *session, const CK_ULONG *profile)
{
    static const CK_OBJECT_CLASS profile_class = CKO_PROFILE;
    struct bulla_attribute_list list = {0};
    (void)bulla_list_put(&list, CKA_CLASS, (struct bulla_bytes){(const uint8_t *)&profile_class, sizeof profile_class});
    (void)bulla_list_put(&list, CKA_PROFILE_ID, (struct bulla_bytes){(const uint8_t *)profile, sizeof *profile});
    (void)bulla_list_put_bool(&list, CKA_TOKEN, false);
    (void)bulla_list_put_bool(&list, CKA_PRIVATE, false);
    return bulla_search_offer(session, &list);
}

CK_RV bulla_profiles_put(struct bulla_session *session)
{
    CK_RV rv = CKR_OK;
    for (size_t i = 0; i < sizeof profiles / sizeof profiles[0] && rv == CKR_OK; i++)
        if (!profiles[i].mechanism || bulla_mechanism_find(profiles[i].mechanism))
            rv = put(session, &profiles[i].id);
    return rv;
}
