"""The ways in for senders that push, as pages name and explain them. Pure: no database."""

from dataclasses import dataclass

PUSHED = "push_"  # kinds of sources that send of their own accord begin so; they are never polled


@dataclass(frozen=True)
class Snippet:
    """{url} is this installation's address; $TOKEN is where the ingest token belongs."""

    where: str
    text: str

    @property
    def lines(self) -> list[str]:
        return self.text.split("\n")


@dataclass(frozen=True)
class Door:
    label: str
    about: str = "Sends of its own accord."
    snippets: tuple[Snippet, ...] = ()
    icon: str = "download"


DOORS = {
    "influxdb": Door(
        "InfluxDB line protocol",
        "Telegraf, the InfluxDB clients and scripts that write line protocol.",
        (
            Snippet(
                "telegraf.conf",
                """[[outputs.influxdb_v2]]
  urls = ["{url}/webhooks/influxdb"]
  token = "$TOKEN"
  organization = "-"
  bucket = "aiops\"""",
            ),
            Snippet(
                "InfluxDB 1 clients, telegraf.conf",
                """[[outputs.influxdb]]
  urls = ["{url}/webhooks/influxdb"]
  database = "aiops"
  username = "token"
  password = "$TOKEN\"""",
            ),
            Snippet(
                "A shell",
                """curl -i "{url}/webhooks/influxdb/api/v2/write?precision=s" \\
  -H "Authorization: Token $TOKEN" \\
  --data-binary "room,host=lab-1 temperature=21.5 $(date +%s)\"""",
            ),
        ),
    ),
    "telegraf": Door(
        "Telegraf over HTTP",
        "Telegraf's outputs.http, with line protocol or JSON.",
        (
            Snippet(
                "telegraf.conf",
                """[[outputs.http]]
  url = "{url}/webhooks/telegraf"
  data_format = "influx"
  content_encoding = "gzip"
  [outputs.http.headers]
    Authorization = "Bearer $TOKEN\"""",
            ),
        ),
    ),
    "prometheus": Door(
        "Prometheus remote write",
        "Prometheus, Grafana Alloy, vmagent and whatever else speaks remote write 1.0.",
        (
            Snippet(
                "prometheus.yml",
                """remote_write:
  - url: {url}/webhooks/prometheus
    authorization:
      credentials: $TOKEN""",
            ),
        ),
    ),
    "metrics": Door(
        "JSON metrics",
        "Scripts and services that post JSON, one object, a list or one a line.",
        (
            Snippet(
                "A shell",
                """curl -i "{url}/webhooks/metrics" \\
  -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \\
  -d '{"host": "lab-1", "metrics": {"temperature": 21.5, "humidity": 40}}'""",
            ),
        ),
    ),
}


def of(kind: str) -> Door:
    """Of the kind of a source, push_<door>. A door without a line here still shows, as itself."""
    name = kind.removeprefix(PUSHED)
    return DOORS.get(name) or Door(name.replace("_", " ").capitalize())


def snippets(kind: str, url: str) -> list[Snippet]:
    """With this installation's address filled in."""
    return [Snippet(one.where, one.text.replace("{url}", url.rstrip("/"))) for one in of(kind).snippets]
