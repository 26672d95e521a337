#!/bin/sh
# The manuals are clean mdoc: test_man.sh FOLDER. That another manual is not installed here is none of their faults.
if ! command -v mandoc >/dev/null; then
    [ "${CI:-}" != true ] || { echo "FAILED: mandoc is missing" >&2; exit 1; }
    echo "SKIPPED: mandoc is missing" >&2
    exit 77
fi
said=$(mandoc -Tlint "$1"/bulla.1 "$1"/bulla.conf.5 2>/dev/null | grep -v 'referenced manual not found')
[ -z "$said" ] || { echo "$said" >&2; exit 1; }
for page in bulla.1 bulla.conf.5; do
    [ "$(mandoc -Tascii "$1/$page" | wc -l)" -gt 50 ] || { echo "$page is empty" >&2; exit 1; }
done
