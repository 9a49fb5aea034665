//! Keyboard of the console and of X.

use super::{Action, Concern, Facts, run};

pub(super) fn concern(facts: &Facts<'_>) -> Concern {
    let mut concern = Concern::new("keyboard");
    if !facts.has("keyboard-configuration") && !facts.blueprint.sets("/keyboard") {
        return concern;
    }
    let keyboard = &facts.blueprint.keyboard;
    let model = keyboard.model.as_deref().unwrap_or("pc105");
    let variant = keyboard.variant.as_deref().unwrap_or("");
    let text = format!(
        "XKBMODEL=\"{model}\"\nXKBLAYOUT=\"{}\"\nXKBVARIANT=\"{variant}\"\nXKBOPTIONS=\"{}\"\n\nBACKSPACE=\"guess\"\n",
        keyboard.layout,
        keyboard.options.join(",")
    );
    concern.file("/etc/default/keyboard", &text);
    // The console reads a table that is compiled from the file above.
    concern.actions.push(Action::IfExists {
        path: "/usr/bin/setupcon".to_owned(),
        then: vec![run("compiling the keyboard table", &["setupcon", "--save-only"])],
    });
    concern
}
