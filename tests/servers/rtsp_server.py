"""A real RTSP server on loopback, run by the system's Python, which has GStreamer's bindings.

Started by `tests.servers.rtsp`. Prints the port on one line, serves until its standard input is
closed. The one argument is JSON: ``mounts`` maps paths to pipelines whose payloader is ``pay0``;
``users`` is a list of user and password pairs that may look, empty for everybody; ``digest``
chooses the scheme; ``port`` is 0 for any; ``certificate`` is a PEM file with key, for RTSPS.
"""

from __future__ import annotations

import json
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402


def authorise(server, users, digest, certificate):
    auth = GstRtspServer.RTSPAuth()
    if certificate:
        auth.set_tls_certificate(Gio.TlsCertificate.new_from_file(certificate))
    if digest:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    for user, password in users:
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "user")
        if digest:
            auth.add_digest(user, password, token)
        else:
            auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    server.set_auth(auth)


def factory_for(pipeline, users, certificate):
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(f"( {pipeline} )")
    factory.set_shared(False)
    if users or certificate:
        permissions = GstRtspServer.RTSPPermissions()
        role = "user" if users else "anonymous"
        permissions.add_permission_for_role(role, "media.factory.access", True)
        permissions.add_permission_for_role(role, "media.factory.construct", True)
        factory.set_permissions(permissions)
    return factory


def main():
    given = json.loads(sys.argv[1])
    users, certificate = given["users"], given.get("certificate")
    Gst.init(None)
    loop = GLib.MainLoop()
    server = GstRtspServer.RTSPServer()
    server.set_address(given.get("address", "127.0.0.1"))
    server.set_service(str(given["port"]))
    if users or certificate:
        authorise(server, users, given["digest"], certificate)
    if certificate and not users:
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "anonymous")
        server.get_auth().set_default_token(token)
    for path, pipeline in given["mounts"].items():
        server.get_mount_points().add_factory(path, factory_for(pipeline, users, certificate))
    if not server.attach(None):
        sys.exit("cannot listen")
    print(server.get_bound_port(), flush=True)

    def wait_for_the_end():
        sys.stdin.read()
        loop.quit()

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    loop.run()


main()
