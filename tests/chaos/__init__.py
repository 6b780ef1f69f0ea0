"""The failure suite: the real process over real HTTP, killed, flooded, stormed, cut off from FloKit, told out of order.

`make chaos` runs it for ten minutes with fresh seeds; `make test` runs a short form of each scenario.

    Stores          the three sources: they tell lives, seal webhooks, and Google answers what the bridge asks
    Life, Webhook   what one customer goes through, and one thing that a source tells of it
    Home, Process   a bridge's folder and settings, and one life of its process, from a start to a kill
    Sender          a connection of a store: it sends a webhook until it is answered 200
    Witness         the stand-in FloKit, watched from its door
    Scenario        what is done to the bridge in one round, from a seed
    Verdict         what was found wrong in a round, and the figures
"""
