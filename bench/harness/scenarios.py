"""The scenarios of bench/compare: for each its network, servers, contestants and targets."""

import os

from . import stop
from .contestants import Fio, OpensslMd5
from .figures import GIB, MIB, Ratio
from .measure import Failed, Unavailable, program, run
from .noise import evict, warm
from .scenario import Comparison, Outcome, say
from .scene import Scene
from .servers import CA_BUNDLE, TlsProxy
from .tus_scenarios import TUS

# Large enough to fill a gigabit link for most of the time. With losses, cubic takes half a minute
# for 32 MiB.
_PROBE = 128 * MIB
_LOSSY_PROBE = 32 * MIB


def page_cache(scene):
    """a file in the page cache"""
    link = scene.loopback()
    hot = {"prepare": lambda: warm(scene.file())}
    url = scene.bank(link).url
    scene.sluice(url, **hot)
    scene.curl(url, **hot)
    scene.sequential(url, **hot)
    scene.iperf(link)
    scene.go()
    compare = scene.outcome.compare
    compare("rate / curl's", "sluice", ["curl -F"], at_least=1.0)
    compare("CPU seconds a GiB / curl's", "sluice", ["curl -F"], figure="cpu_per_gib", at_most=1.25)
    compare("rate / the sequential client's", "sluice", ["sequential"])
    compare("rate / iperf3's", "sluice", ["iperf3"])


def cold(scene):
    """a file that is not in the page cache"""
    link = scene.loopback()
    cool, heat = lambda: evict(scene.file()), lambda: warm(scene.file())
    url = scene.bank(link).url
    scene.sluice(url, prepare=cool)
    scene.curl(url, "curl -F, cold", prepare=cool)
    scene.curl(url, "curl -F, hot", prepare=heat)
    scene.outcome.offer("fio", lambda: Fio(prepare=cool))
    scene.go()
    compare = scene.outcome.compare
    compare(
        "rate / the smaller of fio's and curl's hot one",
        "sluice",
        ["fio", "curl -F, hot"],
        at_least=0.95,
    )
    compare("rate / curl's cold one", "sluice", ["curl -F, cold"], at_least=1.25)


def link(scene):
    """over a link"""
    over = scene.link(0.05)
    url = scene.bank(over).url
    scene.sluice(url)
    scene.curl(url)
    scene.sequential(url)
    scene.iperf(over, streams=(1, 4))
    scene.go_over_link(_PROBE)
    compare = scene.outcome.compare
    compare("rate / iperf3's", "sluice", ["iperf3"], at_least=0.95)
    compare("rate / the sequential client's", "sluice", ["sequential"], at_least=15)
    compare("rate / the sequential client's with a kept connection", "sluice", ["sequential, kept"])
    compare("rate / iperf3's over 4 connections", "sluice", ["iperf3 -P 4"])
    compare("rate / curl's", "sluice", ["curl -F"], at_least=1.0)
    scene.against_the_link(over, "sluice", at_least=0.97)


def think(scene):
    """over a link, to a server that thinks about each chunk"""
    over = scene.link(0.1)
    url = scene.bank(over, scene.options.think).url
    scene.sluice(url)
    scene.curl(url)
    scene.sequential(url)
    scene.iperf(over, streams=(1, 4))
    scene.go_over_link(_PROBE)
    scene.outcome.compare("rate / iperf3's", "sluice", ["iperf3"], at_least=0.90)
    scene.against_the_link(over, "sluice")
    scene.outcome.compare("rate / curl's, whose chunk is the whole file", "sluice", ["curl -F"])
    chunks = [
        run.bytes / run.more["chunks"] / (64 * MIB) for run in scene.outcome.entry("sluice").runs
    ]
    if chunks:
        scene.outcome.comparisons.append(
            Comparison(
                "bytes in a chunk / 64 MiB", Ratio.of(chunks, [1.0] * len(chunks)), at_most=1.0
            )
        )


def loss(scene):
    """over a link that loses packets"""
    over = scene.link(0.05, scene.options.loss)
    url = scene.bank(over).url
    scene.sluice(url)
    scene.curl(url)
    scene.iperf(over)
    scene.go_over_link(_LOSSY_PROBE)
    scene.outcome.compare("rate / curl's", "sluice", ["curl -F"], at_least=1.0)
    scene.outcome.compare("rate / iperf3's", "sluice", ["iperf3"])


def _large_buffers(scene, loss, probe):
    over = scene.link(0.05, loss, large_buffers=True)
    url = scene.bank(over).url
    scene.sluice(url, arguments=["--protocol", "phased"])
    scene.sluice(url, "sluice, remembered", ["--protocol", "phased"], remembers=True)
    scene.sluice(url, "sluice, tus", ["--protocol", "tus"])
    scene.curl(url)
    scene.iperf(over)
    scene.go_over_link(probe)
    for name, rate in (
        ("sluice", "rate over phased"),
        ("sluice, remembered", "the same, remembered,"),
        ("sluice, tus", "rate over tus"),
    ):
        scene.outcome.compare(f"{rate} / curl's", name, ["curl -F"], at_least=1.0)
        scene.against_the_link(over, name, rate, at_least=None if loss else 0.97)


def large_buffers(scene):
    """over a link, from a host with large TCP buffers and BBR"""
    _large_buffers(scene, 0.0, _PROBE)


def large_buffers_loss(scene):
    """the same, over a link that loses packets"""
    _large_buffers(scene, scene.options.loss, _LOSSY_PROBE)


def tls(scene):
    """with TLS, to an nginx in front of the server"""
    over = scene.loopback()
    hot = {"prepare": lambda: warm(scene.file())}
    bank = scene.bank(over)
    proxy = scene.start(TlsProxy(bank, over, scene.scratch))
    scene.sluice(proxy.url, within=lambda: _trusting(proxy), **hot)
    scene.curl(proxy.url, certificates=proxy.certificates, **hot)
    scene.sluice(bank.url, "sluice without TLS", **hot)
    scene.go()
    scene.outcome.notes += [
        f"{name}: {proxy.cipher(agent)}" for name, agent in (("sluice", "sluice"), ("curl", "curl"))
    ]
    compare = scene.outcome.compare
    compare("rate / curl's", "sluice", ["curl -F"])
    compare("CPU seconds a GiB / curl's", "sluice", ["curl -F"], figure="cpu_per_gib")
    compare(
        "CPU seconds a GiB / those without TLS",
        "sluice",
        ["sluice without TLS"],
        figure="cpu_per_gib",
    )


def _trusting(proxy):
    """Returns the command prefix that makes sluice trust the proxy: runs it in a mount namespace in
    which the system's CA bundle is replaced."""
    alone = [program("unshare"), "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    within = [*alone, "sh", "-c", f'mount --bind "$0" {CA_BUNDLE} && exec "$@"', proxy.certificates]
    try:
        run([*within, "true"])
    except Failed as reason:
        raise Unavailable(
            "cannot make sluice trust the certificate of the proxy (run this program as root): "
            f"{reason}"
        ) from None
    return within


def md5(scene):
    """a file in the page cache, with --digest md5"""
    link = scene.loopback()
    url = scene.bank(link).url
    scene.sluice(url, arguments=["--digest", "md5"], prepare=lambda: warm(scene.file()))
    scene.outcome.offer("openssl speed md5", lambda: OpensslMd5(1))
    scene.iperf(link)
    scene.go()
    scene.outcome.compare(
        "rate / the smaller of openssl's and iperf3's",
        "sluice",
        ["openssl speed md5", "iperf3"],
        at_least=0.9,
    )


# By name: the function, and the size of its file; over a link, the maximum size. 1 GiB takes 9 s on
# a gigabit link.
ALL = {
    "page-cache": (page_cache, 4 * GIB),
    "cold": (cold, 4 * GIB),
    "link": (link, 1 * GIB),
    "think": (think, 1 * GIB),
    "loss": (loss, 512 * MIB),
    "large-buffers": (large_buffers, 1 * GIB),
    "large-buffers-loss": (large_buffers_loss, 1 * GIB),
    "tls": (tls, 4 * GIB),
    "md5": (md5, 4 * GIB),
    **TUS,
}


def run_scenario(name, options):
    """Runs a scenario and returns its outcome; only a stop signal ends the program."""
    measure, size = ALL[name]
    outcome = Outcome(name, measure.__doc__)
    try:
        with Scene(options, outcome, size) as scene:
            measure(scene)
    except Unavailable as reason:
        stop.check()
        outcome.reason = str(reason)
        say(f"{name}: not measured: {reason}")
    except (Failed, OSError, ValueError, LookupError) as error:
        stop.check()
        outcome.error = str(error) or repr(error)
        say(f"{name}: failed: {outcome.error}")
    return outcome
