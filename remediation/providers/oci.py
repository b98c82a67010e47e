"""Oracle Cloud: actions on compute instances. Our key is the retry token, so that asking again never acts twice (for 24 hours)."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any, ClassVar

from django import forms

from aiops import http
from aiops.plugin_forms import ConfigForm
from monitoring.notifications.channels.base import checked_address
from remediation.providers.base import FAILED, RUNNING, SUCCEEDED, ActionError, ActionProvider, Answer, Ask, Line, Parameter, Preview, Verb

TIMEOUT = (3.0, 10.0)  # seconds to connect, to read
ACTIONS = {  # what it needs the instance to be, and what it is afterwards
    "START": ("STOPPED", "RUNNING"),
    "STOP": ("RUNNING", "STOPPED"),
    "SOFTSTOP": ("RUNNING", "STOPPED"),
    "RESET": ("RUNNING", "RUNNING"),
    "SOFTRESET": ("RUNNING", "RUNNING"),
}
GONE = ("TERMINATED", "TERMINATING")
STEADY = 3  # looks at an instance that never seems to leave its state, until a reset is believed
BETWEEN = 10.0  # seconds between two looks
OCID = re.compile(r"ocid1\.[a-z0-9]+\.[a-z0-9-]*\.[a-z0-9-]*\.?[A-Za-z0-9._-]{1,200}")


class OciForm(ConfigForm):
    region = forms.CharField(label="Region", max_length=60, help_text="us-ashburn-1")
    instance_principal = forms.BooleanField(
        label="As this instance", required=False, help_text="AIOps runs on an instance that may do it: no key is needed."
    )
    tenancy = forms.CharField(label="Tenancy", required=False, max_length=255, help_text="Its OCID.")
    identity = forms.CharField(label="User", required=False, max_length=255, help_text="Its OCID.")
    fingerprint = forms.CharField(label="Fingerprint of the key", required=False, max_length=60)
    private_key = forms.CharField(label="Private key", required=False, max_length=20_000, widget=forms.Textarea, help_text="PEM.")
    passphrase = forms.CharField(label="Passphrase of the key", required=False, max_length=1000)
    compartment = forms.CharField(
        label="Compartment", required=False, max_length=255, help_text="Only instances in it. Empty: all that the user may touch."
    )
    endpoint = forms.CharField(label="Endpoint", required=False, max_length=400, help_text="Empty: the region's own.")

    def clean_endpoint(self) -> str:
        return checked_address(self.cleaned_data["endpoint"]).rstrip("/") if self.cleaned_data["endpoint"] else ""

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if found.get("instance_principal"):
            return found
        for name in ("tenancy", "identity"):
            if not OCID.fullmatch(str(found.get(name) or "")):
                self.add_error(name, "Write its OCID: ocid1.…")
        if not re.fullmatch(r"([0-9a-f]{2}:){15}[0-9a-f]{2}", str(found.get("fingerprint") or "")):
            self.add_error("fingerprint", "Write it as the console shows it: 16 pairs of digits.")
        if not self.has("private_key"):
            self.add_error("private_key", "Give the private key of the user.")
        return found


class Oci(ActionProvider):
    label = "Oracle Cloud"
    icon = "cloud"
    about = "Starts, stops and resets compute instances."
    Config = OciForm
    secret_fields = ("private_key", "passphrase")
    deadline = 30.0
    verbs: ClassVar[Mapping[str, Verb]] = {
        "instance_action": Verb(
            "instance_action",
            "Act on an instance",
            (
                Parameter("instance", required=True, about="Its OCID.", pattern=OCID.pattern),
                Parameter("action", "choice", required=True, choices=tuple(ACTIONS), default="SOFTRESET"),
            ),
            risk="high",
            rehearsable=True,
            icon="vm",
        )
    }

    @cached_property
    def compute(self) -> Any:
        """A ComputeClient. Raises ActionError."""
        import oci
        from oci.core import ComputeClient

        config, how = self._who()
        how |= {"timeout": TIMEOUT, "retry_strategy": oci.retry.NoneRetryStrategy()}
        if self.config.get("endpoint"):
            how["service_endpoint"] = self.config["endpoint"]
        try:
            return ComputeClient(config, circuit_breaker_strategy=oci.circuit_breaker.NoCircuitBreakerStrategy(), **how)
        except (oci.exceptions.InvalidConfig, oci.exceptions.InvalidPrivateKey, ValueError) as fault:
            raise ActionError(self.masked(f"the configuration cannot be used: {fault}"), permanent=True) from None

    def _who(self) -> tuple[dict[str, Any], dict[str, Any]]:
        if self.config.get("instance_principal"):
            return {"region": self.config.get("region", "")}, {"signer": _principal()}
        found = {
            "user": self.config.get("identity", ""),
            "tenancy": self.config.get("tenancy", ""),
            "fingerprint": self.config.get("fingerprint", ""),
            "region": self.config.get("region", ""),
            "key_content": str(self.secrets.get("private_key") or ""),
        }
        if self.secrets.get("passphrase"):
            found["pass_phrase"] = str(self.secrets["passphrase"])
        return found, {}

    @contextmanager
    def _talking(self) -> Iterator[None]:
        """The library's errors become ours. None is unclear: with the same token the cloud acts once."""
        import oci

        try:
            yield
        except oci.exceptions.ServiceError as fault:
            raise self._refused(fault) from None
        except oci.exceptions.RequestException as fault:
            raise ActionError(self.masked(f"the cloud cannot be reached: {str(fault)[:300]}")) from None

    def _refused(self, fault: Any) -> ActionError:
        words = self.masked(f"{fault.code}: {fault.message}")[:400]
        if fault.status == 401:
            return ActionError(f"the cloud does not know our key (401 {words})", permanent=True)
        if fault.status == 404:
            return ActionError(f"it does not exist or we may not touch it (404 {words})", permanent=True)
        passing = fault.status in (408, 429) or fault.status >= 500
        wait = http.retry_after(str(fault.headers.get("Retry-After", "") if fault.headers else ""))
        return ActionError(f"the cloud answers {fault.status} {words}", permanent=not passing, retry_after=wait)

    def check(self) -> str:
        compute, where = self.compute, self.config.get("compartment") or self.config.get("tenancy")
        if where:
            with self._talking():
                compute.list_instances(compartment_id=where, limit=1)
        return f"signed in to {self.config.get('region')}{'' if where else '; nothing was asked, for no compartment is named'}"

    def _asked(self, ask: Ask) -> tuple[str, str]:
        """(OCID, action). Raises ActionError."""
        instance, action = str(ask.params.get("instance") or ""), str(ask.params.get("action") or "SOFTRESET").upper()
        if ask.verb not in self.verbs or action not in ACTIONS:
            raise ActionError(f"there is no action {action[:40]!r}; known are {', '.join(ACTIONS)}", permanent=True)
        if not OCID.fullmatch(instance):
            raise ActionError(f"{instance[:80]!r} is not the OCID of an instance", permanent=True)
        return instance, action

    def _instance(self, ocid: str) -> Any:
        with self._talking():
            found = self.compute.get_instance(ocid).data
        only = self.config.get("compartment")
        if only and found.compartment_id != only:
            raise ActionError(f"{found.display_name} is in another compartment than this provider may touch", permanent=True)
        return found

    def dry_run(self, ask: Ask) -> Preview:
        """Oracle Cloud has no rehearsal: the instance's state tells whether it would be refused."""
        ocid, action = self._asked(ask)
        found, (needed, after) = self._instance(ocid), ACTIONS[action]
        name = found.display_name or ocid
        if found.lifecycle_state == after != needed:
            return Preview(f"{name} is {after} already", changes=False)
        if found.lifecycle_state != needed:
            raise ActionError(f"{name} is {found.lifecycle_state}: {action} needs it {needed}", permanent=True)
        return Preview(f"Would {action} {name} ({found.shape})", diff=f"-{found.lifecycle_state}\n+{after}")

    def run(self, ask: Ask) -> Answer:
        ocid, action = self._asked(ask)
        if self.config.get("compartment"):
            self._instance(ocid)
        with self._talking():
            found = self.compute.instance_action(ocid, action, opc_retry_token=ask.key).data
        words = f"{action} was accepted; {found.display_name or ocid} is {found.lifecycle_state}."
        moved = found.lifecycle_state != ACTIONS[action][0]
        cursor = f"{found.lifecycle_state} {'moved' if moved else 0}"
        return Answer(RUNNING, words, handle=ocid, cursor=cursor, lines=[Line(words)], poll_in=BETWEEN / 2)

    def poll(self, ask: Ask, handle: str, cursor: str) -> Answer:
        ocid, action = self._asked(ask)
        found = self._instance(ocid)
        name, state = found.display_name or ocid, str(found.lifecycle_state)
        before, _, looks = cursor.partition(" ")
        moved = looks == "moved" or state != ACTIONS[action][0]
        count = "moved" if moved else str(int(looks) + 1 if looks.isdigit() else 1)
        lines = [] if state == before else [Line(f"{name} is {state}.")]
        facts = {"lifecycle_state": state, "instance": ocid}
        if state in GONE:
            return Answer(FAILED, f"{name} is {state}: it is gone.", ocid, f"{state} {count}", lines, facts)
        if state == ACTIONS[action][1] and (moved or int(count) >= STEADY):
            return Answer(SUCCEEDED, f"{name} is {state}.", ocid, f"{state} {count}", lines, facts)
        return Answer(RUNNING, f"{name} is {state}.", ocid, f"{state} {count}", lines, facts, poll_in=BETWEEN)

    def resume(self, ask: Ask) -> Answer | None:
        """By the state: one that is on its way is followed. Else it is asked again: with the same token the cloud does it only if it was
        not done."""
        ocid, action = self._asked(ask)
        needed, after = ACTIONS[action]
        state = str(self._instance(ocid).lifecycle_state)
        moving = state in ("STARTING", "STOPPING") or (state == after != needed)
        return self.poll(ask, ocid, f"{state} moved") if moving else None


def _principal() -> Any:
    from oci.auth.signers import InstancePrincipalsSecurityTokenSigner

    try:
        return InstancePrincipalsSecurityTokenSigner()
    except Exception as fault:  # the library raises whatever its connection met
        raise ActionError(f"this machine is no instance of the cloud that may sign in: {str(fault)[:200]}", permanent=True) from None
