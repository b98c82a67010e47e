from remediation import api_urls_cases, api_urls_rules, api_urls_runbooks

urlpatterns = [*api_urls_cases.urlpatterns, *api_urls_runbooks.urlpatterns, *api_urls_rules.urlpatterns]
