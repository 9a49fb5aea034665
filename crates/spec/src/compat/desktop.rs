//! Display servers and compositors.

use super::{System, error};
use crate::model::{Base, Compositor};
use crate::report::{Finding, quote};

/// Which display servers a compositor runs on.
const fn servers(compositor: Compositor) -> &'static [&'static str] {
    use Compositor as C;
    match compositor {
        C::Hyprland | C::Sway | C::River | C::Niri | C::Labwc | C::Wayfire => &["wayland"],
        C::I3 | C::Bspwm | C::Awesome | C::Openbox | C::Xfce | C::Mate | C::Cinnamon | C::Lxqt => &["xorg"],
        C::Gnome | C::Plasma => &["wayland", "xorg"],
    }
}

/// Compositors that a base does not package. Debian: looked up in the index of trixie, component main.
const fn missing(base: Base) -> &'static [Compositor] {
    match base {
        Base::Debian => &[Compositor::Hyprland, Compositor::River, Compositor::Niri],
        _ => &[],
    }
}

pub(super) fn rules(system: &System<'_>, found: &mut Vec<Finding>) {
    let Some((node, name)) = system.text(&["display", "compositor"]) else {
        return;
    };
    let Ok(compositor) = serde_json::from_value::<Compositor>(node.to_json()) else { return };
    let wanted = servers(compositor);
    if let Some((server, text)) = system.text(&["display", "server"])
        && !wanted.contains(&text)
        && matches!(text, "wayland" | "xorg" | "none")
    {
        let needed = wanted.iter().map(|server| format!("`{server}`")).collect::<Vec<_>>().join(" or ");
        found.push(
            error(
                "incompatible",
                server,
                format!("`display.server` is `{text}`, but {} needs {needed}", quote(name)),
            )
            .reason(format!("{} is made for {needed}", quote(name)))
            .hint(format!("set `display.server` to {needed}, or choose another `display.compositor`")),
        );
    }
    if let Some(base) = system.base().filter(|base| missing(*base).contains(&compositor)) {
        found.push(
            error("incompatible", node, format!("{} is not packaged by `{}`", quote(name), base.key()))
                .reason("a system is built from the packages of its base")
                .hint("choose `sway`, `labwc` or `wayfire`, or another base"),
        );
    }
}
