"""The Auvious RTC dialect."""
