from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema


def test_the_schema_is_valid_and_says_what_each_answer_is():
    GENERATOR_STATS.reset()
    schema = SchemaGenerator().get_schema(public=True)
    validate_schema(schema)
    assert not GENERATOR_STATS
    answers = {(path, verb): set(call["responses"]) for path, verbs in schema["paths"].items() for verb, call in verbs.items()}
    assert len(answers) > 8
    assert {place: given for place, given in answers.items() if not {"401", "403"} <= given} == {}
