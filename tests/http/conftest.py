"""asks is imported here as the server imports it: after channels_compat has made that possible."""

import channels_compat

channels_compat.install()
