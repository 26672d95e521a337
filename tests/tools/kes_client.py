"""A node's side of kes-agent's service protocol 2.0, after that project's description of it, and a client of bulla's
sign mode. A message is read only as far as the description says it goes: one byte too many or too few shows."""
import json
import socket
import struct

VERSION = b"Service:2.0".ljust(32, b"\0")
BUNDLE = 608 + 4 + 32 + 8 + 8 + 64


class Gone(Exception):
    """The server closed the connection."""


class Connection:
    def __init__(self, path, timeout=20):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.socket.connect(path)
        self.kept = b""

    def close(self):
        self.socket.close()

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise Gone from error

    def receive(self, size):
        while len(self.kept) < size:
            try:
                more = self.socket.recv(65536)
            except ConnectionError as error:
                raise Gone from error
            if not more:
                raise Gone
            self.kept += more
        taken, self.kept = self.kept[:size], self.kept[size:]
        return taken


class Node(Connection):
    """What cardano-node does: takes the version, then answers each message with a receipt."""

    def offered(self):
        (count,) = struct.unpack(">I", self.receive(4))
        return [self.receive(32) for _ in range(count)]

    def begin(self):
        assert VERSION in self.offered()
        self.send(b"\x01" + VERSION)
        assert self.receive(32) == VERSION
        return self

    def message(self, receipt=0):
        kind, stamp = struct.unpack(">BQ", self.receive(9))
        if kind == 1:
            message = {"drop": True, "stamp": stamp}
        else:
            assert kind == 0, kind
            bundle = self.receive(BUNDLE)
            period, vk, counter, begins, sigma = struct.unpack(">I32sQQ64s", bundle[608:])
            message = {"drop": False, "stamp": stamp, "key": bundle[:608], "period": period, "vk": vk,
                       "counter": counter, "begins": begins, "sigma": sigma}
        assert not self.kept, "more than a message"
        if receipt is not None:
            self.send(struct.pack(">I", receipt))
        return message


class Signer(Connection):
    def line(self):
        while b"\n" not in self.kept:
            more = self.socket.recv(65536)
            if not more:
                raise Gone
            self.kept += more
        line, self.kept = self.kept.split(b"\n", 1)
        return json.loads(line)

    def ask(self, request):
        self.send(request if isinstance(request, bytes) else json.dumps(request).encode() + b"\n")
        return self.line()

    def sign(self, message, **more):
        return self.ask({"sign": message.hex(), **more})
