"""``cfsm metrics``: what Prometheus is told, once; and the files that go with it."""

from pathlib import Path

import rich_click as click

from cfsm.bootstrap import House

FILES = {"dashboard": "grafana-dashboard.json", "alerts": "prometheus-alerts.yaml"}


@click.command()
@click.option("--dashboard", "file", flag_value="dashboard", help="Print the Grafana dashboard instead.")
@click.option("--alerts", "file", flag_value="alerts", help="Print the alert rules of Prometheus instead.")
@click.pass_obj
def metrics(house: House, file: str | None) -> None:
    """Print the factory's metrics in Prometheus' text format.

    A running factory serves them at http://127.0.0.1:9464/metrics with workers.instances.metrics set to 1.

    \b
    Examples:
      cfsm metrics                                  once, as a node exporter's text file wants it
      cfsm metrics --dashboard > cfsm.json          to import into Grafana
      cfsm metrics --alerts > /etc/prometheus/rules/cfsm.yaml
    """
    if file is not None:
        click.echo(_monitoring_file(FILES[file]).read_text(encoding="utf-8"), nl=False)
        return
    from cfsm.bootstrap.metrics import exposition, registry_of

    click.echo(exposition(registry_of(house)), nl=False)


def _monitoring_file(name: str) -> Path:
    from cfsm.adapters.shipped import shipped

    return shipped("config") / "monitoring" / name
