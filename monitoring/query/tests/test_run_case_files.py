from pathlib import Path

import pytest

from monitoring.query.promqltest.run import Failure, run

pytestmark = pytest.mark.once

FILES = sorted((Path(__file__).parent / "data").glob("*.test"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_case_of_the_file_passes(path: Path) -> None:
    outcomes = list(run(path.read_text(encoding="utf-8")))
    assert len(outcomes) >= 20
    assert [failure for failure in outcomes if isinstance(failure, Failure)] == []
