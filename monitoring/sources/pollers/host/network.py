"""Network interfaces: traffic, state, speed."""

from monitoring.sources.pollers.host.reading import Readings, Roots, line, names, number, text

RECEIVE = ("bytes", "packets", "errs", "drop", "fifo", "frame", "compressed", "multicast")
TRANSMIT = ("bytes", "packets", "errs", "drop", "fifo", "colls", "carrier", "compressed")
FIELDS = [f"node_network_receive_{name}_total" for name in RECEIVE] + [f"node_network_transmit_{name}_total" for name in TRANSMIT]


def netdev(roots: Roots) -> Readings:
    for row in text(f"{roots.proc}/net/dev").splitlines()[2:]:
        device, _, rest = row.rpartition(":")
        device = device.strip()
        if device == "lo":
            continue
        for metric, value in zip(FIELDS, rest.split(), strict=False):
            yield metric, {"device": device}, float(value)


def netclass(roots: Roots) -> Readings:
    for device in names(f"{roots.sys}/class/net"):
        folder = f"{roots.sys}/class/net/{device}"
        state = line(f"{folder}/operstate")
        if not state:  # bonding_masters is a file, not a device; or the device has just gone
            continue
        of = {"device": device}
        yield "node_network_up", of, float(state == "up")
        speed = number(f"{folder}/speed")  # Mbit/s; -1 or unreadable where there is none
        if speed is not None and speed >= 0:
            yield "node_network_speed_bytes", of, speed * 125_000
        for name, metric in (("mtu", "node_network_mtu_bytes"), ("carrier_changes", "node_network_carrier_changes_total")):
            value = number(f"{folder}/{name}")
            if value is not None:
                yield metric, of, value
        about = {name: line(f"{folder}/{name}") for name in ("address", "broadcast", "duplex", "ifalias")}
        yield "node_network_info", {**of, **about, "operstate": state}, 1.0
