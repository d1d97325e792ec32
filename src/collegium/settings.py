"""What an operator can set, from the environment or the command line.

Every value is read once, at the start, into an object that is passed to whoever needs
it; nothing imports a setting. The environment name of a field is its name in capitals
behind ``COLLEGIUM_`` for the coordinator and ``COLLEGIUM_WORKER_`` for the worker.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from collegium.errors import Misconfigured

PolicyName = Literal["round_robin", "weighted", "least_outstanding", "p2c_ewma"]
EngineName = Literal["http", "local", "dask"]


def _split_at_commas(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


# In the environment a list is written as one text with commas.
Texts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_at_commas)]


class CoordinatorSettings(BaseSettings):
    """Settings of one coordinator.

    Raises
    ------
    pydantic.ValidationError
        When a value is out of its range.
    """

    model_config = SettingsConfigDict(
        env_prefix="COLLEGIUM_", frozen=True, extra="ignore"
    )

    host: str = "127.0.0.1"
    """Address to listen on; beyond loopback only with authentication."""
    port: int = Field(default=8000, ge=0, le=65535)
    """0 takes any free port."""
    database: str = "sqlite:///collegium.db"
    """``sqlite:///file.db`` or ``postgresql://...``."""
    data_dir: Path = Path(".collegium")
    """Where caches live that may be deleted at any time."""

    workloads: Texts = ()
    """Names of the workloads to offer; empty means all that are installed."""
    engine: EngineName = "http"
    """Where tasks run: ``http`` the fleet, ``dask`` also a cluster, ``local`` here."""
    dask_scheduler: str | None = None
    """``tcp://host:port`` of the cluster for the engine ``dask``."""
    policy: PolicyName = "round_robin"
    """How the next worker is chosen."""
    hedge: bool = False
    """Try short tasks that may run twice at a second worker when the first is late."""
    heartbeat_s: float = Field(default=5.0, gt=0.0, le=3600.0)
    """How often workers shall report; a lease is three heartbeats."""
    max_workers: int = Field(default=10_000, ge=1)
    """Workers that may announce themselves at most."""
    local_slots: int = Field(default=0, ge=0)
    """Child processes of the fallback in this process; 0 means one for each core."""
    job_lease_s: float = Field(default=15.0, ge=1.0, le=3600.0)
    """How long a coordinator may be silent before another one takes its jobs."""
    queue_limit: int = Field(default=100_000, ge=1)
    """Tasks that may wait for a slot before callers are told to come back."""
    task_deadline_s: float = Field(default=300.0, gt=0.0)
    """For tasks whose sender names no deadline."""
    slot_memory_mb: int = Field(default=0, ge=0)
    """A child process above it is replaced; 0 sets no bound."""

    auth: Literal["off", "required"] = "off"
    """``required``: nobody gets in without a key or token; so it is anyway with an API
    token, or beyond this machine."""
    worker_token: SecretStr | None = None
    """What workers and coordinator show each other; needed beyond this machine."""
    api_token: SecretStr | None = None
    """What operators may show as a bearer token in place of a key; beyond this machine
    one of the two is needed."""
    worker_networks: Texts = ()
    """Networks (CIDR) whose addresses may announce themselves; empty means any."""
    tls_cert: Path | None = None
    """Own certificate and its chain, PEM."""
    tls_key: Path | None = None
    """Key of the certificate, PEM."""
    tls_ca: Path | None = None
    """Certificates that a peer's certificate must descend from (mutual TLS)."""

    parent: Texts = ()
    """Coordinators to announce this one to, as if it were a worker."""
    url: str | None = None
    """How a parent reaches this coordinator, when host and port do not say it."""
    body_limit_bytes: int = Field(default=64 * 2**20, ge=1024)
    """Largest request body that is read."""
    rate_limit: int = Field(default=0, ge=0)
    """Requests that a token or address may make in a window; 0 sets no limit."""
    rate_window_s: int = Field(default=60, ge=1, le=86_400)
    """Seconds after which a used-up limit is there again."""
    trusted_proxies: Texts = ()
    """Networks (CIDR) of proxies whose X-Forwarded-For is believed."""
    log_format: Literal["text", "json"] = "text"
    """Lines for people or for programs."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least important lines that are written."""

    def refuse_exposure(self, has_operator_key: Callable[[], bool]) -> None:
        """Make sure that nothing beyond this machine is reachable unguarded.

        Parameters
        ----------
        has_operator_key : tells whether the database has a key of an operator; asked
            only where it matters.

        Raises
        ------
        Misconfigured
            When bound beyond loopback without authentication of clients and workers.
        """
        if is_loopback(self.host):
            return
        is_safe = self.worker_token is not None and (
            self.api_token is not None
            or (self.auth == "required" and has_operator_key())
        )
        if not is_safe:
            raise Misconfigured(
                f"Binding to {self.host} makes the coordinator reachable from other "
                "machines: set COLLEGIUM_WORKER_TOKEN, and either COLLEGIUM_API_TOKEN "
                "or COLLEGIUM_AUTH=required with an operator's key (collegium key "
                "create --role operator), or bind to 127.0.0.1."
            )

    @property
    def is_auth_required(self) -> bool:
        """Whether clients must show a key or a token."""
        return (
            self.auth == "required"
            or self.api_token is not None
            or not is_loopback(self.host)
        )

    @property
    def local_slot_count(self) -> int:
        """Number of child processes of the local fallback, at least one."""
        return self.local_slots or core_count()


class WorkerSettings(BaseSettings):
    """Settings of one worker.

    Raises
    ------
    pydantic.ValidationError
        When a value is out of its range.
    """

    model_config = SettingsConfigDict(
        env_prefix="COLLEGIUM_WORKER_", frozen=True, extra="ignore"
    )

    coordinator: Texts = ()
    """Base addresses of the coordinators to announce this worker to."""
    host: str = "127.0.0.1"
    """Address to listen on; beyond loopback only with authentication."""
    port: int = Field(default=0, ge=0, le=65535)
    """0 takes any free port."""
    url: str | None = None
    """How coordinators reach this worker, when host and port do not say it."""
    id: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    """Stable name; without one, each start makes a new one."""
    slots: int = Field(default=0, ge=0, le=4096)
    """Tasks that run at once; 0 means one for each core."""
    workloads: Texts = ()
    """Names of the workloads to offer; empty means all that are installed."""
    weight: float = Field(default=1.0, gt=0.0, le=1000.0)
    """Share of the work under the policy ``weighted``."""
    heartbeat_s: float | None = Field(default=None, gt=0.0, le=3600.0)
    """Own interval of reports; without one, the coordinator says it."""
    grace_s: float = Field(default=25.0, ge=0.0)
    """How long running tasks may go on after SIGTERM."""
    token: SecretStr | None = None
    """What worker and coordinator show each other; needed beyond this machine."""
    data_dir: Path | None = None
    """Where the blob cache lives; without one, a temporary directory."""
    blob_cache_mb: int = Field(default=1024, ge=1)
    """Largest size of the blob cache."""
    answers_kept: int = Field(default=10_000, ge=1)
    """Finished tasks whose answers are remembered for a repeated request."""
    answers_kept_mb: int = Field(default=64, ge=1)
    """Largest size of the answers that are remembered."""
    slot_tasks: int = Field(default=10_000, ge=1)
    """Tasks after which a child process is replaced."""
    slot_memory_mb: int = Field(default=0, ge=0)
    """A child process above it is replaced; 0 sets no bound."""
    tls_cert: Path | None = None
    """Own certificate and its chain, PEM."""
    tls_key: Path | None = None
    """Key of the certificate, PEM."""
    tls_ca: Path | None = None
    """Certificates that a peer's certificate must descend from (mutual TLS)."""
    body_limit_bytes: int = Field(default=64 * 2**20, ge=1024)
    """Largest request body that is read."""
    log_format: Literal["text", "json"] = "text"
    """Lines for people or for programs."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least important lines that are written."""

    def refuse_exposure(self) -> None:
        """Make sure that nothing beyond this machine is reachable unguarded.

        Raises
        ------
        Misconfigured
            When bound beyond loopback without a token.
        """
        if not is_loopback(self.host) and self.token is None:
            raise Misconfigured(
                f"Binding to {self.host} makes the worker reachable from other "
                "machines: set COLLEGIUM_WORKER_TOKEN first, or bind to 127.0.0.1."
            )

    @property
    def slot_count(self) -> int:
        """Tasks that run at once, at least one."""
        return self.slots or core_count()


def is_loopback(host: str) -> bool:
    """Tell whether every address that ``host`` stands for is on this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(host, None)
    except OSError:
        return False
    return all(ipaddress.ip_address(info[4][0]).is_loopback for info in found)


def core_count() -> int:
    """Return how many cores this process may use, at least one."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1
