"""What daphne is started with: daphne bakery.asgi:channel_layer"""

from channels.asgi import get_channel_layer

channel_layer = get_channel_layer()
