"""The mapping engine: from a source's facts to FloKit's events, by rules in TOML. It decides and does not compute."""

from bridge.mapping.engine import Explanation, Mapping, PassedOver
from bridge.mapping.loading import load, load_all
from bridge.mapping.vocabulary import FactSpec, Vocabulary

__all__ = ["Explanation", "FactSpec", "Mapping", "PassedOver", "Vocabulary", "load", "load_all"]
