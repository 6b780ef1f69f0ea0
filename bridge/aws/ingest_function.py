"""The entry of the functions that take webhooks in; SOURCE says whose.

All of this runs once, at INIT, where a function has a whole processor: what is left to the first request runs at a
third of that speed or less (measured).
"""

import gc
import os

gc.disable()  # what is made here stays: looking for garbage in it takes 9 % of the time (measured)

from bridge.aws.ingest_home import make_handler  # noqa: E402 - see above

handler = make_handler(os.environ)

gc.freeze()
gc.enable()
