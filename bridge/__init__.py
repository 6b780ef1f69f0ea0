"""The webhook bridge: Stripe, App Store and Google Play webhooks in, exact revenue events in FloKit out, once each.

Imports run one way only (tests/test_imports.py holds them to it):

    values  <-  mapping  <-  sources, ledger, delivery (which do not know each other)
            <-  pipeline  <-  the edges: http app, worker, commands, stand-ins
"""

__version__ = "0.1.0"
