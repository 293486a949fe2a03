from django.conf.urls import url

from acceptance_site import views

urlpatterns = [
    url(r'^ask(?P<path>/.*)$', views.ask),
    url(r'^form/$', views.form),
    url(r'^decorated/$', views.decorated),
    url(r'^note/(?P<text>\w+)/$', views.note),
    url(r'^broken/(?P<text>\w+)/$', views.broken),
    url(r'^late/$', views.late),
    url(r'^wrong/$', views.wrong),
    url(r'^quick/$', views.quick),
    url(r'^tell(?P<room>/room/\w+)$', views.tell),
]
