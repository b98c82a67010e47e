"""Pages of rules and silences."""

from django.urls import path

from monitoring.alerts import views_mapping, views_rule, views_rule_files, views_rules, views_silence, views_silences

urlpatterns = [
    path("alerts/mapping/", views_mapping.mapping, name="alert-mapping"),
    path("rules/", views_rules.rules, name="rules"),
    path("rules/switch/", views_rules.switch, name="rules-switch"),
    path("rules/new/", views_rule.new, name="rule-new"),
    path("rules/preview/", views_rule.preview, name="rule-preview"),
    path("rules/backtest/", views_rule.backtest, name="rule-backtest"),
    path("rules/import/", views_rule_files.import_rules, name="rule-import"),
    path("rules/export/", views_rule_files.export, name="rule-export"),
    path("rules/<int:pk>/", views_rule.rule, name="rule"),
    path("rules/<int:pk>/delete/", views_rule.delete, name="rule-delete"),
    path("rules/<int:pk>/counted/", views_rules.counted, name="rule-counted"),
    path("silences/", views_silences.silences, name="silences"),
    path("silences/new/", views_silence.new, name="silence-new"),
    path("silences/preview/", views_silence.preview, name="silence-preview"),
    path("silences/<int:pk>/", views_silence.silence, name="silence"),
    path("silences/<int:pk>/edit/", views_silence.edit, name="silence-edit"),
    path("silences/<int:pk>/end/", views_silence.end, name="silence-end"),
    path("silences/<int:pk>/extend/", views_silence.extend, name="silence-extend"),
]
