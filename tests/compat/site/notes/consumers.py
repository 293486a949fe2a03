from channels import Group
from channels.auth import channel_session_user, channel_session_user_from_http
from channels.sessions import enforce_ordering

# Without the order a worker's other thread may receive before this one has joined the group and saved the
# session: `accept` lets the browser speak.


@enforce_ordering
@channel_session_user_from_http
def connect(message):
    message.reply_channel.send({"accept": True})
    Group("everyone").add(message.reply_channel)


@enforce_ordering
@channel_session_user
def receive(message):
    """`all TEXT` goes to the group, `who` gives the user's name, anything else comes back."""
    text = message.content.get("text")
    if text is None:
        message.reply_channel.send({"bytes": message.content["bytes"]})
    elif text == "who":
        message.reply_channel.send({"text": message.user.get_username() or "nobody"})
    elif text.startswith("all "):
        Group("everyone").send({"text": text[4:]})
    else:
        message.reply_channel.send({"text": "echo " + text})


@enforce_ordering
@channel_session_user
def disconnect(message):
    Group("everyone").discard(message.reply_channel)
