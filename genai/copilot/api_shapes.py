"""What the API of the copilot takes and gives."""

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from genai.copilot import blocks, events, showing
from genai.copilot.models import Conversation, Turn
from genai.evidence import render

LONGEST_QUESTION = 200_000  # is read, so that the refusal can say how long it was


class ConversationSerializer(serializers.ModelSerializer):
    shared = serializers.SerializerMethodField()
    turns = serializers.IntegerField(source="turns_count", read_only=True)

    class Meta:
        model = Conversation
        fields = ("id", "title", "subject", "turns", "shared", "shared_at", "created_at", "updated_at")
        read_only_fields = ("id", "subject", "turns", "shared", "shared_at", "created_at", "updated_at")

    def get_shared(self, conversation: Conversation) -> bool:
        return conversation.share is not None


class AnswerSourceSerializer(serializers.Serializer):
    """A piece of evidence that an answer cites as [E<id>]."""

    id = serializers.IntegerField()
    number = serializers.IntegerField(help_text="its place in the list of sources")
    kind = serializers.CharField()
    title = serializers.CharField()
    found_text = serializers.CharField(help_text="what it shows")
    holds = serializers.BooleanField(allow_null=True, help_text="as checked last; null: it cannot be told")
    url = serializers.CharField(help_text="opens the very chart, alert, change …")


class AnswerStepSerializer(serializers.Serializer):
    n = serializers.IntegerField()
    name = serializers.CharField()
    detail = serializers.CharField()
    state = serializers.CharField(help_text="running, ok, failed or refused")
    ms = serializers.IntegerField(allow_null=True)


class AnswerClaimSerializer(serializers.Serializer):
    text = serializers.CharField()
    evidence = serializers.ListField(child=serializers.IntegerField())
    holds = serializers.BooleanField(allow_null=True)
    guess = serializers.BooleanField()


class AnswerFiguresSerializer(serializers.Serializer):
    steps = serializers.IntegerField()
    seconds = serializers.FloatField(allow_null=True)
    tokens = serializers.IntegerField()
    cost = serializers.DecimalField(14, 8, help_text="US dollars")
    masked = serializers.DictField(child=serializers.IntegerField(), help_text="{kind: how many} of what was hidden from the model")


class TurnSerializer(serializers.ModelSerializer):
    """A question and its answer, or what there is of it so far."""

    answer = serializers.CharField(help_text="Markdown; [E12] cites evidence, [guess] marks what no evidence supports")
    half = serializers.BooleanField(help_text="it was stopped, cut off or failed: not the whole answer")
    steps = AnswerStepSerializer(many=True)
    claims = AnswerClaimSerializer(many=True)
    blocks = serializers.ListField(child=serializers.DictField(), help_text="charts, tables, drafts and proposals beside the words")
    sources = serializers.SerializerMethodField()
    figures = serializers.SerializerMethodField()

    class Meta:
        model = Turn
        fields = (
            "id", "conversation", "number", "question", "answer", "state", "reason", "half", "seq", "steps", "blocks", "claims", "sources",
            "figures", "model", "rating", "rating_comment", "asked_at", "ended_at",
        )  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(AnswerSourceSerializer(many=True))
    def get_sources(self, turn: Turn) -> list[dict[str, Any]]:
        return [
            {
                "id": one.evidence.pk, "number": one.number, "kind": one.evidence.kind, "title": one.evidence.title,
                "found_text": one.evidence.found_text, "holds": one.evidence.holds, "url": one.url,
            }
            for one in render.sources(turn.answer, self.context["actor"])
        ]  # fmt: skip

    @extend_schema_field(AnswerFiguresSerializer)
    def get_figures(self, turn: Turn) -> dict[str, Any]:
        found = showing.figures(turn)
        return {**AnswerFiguresSerializer(found).data}


def told(turn: Turn, actor: Any) -> dict[str, Any]:
    """The turn as the actor may see it, as far as it is."""
    if not turn.is_over:
        so_far = events.so_far(turn)
        turn.answer, turn.state, turn.reason = so_far["text"], so_far["state"], so_far["reason"]
        turn.seq, turn.steps, turn.blocks = so_far["seq"], so_far["steps"], so_far["blocks"]
    if not showing.visible(turn, actor):
        turn.answer, turn.claims = showing.WITHHELD, []
        turn.steps, turn.blocks = [], []
    turn.blocks = [{name: value for name, value in block.items() if name != "permission"} for block in blocks.visible(turn.blocks, actor)]
    found: dict[str, Any] = TurnSerializer(turn, context={"actor": actor}).data
    return found


def share_url(conversation: Conversation) -> str:
    return reverse("copilot-shared", args=[conversation.share])


# -- what is asked for -----------------------------------------------------------------------------------------------------
class AskedPageSerializer(serializers.Serializer):
    path = serializers.CharField(max_length=300, required=False, default="", allow_blank=True)
    query = serializers.CharField(max_length=4000, required=False, default="", allow_blank=True)
    title = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    range = serializers.CharField(max_length=200, required=False, default="", allow_blank=True, help_text="range=now-1h, or from= and to=")


class ChatSerializer(serializers.Serializer):
    question = serializers.CharField(max_length=LONGEST_QUESTION, help_text="at most 8,000 characters")
    conversation = serializers.IntegerField(required=False, min_value=1, help_text="goes on with this one; without it a new one begins")
    subject = serializers.RegexField(
        r"^[a-z_-]{1,40}(:[\w.-]{1,120})?$",
        required=False,
        default="",
        allow_blank=True,
        help_text="what it is about: incident:7, resource:3",
    )
    context = AskedPageSerializer(required=False, default=dict, help_text="of the page it is asked from")  # type: ignore[assignment]
    stream = serializers.BooleanField(required=False, default=False, help_text="as Server-Sent Events")
    wait = serializers.BooleanField(required=False, default=True, help_text="false: answered at once with 202 and the turn to be asked for")


class AnswerRatingSerializer(serializers.Serializer):
    rating = serializers.ChoiceField([1, 0, -1], help_text="0 takes back what was said")
    comment = serializers.CharField(max_length=500, required=False, default="", allow_blank=True)


class ConversationShareSerializer(serializers.Serializer):
    url = serializers.CharField()
    shared_at = serializers.DateTimeField()
