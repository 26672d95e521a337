/* What the programs print: sentences for people, or one JSON document, never both on standard output.
 *
 * Text that comes from outside (labels, receipts, a token's status) is an argument, and an argument is text and no
 * more: its control characters, line ends among them, become '?'. Colours are marks in the format, and in the format
 * alone, that become escapes on a terminal without NO_COLOR, and nothing otherwise. */
#ifndef BULLA_TOOLS_OUTPUT_H
#define BULLA_TOOLS_OUTPUT_H

#include <jansson.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "crypto/reason.h"

/* Marks, each ended by BULLA_PLAIN: bulla_say(BULLA_GOOD "valid" BULLA_PLAIN " %s\n", name) */
#define BULLA_GOOD "\001"
#define BULLA_BAD "\002"
#define BULLA_WARN "\003"
#define BULLA_STRONG "\004"
#define BULLA_FAINT "\005"
#define BULLA_PLAIN "\006"

/* Before any JSON is made, and again when the options are known. What jansson frees from then on is wiped. */
void bulla_output_open(bool json, bool quiet);
bool bulla_output_json_wanted(void);
bool bulla_output_quiet(void);

/* Standard output is the file that the command was told to write (-o -, or -o /dev/stdout before a pipe), and takes
 * nothing else: what is said from now on, or printed as JSON, goes to standard error. */
void bulla_output_give(void);

/* To standard output; nothing with --json. */
void bulla_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same for text of the program's own, with the line ends that it has. */
void bulla_say_own(const char *text);
/* "s" of more than one, and of none. */
const char *bulla_plural(uint64_t count);
/* A remark to standard error, "bulla: …"; nothing with --quiet. */
void bulla_remark(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* To standard error always, and without a prefix: questions and help after a usage error. */
void bulla_say_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* With --json: prints the document. Takes the reference either way; NULL is BULLA_OUT_OF_MEMORY. */
enum bulla_reason bulla_output_document(json_t *document) BULLA_MUST_USE;
/* Replaces the remedy of the next refusal printed: the token's own words are nearer to the case than the table's. */
void bulla_output_remedy(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The refusal with its detail and remedy: a sentence to standard error, and with --json an {"error": …} document to
 * standard output unless a document was printed already. */
void bulla_output_refusal(const char *command, enum bulla_reason reason);
/* Flushes; BULLA_FILE when standard output could not take everything. */
enum bulla_reason bulla_output_finish(void) BULLA_MUST_USE;

/* Copies text from outside with its control characters (C0, DEL, C1) replaced by '?'; bounded by `size`, which is not
 * 0, and always terminated. */
void bulla_output_clean(const char *text, char *clean, size_t size);
/* What bulla_say would print: malloc'd, to be wiped if it is a secret; NULL without memory. */
char *bulla_output_compose(bool colours, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));

#endif
