"""The network between clients and servers: the loopback device, or a link with a given rate, round
trip time and loss. A network exists during a `with` block."""

import ctypes
import os
import socket
import subprocess

from .figures import format_bit_rate, format_duration
from .measure import Failed, Server, Unavailable, program


class Loopback:
    about = "loopback"
    address = "127.0.0.1"
    server_side = []  # prefix of a server's command

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def obituary(self):
        return None

    def free_port(self):
        """Returns a free port chosen by the system."""
        with socket.socket() as probe:
            probe.bind((self.address, 0))
            return probe.getsockname()[1]


class _Namespace:
    """A link to a network namespace, in which the servers run."""

    def __init__(self, rate, round_trip, loss):
        self.rate, self.round_trip, self.loss = rate, round_trip, loss
        self.name = f"sluice-bench-{os.getpid()}"
        # Concurrent runs use different networks: one of 254.
        self.subnet = os.getpid() % 254 + 1
        self.server_side = [program("ip"), "netns", "exec", self.name]
        self.address = f"10.{self.subnet}.0.2"

    @property
    def payload_rate(self):
        """The maximum payload rate in bytes per second: 1500-byte packets with IPv4 and TCP headers
        and TCP timestamps (RFC 7323)."""
        return self.rate / 8 * 1448 / 1500

    def obituary(self):
        return None

    def free_port(self):
        return 5201  # the namespace has no other servers

    def _about(self, by):
        loss = f", {self.loss * 100:.3g} % lost" if self.loss else ""
        trip = format_duration(self.round_trip)
        return f"{format_bit_rate(self.rate)}, round trip {trip}{loss} ({by})"


class Netem(_Namespace):
    """A link of veth devices with the kernel's `tc netem`."""

    def __init__(self, rate, round_trip, loss=0.0):
        super().__init__(rate, round_trip, loss)
        self.about = self._about("veth and tc netem")

    def __enter__(self):
        try:
            self._make()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _make(self):
        near, far = f"slb{os.getpid()}a", f"slb{os.getpid()}b"  # 15 characters at most
        tool = program("ip")
        inside = [*self.server_side, tool]
        _call(tool, "netns", "add", self.name)
        _call(tool, "link", "add", near, "type", "veth", "peer", "name", far)
        _call(tool, "link", "set", far, "netns", self.name)
        _call(*inside, "link", "set", "lo", "up")
        for prefix, device, address in (
            ([], near, f"10.{self.subnet}.0.1"),
            (self.server_side, far, self.address),
        ):
            _call(*prefix, tool, "address", "add", f"{address}/24", "dev", device)
            # Disable segmentation offload: loss and delay must apply to packets, not to units of 64
            # KiB.
            _call(*prefix, tool, "link", "set", device, "gso_max_segs", "1")
            _call(*prefix, tool, "link", "set", device, "up")
            _call(*prefix, *self._netem(device))

    def _netem(self, device):
        # netem's queue also holds packets that are delayed: size it for the delay and a queue of
        # one round trip.
        flying = self.rate / 8 * self.round_trip * 1.5
        command = [
            program("tc"),
            "qdisc",
            "add",
            "dev",
            device,
            "root",
            "netem",
            "rate",
            f"{self.rate:.0f}bit",
            "delay",
            f"{self.round_trip / 2 * 1e6:.0f}us",
            "limit",
            str(int(max(flying, 1 << 18) / 1500) + 1),
        ]
        return command + (["loss", f"{self.loss * 100:.6f}%"] if self.loss else [])

    def __exit__(self, *_):
        # Deleting the namespace deletes both veth devices.
        for command in (["netns", "del", self.name], ["link", "del", f"slb{os.getpid()}a"]):
            subprocess.run([program("ip"), *command], stderr=subprocess.DEVNULL, check=False)


class Emulated(_Namespace):
    """A link emulated by bench/link.cc, for kernels without netem."""

    def __init__(self, emulator, rate, round_trip, loss, log):
        super().__init__(rate, round_trip, loss)
        self.about = self._about("bench/link")
        self._server = Server(
            [
                emulator,
                "--rate",
                f"{rate:.0f}",
                "--delay",
                f"{round_trip / 2 * 1e6:.0f}us",
                "--loss",
                f"{loss:.8f}",
                "--namespace",
                self.name,
                "--subnet",
                str(self.subnet),
            ],
            log,
        )

    def __enter__(self):
        self._server.__enter__()
        try:
            self._server.line("link up: ")
        except BaseException as error:
            self._server.__exit__()
            if isinstance(error, Failed):
                raise Unavailable(f"cannot create the link: {error}") from None
            raise
        return self

    def __exit__(self, *_):
        self._server.__exit__()

    def obituary(self):
        return self._server.obituary()


class LargeBuffers:
    """A network whose hosts are tuned like data transfer nodes: TCP buffers of up to 256 MiB, and
    BBR. The clients, which this thread starts, run in a network namespace of their own, so that the
    settings of this machine do not change."""

    _TUNED = {
        "tcp_wmem": "4096 65536 268435456",
        "tcp_rmem": "4096 131072 268435456",
        "tcp_congestion_control": "bbr",
    }

    def __init__(self, network):
        self._network = network
        self._name = f"slb-client-{os.getpid()}"
        self._is_up = False
        self.about = f"{network.about}, TCP buffers of 256 MiB"

    def __getattr__(self, name):
        return getattr(self._network, name)

    def __enter__(self):
        self._home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        _call(program("ip"), "netns", "add", self._name)
        try:
            _enter_namespace(os.open(f"/run/netns/{self._name}", os.O_RDONLY))
            _call(program("ip"), "link", "set", "lo", "up")
            self._network.__enter__()
            self._is_up = True
            for name, value in self._TUNED.items():
                path = f"/proc/sys/net/ipv4/{name}"
                for side in ([], self._network.server_side):
                    _call(*side, "sh", "-c", f"echo {value} > {path}")
        except BaseException as error:
            self.__exit__()
            if isinstance(error, OSError):
                raise Unavailable(f"cannot enter a network namespace: {error}") from None
            raise
        return self

    def __exit__(self, *error):
        try:
            if self._is_up:
                self._network.__exit__(*error)
        finally:
            _enter_namespace(self._home)
            subprocess.run(
                [program("ip"), "netns", "del", self._name], stderr=subprocess.DEVNULL, check=False
            )


def _enter_namespace(file):
    """Moves this thread and its future children into the network namespace of the open `file`, and
    closes the file."""
    clone_newnet = 0x40000000
    try:
        # os.setns() requires Python 3.12.
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(file, clone_newnet) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    finally:
        os.close(file)


def _call(*command):
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        words = done.stderr.strip().splitlines() or ["(no output)"]
        raise Failed(f"{' '.join(command)}: {words[-1]}")


def link(programs, rate, round_trip, loss, scratch):
    """Returns a network: netem if the kernel supports it, else the emulator. Raises Unavailable if
    neither works."""
    if os.geteuid() != 0:
        raise Unavailable(
            "the link needs network namespaces and devices, which only root can create; run this "
            "program as root"
        )
    try:
        with Netem(rate, round_trip, loss):
            pass
        return Netem(rate, round_trip, loss)
    except Failed as reason:
        emulator = os.path.join(programs, "link")
        if not os.access(emulator, os.X_OK):
            raise Unavailable(
                f"tc netem does not work ({reason}), and the emulator {emulator} does not exist; "
                "build the target link, or name its directory with --bin"
            ) from None
    return Emulated(emulator, rate, round_trip, loss, os.path.join(scratch, "link.log"))
