"""A SOCKS5 proxy (RFC 1928) with user and password authentication (RFC 1929), which resolves names
that no DNS server knows."""

import socket
import struct
import threading

from peers import TIMEOUT


class Socks:
    def __init__(self, test, users, hosts):
        """`users`: the passwords by user; `hosts`: the addresses by name."""
        self.requested_hosts = []  # the name or address of each requested connection
        self._users, self._hosts = users, hosts
        self._lock = threading.Lock()
        self._open, self._threads = [], []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._run(self._accept)
        test.addCleanup(self._end)

    def _run(self, work, *arguments):
        thread = threading.Thread(target=work, args=arguments)
        with self._lock:
            self._threads.append(thread)
        thread.start()

    def _close_at_end(self, connection):
        with self._lock:
            self._open.append(connection)

    def _end(self):
        self._listening.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        for connection in self._open:
            _shut(connection)
        for thread in self._threads:
            thread.join(TIMEOUT)
        for connection in (self._listening, *self._open):
            connection.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            self._close_at_end(client)
            self._run(self._serve, client)

    def _serve(self, client):
        try:
            server = self._negotiate(client)
        except (OSError, EOFError, struct.error):
            server = None
        if server is None:
            _shut(client)
            return
        self._run(_pump, server, client)
        _pump(client, server)

    def _negotiate(self, client):
        """Serves the SOCKS request of a client. Returns the connection to the server, or None if
        the request was refused."""
        _, methods = _read(client, 2)
        if 2 not in _read(client, methods):
            client.sendall(b"\x05\xff")
            return None
        client.sendall(b"\x05\x02")
        _, length = _read(client, 2)
        user = _read(client, length).decode()
        password = _read(client, _read(client, 1)[0]).decode()
        if self._users.get(user) != password:
            client.sendall(b"\x01\x01")
            return None
        client.sendall(b"\x01\x00")
        _, command, _, kind = _read(client, 4)
        if kind == 3:
            host = _read(client, _read(client, 1)[0]).decode()
        else:
            family = socket.AF_INET if kind == 1 else socket.AF_INET6
            host = socket.inet_ntop(family, _read(client, 4 if kind == 1 else 16))
        (port,) = struct.unpack("!H", _read(client, 2))
        with self._lock:
            self.requested_hosts.append(host)
        if command != 1 or host not in self._hosts:
            client.sendall(b"\x05\x04\x00\x01" + bytes(6))  # no such host
            return None
        server = socket.create_connection((self._hosts[host], port), TIMEOUT)
        server.settimeout(None)
        self._close_at_end(server)
        client.sendall(b"\x05\x00\x00\x01" + bytes(6))
        return server


def _read(connection, size):
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


def _shut(connection):
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # the peer has closed the connection


def _pump(source, target):
    try:
        while piece := source.recv(1 << 16):
            target.sendall(piece)
    except OSError:
        pass
    _shut(source)
    _shut(target)
