"""Models and budgets for programs: see, add, change, check. Keys come in and never go out."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from aiops.refusals import REFUSALS
from genai import budgets, model_editing
from genai.models import Budget, ModelProvider
from genai.providers.base import PROVIDERS
from monitoring.alerts.api_alerts import actor_of

CONFIGURE = "genai:configure"
KINDS = sorted(PROVIDERS)
HEALTH = ["disabled", "failing", "ok", "waiting"]
STATE = ("health", "checked_at", "check_error", "check_detail", "last_used")


class LanguageModelSerializer(serializers.ModelSerializer):
    kind = serializers.ChoiceField(KINDS)
    config = serializers.DictField(required=False, help_text="The fields that the kind declares, without secrets.")
    secrets = serializers.DictField(
        child=serializers.CharField(), required=False, write_only=True, help_text="Never shown again; what is left out is kept."
    )
    stored_secrets = serializers.SerializerMethodField()
    health = serializers.ChoiceField(HEALTH, read_only=True)

    class Meta:
        model = ModelProvider
        fields = (
            "id", "name", "kind", "enabled", "position", "model", "config", "secrets", "stored_secrets", "price_in", "price_out", *STATE
        )  # fmt: skip
        read_only_fields = ("id", "position", *STATE)
        extra_kwargs = {"price_in": {"min_value": 0}, "price_out": {"min_value": 0}}

    def get_stored_secrets(self, provider: ModelProvider) -> list[str]:
        """Names only."""
        return sorted(name for name, value in provider.secrets.items() if value)

    def validate_kind(self, kind: str) -> str:
        if self.instance and kind != self.instance.kind:
            raise ValidationError("The kind of a model cannot be changed; add another one.")
        return kind

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        """`row` is what is stored afterwards; what it was before stays with `self.instance`."""
        row = ModelProvider.objects.get(pk=self.instance.pk) if self.instance else ModelProvider(kind=given["kind"])
        config, secrets = given.pop("config", None), given.pop("secrets", {})
        for name, value in given.items():
            setattr(row, name, value)
        if self.instance is None or config is not None or secrets:
            faults = model_editing.configure(row, dict(row.config) if config is None else config, secrets)
            if faults:
                raise ValidationError({"config": [f"{name}: {messages[0]}" for name, messages in faults.items()]})
        return {"row": row}

    def create(self, given: dict[str, Any]) -> ModelProvider:
        return model_editing.save(given["row"], self.context["actor"])

    def update(self, provider: ModelProvider, given: dict[str, Any]) -> ModelProvider:
        row = given["row"]
        changed = dict(provider.secrets) != dict(row.secrets)
        return model_editing.save(row, self.context["actor"], model_editing.snapshot(provider), changed)


class LanguageModelCheckedSerializer(serializers.Serializer):
    worked = serializers.BooleanField()
    said = serializers.CharField()


_answers = {200: LanguageModelSerializer, **REFUSALS}


@extend_schema_view(
    list=extend_schema(
        summary="Language models, in the order they are asked", responses={200: LanguageModelSerializer(many=True), **REFUSALS}
    ),
    retrieve=extend_schema(summary="One language model", responses=_answers),
    create=extend_schema(summary="Add a language model; it is asked last", responses={**REFUSALS, 201: LanguageModelSerializer}),
    partial_update=extend_schema(summary="Change a language model; it has to be checked anew", responses=_answers),
    destroy=extend_schema(summary="Delete a language model; its calls stay", responses={204: None, **REFUSALS}),
)
class LanguageModels(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.CreateModelMixin, mixins.UpdateModelMixin, mixins.DestroyModelMixin,
    viewsets.GenericViewSet[ModelProvider],
):  # fmt: skip
    permission = CONFIGURE
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    lookup_value_regex = r"\d{1,18}"
    serializer_class = LanguageModelSerializer
    queryset = ModelProvider.objects.order_by("position", "id")

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "actor": actor_of(self.request)}

    def perform_destroy(self, row: ModelProvider) -> None:
        model_editing.delete(row, actor_of(self.request))

    @extend_schema(
        summary="Ask the system whether it lets us in and has the model", request=None,
        responses={200: LanguageModelCheckedSerializer, **REFUSALS},
    )  # fmt: skip
    @action(detail=True, methods=["post"])
    def check(self, request: Request, pk: str) -> Response:
        worked, said = model_editing.check(self.get_object(), actor_of(request))
        return Response({"worked": worked, "said": said})


class BudgetSerializer(serializers.ModelSerializer):
    scope = serializers.RegexField(
        r"^(all|user|user:\d{1,18}|purpose:[a-z][a-z0-9_]{0,59})$",
        help_text="all, user (each person), user:<id> or purpose:<purpose>.",
        error_messages={"invalid": "Write all, user, user:<id> or purpose:<purpose>."},
    )

    class Meta:
        model = Budget
        fields = ("id", "scope", "tokens", "dollars", "updated_at")
        read_only_fields = ("id", "updated_at")
        extra_kwargs = {"dollars": {"min_value": 0}}

    def validate_scope(self, scope: str) -> str:
        if self.instance and scope != self.instance.scope:
            raise ValidationError("Whose budget it is cannot be changed; add another one.")
        if not self.instance and Budget.objects.filter(scope=scope).exists():
            raise ValidationError("There is a budget of that already.")
        kind, _, which = scope.partition(":")
        if kind == "user" and which and not User.objects.filter(pk=int(which)).exists():
            raise ValidationError("There is no such person.")
        return scope

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        after = {name: given.get(name, getattr(self.instance, name, None)) for name in ("tokens", "dollars")}
        if after["tokens"] is None and after["dollars"] is None:
            raise ValidationError("Write a limit in tokens, in dollars or in both.")
        return given

    def create(self, given: dict[str, Any]) -> Budget:
        return model_editing.save_budget(Budget(**given), self.context["actor"])

    def update(self, budget: Budget, given: dict[str, Any]) -> Budget:
        before = model_editing.limits_of(budget)
        for name, value in given.items():
            setattr(budget, name, value)
        return model_editing.save_budget(budget, self.context["actor"], before)


class BudgetStandingSerializer(serializers.Serializer):
    scope = serializers.CharField(help_text="As the budget's; of one for each person the person who used most.")
    tokens = serializers.IntegerField()
    dollars = serializers.DecimalField(16, 9)
    share = serializers.FloatField(help_text="Of the limit that is nearer; 1 is all of it.")


_budget = {200: BudgetSerializer, **REFUSALS}


@extend_schema_view(
    list=extend_schema(summary="Budgets of a day (UTC)", responses={200: BudgetSerializer(many=True), **REFUSALS}),
    retrieve=extend_schema(summary="One budget", responses=_budget),
    create=extend_schema(summary="Add a budget", responses={**REFUSALS, 201: BudgetSerializer}),
    partial_update=extend_schema(summary="Change a budget", responses=_budget),
    destroy=extend_schema(summary="Delete a budget: there is no such limit any more", responses={204: None, **REFUSALS}),
)
class Budgets(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.CreateModelMixin, mixins.UpdateModelMixin, mixins.DestroyModelMixin,
    viewsets.GenericViewSet[Budget],
):  # fmt: skip
    permission = CONFIGURE
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    lookup_value_regex = r"\d{1,18}"
    serializer_class = BudgetSerializer
    queryset = Budget.objects.order_by("scope")

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "actor": actor_of(self.request)}

    def perform_destroy(self, row: Budget) -> None:
        model_editing.delete_budget(row, actor_of(self.request))

    @extend_schema(summary="What of each is used today", responses={200: BudgetStandingSerializer(many=True), **REFUSALS})
    @action(detail=False, methods=["get"], pagination_class=None)
    def standing(self, request: Request) -> Response:
        return Response(BudgetStandingSerializer(budgets.standings(), many=True).data)
