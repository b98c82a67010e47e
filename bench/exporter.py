"""A stand-in for many node_exporters, for the figures of scraping: GET /metrics?t=<n> is the page of machine n, about 500 samples whose
values change from one scrape to the next. Prints its port.
"""

import random
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

COUNTERS = ("bytes_total", "packets_total", "errs_total", "drop_total", "fifo_total")
PAGES = 8  # values repeat after so many scrapes


def lines(chance: random.Random) -> list[str]:
    """508 samples in the shape of node_exporter's."""
    made = ["# HELP node_cpu_seconds_total Seconds the CPUs spent in each mode.", "# TYPE node_cpu_seconds_total counter"]
    modes = ("idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user")
    made += [f'node_cpu_seconds_total{{cpu="{cpu}",mode="{mode}"}} {chance.uniform(1, 1e6):.2f}' for cpu in range(16) for mode in modes]
    for way in ("receive", "transmit"):
        for counter in COUNTERS:
            made += [f"# HELP node_network_{way}_{counter} Network device statistic.", f"# TYPE node_network_{way}_{counter} counter"]
            made += [f'node_network_{way}_{counter}{{device="eth{n}"}} {chance.randrange(10**10)}' for n in range(12)]
    for what in ("size_bytes", "free_bytes", "avail_bytes", "files", "files_free", "readonly"):
        made += [f"# TYPE node_filesystem_{what} gauge"]
        where = [f'device="/dev/sda{n}",fstype="ext4",mountpoint="/data{n}"' for n in range(8)]
        made += [f"node_filesystem_{what}{{{labels}}} {chance.randrange(10**12)}" for labels in where]
    for number in range(200):
        made += [f"# HELP node_memory_Field{number}_bytes Memory information field.", f"# TYPE node_memory_Field{number}_bytes gauge"]
        made += [f"node_memory_Field{number}_bytes {chance.randrange(10**10)}"]
    made += [
        "node_memory_MemTotal_bytes 8.3e+09",
        f"node_memory_MemAvailable_bytes {chance.randrange(8 * 10**9)}",
        "node_boot_time_seconds 1.7e+09",
    ]
    made += [f"node_load{minutes} {chance.uniform(0, 8):.2f}" for minutes in (1, 5, 15)]
    return [*made, *(f"node_vmstat_field{n} {chance.randrange(10**9)}" for n in range(5))]


def pages() -> list[bytes]:
    info = 'node_uname_info{{domainname="(none)",machine="x86_64",nodename="{node}",release="6.1.0",sysname="Linux",version="#1"}} 1'
    return ["\n".join([*lines(random.Random(number)), info.format(node="@node@"), ""]).encode() for number in range(PAGES)]


class Exporter(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    bodies = pages()

    def do_GET(self) -> None:
        machine = self.path.partition("t=")[2] or "0"
        body = self.bodies[int(time.time()) % PAGES].replace(b"@node@", b"node-" + machine.encode())
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        self.wfile.write(head.encode() + body)
        self.close_connection = True

    def log_message(self, *args: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 512
    daemon_threads = True


if __name__ == "__main__":
    server = Server(("127.0.0.1", 0), Exporter)
    print(server.server_port, flush=True)
    server.serve_forever()
