"""The sources. Adding one is one folder here, one mapping, and one line in bridge/pipeline.py and bridge/http.py."""
