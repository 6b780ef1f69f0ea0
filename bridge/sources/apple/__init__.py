"""The Apple App Store: `receive` proves its notifications (Version 2)."""
