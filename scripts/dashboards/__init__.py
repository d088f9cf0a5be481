"""Grafana's dashboards as code: run `python -m scripts.dashboards` to write their JSON into docker/grafana."""
