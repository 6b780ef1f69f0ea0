"""Values and conversions: they know nothing of sources, mappings or the outside."""
