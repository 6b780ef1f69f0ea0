"""What the bridge costs, measured side by side with what it is compared to. Run with `python -m bench`."""
