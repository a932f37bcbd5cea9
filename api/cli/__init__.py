"""The commands of `quintet`."""
