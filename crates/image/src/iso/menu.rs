//! GRUB's configuration: the menu, and the few lines that find it.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::identity::Identity;

/// The live system, as the boot menu starts it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveSystem {
    /// Name in the menu.
    pub title: String,
    /// Kernel parameters of every entry, beside those that a live system and its consoles need.
    pub parameters: Vec<String>,
    /// Seconds until the first entry starts by itself.
    pub timeout: u32,
}

/// What live-boot needs, and both consoles; the last one is the system console and so shows every message.
const LIVE_PARAMETERS: &str = "boot=live components";
const CONSOLES: &str = "console=tty0 console=ttyS0,115200";

/// A machine without a serial port or without a usable screen keeps the other terminal. The font goes by its name:
/// GRUB then looks inside itself first, and under Secure Boot it may read fonts from nowhere else.
const TERMINALS: &str = r"if serial --unit=0 --speed=115200 --word=8 --parity=no --stop=1; then
    set serial=serial
fi
if loadfont unicode; then
    set gfxmode=auto
    terminal_input console $serial
    terminal_output gfxterm $serial
else
    terminal_input console $serial
    terminal_output console $serial
fi
";

/// `/boot/grub/grub.cfg`
pub(super) fn menu(live: &LiveSystem) -> String {
    let mut text =
        format!("set default=0\nset timeout={}\nset timeout_style=menu\n{TERMINALS}", live.timeout);
    for (suffix, extra) in [("", ""), (" (copy to memory)", " toram"), (" (failsafe)", " nomodeset noapic")] {
        let title = quote(&format!("{}{suffix}", live.title));
        let parameters: Vec<_> = live.parameters.iter().map(|parameter| quote(parameter)).collect();
        let parameters = [vec![format!("{LIVE_PARAMETERS}{extra}")], parameters, vec![CONSOLES.to_owned()]]
            .concat()
            .join(" ");
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "menuentry {title} {{\n    \
             echo 'Loading Linux ...'\n    \
             linux /live/vmlinuz {parameters}\n    \
             echo 'Loading initial ramdisk ...'\n    \
             initrd /live/initrd.img\n}}\n"
        );
    }
    text
}

/// Finds the disk by its identity, wherever GRUB itself was loaded from.
pub(super) fn early(identity: &Identity) -> String {
    format!(
        "search --no-floppy --set=root --file /.disk/id/{}\n\
         set prefix=($root)/boot/grub\n\
         configfile ($root)/boot/grub/grub.cfg\n",
        identity.disk
    )
}

/// GRUB reads single quotes as a shell does: nothing inside has a meaning.
fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.,:=/+@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting_leaves_no_way_out() {
        assert_eq!(quote("quiet"), "quiet");
        assert_eq!(quote("a b"), "'a b'");
        assert_eq!(quote("'; halt #"), r"''\''; halt #'");
        assert_eq!(quote("$root"), "'$root'");
    }

    #[test]
    fn every_entry_has_the_parameters_and_both_consoles() {
        let live = LiveSystem { title: "Debian 13".into(), parameters: vec!["quiet".into()], timeout: 5 };
        let text = menu(&live);
        let lines: Vec<_> = text.lines().filter(|line| line.trim_start().starts_with("linux ")).collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(
            lines[0].trim(),
            "linux /live/vmlinuz boot=live components quiet console=tty0 console=ttyS0,115200"
        );
        assert!(lines.iter().all(|line| line.contains(" quiet ") && line.ends_with(CONSOLES)));
        assert!(text.contains("menuentry 'Debian 13 (failsafe)' {"));
    }
}
