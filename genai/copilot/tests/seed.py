"""Fills an installation for the copilot's browser tests: that of the dashboards, and a model that is asked at TEST_MODEL_URL."""

import os

from monitoring.dashboards.tests import seed


def main() -> None:
    seed.main()
    from genai.models import ModelProvider
    from genai.testing import MODEL

    config = {"url": os.environ["TEST_MODEL_URL"]}
    ModelProvider.objects.create(name="Stub", kind="openai_compatible", model=MODEL, config=config, price_in=1, price_out=2)


if __name__ == "__main__":
    main()
