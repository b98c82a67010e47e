"""The way to a cluster: who we are there, and what each refusal means. The client library is imported on first use."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import yaml

from aiops import http
from remediation.providers.base import ActionError

TIMEOUT = (3.0, 10.0)  # seconds to connect, to read
LONGEST_WORDS = 300
ALONE = ("tokenFile", "client-certificate", "client-key", "certificate-authority")  # name files of whatever machine this runs on
KIND = {"deployment": "deployment", "statefulset": "stateful_set", "daemonset": "daemon_set"}


class BadConfig(Exception):
    """One sentence for people."""


def kubeconfig(text: str) -> dict[str, Any]:
    """Raises BadConfig. One that runs programs or reads files of this machine is refused."""
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError:
        raise BadConfig("this is not YAML") from None
    if not isinstance(found, dict) or not found.get("clusters") or not found.get("users"):
        raise BadConfig("this is no kubeconfig: it names no clusters or no users")
    for one in [*_inner(found["users"], "user"), *_inner(found["clusters"], "cluster")]:
        if "exec" in one or "auth-provider" in one:
            raise BadConfig("a kubeconfig that runs a program to sign in is not used: give a token or certificates")
        if any(name in one for name in ALONE):
            raise BadConfig("write certificates and tokens into it (…-data, token), not the names of files")
    return found


def _inner(found: Any, name: str) -> list[Mapping[str, Any]]:
    return [one.get(name) or {} for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def client(config: Mapping[str, Any], secrets: Mapping[str, Any]) -> Any:
    """An ApiClient. Raises ActionError."""
    from kubernetes import client as api

    made = api.Configuration()
    made.retries = False
    if secrets.get("kubeconfig"):
        _load(made, secrets["kubeconfig"], config.get("context") or None)
    elif config.get("server"):
        made.host = str(config["server"]).rstrip("/")
        made.api_key, made.api_key_prefix = {"authorization": str(secrets.get("token") or "")}, {"authorization": "Bearer"}
        made.ca_cert_data = config.get("ca") or None
        made.verify_ssl = bool(config.get("verify_tls", True))
    else:
        _in_cluster(made)
    return api.ApiClient(made)


def _load(made: Any, text: str, context: str | None) -> None:
    from kubernetes.config import ConfigException, load_kube_config_from_dict

    try:
        load_kube_config_from_dict(kubeconfig(text), context=context, client_configuration=made, persist_config=False)
    except (ConfigException, BadConfig, KeyError) as fault:
        raise ActionError(f"the kubeconfig cannot be used: {fault}", permanent=True) from None


def _in_cluster(made: Any) -> None:
    from kubernetes.config import ConfigException, load_incluster_config

    try:
        load_incluster_config(client_configuration=made)
    except ConfigException:
        raise ActionError("AIOps does not run in a cluster: give its address or a kubeconfig", permanent=True) from None


@contextmanager
def talking(masked: Callable[[str], str], changing: bool = False) -> Iterator[None]:
    """The client's errors become ours. `changing`: where no answer comes it stays open whether it was done."""
    import urllib3
    from kubernetes.client.exceptions import ApiException

    try:
        yield
    except ApiException as fault:
        raise _refused(fault, masked, changing) from None
    except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError) as fault:
        raise ActionError(masked(f"the cluster cannot be reached: {_words(fault)}")) from None
    except urllib3.exceptions.SSLError as fault:
        raise ActionError(masked(f"the cluster's certificate is not accepted: {_words(fault)}"), permanent=True) from None
    except urllib3.exceptions.HTTPError as fault:
        raise ActionError(masked(f"the cluster did not answer: {_words(fault)}"), unclear=changing) from None
    except ValueError as fault:  # what the library cannot read
        raise ActionError(masked(f"the cluster answers something unexpected: {_words(fault)}"), permanent=True, unclear=changing) from None


def _words(fault: object) -> str:
    return " ".join(str(fault).split())[:LONGEST_WORDS]


def _refused(fault: Any, masked: Callable[[str], str], changing: bool) -> ActionError:
    status = fault.status or 0
    words = masked(_said(fault))
    if status == 0:
        return ActionError(f"the cluster cannot be reached: {words}", permanent="certificate" in words.lower())
    if status == 401:
        return ActionError("the cluster does not know our token (401)", permanent=True)
    if status == 403:
        return ActionError(f"the cluster does not allow it (403): {words}", permanent=True)
    wait = http.retry_after(str((fault.headers or {}).get("Retry-After", "")))
    passing = status in (408, 409, 429) or status >= 500
    return ActionError(
        f"the cluster answers {status}: {words}", permanent=not passing, unclear=changing and status >= 500, retry_after=wait
    )


def _said(fault: Any) -> str:
    """The message of a Status."""
    try:
        found = json.loads(fault.body or "")
    except ValueError:
        found = None
    return _words(found.get("message") if isinstance(found, Mapping) and found.get("message") else fault.reason or fault.body or "")


def is_status(fault: ActionError, status: int) -> bool:
    return f"answers {status}:" in fault.message
