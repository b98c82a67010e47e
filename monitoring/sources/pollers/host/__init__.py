"""The parts of the local host poller: each collector reads one thing and yields readings named as node_exporter names them."""
