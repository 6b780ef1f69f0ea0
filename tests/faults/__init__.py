"""Failing disks, lost power, two processes on one ledger, and FloKit's whole list: through the running bridge."""
