from django.urls import URLPattern, path

from remediation import views_policy, views_rules

urlpatterns: list[URLPattern] = [
    path("remediation/rules/", views_rules.rules, name="automation-rules"),
    path("remediation/rules/new/", views_rules.new, name="automation-rule-new"),
    path("remediation/rules/import/", views_rules.import_rules, name="automation-rules-import"),
    path("remediation/rules/export.yml", views_rules.export, name="automation-rules-export"),
    path("remediation/rules/switch/", views_rules.switch, name="automation-rules-switch"),
    path("remediation/rules/<int:pk>/", views_rules.rule, name="automation-rule"),
    path("remediation/rules/<int:pk>/edit/", views_rules.edit, name="automation-rule-edit"),
    path("remediation/rules/<int:pk>/act/", views_rules.act, name="automation-rule-act"),
    path("remediation/why/alert/<int:pk>/", views_rules.why, name="automation-why"),
    path("remediation/policy/", views_policy.policy_page, name="policy"),
]
