"""Stand-ins: real HTTP servers on 127.0.0.1 that behave as the outside does, for the demo, the tests and the bench."""
