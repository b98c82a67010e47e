"""Kubernetes: restarts, scale, pods and nodes, by the API of the cluster."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar

from django import forms

from aiops.plugin_forms import ConfigForm
from monitoring.notifications.channels.base import checked_address
from remediation.providers.base import ActionError, ActionProvider, Answer, Ask, Parameter, Preview, Verb
from remediation.providers.kubernetes_api import TIMEOUT, BadConfig, client, kubeconfig, talking

ACTS = {
    "restart": "remediation.providers.kubernetes_acts.Restart",
    "scale": "remediation.providers.kubernetes_acts.Scale",
    "delete_pod": "remediation.providers.kubernetes_pods.DeletePod",
    "cordon": "remediation.providers.kubernetes_acts.Cordon",
    "uncordon": "remediation.providers.kubernetes_acts.Uncordon",
}
REVIEWS = [  # what is asked of the cluster's own rules when it is checked: (words, verb, group, resource)
    ("restart and scale", "patch", "apps", "deployments"),
    ("delete pods", "delete", "", "pods"),
    ("cordon nodes", "patch", "", "nodes"),
]


class KubernetesForm(ConfigForm):
    server = forms.CharField(
        label="API server", required=False, max_length=400, help_text="Its address. Empty: the cluster AIOps runs in, or a kubeconfig."
    )
    token = forms.CharField(label="Token", required=False, max_length=8000, help_text="Of a service account.")
    ca = forms.CharField(
        label="Certificate authority", required=False, max_length=20_000, widget=forms.Textarea(attrs={"rows": 3}), help_text="PEM."
    )
    verify_tls = forms.BooleanField(label="Check its certificate", initial=True, required=False)
    kubeconfig = forms.CharField(label="Kubeconfig", required=False, max_length=60_000, widget=forms.Textarea)
    context = forms.CharField(label="Context", required=False, max_length=200, help_text="Of the kubeconfig; empty: its current one.")
    namespaces = forms.CharField(
        label="Namespaces", required=False, max_length=4000, help_text="That may be touched. Empty: all that do not begin with kube-."
    )
    nodes = forms.BooleanField(label="May cordon nodes", initial=True, required=False)
    least_replicas = forms.IntegerField(label="Fewest replicas", required=False, min_value=0, initial=1)
    most_replicas = forms.IntegerField(label="Most replicas", required=False, min_value=1, initial=50)

    def clean_server(self) -> str:
        return checked_address(self.cleaned_data["server"]).rstrip("/") if self.cleaned_data["server"] else ""

    def clean_kubeconfig(self) -> str:
        text = str(self.cleaned_data["kubeconfig"] or "")
        try:
            if text:
                kubeconfig(text)
        except BadConfig as fault:
            raise forms.ValidationError(f"{fault}.".capitalize()) from None
        return text

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if found.get("server") and not self.has("token") and not self.has("kubeconfig"):
            self.add_error("token", "Give a token or a kubeconfig.")
        return found


def _where(kind: tuple[str, ...]) -> tuple[Parameter, ...]:
    return (
        Parameter("namespace", required=True),
        Parameter("kind", "choice", choices=kind, default="deployment"),
        Parameter("name", required=True),
    )


class Kubernetes(ActionProvider):
    label = "Kubernetes"
    icon = "pod"
    about = "Restarts and scales workloads, deletes pods, cordons nodes."
    Config = KubernetesForm
    secret_fields = ("token", "kubeconfig")
    deadline = 40.0
    verbs: ClassVar[Mapping[str, Verb]] = {
        verb.name: verb
        for verb in (
            Verb("restart", "Restart a workload", _where(("deployment", "statefulset", "daemonset")), rehearsable=True, icon="refresh"),
            Verb(
                "scale",
                "Scale a workload",
                (*_where(("deployment", "statefulset")), Parameter("replicas", "integer", required=True, minimum=0)),
                reversible=True,
                rehearsable=True,
                icon="scale",
            ),
            Verb(
                "delete_pod",
                "Delete a pod",
                (
                    Parameter("namespace", required=True),
                    Parameter("name", required=True),
                    Parameter("uid", about="Only this very pod."),
                    Parameter("grace", "duration", "Time to end by itself", minimum=0),
                ),
                rehearsable=True,
                icon="close",
            ),
            Verb(
                "cordon", "Cordon a node", (Parameter("name", label="Node", required=True),), reversible=True, rehearsable=True, icon="lock"
            ),
            Verb("uncordon", "Uncordon a node", (Parameter("name", label="Node", required=True),), "low", True, True, icon="check"),
        )
    }

    @cached_property
    def api(self) -> Any:
        return client(self.config, self.secrets)

    @cached_property
    def apps(self) -> Any:
        from kubernetes.client import AppsV1Api

        return AppsV1Api(self.api)

    @cached_property
    def core(self) -> Any:
        from kubernetes.client import CoreV1Api

        return CoreV1Api(self.api)

    def check(self) -> str:
        from kubernetes.client import VersionApi

        with talking(self.masked):
            version = VersionApi(self.api).get_code(_request_timeout=TIMEOUT).git_version
            may = [words for words, *review in REVIEWS if self._may(*review)]
        return f"Kubernetes {version}: we may {', '.join(may) or 'do nothing'}"

    def _may(self, verb: str, group: str, resource: str) -> bool:
        from kubernetes import client as api

        names = str(self.config.get("namespaces") or "").split()
        asked = api.V1ResourceAttributes(
            verb=verb, group=group, resource=resource, namespace=names[0] if names and resource != "nodes" else ""
        )
        review = api.V1SelfSubjectAccessReview(spec=api.V1SelfSubjectAccessReviewSpec(resource_attributes=asked))
        found = api.AuthorizationV1Api(self.api).create_self_subject_access_review(review, _request_timeout=TIMEOUT)
        return bool(found.status and found.status.allowed)

    def _act(self, ask: Ask) -> Any:
        from aiops.plugins import load

        if ask.verb not in ACTS:
            raise ActionError(f"there is no action {ask.verb!r}", permanent=True)
        return load(ACTS[ask.verb])(self, ask)

    def dry_run(self, ask: Ask) -> Preview:
        found: Preview = self._act(ask).dry_run()
        return found

    def run(self, ask: Ask) -> Answer:
        found: Answer = self._act(ask).run()
        return found

    def poll(self, ask: Ask, handle: str, cursor: str) -> Answer:
        found: Answer = self._act(ask).poll(handle, cursor)
        return found

    def resume(self, ask: Ask) -> Answer | None:
        found: Answer | None = self._act(ask).resume()
        return found

    def rollback(self, ask: Ask, undo: Mapping[str, Any]) -> Answer:
        from remediation.providers.kubernetes_undo import take_back

        return take_back(self, ask, undo)
