"""The scenarios over tus, the protocol of the current Data Bank."""

from .figures import GIB, KIB, MIB
from .noise import warm

_PROBE = 128 * MIB  # as in scenarios.py
_LOSSY_PROBE = 32 * MIB
_SMALL = 10 * KIB
_CONNECTIONS = 16
_TUS = ["--protocol", "tus"]
_UNCHECKED = [*_TUS, "--verify-chunks", "off"]  # like the other clients


def tus(scene):
    """over tus, a file in the page cache"""
    link = scene.loopback()
    hot = {"prepare": lambda: warm(scene.file())}
    url = scene.bank(link).url
    scene.sluice(url, arguments=_UNCHECKED, **hot)
    scene.sluice(url, "sluice, checked", [*_TUS, "--verify-chunks", "on"], **hot)
    scene.tuspy(url, **hot)
    scene.tus_js(url, **hot)
    scene.iperf(link)
    scene.go()
    compare = scene.outcome.compare
    for name in ("tuspy", "tus-js", "tus-js, whole", "iperf3"):
        compare(f"rate / {name}'s", "sluice", [name])
    for name in ("tuspy", "tus-js, whole"):
        compare(f"CPU seconds a GiB / {name}'s", "sluice", [name], figure="cpu_per_gib")


def tus_link(scene):
    """over tus and a link"""
    over = scene.link(0.05)
    url = scene.bank(over).url
    scene.sluice(url, arguments=_UNCHECKED)
    scene.sluice(url, "sluice, defaults", _TUS)
    scene.tuspy(url)
    scene.iperf(over, streams=(1, 4))
    scene.go_over_link(_PROBE)
    compare = scene.outcome.compare
    compare("rate / iperf3's", "sluice", ["iperf3"], at_least=0.95)
    compare("rate / tuspy's", "sluice", ["tuspy"], at_least=10)
    compare("rate / iperf3's over 4 connections", "sluice", ["iperf3 -P 4"])
    compare("rate with its defaults / iperf3's", "sluice, defaults", ["iperf3"])
    scene.against_the_link(over, "sluice", at_least=0.97)


def _lanes(scene, loss, probe):
    over = scene.link(0.05, loss)
    url = scene.bank(over).url
    scene.sluice(url, arguments=_UNCHECKED)
    for count in (0, 1, 2, 4, 8):
        scene.sluice(url, f"sluice --lanes {count}", [*_UNCHECKED, "--lanes", str(count)])
    scene.go_over_link(probe)
    for count in (0, 1, 2, 4, 8):
        scene.outcome.compare(f"rate / with {count} lanes", "sluice", [f"sluice --lanes {count}"])


def lanes(scene):
    """over tus and a link, by the number of lanes"""
    _lanes(scene, 0.0, _PROBE)
    scene.outcome.compare("rate with 4 / with 0 lanes", "sluice --lanes 4", ["sluice --lanes 0"])


def lanes_loss(scene):
    """over tus and a link that loses packets, by the number of lanes"""
    _lanes(scene, scene.options.loss, _LOSSY_PROBE)
    for count in (2, 4, 8):
        scene.outcome.compare(
            f"rate with {count} / with 0 lanes",
            f"sluice --lanes {count}",
            ["sluice --lanes 0"],
            at_least=1.0,
        )


def small(scene):
    """over tus, files of 10 KiB"""
    url = scene.bank(scene.loopback()).url
    transfers = ["--transfers", str(_CONNECTIONS)]
    scene.sluice_files(url, arguments=[*_UNCHECKED, *transfers])
    scene.sluice_files(url, "sluice --no-journal", [*_UNCHECKED, *transfers, "--no-journal"])
    scene.tuspy(url)
    scene.curl_files(url, _CONNECTIONS)
    scene.go_with_files(max(scene.size // _SMALL, 1), _SMALL)
    compare = scene.outcome.compare
    compare("files a second / tuspy's", "sluice", ["tuspy"], at_least=5)
    compare("files a second / curl's", "sluice", ["curl --parallel"], at_least=0.7)
    compare("files a second without a journal / curl's", "sluice --no-journal", ["curl --parallel"])


def small_link(scene):
    """over tus and a link, files of 10 KiB"""
    over = scene.link(0.05)
    url = scene.bank(over).url
    scene.sluice_files(url, arguments=_UNCHECKED)
    scene.sluice_files(url, "sluice --transfers 64", [*_UNCHECKED, "--transfers", "64"])
    scene.curl_files(url, _CONNECTIONS)
    scene.go_with_files(max(scene.size // _SMALL, 1), _SMALL)
    scene.outcome.compare("files a second / curl's", "sluice", ["curl --parallel"], at_least=1.0)


TUS = {
    "tus": (tus, 4 * GIB),
    "tus-link": (tus_link, 1 * GIB),
    "lanes": (lanes, 1 * GIB),
    "lanes-loss": (lanes_loss, 512 * MIB),
    "small": (small, 10_000 * _SMALL),
    "small-link": (small_link, 3_000 * _SMALL),
}
