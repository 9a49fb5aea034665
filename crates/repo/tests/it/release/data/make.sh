#!/bin/sh
# Makes the keys and signed releases beside this file with GnuPG, at a faked time. Run it by hand when a case is added:
# the tests read what is committed.
set -eu
cd "$(dirname "$0")"
GNUPGHOME=$(mktemp -d)
export GNUPGHOME
trap 'gpgconf --kill all; rm -rf "$GNUPGHOME"' EXIT
at() { when=$1; shift; gpg --batch --quiet --yes --pinentry-mode loopback --passphrase '' --faked-system-time "$when" "$@"; }
fingerprint() { gpg --batch --quiet --with-colons --list-keys "$1" | awk -F: '/^fpr/ {print $10; exit}'; }
export_key() { gpg --batch --quiet --export "$1@example.org" > "$1.gpg"; }
sign() { out=$1; shift; at 20260601T000000 "$@" --output "$out" --clearsign release.txt; }

at 20260101T000000 --quick-generate-key good@example.org ed25519 sign never
at 20260101T000000 --quick-generate-key subkey@example.org rsa2048 cert never
at 20260101T000000 --quick-add-key "$(fingerprint subkey@example.org)" rsa2048 sign 1y
at 20260101T000000 --quick-generate-key expired@example.org ed25519 sign 6m
at 20260101T000000 --quick-generate-key revoked@example.org ed25519 sign never
at 20260101T000000 --quick-generate-key stranger@example.org ed25519 sign never
at 20260101T000000 --quick-generate-key short@example.org rsa1024 sign never

cat > release.txt <<'TEXT'
Origin: Test
Label: Test
Suite: stable
Codename: tester
Date: Mon, 01 Jun 2026 00:00:00 UTC
Valid-Until: Mon, 08 Jun 2026 00:00:00 UTC
Acquire-By-Hash: yes
Architectures: all amd64
Components: main
SHA256:
 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0 main/binary-amd64/Packages
TEXT
for key in good subkey expired revoked stranger short; do sign "$key.asc" --local-user "$key@example.org"; done
sign both.asc --local-user good@example.org --local-user stranger@example.org
sign sha1.asc --local-user good@example.org --digest-algo SHA1
sign brief.asc --local-user good@example.org --default-sig-expire 1d

sed 's/^:---/---/' "$GNUPGHOME/openpgp-revocs.d/$(fingerprint revoked@example.org).rev" | at 20260201T000000 --import
for key in good subkey expired revoked short; do export_key "$key"; done
at 20260301T000000 --command-fd 0 --edit-key subkey@example.org >/dev/null 2>&1 <<'EDIT'
key 1
revkey
y
0

y
save
EDIT
gpg --batch --quiet --export subkey@example.org > subkey-revoked.gpg
rm release.txt
