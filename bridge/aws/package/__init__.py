"""`make package`: the zip that the functions run from. None of this is in the zip.

build.py         the steps, from the checkout to the zip
modules.py       which of the bridge's modules go in: those that a function can import
wheels.py        its dependencies for Lambda's processor, pinned, without what is never imported
interpreter.py   the CPython of Lambda's version, which compiles
archive.py       files to a zip, the same bytes every time
"""
