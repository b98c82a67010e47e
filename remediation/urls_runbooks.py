from django.urls import URLPattern, path

from remediation import views_runbook_edit, views_runbooks

urlpatterns: list[URLPattern] = [
    path("remediation/runbooks/", views_runbooks.runbooks, name="runbooks"),
    path("remediation/runbooks/new/", views_runbook_edit.new, name="runbook-new"),
    path("remediation/runbooks/import/", views_runbook_edit.import_file, name="runbook-import"),
    path("remediation/runbooks/export.yml", views_runbooks.export, name="runbooks-export"),
    path("remediation/runbooks/check/", views_runbook_edit.check, name="runbook-check"),
    path("remediation/runbooks/preview/", views_runbook_edit.preview, name="runbook-preview"),
    path("remediation/runbooks/<int:pk>/", views_runbooks.runbook, name="runbook"),
    path("remediation/runbooks/<int:pk>/edit/", views_runbook_edit.edit, name="runbook-edit"),
    path("remediation/runbooks/<int:pk>/on/", views_runbooks.switch, {"on": True}, name="runbook-on"),
    path("remediation/runbooks/<int:pk>/off/", views_runbooks.switch, {"on": False}, name="runbook-off"),
    path("remediation/runbooks/<int:pk>/delete/", views_runbooks.delete, name="runbook-delete"),
    path("remediation/runbooks/<int:pk>/rehearse/", views_runbooks.rehearse, name="runbook-rehearse"),
    path("remediation/runbooks/<int:pk>/export.yml", views_runbooks.export_one, name="runbook-export"),
    path("remediation/runbooks/<int:pk>/versions/<int:number>/restore/", views_runbooks.restore, name="runbook-restore"),
]
