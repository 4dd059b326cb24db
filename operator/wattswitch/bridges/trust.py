"""TLS settings towards a peer, from mounted files. Verification can't be turned off."""

import ssl
from urllib.parse import urlsplit

from wattswitch.bridges.asked import Reason, Refused


def trust(
    url: str, ca_file: str | None = None, cert_file: str | None = None, key_file: str | None = None
) -> ssl.SSLContext | None:
    """What an https or mqtts URL needs; None for others. Blocks on files; raises Refused."""
    if urlsplit(url).scheme.lower() not in ("https", "mqtts"):
        return None
    try:
        context = ssl.create_default_context(cafile=ca_file)
        if cert_file is not None:
            context.load_cert_chain(cert_file, key_file)
    except (OSError, ValueError) as error:
        message = f"the certificates can't be read ({type(error).__name__})"
        raise Refused(Reason.SECRET_UNREADABLE, message) from None
    return context
