/* Whether the numbers of an RSA key belong together, and those that follow from the others.
 *
 * Of a private key C_CreateObject has n and d, and perhaps more. What is kept is always everything (RFC 8017, 3.2, with
 * two primes), because signing by the Chinese remainder theorem is three to four times as fast:
 *  - e: given; or, with the primes, d^-1 mod lcm(p - 1, q - 1); or 65537, where that is what belongs to d.
 *  - p, q: given; or one is, and divides n; or from n, e, d: e d - 1 = 2^t r with r odd is a multiple of the order of
 *    every g, so that for at least half of all g one of g^r, g^2r, g^4r … is a square root of 1 other than 1 and -1,
 * and that shares a factor with n (NIST SP 800-56B, appendix C).
 *  - d mod p - 1, d mod q - 1, q^-1 mod p: always computed; what was given must equal it.
 * Then n = p q and e d = 1 mod p - 1 and mod q - 1 hold exactly: the exact meaning of "a key". That p and q are prime
 * is not tried: it takes longer than all the rest, and who imports a composite harms nobody but the key's owner.
 *
 * Big numbers lie on OpenSSL's heap for the length of the call and are cleansed when they are freed. Their arithmetic
 * takes time that depends on them; it runs once in a key's life, when it comes in. */
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "crypto/library.h"
#include "der.h"
#include "rsa.h"

enum { TRIES = 128, EXPONENT_BITS = 256, SMALL_MODULUS = 3072, SMALL_EXPONENT_BITS = 64 };

size_t bulla_rsa_bits(struct bulla_bytes number)
{
    struct bulla_bytes stripped = bulla_der_strip(number);
    if (!stripped.size)
        return 0;
    return 8 * stripped.size - (size_t)(__builtin_clz(stripped.data[0]) - 24);
}

static bool is_odd(struct bulla_bytes number)
{
    return number.size && number.data[number.size - 1] & 1;
}

/* FIPS 186-5 has e below 2^256, and OpenSSL takes no more than 64 bits of it where n is longer than 3072. */
enum bulla_reason bulla_rsa_check_exponent(struct bulla_bytes exponent, size_t bits)
{
    size_t size = bulla_rsa_bits(exponent), most = bits > SMALL_MODULUS ? SMALL_EXPONENT_BITS : EXPONENT_BITS;
    if (!is_odd(exponent) || size < 2 || size > most)
        return bulla_refuse(
            BULLA_KEY_VALUE, "a public exponent of %zu bits does not go with a modulus of %zu", bits ? size : 0, bits);
    return BULLA_OK;
}

/* --- numbers --- */

struct numbers {
    BN_CTX *context;
    BIGNUM *given[BULLA_RSA_NUMBERS]; /* and then those that are computed; NULL: not there */
    BIGNUM *p1, *q1;                  /* p - 1, q - 1 */
};

static void numbers_free(struct numbers *all)
{
    for (int i = 0; i < BULLA_RSA_NUMBERS; i++)
        BN_clear_free(all->given[i]);
    BN_clear_free(all->p1);
    BN_clear_free(all->q1);
    BN_CTX_free(all->context);
    (void)ERR_pop_to_mark();
}
#define NUMBERS __attribute__((cleanup(numbers_free))) struct numbers

static enum bulla_reason failed(void)
{
    return bulla_refuse(BULLA_LIBRARY, "OpenSSL does not compute the numbers of an RSA key");
}

static enum bulla_reason apart(const char *what)
{
    return bulla_refuse(BULLA_KEY_VALUE, "the numbers of the RSA key do not belong together: %s", what);
}

static enum bulla_reason numbers_read(const struct bulla_draft *key, struct numbers *all)
{
    (void)ERR_set_mark();
    all->context = BN_CTX_secure_new_ex(bulla_openssl_context());
    all->p1 = BN_new();
    all->q1 = BN_new();
    if (!all->context || !all->p1 || !all->q1)
        return failed();
    for (int i = 0; i < BULLA_RSA_NUMBERS; i++) {
        struct bulla_bytes value = bulla_der_strip(bulla_draft_get(key, bulla_rsa_names[i].attribute));
        if (!value.size)
            continue;
        if (value.size > RSA_LARGEST_BYTES)
            return apart("one is longer than any modulus");
        all->given[i] = BN_bin2bn(value.data, (int)value.size, NULL);
        if (!all->given[i])
            return failed();
    }
    return BULLA_OK;
}

static enum bulla_reason put_number(struct bulla_draft *key, enum bulla_rsa_number which, const BIGNUM *value)
{
    uint8_t *space = NULL;
    int size = BN_num_bytes(value);
    BULLA_TRY(bulla_draft_space(key, bulla_rsa_names[which].attribute, (size_t)size, &space));
    return BN_bn2binpad(value, space, size) == size ? BULLA_OK : failed();
}

/* --- what is missing --- */

/* Whether 2^(e d) = 2 mod n, so that e = 65537 is the one that d was made for. */
static enum bulla_reason guess_exponent(struct numbers *all)
{
    BIGNUM **number = all->given;
    BIGNUM *two = BN_new(), *power = BN_new();
    number[BULLA_RSA_E] = BN_new();
    bool fits = two && power && number[BULLA_RSA_E] && BN_set_word(two, 2) == 1 &&
                BN_set_word(number[BULLA_RSA_E], RSA_F4) == 1 &&
                BN_mod_exp(power, two, number[BULLA_RSA_D], number[BULLA_RSA_N], all->context) == 1 &&
                BN_mod_exp(power, power, number[BULLA_RSA_E], number[BULLA_RSA_N], all->context) == 1 &&
                BN_cmp(power, two) == 0;
    BN_clear_free(two);
    BN_clear_free(power);
    return fits ? BULLA_OK
                : bulla_refuse(
                      BULLA_KEY_INCOMPLETE, "the RSA key needs its public exponent or its primes beside n and d");
}

/* One square root of 1 by the base g: true when `root` shares a factor with n. `odd` is r, `twos` is t. */
static bool find_root(struct numbers *all, BIGNUM *root, BIGNUM *square, const BIGNUM *odd, int twos)
{
    BIGNUM *n = all->given[BULLA_RSA_N];
    if (BN_priv_rand_range_ex(root, n, 0, all->context) != 1 || BN_is_zero(root) ||
        BN_mod_exp(root, root, odd, n, all->context) != 1)
        return false;
    for (int i = 0; i < twos; i++) {
        if (BN_mod_sqr(square, root, n, all->context) != 1)
            return false;
        if (BN_is_one(square)) {
            bool trivial = BN_is_one(root) || (BN_add_word(root, 1) == 1 && BN_cmp(root, n) == 0);
            return !trivial; /* root is now one more: its common factor with n is a prime, too */
        }
        BN_swap(root, square);
    }
    return false;
}

static bool factor(struct numbers *all, BIGNUM *odd, BIGNUM *root, BIGNUM *square)
{
    BIGNUM **number = all->given;
    int twos = 0;
    if (BN_mul(odd, number[BULLA_RSA_E], number[BULLA_RSA_D], all->context) != 1 || BN_sub_word(odd, 1) != 1 ||
        BN_is_zero(odd))
        return false;
    while (!BN_is_bit_set(odd, twos))
        twos++;
    if (BN_rshift(odd, odd, twos) != 1)
        return false;
    for (int i = 0; i < TRIES; i++)
        if (find_root(all, root, square, odd, twos))
            return BN_gcd(number[BULLA_RSA_P], root, number[BULLA_RSA_N], all->context) == 1;
    return false;
}

static enum bulla_reason find_first_prime(struct numbers *all)
{
    BIGNUM *odd = BN_new(), *root = BN_new(), *square = BN_new();
    enum bulla_reason reason = BULLA_OK;
    if (!all->given[BULLA_RSA_E])
        reason = guess_exponent(all);
    all->given[BULLA_RSA_P] = BN_new();
    if (reason == BULLA_OK && (!odd || !root || !square || !all->given[BULLA_RSA_P]))
        reason = failed();
    if (reason == BULLA_OK && !factor(all, odd, root, square))
        reason = apart("n has no factors by e and d");
    BN_clear_free(odd);
    BN_clear_free(root);
    BN_clear_free(square);
    return reason;
}

static enum bulla_reason complete_primes(struct numbers *all)
{
    BIGNUM **number = all->given;
    if (!number[BULLA_RSA_P] && number[BULLA_RSA_Q]) {
        number[BULLA_RSA_P] = number[BULLA_RSA_Q];
        number[BULLA_RSA_Q] = NULL;
    }
    if (!number[BULLA_RSA_P])
        BULLA_TRY(find_first_prime(all));
    BIGNUM *rest = BN_new(), *quotient = BN_new();
    bool divides = rest && quotient &&
                   BN_div(quotient, rest, number[BULLA_RSA_N], number[BULLA_RSA_P], all->context) == 1 &&
                   BN_is_zero(rest) && !BN_is_one(quotient) && !BN_is_one(number[BULLA_RSA_P]);
    BN_clear_free(rest);
    bool equal = divides && (!number[BULLA_RSA_Q] || BN_cmp(number[BULLA_RSA_Q], quotient) == 0) &&
                 BN_cmp(quotient, number[BULLA_RSA_P]) != 0;
    if (equal && !number[BULLA_RSA_Q])
        number[BULLA_RSA_Q] = quotient;
    else
        BN_clear_free(quotient);
    return equal ? BULLA_OK : apart("n is not the product of two primes p and q");
}

/* d^-1 mod lcm(p - 1, q - 1), where e is not given: any e that undoes d is equal to it there. */
static enum bulla_reason complete_exponent(struct numbers *all)
{
    BIGNUM **number = all->given;
    if (number[BULLA_RSA_E])
        return BULLA_OK;
    BIGNUM *common = BN_new(), *product = BN_new();
    number[BULLA_RSA_E] = BN_new();
    bool found = common && product && number[BULLA_RSA_E] && BN_gcd(common, all->p1, all->q1, all->context) == 1 &&
                 BN_mul(product, all->p1, all->q1, all->context) == 1 &&
                 BN_div(product, NULL, product, common, all->context) == 1 &&
                 BN_mod_inverse(number[BULLA_RSA_E], number[BULLA_RSA_D], product, all->context);
    BN_clear_free(common);
    BN_clear_free(product);
    return found ? BULLA_OK : apart("d has no inverse");
}

/* --- what belongs together --- */

/* e d = 1 modulo a prime less one. */
static bool undoes(struct numbers *all, const BIGNUM *less_one)
{
    BIGNUM *product = BN_new();
    bool one = product &&
               BN_mod_mul(product, all->given[BULLA_RSA_E], all->given[BULLA_RSA_D], less_one, all->context) == 1 &&
               BN_is_one(product);
    BN_clear_free(product);
    return one;
}

/* Puts `computed` in the place of a number; false when another one was given. */
static bool settle(struct numbers *all, enum bulla_rsa_number which, BIGNUM *computed)
{
    BIGNUM *given = all->given[which];
    bool equal = computed && (!given || BN_cmp(given, computed) == 0);
    all->given[which] = computed;
    BN_clear_free(given);
    return equal;
}

static BIGNUM *reduced(struct numbers *all, const BIGNUM *modulus)
{
    BIGNUM *result = BN_new();
    if (result && BN_mod(result, all->given[BULLA_RSA_D], modulus, all->context) == 1)
        return result;
    BN_clear_free(result);
    return NULL;
}

static enum bulla_reason complete_remainders(struct numbers *all)
{
    BIGNUM **number = all->given;
    if (!settle(all, BULLA_RSA_DP, reduced(all, all->p1)) || !settle(all, BULLA_RSA_DQ, reduced(all, all->q1)) ||
        !settle(all, BULLA_RSA_QINV, BN_mod_inverse(NULL, number[BULLA_RSA_Q], number[BULLA_RSA_P], all->context)))
        return apart("an exponent or the coefficient of the primes");
    return BULLA_OK;
}

static enum bulla_reason complete_private(struct bulla_draft *key, size_t bits)
{
    NUMBERS all = {0};
    BULLA_TRY(numbers_read(key, &all));
    BIGNUM **number = all.given;
    if (!number[BULLA_RSA_D] || BN_cmp(number[BULLA_RSA_D], number[BULLA_RSA_N]) >= 0)
        return apart("d is not below n");
    BULLA_TRY(complete_primes(&all));
    if (BN_sub(all.p1, number[BULLA_RSA_P], BN_value_one()) != 1 ||
        BN_sub(all.q1, number[BULLA_RSA_Q], BN_value_one()) != 1)
        return failed();
    BULLA_TRY(complete_exponent(&all));
    if (!undoes(&all, all.p1) || !undoes(&all, all.q1))
        return apart("d does not undo e");
    BULLA_TRY(complete_remainders(&all));
    for (int i = 0; i < BULLA_RSA_NUMBERS; i++)
        BULLA_TRY(put_number(key, i, number[i]));
    return bulla_rsa_check_exponent(bulla_draft_get(key, CKA_PUBLIC_EXPONENT), bits);
}

static enum bulla_reason complete_public(struct bulla_draft *key, size_t bits)
{
    static const CK_ATTRIBUTE_TYPE both[] = {CKA_MODULUS, CKA_PUBLIC_EXPONENT};
    BULLA_TRY(bulla_rsa_check_exponent(bulla_draft_get(key, CKA_PUBLIC_EXPONENT), bits));
    if (bulla_draft_ulong(key, CKA_MODULUS_BITS, bits) != bits)
        return bulla_refuse(BULLA_KEY_INCONSISTENT, "CKA_MODULUS_BITS is not the modulus' length");
    for (int i = 0; i < 2; i++)
        BULLA_TRY(bulla_draft_put(key, both[i], bulla_der_strip(bulla_draft_get(key, both[i]))));
    return bulla_draft_put_ulong(key, CKA_MODULUS_BITS, bits);
}

enum bulla_reason bulla_rsa_complete(struct bulla_draft *key)
{
    struct bulla_bytes modulus = bulla_draft_get(key, CKA_MODULUS);
    struct bulla_bytes info = bulla_draft_get(key, CKA_PUBLIC_KEY_INFO);
    size_t bits = bulla_rsa_bits(modulus);
    if (!is_odd(modulus) || bits < RSA_KEPT_SMALLEST || bits > RSA_LARGEST)
        return bulla_refuse(
            BULLA_KEY_VALUE, "an RSA modulus is odd and has %d to %d bits", RSA_KEPT_SMALLEST, RSA_LARGEST);
    if (key->object_class == CKO_PUBLIC_KEY)
        BULLA_TRY(complete_public(key, bits));
    else
        BULLA_TRY(complete_private(key, bits));
    BULLA_TRY(bulla_rsa_put_public_info(key));
    if (info.size && !bulla_bytes_equal(info, bulla_draft_get(key, CKA_PUBLIC_KEY_INFO)))
        return bulla_refuse(BULLA_KEY_INCONSISTENT, "CKA_PUBLIC_KEY_INFO is not of this key");
    return BULLA_OK;
}
