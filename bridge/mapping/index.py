"""Which rules are worth a look: most rules of a mapping ask for one word at one path, such as the type."""

from collections import Counter
from collections.abc import Sequence

from bridge.mapping.paths import FactPath
from bridge.mapping.rules import Rule
from bridge.values.records import Document


class RuleIndex:
    """The rules in their order, sorted into those that can fit by the word at the path that most of them ask for."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._path = _commonest_path(rules)
        words_of = [(rule, rule.words_at(self._path)) for rule in rules]
        known = {word for _, words in words_of for word in words or ()}
        self._for_any_word = tuple(rule for rule, words in words_of if words is None)
        self._by_word = {
            word: tuple(rule for rule, words in words_of if words is None or word in words) for word in known
        }

    def candidates(self, facts: Document) -> Sequence[Rule]:
        """The rules that may fit, in order."""
        word = self._path.read(facts)
        return self._by_word.get(word, self._for_any_word) if isinstance(word, str) else self._for_any_word


def _commonest_path(rules: Sequence[Rule]) -> FactPath:
    paths = [condition.path for rule in rules for condition in rule.conditions]
    commonest = Counter(path.parts for path in paths).most_common(1)
    return FactPath(*commonest[0][0]) if commonest else FactPath("type")
