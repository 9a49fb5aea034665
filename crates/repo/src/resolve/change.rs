//! Changes of a request: what they do to it, and what they are called.

use super::{Change, Family, Request, switches};

impl Change {
    /// Whether the user loses something that was asked for.
    pub(super) fn drops(&self) -> bool {
        matches!(self, Self::DropRequest { .. } | Self::DropRemoval { .. } | Self::LeaveOut { .. })
    }

    /// Whether the packages mean the same to each other after it, so that what is known about them still holds.
    pub(super) fn keeps_world(&self, family: &dyn Family, request: &Request) -> bool {
        let is_plain = |index: &usize| {
            let wanted = &request.packages[*index];
            wanted.version.is_none() && wanted.suite.is_none()
        };
        match self {
            Self::DropRequest { index } => is_plain(index),
            Self::Rename { index, .. } => is_plain(index) && !family.has_waiting(),
            Self::DropRemoval { .. } | Self::LeaveOut { .. } => true,
            Self::AnyVersion { .. } | Self::FromSuite { .. } | Self::Enable { .. } | Self::DropPin { .. } => {
                false
            }
        }
    }

    fn apply(&self, request: &mut Request) {
        match self {
            Self::DropRequest { .. } | Self::DropRemoval { .. } | Self::DropPin { .. } => {}
            Self::Rename { index, name } => {
                request.packages[*index].name.clone_from(name);
                request.packages[*index].version = None;
            }
            Self::AnyVersion { index } => request.packages[*index].version = None,
            Self::FromSuite { index, suite } => request.packages[*index].suite = Some(suite.clone()),
            Self::LeaveOut { name } => request.remove.push(name.clone()),
            Self::Enable { switch } => request.enable.push(switch.clone()),
        }
    }

    /// In words, as advice.
    pub(super) fn text(&self, family: &dyn Family, request: &Request) -> String {
        let wanted = |index: &usize| request.packages[*index].text(family);
        let name = |index: &usize| &request.packages[*index].name;
        match self {
            Self::DropRequest { index } => format!("drop `{}`", wanted(index)),
            Self::DropRemoval { index } => format!("no longer remove `{}`", request.remove[*index]),
            Self::Rename { index, name } => format!("ask for `{name}` instead of `{}`", wanted(index)),
            Self::AnyVersion { index } => {
                format!("take any version of `{}` instead of `{}`", name(index), wanted(index))
            }
            Self::FromSuite { index, suite } => format!("take `{}` from {suite}", name(index)),
            Self::LeaveOut { name } => format!("remove `{name}` from the base system"),
            Self::Enable { switch } => format!("switch on the {switch}"),
            Self::DropPin { index } => format!("no longer pin `{}`", request.pins[*index].package),
        }
    }
}

/// Several changes as one piece of advice, those of one kind together: ``drop `a` and `b` ``.
pub(super) fn advice(changes: &[Change], family: &dyn Family, request: &Request) -> String {
    let accepted = |change: &Change| match change {
        Change::Enable { switch } => switches::is_acceptance(switch),
        _ => false,
    };
    let (accepted, others): (Vec<&Change>, Vec<&Change>) =
        changes.iter().partition(|change| accepted(change));
    let mut parts: Vec<(&str, Vec<String>)> = Vec::new();
    let texts: Vec<String> = others.iter().map(|change| change.text(family, request)).collect();
    for text in &texts {
        let shared = ["switch on the component ", "drop "].into_iter().find(|verb| text.starts_with(verb));
        let (verb, object) = text.split_at(shared.map_or(0, str::len));
        match parts.iter_mut().find(|(known, _)| !verb.is_empty() && *known == verb) {
            Some((_, objects)) => objects.push(object.to_owned()),
            None => parts.push((verb, vec![object.to_owned()])),
        }
    }
    let told =
        parts.into_iter().map(|(verb, objects)| match (verb.strip_suffix("component "), objects.len()) {
            (Some(start), 2..) => format!("{start}components {}", all(&objects)),
            _ => format!("{verb}{}", all(&objects)),
        });
    let ways: Vec<&str> = accepted
        .iter()
        .filter_map(|change| match change {
            Change::Enable { switch } => Some(switch.as_str()),
            _ => None,
        })
        .collect();
    switches::acceptances(&ways).into_iter().chain(told).collect::<Vec<_>>().join(" and ")
}

/// A list for a sentence, whole.
pub(super) fn all(parts: &[String]) -> String {
    match parts {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => parts.concat(),
    }
}

/// The request with changes. Drops come last, because they move positions.
pub(super) fn changed(request: &Request, changes: &[Change]) -> Request {
    let mut new = request.clone();
    for change in changes {
        change.apply(&mut new);
    }
    retain(&mut new.packages, changes, |index| Change::DropRequest { index });
    retain(&mut new.remove, changes, |index| Change::DropRemoval { index });
    retain(&mut new.pins, changes, |index| Change::DropPin { index });
    new
}

/// Keeps what no change drops. What was added at the end has a position that no change names.
fn retain<T>(list: &mut Vec<T>, changes: &[Change], drop: fn(usize) -> Change) {
    let mut position = 0..;
    list.retain(|_| position.next().is_none_or(|at| !changes.contains(&drop(at))));
}
