"""One cloud, one FloKit and one deployed bridge for all tests in this folder. Only `make aws-test` runs them: they
need Node, and the tools of the extra `aws`."""

import os

collect_ignore_glob = [] if os.environ.get("BRIDGE_AWS_TEST") else ["test_*.py"]

if os.environ.get("BRIDGE_AWS_TEST"):
    pytest_plugins = ["aws.fixtures"]
