from django.conf.urls import url

from demo import views

urlpatterns = [
    url(r'^$', views.index),
    url(r'^offloaded/$', views.offloaded),
    url(r'^blocking/$', views.blocking),
    url(r'^quick/$', views.quick),
]
