"""Reading environment variables: secrets that do not show themselves, problems gathered, misspelt names found."""

from collections.abc import Collection, Mapping
from urllib.parse import SplitResult, urlsplit

OURS_ALONE = ("FLOKIT_", "BRIDGE_")  # other programs have STRIPE_… variables of their own


class Secret:
    """A string that shows itself only when asked to."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The secret itself."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


class Reader:
    """Reads variables and gathers what is wrong with them."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self.problems: list[str] = []

    def text(self, name: str) -> str:
        """The value without blanks around it; empty when it is not set."""
        return self._env.get(name, "").strip()

    def words(self, name: str) -> list[str]:
        """The values between commas, without blanks around them."""
        return [word for part in self.text(name).split(",") if (word := part.strip())]

    def secret(self, name: str) -> Secret | None:
        """The value as a secret, None when it is not set."""
        text = self.text(name)
        if any(character.isspace() or not character.isprintable() or ord(character) > 126 for character in text):
            self.problem(name, "has a blank or an unusual character inside; copy it anew")
        return Secret(text) if text else None

    def url(self, name: str, default: str) -> str:
        """A base URL, over TLS unless it is on this machine; without a slash at its end."""
        text = self.text(name) or default
        url = _split(text)
        if url is None or url.scheme not in ("https", "http") or url.query or url.fragment or url.username:
            self.problem(name, f"expected a URL such as {default}")
        elif url.scheme == "http" and url.hostname not in ("127.0.0.1", "localhost", "::1"):
            self.problem(name, "http sends keys in the clear; use https (http is for this machine only)")
        return text.rstrip("/")

    def problem(self, name: str, text: str) -> None:
        """Note what is wrong with a variable and what to do about it; `text` holds nothing of a secret."""
        self.problems.append(f"{name}: {text}")


def misspelt(env: Mapping[str, str], known: Collection[str]) -> list[str]:
    """A problem for each variable that is meant for the bridge and not known to it."""
    unknown = sorted(set(env) - set(known))
    if not unknown:
        return []
    import difflib  # noqa: PLC0415 - functions on AWS, which start often, never need it

    problems = []
    for name in unknown:
        near = [word for word in difflib.get_close_matches(name, known, n=1, cutoff=0.85) if word not in env]
        if near:
            problems.append(f"{name}: there is no such setting; did you mean {near[0]}?")
        elif name.startswith(OURS_ALONE):
            problems.append(f"{name}: there is no such setting; there are {', '.join(sorted(known))}")
    return problems


def _split(text: str) -> SplitResult | None:
    try:
        url = urlsplit(text)
        return url if url.hostname else None
    except ValueError:
        return None
