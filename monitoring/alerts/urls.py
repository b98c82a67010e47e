from monitoring.alerts import alert_urls, rule_urls

urlpatterns = [*alert_urls.urlpatterns, *rule_urls.urlpatterns]
