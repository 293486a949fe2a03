from django.conf.urls import url

from bakery import views

urlpatterns = [
    url(r'^$', views.index),
    url(r'^order/$', views.order),
    url(r'^delivered/$', views.delivered),
]
