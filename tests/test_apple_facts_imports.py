"""The stating half reads what is proven: it starts without cryptography, HTTP, or Apple's library."""

import subprocess
import sys

HEAVY = ("cryptography", "jwt", "OpenSSL", "appstoreserverlibrary", "httpx", "starlette")


def test_the_stating_half_imports_no_cryptography() -> None:
    program = (
        "import sys, bridge.sources.apple.source, bridge.sources.apple.vocabulary; "
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"
