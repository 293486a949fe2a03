from django.conf.urls import url

from bakery import notify_views, views

urlpatterns = [
    url(r'^$', views.index),
    url(r'^order/$', notify_views.order),
    url(r'^delivered/$', views.delivered),
]
