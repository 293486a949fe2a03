from django.conf.urls import url
from django.contrib import admin
from notes import views

urlpatterns = [
    url(r"^$", views.index, name="index"),
    url(r"^upload/$", views.upload, name="upload"),
    url(r"^stream/$", views.stream, name="stream"),
    url(r"^broken/$", views.broken, name="broken"),
    url(r"^admin/", admin.site.urls),
]
