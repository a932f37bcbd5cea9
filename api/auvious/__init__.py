"""The Auvious RTC dialect: its door to a listener."""
