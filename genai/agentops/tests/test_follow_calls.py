"""What a call to a model leaves behind on the execution it was made for, and on the version of the prompt it was made with."""

import pytest

from genai import prompt_quality
from genai.complete import complete
from genai.testing import Script, configured
from genai.tracing import record

pytestmark = pytest.mark.django_db
SHAPE = {"type": "object", "properties": {"verdict": {"type": "string"}}, "required": ["verdict"]}


@pytest.fixture
def run(model_stub):
    configured(model_stub)
    return record.begin("summaries", "Second opinion")


def asked(run, **options):
    return complete("anomaly_check", variables={"facts": "p95 2.4 s [E1]"}, run=run, cache=False, **options)


def test_tokens_latency_and_the_version_are_on_the_execution(run, model_stub):
    model_stub.script(Script("It is real [E1].", usage=(300, 40)))
    asked(run)
    record.evaluate(run, "evidence", 1.0)
    record.evaluate(run, "rating", 1.0, judged_by="Ada")
    run.refresh_from_db()
    step = run.steps.get()
    assert (step.kind, step.name, step.state) == ("model", "anomaly_check", "ok")
    assert (run.tokens_in, run.tokens_out, run.score) == (300, 40, 1.0)
    version = run.completions.get().prompt_version
    quality = prompt_quality.of([version.pk])[version.pk]
    assert (quality.calls, quality.evidence, quality.rating) == (1, 1.0, 1.0)
    assert model_stub.asked[-1]["messages"][0]["content"].startswith("You give a second opinion")


@pytest.mark.parametrize(("answers", "score"), [
    (['{"verdict": "real"}'], 1.0), (["no JSON", '{"verdict": "real"}'], 0.5), (["no JSON", "none either"], 0.0),
])  # fmt: skip
def test_whether_it_fitted_its_schema_is_an_evaluation(run, model_stub, answers, score):
    for text in answers:
        model_stub.script(Script(text))
    asked(run, schema=SHAPE)
    assert run.evaluations.get(name="schema").score == score


def test_a_model_that_fails_fails_its_step(run, model_stub):
    model_stub.answer_with(lambda body: Script(status=401, error="no"))
    assert not asked(run).whole
    assert run.steps.get().state == "failed"
