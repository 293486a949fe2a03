"""The old packages that the server imports need their shims first, as in server_trio.__main__."""

import channels_compat

channels_compat.install()
