"""The entry of the function that the clock calls. All of this runs once, at INIT."""

import os

from bridge.aws.home import make_home
from bridge.aws.process import Schedule

_home = make_home(os.environ)
handler = Schedule(_home.shift, _home.ledger, _home.settings.keep_bodies_days, _home.log, _home.clock)
