import os

from django.conf.urls import url
from django.shortcuts import render
from django.views.static import serve

from demo import views

STATIC = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'static')

urlpatterns = [
    url(r'^$', views.index),
    url(r'^static/(?P<path>.*)$', serve, {'document_root': STATIC}),
    url(r'^quick/$', views.quick),
    url(r'^blocking/$', views.blocking),
    url(r'^offloaded/$', views.offloaded),
    url(r'^forward/(?P<path>.*)$', views.forward),
    url(r'^status/(?P<number>[1-9])/(?P<path>.*)$', views.status),
    url(r'^upload/$', render, {'template_name': 'upload.html'}),
    url(r'^events/$', render, {'template_name': 'events.html'}),
    url(r'^call/async/$', views.call_async),
    url(r'^call/thread/$', views.call_thread),
    url(r'^call/stream/$', views.call_stream),
    url(r'^command/$', views.command),
    url(r'^command/slow/$', views.slow_command),
    url(r'^socket/$', render, {'template_name': 'socket.html'}),
    url(r'^notify/$', views.notify),
    url(r'^timeout/$', views.timeout),
    url(r'^retries/$', views.retries),
    url(r'^breaker/$', views.breaker),
    url(r'^refused/$', views.refused),
    url(r'^report/$', views.report),
    url(r'^report/(?P<operation>\w+)/$', views.show_report),
    url(r'^forget/$', views.forget),
]
