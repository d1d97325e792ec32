"""The files of ``deploy/``: they parse, agree with the code, and are documented."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from collegium.fleet.metrics import fleet_metrics
from collegium.fleet.service import Fleet
from collegium.membership.tasks import TaskTable
from collegium.rest.traffic import Traffic
from collegium.settings import CoordinatorSettings, WorkerSettings
from collegium.worker.metrics import worker_metrics
from collegium.worker.stats import Reporter
from collegium.workloads.blobs import BlobCache
from collegium.workloads.executor import Executor
from collegium.workloads.slots import Slots

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file())
YAML = [path for path in FILES if path.suffix == ".yaml"]
HISTOGRAM = re.compile(r"_(bucket|sum|count)$")
FOREIGN = {"up"}
"""What Prometheus itself adds."""


def _name(path: Path) -> str:
    return str(path.relative_to(DEPLOY))


async def _no_blob(sha256: str) -> bytes:
    raise AssertionError(sha256)


def _exposed(folder: Path) -> set[str]:
    """Return every metric that coordinators and workers have, as it is written."""

    async def of_fleet() -> list[Any]:
        settings = CoordinatorSettings(data_dir=folder / "coordinator")
        fleet = Fleet(settings, {}, _no_blob)
        try:
            return list(fleet_metrics(fleet))
        finally:
            await fleet.stop()

    cache = BlobCache(folder / "worker", 1, _no_blob)
    executor = Executor({}, Slots(1, {}), cache)
    table = TaskTable("w", executor, waiting_limit=1)
    reporter = Reporter(WorkerSettings(), "1", "http://127.0.0.1:1", executor, table)
    found = [
        *asyncio.run(of_fleet()),
        *worker_metrics(executor, reporter),
        *Traffic().metrics(),
    ]
    names = {
        metric.name + ("_total" if metric.type == "counter" else "") for metric in found
    }
    return names | {
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "process_open_fds",
        "process_max_fds",
        "process_start_time_seconds",
    }


def _expressions() -> Iterator[tuple[str, str]]:
    rules = yaml.safe_load((DEPLOY / "prometheus/rules.yaml").read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            yield rule.get("alert", rule.get("record")), rule["expr"]
    board = json.loads((DEPLOY / "grafana/collegium-fleet.json").read_text())
    for panel in board["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def _recorded() -> set[str]:
    rules = yaml.safe_load((DEPLOY / "prometheus/rules.yaml").read_text())
    return {
        rule["record"]
        for group in rules["groups"]
        for rule in group["rules"]
        if "record" in rule
    }


def _metrics_in(expression: str) -> set[str]:
    """Return the names of metrics in an expression."""
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]|\"[^\"]*\"", " ", expression)
    bare = re.sub(r"\b(by|ignoring|on|without)\s*\([^)]*\)", " ", bare)
    words = re.findall(r"[a-zA-Z_:][a-zA-Z0-9_:]*(?!\w*\s*\()", bare)
    return {word for word in words if "_" in word or ":" in word or word == "up"} - {
        "histogram_quantile"
    }


@pytest.mark.parametrize("path", YAML, ids=_name)
def test_yaml_parses(path: Path) -> None:
    """Every YAML file is one or more objects, none of them empty."""
    documents = list(yaml.safe_load_all(path.read_text()))
    assert documents
    assert all(isinstance(document, dict) and document for document in documents)


def test_every_metric_exists(tmp_path: Path) -> None:
    """No dashboard and no rule asks for a metric that nothing exposes."""
    known = _exposed(tmp_path) | _recorded() | FOREIGN
    asked: set[str] = set()
    for where, expression in _expressions():
        names = _metrics_in(expression)
        assert names, where
        missing = {
            n for n in names if n not in known and HISTOGRAM.sub("", n) not in known
        }
        assert not missing, where
        asked |= names
    assert len(asked) > 10


def test_a_metric_that_nothing_exposes_is_found() -> None:
    """The reading of expressions sees names in every place."""
    expression = (
        'sum by (le) (rate(one_metric_bucket{state="x_y"}[5m])) '
        "/ on (some_label) (other_metric > 0) + group:third and up"
    )
    assert _metrics_in(expression) == {
        *("one_metric_bucket", "other_metric", "group:third", "up")
    }


def test_panels_have_places_and_texts() -> None:
    """No panel of the dashboard lies over another, and each has its own title."""
    board = json.loads((DEPLOY / "grafana/collegium-fleet.json").read_text())
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in board["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert all(x < 24 for x, _ in cells)
    titles = [panel["title"] for panel in board["panels"]]
    assert len(titles) == len(set(titles))


def test_alerts_say_what_to_do() -> None:
    """Each alert has a severity, a summary and a description of a full sentence."""
    rules = yaml.safe_load((DEPLOY / "prometheus/rules.yaml").read_text())
    alerts = [r for g in rules["groups"] for r in g["rules"] if "alert" in r]
    assert alerts
    for alert in alerts:
        assert alert["labels"]["severity"] in {"warning", "critical"}
        assert alert["annotations"]["summary"]
        assert alert["annotations"]["description"].strip().endswith(".")


def test_settings_that_are_set_exist() -> None:
    """Every variable in a deployment file is a setting of coordinator or worker."""
    known = {f"COLLEGIUM_{name.upper()}" for name in CoordinatorSettings.model_fields}
    known |= {f"COLLEGIUM_WORKER_{n.upper()}" for n in WorkerSettings.model_fields}
    known.add("COLLEGIUM_TOKEN_FILE")  # of the Slurm script itself
    for path in FILES:
        named = set(re.findall(r"\bCOLLEGIUM_[A-Z_]+\b", path.read_text()))
        assert named <= known, _name(path)


def test_every_file_is_documented() -> None:
    """Each file of a deployment stands in one of the instructions."""
    texts = "".join(p.read_text() for p in (ROOT / "docs/howto").glob("*.md"))
    missing = [_name(path) for path in FILES if f"deploy/{_name(path)}" not in texts]
    assert not missing


def test_containers_run_without_privileges() -> None:
    """The image names a user, a health check and installs by hashes only."""
    text = (DEPLOY / "containers/Containerfile").read_text()
    assert re.search(r"^USER \d+$", text, re.M)
    assert re.search(r"^HEALTHCHECK ", text, re.M)
    assert "--require-hashes" in text
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            if document.get("kind") not in {"StatefulSet", "Deployment"}:
                continue
            pod = document["spec"]["template"]["spec"]
            assert pod["securityContext"]["runAsNonRoot"] is True
            for container in pod["containers"]:
                assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(
                    container
                )
                assert container["securityContext"]["readOnlyRootFilesystem"] is True


def _run(*command: str | Path, folder: Path = DEPLOY) -> None:
    program = shutil.which(command[0])
    if program is None:
        pytest.skip(f"{command[0]} is not installed here")
    done = subprocess.run(
        [program, *command[1:]], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_accepts_rules_and_configuration() -> None:
    """Prometheus reads the files; the alerts fire when they should, and only then."""
    folder = DEPLOY / "prometheus"
    _run("promtool", "check", "config", "prometheus.yaml", folder=folder)
    _run("promtool", "test", "rules", "rules_test.yaml", folder=folder)


def test_nginx_accepts_the_configuration(tmp_path: Path) -> None:
    """Nginx reads the file once its coordinators' names are addresses."""
    text = (DEPLOY / "nginx/collegium.conf").read_text()
    text = re.sub(r"coordinator\d:8000", "127.0.0.1:8000", text)
    text = text.replace("/var/cache/nginx/collegium", str(tmp_path / "cache"))
    (tmp_path / "site.conf").write_text(text)
    (tmp_path / "nginx.conf").write_text(
        f"pid {tmp_path}/pid; error_log {tmp_path}/log; events {{}}\n"
        f"http {{ include {tmp_path}/site.conf; }}\n"
    )
    _run("nginx", "-t", "-q", "-c", str(tmp_path / "nginx.conf"))


def test_kustomize_builds() -> None:
    """The manifests fit together, each with the image that is named in one place."""
    _run("kubectl", "kustomize", "kubernetes")


@pytest.mark.parametrize(
    "path", [p for p in FILES if p.suffix in {".sh", ".sbatch"}], ids=_name
)
def test_shell_scripts_parse(path: Path) -> None:
    """The scripts are valid for the shell that they name."""
    _run("bash", "-n", path)


def test_the_health_check_tells_ready_from_not(tmp_path: Path) -> None:
    """With nobody there the check of the container fails, quickly."""
    done = subprocess.run(
        [sys.executable, DEPLOY / "containers/healthy.py"],
        env={"HEALTH_PORT": "1"},
        timeout=20,
        check=False,
    )
    assert done.returncode == 1
