"""prometheus.WriteRequest as generated code would have it: the oracle for the decoder that reads frames by hand."""

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_T = descriptor_pb2.FieldDescriptorProto
_MESSAGES: dict[str, list[tuple[str, int, Any, str, bool]]] = {
    "Label": [("name", 1, _T.TYPE_STRING, "", False), ("value", 2, _T.TYPE_STRING, "", False)],
    "Sample": [("value", 1, _T.TYPE_DOUBLE, "", False), ("timestamp", 2, _T.TYPE_INT64, "", False)],
    "Exemplar": [("labels", 1, _T.TYPE_MESSAGE, "Label", True), ("value", 2, _T.TYPE_DOUBLE, "", False)],
    "Histogram": [("sum", 3, _T.TYPE_DOUBLE, "", False)],
    "TimeSeries": [
        ("labels", 1, _T.TYPE_MESSAGE, "Label", True),
        ("samples", 2, _T.TYPE_MESSAGE, "Sample", True),
        ("exemplars", 3, _T.TYPE_MESSAGE, "Exemplar", True),
        ("histograms", 4, _T.TYPE_MESSAGE, "Histogram", True),
    ],
    "MetricMetadata": [
        ("type", 1, _T.TYPE_INT32, "", False),
        ("metric_family_name", 2, _T.TYPE_STRING, "", False),
        ("help", 4, _T.TYPE_STRING, "", False),
        ("unit", 5, _T.TYPE_STRING, "", False),
    ],
    "WriteRequest": [("timeseries", 1, _T.TYPE_MESSAGE, "TimeSeries", True), ("metadata", 3, _T.TYPE_MESSAGE, "MetricMetadata", True)],
}


def _write_request() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="remote_write_oracle.proto", package="oracle", syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind, of, many in fields:
            label = _T.LABEL_REPEATED if many else _T.LABEL_OPTIONAL
            message.field.add(name=field, number=number, type=kind, label=label, type_name=f".oracle.{of}" if of else None)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("oracle.WriteRequest"))


WriteRequest = _write_request()


def request(*series: tuple[dict[str, str], list[tuple[int, float]]]) -> Any:
    """A request of (labels with __name__, [(ms, value)])."""
    found = WriteRequest()
    for labels, samples in series:
        one = found.timeseries.add()
        for name, value in sorted(labels.items()):
            one.labels.add(name=name, value=value)
        for t, v in samples:
            one.samples.add(timestamp=t, value=v)
    return found
