"""Root causes by computation: numpy only, no set-up, no model."""

from genai.rca.hypothesis import Hypothesis
from genai.rca.ranking import rank_causes

__all__ = ["Hypothesis", "rank_causes"]
