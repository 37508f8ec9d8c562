"""The numbers for Prometheus, read back by its own parser."""

from __future__ import annotations

import re
from pathlib import Path

from cli.box.reports import METRICS
from hostile import TEXTS
from msgspec.structs import replace
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from sockatuh.cli.box.exposition import exposition
from sockatuh.server.box_report import MetricsReport


def parsed(report: MetricsReport | None) -> dict[str, Metric]:
    families = [*text_string_to_metric_families(exposition(report).decode())]
    assert len({family.name for family in families}) == len(families)
    return {family.name: family for family in families}


def value(families: dict[str, Metric], name: str, **labels: str) -> float:
    (found,) = [
        sample.value
        for family in families.values()
        for sample in family.samples
        if sample.name == name and sample.labels == labels
    ]
    return float(found)


def test_every_number_is_there_with_its_type() -> None:
    families = parsed(METRICS)
    gauges = {
        "up",
        "info",
        "start_time_seconds",
        "members",
        "members_lost",
        "sessions",
        "log_head",
        "log_bytes",
        "bans",
    }
    gauges |= {"storing", "unwritten", "behind_members", "receive_buffer_bytes", "last_backup_timestamp_seconds"}
    counters = {"lines", "joins", "refused", "datagrams_received", "datagrams_sent", "dropped", "password_checks"}
    histograms = {"commit_seconds", "turn_seconds"}
    types = {"gauge": gauges, "counter": counters, "histogram": histograms}
    assert {name: family.type for name, family in families.items()} == {
        f"sockatuh_{name}": kind for kind, names in types.items() for name in names
    }
    assert all(family.documentation for family in families.values())


def test_the_numbers_are_those_of_the_server() -> None:
    families = parsed(METRICS)
    assert value(families, "sockatuh_up") == 1
    assert value(families, "sockatuh_info", room="kitchen", version="0.1.0") == 1
    assert value(families, "sockatuh_sessions", dialect="classic") == 1
    assert value(families, "sockatuh_lines_total") == 40
    assert value(families, "sockatuh_dropped_total", reason="replay") == 2
    assert value(families, "sockatuh_refused_total", code="banned") == 5
    assert value(families, "sockatuh_storing") == 1
    assert value(families, "sockatuh_commit_seconds_bucket", le="0.01") == 7
    assert value(families, "sockatuh_commit_seconds_bucket", le="+Inf") == 9
    assert value(families, "sockatuh_commit_seconds_count") == 9
    assert value(families, "sockatuh_commit_seconds_sum") == 1.5


def test_without_a_server_only_that_is_said() -> None:
    families = parsed(None)
    assert [*families] == ["sockatuh_up"]
    assert value(families, "sockatuh_up") == 0


def test_a_hostile_room_adds_neither_lines_nor_labels() -> None:
    for name, text in TEXTS.items():
        hostile = replace(METRICS, room=text, version=text)
        assert len(exposition(hostile).splitlines()) == len(exposition(METRICS).splitlines()), name
        (info,) = parsed(hostile)["sockatuh_info"].samples
        assert info.labels.keys() == {"room", "version"}, name


def test_an_empty_room_has_whole_families() -> None:
    families = parsed(replace(METRICS, sessions={}, refused={}, dropped={}, last_backup=None))
    assert "sockatuh_last_backup_timestamp_seconds" not in families
    assert families["sockatuh_dropped"].samples == []


def test_the_page_on_monitoring_lists_every_number_with_its_labels() -> None:
    page = (Path(__file__).parents[3] / "docs/MONITORING.md").read_text("utf-8")
    rows = [line for line in page[page.index("## Metrics") :].splitlines() if line.startswith("| `sockatuh_")]
    listed = {name: labels for row in rows for name, labels in re.findall(r"`(sockatuh_\w+)(?:\{([\w,]+)\})?`", row)}
    names = {sample.name for family in parsed(METRICS).values() for sample in family.samples}
    assert listed.keys() == {re.sub("_(bucket|count|sum)$", "", name) for name in names}
    for family in parsed(METRICS).values():
        for sample in family.samples:
            labels = ",".join(sorted(sample.labels.keys() - {"le"}))
            assert listed[re.sub("_(bucket|count|sum)$", "", sample.name)] == labels


def test_every_number_in_an_alert_of_the_page_is_one_that_prometheus_is_given() -> None:
    page = (Path(__file__).parents[3] / "docs/MONITORING.md").read_text("utf-8")
    told = exposition(METRICS).decode()
    alerts = re.findall(r"^  expr: (.*)", page, re.MULTILINE)
    named = [re.findall(r"\bsockatuh_\w+", alert) for alert in alerts]
    assert all(named)
    assert all(re.search(rf"^{name}[ {{]", told, re.MULTILINE) for names in named for name in names)
