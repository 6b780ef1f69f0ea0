"""Delivery: entered events to FloKit, each once.

deliverer.py   what is sent when, and what is noted in the ledger
flokit.py      one request to FloKit, and what its answer means
answers.py     from a status and a body to a verdict
verdicts.py    the verdicts
budget.py      so many requests a minute
pause.py       how long to leave FloKit alone after a failure
    elapsed.py     time for these two, whatever is done to the clock
report.py      what the log says of a request
"""
