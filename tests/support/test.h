/* cmocka, with the headers that it wants before it. */
#ifndef BULLA_TESTS_TEST_H
#define BULLA_TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Exit status of a test program that lacks what it needs; with CI=true it is a failure instead (see bulla_test_skip).
 */
enum { BULLA_TEST_SKIPPED = 77 };

#endif
