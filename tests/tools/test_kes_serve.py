"""`bulla kes serve` against a client that follows the published description of kes-agent's protocol; and what it has in
memory, as `bulla kes export` does.

usage: test_kes_serve.py BULLA MODULE PKCS11-TOOL VECTORS        PKCS11-TOOL "-": it can't load this module

Expected keys and signatures are the files of tests/vectors/kes: made by the Haskell cardano-base, kes-agent's own."""
import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import time

from kes_client import Gone, Node, Signer

BULLA, MODULE, PKCS11_TOOL, VECTORS = sys.argv[1:5]
FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="bulla-test-"))
os.umask(0o077)
os.environ.update(BULLA_CONF=f"{FOLDER}/bulla.conf", XDG_CONFIG_HOME=str(FOLDER), XDG_DATA_HOME=str(FOLDER))
os.environ.pop("BULLA_PIN", None)
MESSAGE = b"test message"
PIN = ["--pin-file", f"{FOLDER}/pin", "--module", MODULE]
SOCKET = f"{FOLDER}/socket"


def vector(name):
    return (pathlib.Path(VECTORS) / name).read_bytes()


def kes(*words):
    subprocess.run([BULLA, "kes", *map(str, words), *PIN], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, timeout=60)


def evolve(label, period):
    kes("evolve", label, "--to", period)


def make(label, source, period=0, openly=True, clock=()):
    (FOLDER / "raw").write_bytes(source)
    words = ["--exportable"] if openly else []
    if clock:
        words += ["--start-time", f"@{clock[0]}", "--slots-per-period", clock[1], "--start-slot", clock[2]]
    kes("import", FOLDER / "raw", "--label", label, "--period", period, *words)


def opening(label, certificate="pool.cert"):
    return ["--key", label, "--certificate", f"{FOLDER}/{certificate}"]


@contextlib.contextmanager
def server(*words, ends=signal.SIGTERM):
    command = [BULLA, "kes", "serve", "--socket", SOCKET, "--interval", "1", "--json", *words, *PIN]
    with open(FOLDER / "err", "ab") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, stdin=subprocess.DEVNULL)
    said = b""
    while not said.endswith(b"}\n"):
        said += (line := process.stdout.readline())
        assert line, f"it did not start: {said} {(FOLDER / 'err').read_text()[-600:]}"
    assert json.loads(said)["socket"] == SOCKET
    try:
        yield process
    finally:
        alive = process.poll() in (None, -signal.SIGKILL)
        process.send_signal(ends)
        process.wait(timeout=30)
        process.stdout.close()
        assert alive, "it ended by itself"
    assert process.returncode == -ends, process.returncode
    assert os.path.exists(SOCKET) == (ends == signal.SIGKILL)


def refused(reason, *words, path=SOCKET):
    command = [BULLA, "kes", "serve", "--socket", path, "--json", *words, *PIN]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=60)
    assert done.returncode > 0, f"{words}: {done.returncode} {done.stderr}"
    got = json.loads(done.stdout)["error"]["reason"]
    assert got == reason, f"{words}: {got} instead of {reason}: {done.stderr}"


def gone(connection):
    try:
        connection.receive(1)
    except Gone:
        connection.close()
        return
    raise AssertionError("the connection lives on")


def cold_certificate(name, hot, counter, begins, spoil=False):
    """An operational certificate: the CBOR by hand, the signature by openssl."""
    pem, message, sigma = FOLDER / "cold.pem", FOLDER / "message", FOLDER / "sigma"
    if not pem.exists():
        subprocess.run(["openssl", "genpkey", "-algorithm", "ED25519", "-out", pem], check=True, capture_output=True)
    message.write_bytes(hot + struct.pack(">QQ", counter, begins))
    subprocess.run(["openssl", "pkeyutl", "-sign", "-inkey", pem, "-rawin", "-in", message, "-out", sigma], check=True)
    public = subprocess.run(["openssl", "pkey", "-in", pem, "-pubout", "-outform", "DER"], check=True,
                            capture_output=True).stdout[-32:]
    signature = bytearray(sigma.read_bytes())
    signature[0] ^= spoil
    assert counter < 24 and begins < 24
    cbor = b"\x82\x84\x58\x20" + hot + bytes([counter, begins]) + b"\x58\x40" + signature + b"\x58\x20" + public
    envelope = {"type": "NodeOperationalCertificate", "description": "", "cborHex": cbor.hex()}
    (FOLDER / name).write_text(json.dumps(envelope))
    (FOLDER / f"{name}.cbor").write_bytes(cbor)
    return bytes(signature)


def vk_of(raw):
    return hashlib.blake2b(raw[-64:], digest_size=32).digest()


KEY = vector("key6.bin")
SEEDS = [KEY[:32]] + [KEY[32 + 96 * i: 64 + 96 * i] for i in range(6)]


def mappings(pid):
    """What a process has in memory: the name of each mapping, whether it is locked, its bytes."""
    with open(f"/proc/{pid}/smaps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb") as memory:
        bounds = None
        for line in maps:
            head = line.split()
            if "-" in head[0] and not head[0].endswith(":"):
                bounds, name = [int(part, 16) for part in head[0].split("-")], head[-1]
            elif (head[0] == "VmFlags:" and "rd" in head and "io" not in head and
                  bounds[1] - bounds[0] < 1 << 30):  # a sanitizer's own are larger
                try:
                    memory.seek(bounds[0])
                    yield name, "lo" in head, memory.read(bounds[1] - bounds[0])
                except (OSError, ValueError, OverflowError):
                    continue


def unlocked_copies(pid):
    """Where a process has one of the key's seeds in memory that is not locked. What is public of it must be found."""
    places, seen = [], False
    for name, locked, data in mappings(pid):
        if not locked:
            places += [name for seed in SEEDS if seed in data or seed.hex().encode() in data]
            seen = seen or vk_of(KEY) in data
    assert seen, "the process was not looked at"
    return places


def await_locked(pid, wanted):
    """Until a process has these bytes in locked memory: they are found where they may be."""
    for _ in range(600):
        if any(locked and wanted in data for _, locked, data in mappings(pid)):
            return
        time.sleep(0.05)
    raise AssertionError("it never was in locked memory")


# --- the scenes ---

def a_node_gets_the_published_key_and_certificate():
    envelope = json.loads(vector("envelopes/kes-agent.kes.skey"))
    raw = bytes.fromhex(envelope["cborHex"])[3:]
    certificate = bytes.fromhex(json.loads(vector("envelopes/kes-agent.opcert.cert"))["cborHex"])
    make("agent", raw)
    with server("--key", "agent", "--certificate", f"{VECTORS}/envelopes/kes-agent.opcert.cert"):
        assert stat.S_IMODE(os.lstat(SOCKET).st_mode) == 0o600
        node = Node(SOCKET).begin()
        message = node.message()
        assert message["key"] == raw and message["period"] == 0
        assert message["vk"] == certificate[4:36] == vk_of(raw)
        assert message["counter"] == certificate[36] == 7
        assert message["begins"] == struct.unpack(">H", certificate[38:40])[0]
        assert message["sigma"] == certificate[42:106]
        now = time.time() * 1e6
        assert now - 600e6 < message["stamp"] <= now
        node.close()


def each_evolution_is_a_message_to_every_node():
    make("open", KEY)
    sigma = cold_certificate("pool.cert", vk_of(KEY), 3, 0)
    with server(*opening("open")) as process:
        nodes = [Node(SOCKET).begin() for _ in range(3)]
        first = [node.message() for node in nodes]
        assert all(m["key"] == KEY and m["period"] == 0 and m["sigma"] == sigma for m in first)
        evolve("open", 1)
        second = [nodes[0].message(), nodes[1].message(receipt=1), nodes[2].message(receipt=None)]
        assert all(m["key"] == vector("key6update1.bin") and m["period"] == 1 for m in second)
        assert all(new["stamp"] > old["stamp"] for old, new in zip(first, second))
        evolve("open", 5)
        third = [nodes[0].message(), nodes[1].message()]
        assert all(m["key"] == vector("key6update5.bin") and m["period"] == 5 for m in third)
        late = Node(SOCKET).begin().message() # one that never answers holds nobody up
        assert late["key"] == vector("key6update5.bin") and late["stamp"] == third[0]["stamp"]
        nodes[2].send(struct.pack(">I", 0))
        assert nodes[2].message()["period"] == 5
        if os.geteuid() == 0:
            assert not unlocked_copies(process.pid), unlocked_copies(process.pid)
    with server("--key", "open", "--certificate", f"{FOLDER}/pool.cert.cbor"):
        assert Node(SOCKET).begin().message()["key"] == vector("key6update5.bin")


def an_exported_key_is_in_locked_memory_alone():
    """Opening a pipe waits for its reader: the key is in memory then, and its form."""
    pipe, cbor = FOLDER / "pipe", b"\x59\x02\x60" + KEY
    os.mkfifo(pipe)
    make("exported", KEY)
    for form, inside, wanted in (("raw", KEY, KEY), ("cbor", cbor, cbor), ("envelope", cbor.hex().encode(), None)):
        process = subprocess.Popen([BULLA, "kes", "export", "exported", "--format", form, "--output", pipe, *PIN],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        try:
            await_locked(process.pid, inside)
            places = unlocked_copies(process.pid)
            assert not places, f"{form}: {places}"
            got = pipe.read_bytes()
            assert process.wait(timeout=30) == 0
        finally:
            process.kill()
        assert (got if wanted else bytes.fromhex(json.loads(got)["cborHex"])) == (wanted or cbor), form


def a_killed_server_is_followed_by_another():
    for _ in range(5):
        with server(*opening("open"), ends=signal.SIGKILL):
            assert Node(SOCKET).begin().message()["period"] == 5
        assert stat.S_ISSOCK(os.lstat(SOCKET).st_mode)
    with server(*opening("open"), ends=signal.SIGINT):
        assert Node(SOCKET).begin().message()["key"] == vector("key6update5.bin")


def a_removed_key_is_dropped():
    if PKCS11_TOOL == "-" or not shutil.which(PKCS11_TOOL):
        assert PKCS11_TOOL == "-" or os.environ.get("CI") != "true", "CI lacks pkcs11-tool"
        print("SKIPPED: pkcs11-tool is missing, or can't load this module")
        return
    make("short", KEY)
    with server(*opening("short")):
        node = Node(SOCKET).begin()
        stamp = node.message()["stamp"]
        subprocess.run([PKCS11_TOOL, "--module", MODULE, "--login", "--pin", "user-pin", "--delete-object", "--type",
                        "privkey", "--label", "short"], check=True, capture_output=True, timeout=60)
        message = node.message()
        assert message["drop"] and message["stamp"] > stamp
        node.close()


def the_clock_evolves_it_and_ends_it():
    make("clock", KEY, clock=(int(time.time()) - 5, 10, 0))
    with server(*opening("clock")):
        node = Node(SOCKET).begin()
        assert node.message()["period"] == 0
        message = node.message()
        assert message["period"] == 1 and message["key"] == vector("key6update1.bin")
        node.close()
    make("jump", KEY, clock=(int(time.time()) - 7 * 3600 - 10, 3600, 0))
    refused("kes-clock", *opening("jump"))
    make("last", KEY, clock=(int(time.time()) - 64 * 60 + 9, 60, 0))
    evolve("last", 63)
    with server(*opening("last")):
        node = Node(SOCKET).begin()
        message = node.message()
        assert message["period"] == 63 and message["key"][:32] != bytes(32) and message["key"][32:64] == bytes(32)
        assert node.message()["drop"]
        node.close()
    refused("kes-over", *opening("last"))


def what_is_no_node_is_disconnected():
    with server(*opening("open")):
        for words in (b"\x00", b"\x01" + b"Service:1.0".ljust(32, b"\0"), b"\x02" + b"x" * 32, b"GET / HTTP/1.1\r\n\r\n"):
            other = Node(SOCKET)
            other.offered()
            other.send(words)
            gone(other)
        early = Node(SOCKET).begin()
        early.message(receipt=None)
        early.send(struct.pack(">IB", 0, 0))
        gone(early)
        crowd = [Node(SOCKET) for _ in range(80)]
        served = 0
        for one in crowd:
            with contextlib.suppress(Gone):
                served += one.offered() != []
        assert served == 64, served
        for one in crowd:
            one.close()
        assert Node(SOCKET).begin().message(receipt=0xFFFFFFFF)["period"] == 5


def the_key_leaves_only_where_its_owner_allowed_it():
    make("closed", KEY, openly=False)
    refused("key-unextractable", *opening("closed"))
    assert not os.path.exists(SOCKET)


def certificates_must_be_the_keys():
    refused("argument", "--key", "open")
    refused("argument", *opening("nobody"))
    cold_certificate("spoilt.cert", vk_of(KEY), 3, 0, spoil=True)
    refused("signature", *opening("open", "spoilt.cert"))
    cold_certificate("later.cert", vk_of(KEY), 3, 9)
    make("slots", KEY, clock=(int(time.time()) - 10, 3600, 0))
    refused("key-invalid", *opening("slots", "later.cert"))
    cold_certificate("other.cert", vk_of(KEY[::-1]), 3, 0)
    refused("key-invalid", *opening("open", "other.cert"))
    for name, text in (("a", "{}"), ("b", '{"type": "NodeOperationalCertificate", "cborHex": "82zz"}'), ("c", "")):
        (FOLDER / name).write_text(text)
    refused("malformed", *opening("open", "a"))
    refused("malformed", *opening("open", "b"))
    refused("truncated", *opening("open", "c"))
    refused("file", *opening("open", "absent"))
    refused("signature", "--key", "open", "--certificate", f"{VECTORS}/envelopes/cardano-cli-golden.opcert.cert")
    golden = json.loads(vector("envelopes/cardano-cli-golden.kes.skey"))
    make("golden", bytes.fromhex(golden["cborHex"])[3:])
    refused("unsupported", *opening("golden"))


def nobody_else_can_take_the_place():
    with server(*opening("open")):
        refused("file", *opening("open"))
        refused("file", "--key", "closed", "--sign")
        assert Node(SOCKET).begin().message()["period"] == 5
    pathlib.Path(SOCKET).write_text("mine")
    refused("file", *opening("open"))
    assert pathlib.Path(SOCKET).read_text() == "mine"
    os.unlink(SOCKET)
    os.symlink("/nowhere", SOCKET)
    refused("file", *opening("open"))
    os.unlink(SOCKET)
    loose = FOLDER / "loose"
    (loose / "inner").mkdir(parents=True)
    loose.chmod(0o777)
    refused("file", *opening("open"), path=f"{loose}/socket")
    refused("file", *opening("open"), path=f"{loose}/inner/socket")
    loose.chmod(0o770)
    refused("file", *opening("open"), path=f"{loose}/socket")
    refused("file", *opening("open"), path=f"{FOLDER}/absent/socket")
    refused("argument", *opening("open"), path=f"{FOLDER}/{'long' * 40}")
    if os.geteuid() == 0:
        loose.chmod(0o700)
        os.chown(loose, 65534, 65534)
        refused("file", *opening("open"), path=f"{loose}/socket")


def signatures_are_the_published_ones():
    with server("--key", "closed", "--sign"):
        signer = Signer(SOCKET)
        assert signer.sign(MESSAGE) == {"signature": vector("key6Sig.bin").hex(), "period": 0}
        assert signer.sign(MESSAGE, period=0)["signature"] == vector("key6Sig.bin").hex()
        assert signer.sign(MESSAGE, period=0, scheme="sum")["signature"] == vector("key6Sig.bin").hex()
        assert vector("compactkey6.bin") == KEY
        assert signer.sign(MESSAGE, scheme="compact")["signature"] == vector("compactkey6Sig.bin").hex()
        assert signer.sign(MESSAGE, period=1)["error"]["reason"] == "kes-clock"
        assert signer.sign(MESSAGE, period=5)["error"]["reason"] == "kes-clock"
        evolve("closed", 5)
        assert signer.sign(MESSAGE, period=4)["error"]["reason"] == "kes-past"
        assert signer.sign(MESSAGE, period=5) == {"signature": vector("key6Sig5.bin").hex(), "period": 5}
        assert len(signer.sign(bytes(65536))["signature"]) == 2 * 448
        signer.close()


def a_request_may_raise_the_floor_where_that_is_allowed():
    make("floor", KEY, openly=False)
    with server("--key", "floor", "--sign", "--advance", ends=signal.SIGKILL):
        signer = Signer(SOCKET)
        assert signer.sign(MESSAGE, period=5)["signature"] == vector("key6Sig5.bin").hex()
        assert signer.sign(MESSAGE, period=0)["error"]["reason"] == "kes-past"
        assert signer.sign(MESSAGE, period=64)["error"]["reason"] == "kes-over"
    with server("--key", "floor", "--sign", "--advance"):
        signer = Signer(SOCKET)
        assert signer.sign(MESSAGE, period=4)["error"]["reason"] == "kes-past"
        assert signer.sign(MESSAGE, period=5)["signature"] == vector("key6Sig5.bin").hex()
    make("bounded", KEY, openly=False, clock=(int(time.time()) - 10, 3600, 0))
    with server("--key", "bounded", "--sign", "--advance"):
        signer = Signer(SOCKET)
        assert signer.sign(MESSAGE, period=1)["error"]["reason"] == "kes-clock"
        assert signer.sign(MESSAGE, period=0)["signature"] == vector("key6Sig.bin").hex()
    make("ticking", KEY, openly=False, clock=(int(time.time()) - 6, 8, 0))
    with server("--key", "ticking", "--sign"):
        signer = Signer(SOCKET)
        answer = signer.sign(MESSAGE, period=1)
        for _ in range(100):
            if "signature" in answer:
                break
            assert answer["error"]["reason"] == "kes-clock"
            time.sleep(0.1)
            answer = signer.sign(MESSAGE, period=1)
        assert answer["period"] == 1
        assert signer.sign(MESSAGE, period=0)["error"]["reason"] == "kes-past"


def no_kill_brings_a_period_back():
    make("killed", KEY, openly=False)
    reached = 0
    for period in range(1, 25):
        with server("--key", "killed", "--sign", "--advance", ends=signal.SIGKILL) as process:
            signer = Signer(SOCKET)
            present = signer.sign(MESSAGE)["period"]
            assert reached <= present < period
            if present:
                assert signer.sign(MESSAGE, period=present - 1)["error"]["reason"] == "kes-past"
            signer.send(json.dumps({"sign": MESSAGE.hex(), "period": period}).encode() + b"\n")
            if period % 3 == 0:
                assert signer.line()["period"] == period
                reached = period
            else:
                time.sleep(0.001 * (period % 8))
            process.kill()
    assert reached == 24


def what_is_no_request_is_refused_and_answered():
    with server("--key", "closed", "--sign"):
        signer = Signer(SOCKET)
        for line in (b"", b"sign", b"[]", b"{}", b'{"sign": 5}', b'{"sign": "0"}', b'{"sign": "0g"}', b'{"sign": "00", "sign": "01"}',
                     b'{"sign": "00", "more": 1}', b'{"sign": "00", "period": -1}', b'{"sign": "00", "period": 128}',
                     b'{"sign": "00", "period": 1.0}', b'{"sign": "00", "period": "5"}', b'{"sign": "00", "scheme": "Sum"}',
                     b'{"sign": "00", "period": 99999999999999999999}', b'{"sign": "00"} {}', b'{"sign": "00\\u0000"}',
                     b'{"period": 5}', b"\xff\xfe", b"[" * 5000, b'{"sign": "' + b"00" * 65537 + b'"}'):
            answer = signer.ask(line + b"\n")
            assert answer["error"]["reason"] == "request-malformed", (line[:40], answer)
        good = json.dumps({"sign": MESSAGE.hex(), "period": 5}).encode() + b"\n"
        signer.send(good * 50)
        assert all(signer.line()["signature"] == vector("key6Sig5.bin").hex() for _ in range(50))
        for byte in good:
            signer.send(bytes([byte]))
        assert signer.line()["period"] == 5
        long = Signer(SOCKET)
        with contextlib.suppress(Gone):
            long.send(b" " * 200000)
        gone(long)
        half = Signer(SOCKET)
        half.send(good[:10])
        signers = [Signer(SOCKET) for _ in range(40)]
        for one in signers:
            one.send(good)
        assert all(one.line()["period"] == 5 for one in signers)
        deaf = Signer(SOCKET)
        deaf.socket.settimeout(2)
        with contextlib.suppress(Gone):
            deaf.send(good * 5000)
        assert signer.sign(MESSAGE, period=5)["period"] == 5
    refused("argument", *opening("closed"), "--sign")
    refused("argument", *opening("open"), "--advance")


def copies_of_the_folder_serve_nothing_with_a_tpm():
    """A node's key from a token whose TPM forgets, by the same program; last, for the token is another one."""
    if not shutil.which("swtpm"):
        assert os.environ.get("CI") != "true", "CI lacks swtpm"
        print("SKIPPED: swtpm is missing")
        return
    (FOLDER / "tpm").mkdir()
    command = ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={FOLDER}/tpm", "--server",
               f"type=unixio,path={FOLDER}/tpm/socket", "--ctrl", f"type=unixio,path={FOLDER}/tpm/control", "--flags",
               "not-need-init,startup-clear"]
    tpm = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            if (FOLDER / "tpm" / "socket").exists():
                break
            time.sleep(0.1)
        token(FOLDER / "chip", f"release = tpm\ntcti = swtpm:path={FOLDER}/tpm/socket\n")
        make("chip", KEY)
        make("kept", KEY, openly=False)
        shutil.copytree(FOLDER / "chip", FOLDER / "copy")
        with server(*opening("chip"), ends=signal.SIGKILL):
            node = Node(SOCKET).begin()
            assert node.message()["key"] == KEY
            evolve("chip", 5)
            assert node.message()["key"] == vector("key6update5.bin")
        with server("--key", "kept", "--sign"):
            assert Signer(SOCKET).sign(MESSAGE, period=0)["signature"] == vector("key6Sig.bin").hex()
        shutil.rmtree(FOLDER / "chip")
        shutil.copytree(FOLDER / "copy", FOLDER / "chip")
        refused("rolled-back", *opening("chip"))
    finally:
        tpm.terminate()
        tpm.wait(timeout=30)


SCENES = [
    a_node_gets_the_published_key_and_certificate,
    each_evolution_is_a_message_to_every_node,
    an_exported_key_is_in_locked_memory_alone,
    a_killed_server_is_followed_by_another,
    a_removed_key_is_dropped,
    the_clock_evolves_it_and_ends_it,
    what_is_no_node_is_disconnected,
    the_key_leaves_only_where_its_owner_allowed_it,
    certificates_must_be_the_keys,
    nobody_else_can_take_the_place,
    signatures_are_the_published_ones,
    a_request_may_raise_the_floor_where_that_is_allowed,
    no_kill_brings_a_period_back,
    what_is_no_request_is_refused_and_answered,
    copies_of_the_folder_serve_nothing_with_a_tpm,
]


def token(folder, settings):
    (FOLDER / "bulla.conf").write_text(f"[token try]\npath = {folder}\npin-cost = quick\n{settings}")
    subprocess.run([BULLA, "init", "--yes", "--label", "pool", "--so-pin-file", FOLDER / "so-pin", *PIN], check=True,
                   stdout=subprocess.DEVNULL, timeout=60)


def main():
    (FOLDER / "pin").write_text("user-pin\n")
    (FOLDER / "so-pin").write_text("so-pin-12\n")
    token(FOLDER / "token", "release = passphrase\n")
    for scene in SCENES:
        begun = time.monotonic()
        scene()
        print(f"{scene.__name__}: {time.monotonic() - begun:.1f} s", flush=True)


try:
    main()
finally:
    shutil.rmtree(FOLDER, ignore_errors=True)
