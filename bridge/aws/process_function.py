"""The entry of the function that the queue feeds. All of this runs once, at INIT."""

import os

from bridge.aws.home import make_home
from bridge.aws.objects import ObjectStore
from bridge.aws.process import Process

_home = make_home(os.environ)
handler = Process(_home.ledger, ObjectStore.open(os.environ["OVERSIZE_BUCKET"], os.environ).get, _home.shift, _home.log)
