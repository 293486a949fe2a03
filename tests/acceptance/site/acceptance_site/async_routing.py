"""The routing of the Trio server, apart from that of the workers."""

from channels.routing import include, route

from acceptance_site import async_consumers

rooms = [
    route("leave", async_consumers.leave, room=r"^/(?P<room>\w+)$"),
    route("notify", async_consumers.notify, room=r"^/(?P<room>\w+)$"),
]

channel_routing = [
    include(rooms, room=r"^/room"),
    route("echo", async_consumers.echo),
    route("relay", "acceptance_site.async_consumers.relay"),
]
