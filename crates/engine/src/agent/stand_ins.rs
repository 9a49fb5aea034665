//! Files that are in the tree while scripts of packages run and gone afterwards: programs that scripts find before the
//! real ones.

use std::fs;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Where the programs are: first in the `PATH` of scripts.
pub(super) const DIRECTORY: &str = "/run/lbuild/bin";

/// Tells `invoke-rc.d` that no service may start here (see `invoke-rc.d(8)`).
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Makes no host keys: an image may not have any, so they would be removed again.
const SSH_KEYGEN: &str = r#"#!/bin/sh
case "$*" in *"-f /etc/ssh/ssh_host_"*) exit 0 ;; esac
exec /usr/bin/ssh-keygen "$@"
"#;

/// The package asks for the same twice, when it is set up and again by a trigger that also runs hooks. The second time
/// is left out when no certificate has come since and there is no hook.
const UPDATE_CA_CERTIFICATES: &str = r#"#!/bin/sh
last=/run/lbuild/certificates
if [ $# = 0 ] && [ -e "$last" ] && [ -z "$(ls -A /etc/ca-certificates/update.d)" ]; then
    newer=$(find -L /etc/ca-certificates.conf /etc/ssl/certs /usr/share/ca-certificates \
        /usr/local/share/ca-certificates -cnewer "$last" | head -n 1)
    [ -n "$newer" ] || exit 0
fi
/usr/sbin/update-ca-certificates "$@" || exit
touch "$last"
"#;

/// The files are there.
pub(super) struct StandIns;

impl StandIns {
    /// Puts them into the tree; programs named in `deferred` do nothing, because a later step runs them once.
    pub(super) fn put(deferred: &[String]) -> Result<Self, String> {
        Self::write(deferred).map_err(|error| format!("cannot prepare the tree: {error}"))
    }

    fn write(deferred: &[String]) -> io::Result<Self> {
        fs::create_dir_all(DIRECTORY)?;
        for name in deferred {
            script(&Path::new(DIRECTORY).join(name), "#!/bin/sh\nexit 0\n")?;
        }
        script(Path::new(POLICY), "#!/bin/sh\nexit 101\n")?;
        Ok(Self)
    }

    /// Adds those that spare work, now that the packages are in the tree: scripts look whether such a program is there.
    pub(super) fn complete(self) -> Result<Self, String> {
        let sparing = [
            ("ssh-keygen", "/usr/bin/ssh-keygen", SSH_KEYGEN),
            ("update-ca-certificates", "/usr/sbin/update-ca-certificates", UPDATE_CA_CERTIFICATES),
        ];
        let mut present = sparing.iter().filter(|(_, real, _)| Path::new(real).exists());
        present
            .try_for_each(|(name, _, text)| script(&Path::new(DIRECTORY).join(name), text))
            .map_err(|error| format!("cannot prepare the tree: {error}"))?;
        Ok(self)
    }

    /// Consumes the proof that they were put there.
    #[expect(clippy::unused_self, reason = "what was never put there cannot be removed")]
    pub(super) fn remove(self) -> Result<(), String> {
        fs::remove_file(POLICY)
            .and_then(|()| fs::remove_dir_all("/run/lbuild"))
            .map_err(|error| format!("cannot clean the tree: {error}"))
    }
}

/// Writes a program.
pub(super) fn script(path: &Path, text: &str) -> io::Result<()> {
    fs::write(path, text)?;
    fs::set_permissions(path, Permissions::from_mode(0o755))
}

/// The `PATH` of package scripts: stand-ins first.
pub(crate) fn script_path() -> String {
    format!("{DIRECTORY}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
}
