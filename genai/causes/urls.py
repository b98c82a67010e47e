from django.urls import URLPattern, URLResolver, path, re_path

from genai.causes import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("causes/of/alert/<int:pk>/", views.of_alert, name="causes-of-alert"),
    path("causes/of/incident/<int:pk>/", views.of_incident, name="causes-of-incident"),
    path("causes/of/window/", views.of_window, name="causes-of-window"),
    re_path(r"^causes/of/(?P<kind>alert|incident)/(?P<pk>\d{1,18})/again/$", views.again, name="causes-again"),
    path("causes/<int:pk>/", views.page, name="causes"),
    path("causes/<int:pk>/card/", views.card, name="causes-card"),
]
