"""Templates of labels and annotations: what Prometheus' own documentation and rules write, and the place of mistakes."""

import pytest

from monitoring.alerts.templates import Sample, TemplateError, check, render

pytestmark = pytest.mark.once

LABELS = {"instance": "web-1:9100", "job": "node", "device": "/dev/sda1"}


@pytest.mark.parametrize(
    ("template", "value", "shown"),
    [
        ("Instance {{ $labels.instance }} down", 1, "Instance web-1:9100 down"),
        ("{{ $labels.missing }}|{{ .Labels.job }}|{{ .Value }}", 3.0, "|node|3"),
        ("{{ $value }}", 0.1 + 0.2, "0.30000000000000004"),
        ("{{ $value }}", 1e21, "1e+21"),
        ("{{ $value }}", 123456789.0, "123456789"),
        ("{{ $value | humanize }}", 1234567.0, "1.235M"),
        ("{{ humanize $value }}", 0.0012, "1.2m"),
        ("{{ $value | humanize1024 }}B", 1536.0, "1.5kiB"),
        ("{{ $value | humanizeDuration }}", 3661.0, "1h 1m 1s"),
        ("{{ $value | humanizeDuration }}", 90061.0, "1d 1h 1m 1s"),
        ("{{ $value | humanizeDuration }}", 0.0123, "12.3ms"),
        ("{{ $value | humanizeDuration }}", 5.5, "5.5s"),
        ("{{ $value | humanizePercentage }}", 0.12345, "12.35%"),
        ("{{ $value | humanizeTimestamp }}", 1435065584.128, "2015-06-23 13:19:44.128 +0000 UTC"),
        ('{{ printf "%.2f" $value }}%', 12.3456, "12.35%"),
        ('{{ printf "%s on %s: %d" $labels.job $labels.instance 3 }}', 1, "node on web-1:9100: 3"),
        ('{{ $value | printf "%.1f" }}', 2.25, "2.2"),
        ("{{ if gt $value 90.0 }}full{{ else }}filling{{ end }}", 95, "full"),
        ("{{ if gt $value 99.0 }}a{{ else if gt $value 90.0 }}b{{ else }}c{{ end }}!", 95, "b!"),
        ('{{ if eq $labels.job "node" "web" }}yes{{ end }}', 1, "yes"),
        ("{{ with $labels.nothing }}x{{ else }}none{{ end }}", 1, "none"),
        ("{{- /* said nowhere */ -}} a {{- $labels.job -}} b", 1, "anodeb"),
        ('{{ $x := printf "%s!" $labels.job }}{{ $x }}', 1, "node!"),
        ("{{ range $name, $text := $labels }}{{ $name }}={{ $text }},{{ end }}", 1, "device=/dev/sda1,instance=web-1:9100,job=node,"),
        ('{{ reReplaceAll "(.*):.*" "$1" $labels.instance }}', 1, "web-1"),
        ("{{ $labels.instance | stripPort | toUpper }}", 1, "WEB-1"),
        ('{{ (index .Labels "job") | title }}', 1, "Node"),
        ("no template }} here", 1, "no template }} here"),
        ("{{ `a}}b` }}", 1, "a}}b"),
    ],
)
def test_a_template_says(template, value, shown):
    check(template)
    assert render(template, LABELS, value) == shown


def test_a_query_is_asked_and_its_samples_can_be_told():
    asked = []

    def query(text):
        asked.append(text)
        return [Sample({"instance": "b"}, 2.0), Sample({"instance": "a"}, 1.5)]

    template = (
        '{{ with query "sum(up)" }}{{ . | first | value | humanize }}{{ end }} '
        '{{ range query "up" | sortByLabel "instance" }}{{ .Labels.instance }}:{{ .Value }} {{ end }}'
    )
    check(template)
    assert render(template, LABELS, 1.0, query) == "2 a:1.5 b:2 "
    assert asked == ["sum(up)", "up"]


def test_a_query_that_answers_nothing_is_an_empty_list():
    assert render('{{ with query "up" }}x{{ else }}nothing{{ end }}', LABELS, 1.0) == "nothing"


@pytest.mark.parametrize(
    ("template", "position", "says"),
    [
        ("ok {{ $labels.x", 3, "not closed"),
        ("ok {{ humanise $value }}", 6, "no function humanise"),
        ("{{ $valu }}", 3, "$valu is not known"),
        ("{{ if $value }}x", 3, "not ended"),
        ("{{ end }}", 3, "without an if"),
        ("a {{ $value | }}", 12, "missing"),
        ("{{ humanize }}", 3, "takes 1 arguments, not 0"),
        ('{{ query "sum(" }}', 3, "the query cannot be read"),
        ('{{ printf "%d }}', 0, "not closed"),
        ('{{ template "x" }}', 3, "not supported"),
        ("{{ $value ! 3 }}", 10, "! is not expected"),
        ("{{ }}", 2, "empty"),
        ("{{ if $value }}a{{ else }}b{{ else }}c{{ end }}", 30, "second"),
    ],
)
def test_a_mistake_is_told_with_its_place(template, position, says):
    with pytest.raises(TemplateError) as told:
        check(template)
    assert says in told.value.message
    assert told.value.position == position


def test_what_only_fails_with_these_values_is_told_too():
    with pytest.raises(TemplateError, match="not a number"):
        render("{{ $labels.job | humanize }}", LABELS, 1.0)
    with pytest.raises(TemplateError, match="no series"):
        render('{{ query "up" | first | value }}', LABELS, 1.0)


def test_a_template_cannot_fill_the_memory():
    many = [Sample({}, 1.0)] * 1000
    text = '{{ range query "a" }}{{ range query "a" }}{{ range query "a" }}xxxxxxxxxxxxxxxxxxxx{{ end }}{{ end }}{{ end }}'
    assert len(render(text, {}, 1.0, lambda _: many)) <= 8000
    with pytest.raises(TemplateError, match="wider"):
        render('{{ printf "%999999999d" 1 }}', {}, 1.0)
