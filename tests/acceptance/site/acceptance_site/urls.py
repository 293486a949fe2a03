from django.conf.urls import url

from acceptance_site import calls, commands, elsewhere, forwards, views

urlpatterns = [
    url(r'^forward/(?P<path>.*)$', forwards.proxy),
    url(r'^forward-form/$', forwards.form),
    url(r'^rewritten', forwards.rewritten),
    url(r'^ask(?P<path>/.*)$', views.ask),
    url(r'^form/$', views.form),
    url(r'^command/(?P<name>\w+)/$', commands.run),
    url(r'^command-late/$', commands.late),
    url(r'^decorated/$', views.decorated),
    url(r'^note/(?P<text>\w+)/$', views.note),
    url(r'^broken/(?P<text>\w+)/$', views.broken),
    url(r'^late/$', views.late),
    url(r'^wrong/$', views.wrong),
    url(r'^quick/$', views.quick),
    url(r'^call/(?P<function>[\w.]+)/$', calls.call),
    url(r'^told-to-call/$', calls.told),
    url(r'^tell(?P<room>/room/\w+)$', views.tell),
    url(r'^process(?P<path>/.*)$', elsewhere.process),
    url(r'^results/(?P<id>\w+)/$', elsewhere.results),
    url(r'^fire(?P<path>/.*)$', elsewhere.fire),
    url(r'^fire-and-fail(?P<path>/.*)$', elsewhere.fire_and_fail),
    url(r'^long-transaction/(?P<text>\w+)/$', elsewhere.fire_in_a_long_transaction),
]
