"""WebSocket over HTTP/2 (RFC 8441) with an independent implementation of HTTP/2 (h2), against `spec-websocket`."""

import socket
import struct
from urllib.parse import urlsplit

import h2.config
import h2.connection
import h2.events

import checks


class Connection:
    """One connection, with what has come on each stream."""

    def __init__(self, url):
        self.address = urlsplit(url)
        self.http = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.stream = socket.create_connection((self.address.hostname, self.address.port), timeout=60)
        self.http.initiate_connection()
        self.headers, self.data, self.ended, self.reset = {}, {}, set(), {}
        self.flush()
        # RFC 8441, section 3: only then may a client ask.
        self.until(lambda: self.http.remote_settings.enable_connect_protocol == 1)

    def flush(self):
        self.stream.sendall(self.http.data_to_send())

    def until(self, condition):
        while not condition():
            received = self.stream.recv(65_536)
            assert received, f"the connection was closed after {self.headers} {self.data}"
            for event in self.http.receive_data(received):
                if isinstance(event, h2.events.ResponseReceived):
                    self.headers[event.stream_id] = dict(event.headers)
                elif isinstance(event, h2.events.DataReceived):
                    self.data[event.stream_id] = self.data.get(event.stream_id, b"") + event.data
                    self.http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.StreamEnded):
                    self.ended.add(event.stream_id)
                elif isinstance(event, h2.events.StreamReset):
                    self.reset[event.stream_id] = event.error_code
            self.flush()

    def connect(self, path, *fields, protocol="websocket", version="13"):
        """Asks for a WebSocket on a stream of its own, and waits for the answer."""
        number = self.http.get_next_available_stream_id()
        head = [
            (":method", "CONNECT"),
            (":protocol", protocol),
            (":scheme", "http"),
            (":path", path),
            (":authority", self.address.netloc),
            *([("sec-websocket-version", version)] if version else []),
            *fields,
        ]
        self.http.send_headers(number, head, end_stream=False)
        self.flush()
        self.until(lambda: number in self.headers)
        return number, self.headers[number]

    def get(self, path):
        number = self.http.get_next_available_stream_id()
        head = [(":method", "GET"), (":scheme", "http"), (":path", path), (":authority", self.address.netloc)]
        self.http.send_headers(number, head, end_stream=True)
        self.flush()
        self.until(lambda: number in self.ended)
        return self.headers[number]

    def send(self, number, data):
        while data:
            window = min(self.http.local_flow_control_window(number), self.http.max_outbound_frame_size, len(data))
            if window == 0:
                before = self.http.local_flow_control_window(number)
                self.until(lambda: self.http.local_flow_control_window(number) > before)
                continue
            self.http.send_data(number, data[:window])
            data = data[window:]
            self.flush()

    def bytes(self, number, length):
        self.until(lambda: len(self.data.get(number, b"")) >= length)
        taken, self.data[number] = self.data[number][:length], self.data[number][length:]
        return taken


def frame(first, payload):
    """A frame of a client, masked with zeros."""
    if len(payload) < 126:
        head = bytes([first, 0x80 | len(payload)])
    elif len(payload) < 65_536:
        head = bytes([first, 0x80 | 126]) + struct.pack(">H", len(payload))
    else:
        head = bytes([first, 0x80 | 127]) + struct.pack(">Q", len(payload))
    return head + bytes(4) + payload


def all(url):
    """Handshakes, messages on several streams beside requests, and both ways to end."""
    connection = Connection(url)
    first, answer = connection.connect("/spec-websocket", ("sec-websocket-protocol", "a, echo"))
    assert answer[":status"] == "200" and answer["sec-websocket-protocol"] == "echo", answer
    assert not {"sec-websocket-accept", "upgrade", "connection"} & set(answer), answer
    second, answer = connection.connect("/spec-websocket", ("sec-websocket-extensions", "permessage-deflate"))
    assert answer["sec-websocket-extensions"].startswith("permessage-deflate"), answer

    connection.send(first, frame(0x81, b"Hello"))
    connection.send(second, frame(0x89, b"ping"))
    assert connection.bytes(first, 7) == b"\x81\x05Hello"
    assert connection.bytes(second, 6) == b"\x8a\x04ping"
    # Larger than the windows that a stream and a connection begin with.
    long = bytes(range(256)) * 8_000
    connection.send(first, frame(0x82, long))
    assert connection.get("/spec-rest/x")[":status"] == "200"
    assert connection.bytes(first, 10 + len(long))[10:] == long

    for path, options, status in [
        ("/spec-websocket", {"version": None}, "426"),
        ("/spec-websocket", {"version": "8"}, "426"),
        ("/spec-websocket", {"protocol": "connect-udp"}, "501"),
        ("/spec-rest/x", {}, "501"),
        ("/nothing", {}, "404"),
    ]:
        _, answer = connection.connect(path, **options)
        assert answer[":status"] == status, (path, options, answer)
    assert connection.get("/spec-websocket")[":status"] == "426"

    # The closing handshake ends the stream; the connection and its other streams go on.
    connection.send(first, frame(0x88, struct.pack(">H", 1000)))
    assert connection.bytes(first, 4) == b"\x88\x02\x03\xe8"
    connection.until(lambda: first in connection.ended)
    third, _ = connection.connect("/spec-websocket")
    connection.send(third, frame(0x81, b"still"))
    assert connection.bytes(third, 7) == b"\x81\x05still"


if __name__ == "__main__":
    checks.run(__name__)
