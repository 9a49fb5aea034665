//! Language of the system.

use super::probe::Check;
use super::{Concern, Facts};

/// File that PAM and systemd read; `/etc/default/locale` is a link to it.
const LOCALE_CONF: &str = "/etc/locale.conf";

pub(super) fn concern(facts: &Facts<'_>) -> Concern {
    let mut concern = Concern::new("locale");
    let locale = facts.blueprint.locale.as_str();
    let built_in = matches!(locale, "C" | "POSIX" | "C.UTF-8");
    if let (false, Some(charset)) = (built_in, lbuild_spec::locale_charset(locale)) {
        concern.file("/etc/locale.gen", &format!("{locale} {charset}\n"));
        concern.run("generating the locale", &["locale-gen"]);
        concern.prove(Check::Command {
            argv: vec!["locale".to_owned(), "-a".to_owned()],
            output: listed(locale),
        });
    }
    concern.file(LOCALE_CONF, &format!("LANG={locale}\n"));
    concern.link("/etc/default/locale", "../locale.conf");
    concern
}

/// How `locale -a` spells a name.
fn listed(locale: &str) -> String {
    locale.replace("UTF-8", "utf8")
}
