import pytest

from monitoring.inventory.masking import command_line, masked

pytestmark = pytest.mark.once

SECRETS = [
    ["app", "--password=hunter2-secret"],
    ["app", "--password", "hunter2-secret"],
    ["app", "--db-password", "hunter2-secret with blanks"],
    ["app", "--api-key=hunter2-secret"],
    ["app", "--api_key", "hunter2-secret"],
    ["app", "-token", "hunter2-secret"],
    ["app", "--auth-token=hunter2-secret"],
    ["env", "PGPASSWORD=hunter2-secret", "psql"],
    ["app", "AWS_SECRET_ACCESS_KEY=hunter2-secret"],
    ["curl", "-H", "Authorization: Bearer hunter2-secret", "http://x"],
    ["curl", "-u", "bob:hunter2-secret", "http://x"],
    ["curl", "--user", "bob:hunter2-secret"],
    ["psql", "postgres://bob:hunter2-secret@db/x"],
    ["redis-cli", "redis://:hunter2-secret@db/0"],
    ["mysql", "-ubob", "-phunter2-secret", "shop"],
    ["wget", "http://x/?token=hunter2-secret&a=1"],
    ["app: worker --password hunter2-secret"],
    ["app", '--config={"password": "hunter2-secret"}'],
    ["app", "--PASSWORD=hunter2-secret"],
]


@pytest.mark.parametrize("arguments", SECRETS, ids=" ".join)
def test_the_value_of_a_secret_is_never_shown(arguments):
    shown = command_line(arguments)
    assert "hunter2" not in shown
    assert "secret with" not in shown
    assert "[masked]" in shown


@pytest.mark.parametrize(
    "token", ["ghp_abcdefghijklmnopqrstuvwxyz012345", "AKIAIOSFODNN7EXAMPLE", "aio_0123456789abcdef", "xoxb-123456789012-abc"]
)
def test_well_known_kinds_of_tokens_are_masked_wherever_they_stand(token):
    assert token not in masked(f"run {token} now")


@pytest.mark.parametrize(
    "arguments",
    [
        ["postgres", "-D", "/var/lib/postgresql"],
        ["nginx: worker process"],
        ["java", "-Xmx2g", "-jar", "/opt/app.jar", "--port=8080"],
        ["ssh", "bob@host", "-p", "22"],
        ["app", "--password-file", "--verbose"],
    ],
)
def test_everything_else_is_shown_as_it_is(arguments):
    assert command_line(arguments) == " ".join(arguments)


def test_it_is_one_line_cut_after_masking():
    line = command_line(["app", "a" * 190, "--password=hunter2"])
    assert len(line) == 200
    assert line.endswith("…")
    assert "hunter" not in line
    assert command_line(["a\nb", "c"]) == "a b c"
