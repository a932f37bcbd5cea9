"""What Prometheus is shown; docs/metrics.md is made of it, by scripts/metrics_page.py."""
