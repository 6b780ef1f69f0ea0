"""A backlog that drains: the real process over real HTTP, at the rate that FloKit allows, with webhooks meanwhile.

    filling.py     a ledger with very many events to send
    gate.py        a FloKit that counts, keeps no event, and moves the clock when its minute is used up
    customers.py   webhooks that go on coming in
    drain.py       all of it together, and what is found

`make test` drains 20,000; the full million: `cd tests && ../.venv/bin/python -m backlog`.
"""
