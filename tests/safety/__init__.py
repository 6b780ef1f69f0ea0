"""The lines that safety hangs on: each is deleted from a copy of the program, and a test has to notice."""
