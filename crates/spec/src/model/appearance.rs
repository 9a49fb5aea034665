//! The graphical session and the look of the shell.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Graphical session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Display {
    /// Display server. Default: what the compositor needs.
    pub server: Option<DisplayServer>,
    /// Compositor, window manager or desktop.
    pub compositor: Option<Compositor>,
    /// Status bar, for example `waybar`.
    #[schemars(extend("format" = "word"))]
    pub bar: Option<String>,
    /// Application launcher, for example `wofi`.
    #[schemars(extend("format" = "word"))]
    pub launcher: Option<String>,
    /// Terminal emulator, for example `foot`.
    #[schemars(extend("format" = "word"))]
    pub terminal: Option<String>,
    /// Theme, for example `adwaita-dark`.
    #[schemars(extend("format" = "word"))]
    pub theme: Option<String>,
    /// Notification daemon, for example `mako`.
    #[schemars(extend("format" = "word"))]
    pub notifications: Option<String>,
    /// Screen locker, for example `swaylock`.
    #[schemars(extend("format" = "word"))]
    pub lockscreen: Option<String>,
}

/// Display server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DisplayServer {
    /// Wayland.
    Wayland,
    /// Xorg.
    Xorg,
    /// No graphical session.
    None,
}

/// Compositors, window managers and desktops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Compositor {
    /// Hyprland (Wayland).
    Hyprland,
    /// Sway (Wayland).
    Sway,
    /// River (Wayland).
    River,
    /// Niri (Wayland).
    Niri,
    /// labwc (Wayland).
    Labwc,
    /// Wayfire (Wayland).
    Wayfire,
    /// i3 (Xorg).
    I3,
    /// bspwm (Xorg).
    Bspwm,
    /// awesome (Xorg).
    Awesome,
    /// Openbox (Xorg).
    Openbox,
    /// Xfce (Xorg).
    Xfce,
    /// MATE (Xorg).
    Mate,
    /// Cinnamon (Xorg).
    Cinnamon,
    /// `LXQt` (Xorg).
    Lxqt,
    /// GNOME (Wayland or Xorg).
    Gnome,
    /// KDE Plasma (Wayland or Xorg).
    Plasma,
}

/// Shell, boot loader and dot files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Customization {
    /// Login shell of new users, for example `zsh`.
    #[schemars(extend("format" = "word"))]
    pub shell: Option<String>,
    /// Framework of the shell, for example `oh-my-zsh`.
    #[schemars(extend("format" = "word"))]
    pub shell_framework: Option<String>,
    /// Prompt theme, for example `starship`.
    #[schemars(extend("format" = "word"))]
    pub shell_theme: Option<String>,
    /// Boot loader. Default: `grub`.
    pub bootloader: Option<Bootloader>,
    /// Repository of dot files, an `https` URL.
    #[schemars(extend("format" = "https-url"))]
    pub dotfiles: Option<String>,
}

/// Boot loader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Bootloader {
    /// GNU GRUB.
    Grub,
    /// systemd-boot.
    SystemdBoot,
    /// Limine.
    Limine,
    /// `rEFInd`.
    Refind,
}
