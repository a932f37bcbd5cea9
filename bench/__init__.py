"""Load programs that measure Quintet beside its peers; nothing here is installed."""
