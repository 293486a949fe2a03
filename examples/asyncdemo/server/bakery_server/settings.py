"""Settings of the Trio server, derived from the site's: python3 -m server_trio bakery_server.settings"""

from bakery.settings.bonusround import CHANNEL_LAYERS, SECRET_KEY  # noqa: F401

CHANNEL_LAYERS = {"default": dict(CHANNEL_LAYERS["default"], ROUTING="bakery_server.routing.channel_routing")}

CHANNELS_ASYNC_SERVER = {
    "DEADLINES": {"notify": 60},  # seconds
    "CONCURRENCY": {"consumers": 4000, "per_host": 4000},
    "GRACE_TIME": 5,  # seconds
}
