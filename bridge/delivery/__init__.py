"""Delivery: entered events to FloKit, each once.

deliverer.py   what is sent when, and what is noted in the ledger
flokit.py      one request to FloKit, and what its answer means
answers.py     from a status and a body to a verdict
verdicts.py    the verdicts
batching.py    when a backlog goes in batches, and when it will be drained
budget.py      so many requests a minute
standing.py    failures in a row, the pause after them, the size of batches: kept in the ledger
    pause.py       how long to leave FloKit alone after a failure
elapsed.py     time, whatever is done to the clock
report.py      what the log says of a request
"""
