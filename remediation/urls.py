from remediation import urls_cases, urls_rules, urls_runbooks

urlpatterns = [*urls_cases.urlpatterns, *urls_runbooks.urlpatterns, *urls_rules.urlpatterns]
