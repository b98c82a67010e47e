from django.urls import URLPattern, path

from remediation import views_approvals, views_execution, views_executions, views_fragments, views_manual, views_providers, views_switches

urlpatterns: list[URLPattern] = [
    path("remediation/", views_approvals.approvals, name="approvals"),
    path("remediation/approvals/<int:pk>/vote/", views_approvals.vote, name="approval-vote"),
    path("remediation/approvals/<int:pk>/withdraw/", views_approvals.withdraw, name="approval-withdraw"),
    path("remediation/cases/", views_executions.executions, name="executions"),
    path("remediation/cases/<int:pk>/", views_execution.execution, name="execution"),
    path("remediation/cases/<int:pk>/act/", views_execution.act, name="execution-act"),
    path("remediation/cases/<int:pk>/lines", views_execution.lines, name="execution-lines"),
    path("remediation/cases/<int:pk>/output.txt", views_execution.output, name="execution-output"),
    path("remediation/cases/<int:pk>/chart.json", views_execution.chart, name="execution-chart"),
    path("remediation/new/", views_manual.choose, name="remediate"),
    path("remediation/new/<int:pk>/", views_manual.ask, name="remediate-with"),
    path("remediation/providers/", views_providers.listing, name="providers"),
    path("remediation/providers/new/", views_providers.add, name="provider-add"),
    path("remediation/providers/<int:pk>/", views_providers.provider, name="provider"),
    path("remediation/providers/<int:pk>/edit/", views_providers.edit, name="provider-edit"),
    path("remediation/providers/<int:pk>/check/", views_providers.check, name="provider-check"),
    path("remediation/providers/<int:pk>/enable/", views_providers.turn, {"verb": "enable"}, name="provider-enable"),
    path("remediation/providers/<int:pk>/disable/", views_providers.turn, {"verb": "disable"}, name="provider-disable"),
    path("remediation/providers/<int:pk>/delete/", views_providers.delete, name="provider-delete"),
    path("remediation/switch/", views_switches.switch, name="remediation-switch"),
    path("remediation/of/alert/<int:pk>/", views_fragments.of_alert, name="remediation-of-alert"),
    path("remediation/of/incident/<int:pk>/", views_fragments.of_incident, name="remediation-of-incident"),
    path("remediation/of/resource/<int:pk>/", views_fragments.of_resource, name="remediation-of-resource"),
]
