"""Renders the room's numbers in Prometheus's text format. The one module that knows prometheus-client.

Labels hold words of ours only, and the room's name: no member's name, key or address.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from sockatuh.room.text import clean_line
from sockatuh.server.box_report import Histogram, MetricsReport

PREFIX: Final = "sockatuh"


def exposition(report: MetricsReport | None) -> bytes:
    """Return the numbers in text; without a report, only that no server answers."""
    return generate_latest(_Numbers(report))


class _Numbers(Collector):
    def __init__(self, report: MetricsReport | None) -> None:
        self._report = report

    def collect(self) -> Iterator[Metric]:
        yield _gauge("up", "Whether the server answered at its control socket.", float(self._report is not None))
        if self._report is not None:
            yield from _families(self._report)


def _families(report: MetricsReport) -> Iterator[Metric]:
    told = {"version": clean_line(report.version), "room": clean_line(report.room)}
    yield InfoMetricFamily(PREFIX, "The room and the version of its server.", value=told)
    yield _gauge("start_time_seconds", "When the server started, in seconds since 1970.", report.started)
    yield _gauge("members", "Members of the room.", report.members)
    yield _gauge("members_lost", "Members out of contact.", report.members_lost)
    yield _by("sessions", "Open sessions.", "dialect", report.sessions)
    yield _gauge("log_head", "The number of the last entry.", report.log_head)
    yield _gauge("log_bytes", "Bytes of the database on disk.", report.log_bytes)
    yield _gauge("bans", "Bans in force.", report.bans)
    yield _gauge("storing", "Whether lines are stored.", float(report.storing))
    yield _gauge("unwritten", "Entries that wait to be stored.", report.unwritten)
    yield _counter("lines", "Lines stored.", report.lines)
    yield _counter("joins", "Joins.", report.joins)
    yield _counted("refused", "Joins, lines and names refused.", "code", report.refused)
    yield _counter("datagrams_received", "Datagrams received.", report.datagrams_received)
    yield _counter("datagrams_sent", "Datagrams sent.", report.datagrams_sent)
    yield _counted("dropped", "Datagrams dropped.", "reason", report.dropped)
    yield _counter("password_checks", "Passwords checked.", report.password_checks)
    yield _histogram("commit_seconds", "Seconds of one commit.", report.commit_seconds)
    yield _histogram("turn_seconds", "Seconds of one turn of the event loop.", report.turn_seconds)
    yield _gauge("behind_members", "Members with more than 1,024 unacknowledged entries.", report.behind_members)
    yield _gauge("receive_buffer_bytes", "Bytes of the socket's receive buffer.", report.receive_buffer_bytes)
    if report.last_backup is not None:
        yield _gauge(
            "last_backup_timestamp_seconds", "When the last backup was made, in seconds since 1970.", report.last_backup
        )


def _gauge(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{PREFIX}_{name}", what, value=value)


def _counter(name: str, what: str, value: float) -> Metric:
    return CounterMetricFamily(f"{PREFIX}_{name}", f"{what} Since the start of the server.", value=value)


def _by(name: str, what: str, label: str, values: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily(f"{PREFIX}_{name}", what, labels=[label])
    for value, count in sorted(values.items()):
        family.add_metric([clean_line(value)], count)
    return family


def _counted(name: str, what: str, label: str, values: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(f"{PREFIX}_{name}", f"{what} Since the start of the server.", labels=[label])
    for value, count in sorted(values.items()):
        family.add_metric([clean_line(value)], count)
    return family


def _histogram(name: str, what: str, found: Histogram) -> Metric:
    buckets = [(repr(float(bound)), float(count)) for bound, count in zip(found.bounds, found.counts, strict=True)]
    return HistogramMetricFamily(f"{PREFIX}_{name}", what, [*buckets, ("+Inf", float(found.count))], found.sum)
