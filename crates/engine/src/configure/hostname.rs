//! Host name, and that it resolves without a network.

use super::{Concern, Facts};

pub(super) fn concern(facts: &Facts<'_>) -> Concern {
    let mut concern = Concern::new("hostname");
    let name = facts.blueprint.hostname.as_str();
    concern.file("/etc/hostname", &format!("{name}\n"));
    let names = match name.split_once('.') {
        Some((short, _)) => format!("{name} {short}"),
        None => name.to_owned(),
    };
    let hosts = format!(
        "127.0.0.1\tlocalhost\n127.0.1.1\t{names}\n\n::1\t\tlocalhost ip6-localhost ip6-loopback\n\
         ff02::1\t\tip6-allnodes\nff02::2\t\tip6-allrouters\n"
    );
    concern.file("/etc/hosts", &hosts);
    concern
}
