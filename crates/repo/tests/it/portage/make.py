# Makes binary packages with portage's own code, signed with keys made here, in the directory given as argument.
import os
import subprocess
import sys

import portage.gpkg
import portage.xpak

os.chdir(sys.argv[1])
# When everything is made: 2026-06-01T00:00:00Z; the keys are a day older.
KEYS, SIGNING = "20260531T000000!", "20260601T000000!"


class Settings(dict):
    """What the package writers ask of portage's configuration."""

    def __init__(self, features="", **values):
        super().__init__(values)
        self.features = frozenset(features.split())

    def environ(self):
        return {"PATH": os.environ["PATH"]}


def gpg(home, *arguments, time=SIGNING, **options):
    command = ["gpg", "--homedir", home, "--batch", "--quiet", "--faked-system-time", time]
    return subprocess.run([*command, *arguments], check=True, **options)


for name in ("tester", "stranger"):
    os.mkdir(f"{name}.home", 0o700)
    passphrase = ("--pinentry-mode", "loopback", "--passphrase", "")
    gpg(f"{name}.home", *passphrase, "--quick-generate-key", name, "ed25519", "sign", "never", time=KEYS)
    with open(f"{name}.gpg", "wb") as key:
        gpg(f"{name}.home", "--export", stdout=key)


def signing(name):
    base = f"gpg --batch --quiet --no-tty --yes --armor --faked-system-time {SIGNING} [PORTAGE_CONFIG]"
    return {
        "BINPKG_GPG_SIGNING_BASE_COMMAND": base,
        "BINPKG_GPG_SIGNING_DIGEST": "SHA512",
        "BINPKG_GPG_SIGNING_GPG_HOME": os.path.abspath(f"{name}.home"),
        "BINPKG_GPG_SIGNING_KEY": name,
    }


# What the packages install.
deep = "usr/share/" + "d" * 120
os.makedirs(f"root/{deep}")
os.makedirs("root/var/empty")
os.makedirs("root/usr/bin")
files = {"usr/bin/tool": "#!/bin/sh\n", f"{deep}/{'f' * 120}": "deep\n", "usr/share/data": "0123456789" * 100_000}
for name, content in files.items():
    with open(f"root/{name}", "w") as file:
        file.write(content)
os.chmod("root/usr/bin/tool", 0o4755)
os.link("root/usr/bin/tool", "root/usr/bin/tool2")
os.symlink("tool", "root/usr/bin/link")

metadata = {
    "CATEGORY": "app-misc\n",
    "PF": "tool-1.2-r3\n",
    "SLOT": "0/1\n",
    "EAPI": "8\n",
    "USE": "amd64 nls\n",
    "IUSE": "+nls static\n",
    "RDEPEND": ">=dev-libs/lib-1:0/2= nls? ( virtual/libintl )\n",
    "BUILD_ID": "4\n",
    "DESCRIPTION": "A tool \u2014 for tests\n",
    "environment.bz2": b"BZh9" + bytes(range(256)),
}

for name, features, values in [
    ("signed", "binpkg-signing", {"BINPKG_COMPRESS": "zstd", **signing("tester")}),
    ("stranger", "binpkg-signing", {"BINPKG_COMPRESS": "gzip", **signing("stranger")}),
    ("xz", "", {"BINPKG_COMPRESS": "xz"}),
    ("gzip", "", {"BINPKG_COMPRESS": "gzip"}),
    ("plain", "", {}),
    ("lz4", "", {"BINPKG_COMPRESS": "lz4"}),
]:
    commands = {f"BINPKG_COMPRESS_FLAGS_{kind}": "" for kind in ("ZSTD", "XZ", "GZIP")}
    settings = Settings(features, **commands, **values)
    package = portage.gpkg.gpkg(settings, "app-misc/tool-1.2-r3-4", f"{name}.gpkg.tar")
    if name == "lz4":
        # A compressor that we do not read; what it would make does not matter.
        package._get_compression_cmd = lambda compression=None: ["cat"]
    package.compress("root", metadata)

for name, compressor in (("zstd", ["zstd", "-q"]), ("xz", ["xz"]), ("gzip", ["gzip"]), ("bzip2", ["bzip2"])):
    tar = subprocess.run(["tar", "-C", "root", "--format=gnu", "-c", "."], check=True, stdout=subprocess.PIPE)
    with open(f"{name}.xpak", "wb") as file:
        subprocess.run(compressor, check=True, input=tar.stdout, stdout=file)
    portage.xpak.tbz2(f"{name}.xpak").recompose_mem(portage.xpak.xpak_mem(metadata))

# What Gentoo publishes about stage archives.
for name in sys.argv[2:]:
    with open(name, "rb") as text:
        gpg("tester.home", "--clear-sign", "--output", f"{name}.asc", stdin=text)

for name in ("tester", "stranger"):
    subprocess.run(["gpgconf", "--homedir", f"{name}.home", "--kill", "all"], check=True)
