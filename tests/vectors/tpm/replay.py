#!/usr/bin/env python3
# The oracle of tests/evidence/event_log_values.h: replays event logs (TCG PC Client Platform Firmware Profile, section
# 10) and prints a line for each bank and PCR.   usage: replay.py LOG ...
import hashlib
import struct
import sys

HASHES = {4: "sha1", 11: "sha256", 12: "sha384", 13: "sha512"}
EV_NO_ACTION = 3


def records(log):
    pcr, kind = struct.unpack_from("<II", log, 0)
    size, = struct.unpack_from("<I", log, 28)
    data = log[32:32 + size]
    yield pcr, kind, {4: log[8:28]}, data
    sizes = {}
    if kind == EV_NO_ACTION and data.startswith(b"Spec ID Event03\0"):
        count, = struct.unpack_from("<I", data, 24)
        sizes = dict(struct.unpack_from("<HH", data, 28 + 4 * i) for i in range(count))
    at = 32 + size
    while at < len(log):
        pcr, kind = struct.unpack_from("<II", log, at)
        at += 8
        digests = {}
        if sizes:
            count, = struct.unpack_from("<I", log, at)
            at += 4
            for _ in range(count):
                algorithm, = struct.unpack_from("<H", log, at)
                digests[algorithm] = log[at + 2:at + 2 + sizes[algorithm]]
                at += 2 + sizes[algorithm]
        else:
            digests[4] = log[at:at + 20]
            at += 20
        size, = struct.unpack_from("<I", log, at)
        yield pcr, kind, digests, log[at + 4:at + 4 + size]
        at += 4 + size


for name in sys.argv[1:]:
    pcrs = {}
    with open(name, "rb") as file:
        log = file.read()
    for pcr, kind, digests, data in records(log):
        for algorithm, digest in digests.items():
            if kind == EV_NO_ACTION:
                if data.startswith(b"StartupLocality\0"):
                    pcrs[algorithm, 0] = bytes(len(digest) - 1) + data[16:17]
            elif algorithm in HASHES:
                before = pcrs.get((algorithm, pcr), bytes(len(digest)))
                pcrs[algorithm, pcr] = hashlib.new(HASHES[algorithm], before + digest).digest()
    for (algorithm, pcr), value in sorted(pcrs.items()):
        print(name, HASHES[algorithm], pcr, value.hex())
