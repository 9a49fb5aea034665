//! What a package says, and what there is of it, in words.

use super::chain::BESIDE;
use super::family::{Atom, Family, Role};
use super::world::World;
use crate::index::Package;

/// Versions or names of one list that are shown; the rest is counted.
const SHOWN: usize = 3;

/// A package in words; of a foreign architecture it says which.
pub(super) fn label(world: &World<'_>, package: Package<'_>) -> String {
    let foreign = world.arches().of(package) > 0;
    let arch = if foreign { format!(" for {}", package.arch()) } else { String::new() };
    format!("{} {}{arch}", package.name(), package.version())
}

/// Several packages in words: versions of one name together, the rest counted.
pub(super) fn labels(world: &World<'_>, packages: &[Package<'_>], between: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    for package in packages {
        if !names.contains(&package.name()) {
            names.push(package.name());
        }
    }
    let of_name = |name: &str| {
        let same: Vec<Package<'_>> =
            packages.iter().filter(|package| package.name() == name).copied().collect();
        versions(world, &same)
    };
    some(names.into_iter().map(of_name).collect(), between)
}

/// Packages of one name in words.
pub(super) fn versions(world: &World<'_>, packages: &[Package<'_>]) -> String {
    let Some(first) = packages.first() else { return String::new() };
    let mut different: Vec<&str> = Vec::new();
    for package in packages {
        if !different.contains(&package.version()) {
            different.push(package.version());
        }
    }
    if different.len() == 1 {
        return label(world, *first);
    }
    let mut all: Vec<&str> = world.named(first.name()).map(|package| package.version()).collect();
    all.sort_unstable();
    all.dedup();
    if all.len() == different.len() {
        return format!("{} (each of {} versions)", first.name(), all.len());
    }
    format!("{} {}", first.name(), some(different.into_iter().map(str::to_owned).collect(), "and"))
}

/// What a statement says, ready for a sentence.
pub(super) struct Said<'i> {
    pub(super) role: Role,
    pub(super) verb: &'static str,
    /// In words: ``the command `crontab` ``, `libc6 (>= 2.40)`.
    pub(super) text: String,
    pub(super) atoms: Vec<Atom<'i>>,
}

/// The statement at a position of a package's statements.
pub(super) fn said<'i>(
    family: &dyn Family,
    statements: &[super::Statement<'i>],
    position: Option<usize>,
) -> Said<'i> {
    match position.and_then(|position| statements.get(position)) {
        Some(statement) => {
            let atoms = statement.formula.atoms();
            let text = text_of(family, &atoms, statement.text);
            Said { role: statement.role, verb: statement.verb, text, atoms }
        }
        None => Said { role: Role::Requires, verb: "needs", text: String::new(), atoms: Vec::new() },
    }
}

/// A relation in words. One that means a file, a command or a library says so, without the signs of the format, and
/// alternatives are told by their names.
fn text_of(family: &dyn Family, atoms: &[Atom<'_>], text: &str) -> String {
    if let [atom] = atoms
        && let Some(thing) = thing(family, atom.name)
    {
        let bound = atom
            .bound
            .map_or(String::new(), |(operator, version)| format!(" {} {version}", family.sign(operator)));
        return format!("{thing}{bound}");
    }
    let mut names: Vec<&str> = Vec::new();
    for atom in atoms.iter().filter(|_| text.contains('|')) {
        if !names.contains(&atom.name) {
            names.push(atom.name);
        }
    }
    if names.len() > 1 {
        return some(names.into_iter().map(str::to_owned).collect(), "or");
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A provided name in words; `None` when it is just a name.
pub(super) fn thing(family: &dyn Family, name: &str) -> Option<String> {
    family.thing(name).map(|(kind, short)| format!("the {kind} `{short}`"))
}

/// The same, a mere name in quotes.
pub(super) fn thing_or_name(family: &dyn Family, name: &str) -> String {
    thing(family, name).unwrap_or_else(|| format!("`{name}`"))
}

/// The verb of a statement that `on` meets, and how it comes to be meant.
pub(super) fn link_text(
    world: &World<'_>,
    statements: &[super::Statement<'_>],
    position: usize,
    on: Package<'_>,
) -> (String, String) {
    let said = said(world.family, statements, Some(position));
    let by_name = said.atoms.iter().any(|atom| atom.name == on.name());
    let is_thing = matches!(&said.atoms[..], [atom] if world.family.thing(atom.name).is_some());
    let note = match (by_name, is_thing) {
        (true, _) => String::new(),
        (false, true) => format!(" (for {})", said.text),
        (false, false) => format!(" (for `{}`)", said.text),
    };
    (said.verb.to_owned(), note)
}

/// The verb of an exclusion, and how it comes to mean the other package.
pub(super) fn exclusion<'i>(
    world: &World<'i>,
    package: Package<'i>,
    relation: usize,
    with: Package<'i>,
) -> (&'static str, String) {
    let expansion = world.expand(package);
    let Some(Some(position)) = expansion.excludes.get(relation) else {
        let verb = world.family.others(world, package).map(|(_, verb)| verb);
        return (verb.unwrap_or(BESIDE), shared(world, package, with));
    };
    let said = said(world.family, &expansion.statements, Some(*position));
    let names = || said.atoms.iter().map(|atom| atom.name);
    if let Some(atom) = said.atoms.iter().find(|atom| atom.name == with.name()) {
        let note = if atom.bound.is_some() { format!(" (`{}`)", said.text) } else { String::new() };
        return (said.verb, note);
    }
    let provided = |package: Package<'_>, name: &str| {
        let id = world.index.name_id(name);
        id.is_some_and(|id| world.index.providers(id).any(|(provider, _)| provider == package))
    };
    let meant = names().find(|name| provided(with, name));
    let note = match meant {
        Some(name) if provided(package, name) => {
            format!(", because both provide {}", thing_or_name(world.family, name))
        }
        Some(name) => format!(", which provides {}", thing_or_name(world.family, name)),
        None => format!(", which is meant by `{}`", said.text),
    };
    (said.verb, note)
}

/// What two packages both provide, where only one package may.
fn shared(world: &World<'_>, package: Package<'_>, with: Package<'_>) -> String {
    let names = world.family.shared(world, package, with);
    if names.is_empty() {
        String::new()
    } else {
        format!(", because both provide {}", things(world.family, &names))
    }
}

/// Provided names in words, those of one kind together: ``the commands `mailq` and `sendmail` ``.
fn things(family: &dyn Family, names: &[&str]) -> String {
    let mut kinds: Vec<(&str, Vec<String>)> = Vec::new();
    for name in names {
        let (kind, short) = family.thing(name).unwrap_or(("", name));
        let short = format!("`{short}`");
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, list)) => list.push(short),
            None => kinds.push((kind, vec![short])),
        }
    }
    let told = |(kind, list): (&str, Vec<String>)| match (kind, list.len()) {
        ("", _) => some(list, "and"),
        (kind, 1) => format!("the {kind} {}", list.concat()),
        (kind, _) => {
            let plural = kind.strip_suffix('y').map_or(format!("{kind}s"), |stem| format!("{stem}ies"));
            format!("the {plural} {}", some(list, "and"))
        }
    };
    some(kinds.into_iter().map(told).collect(), "and")
}

/// What is there of the packages that a relation names.
pub(super) fn availability(world: &World<'_>, said: &Said<'_>, candidates: &[Package<'_>]) -> String {
    let [atom] = &said.atoms[..] else {
        return if candidates.is_empty() {
            ", which no package provides".to_owned()
        } else {
            ", none of which can be installed".to_owned()
        };
    };
    if !candidates.is_empty() {
        let own = candidates.iter().all(|package| package.name() == atom.name);
        let only = || format!(", which only {} can provide", labels(world, candidates, "or"));
        return if own { String::new() } else { only() };
    }
    let nothing = || ", which no package provides".to_owned();
    let accepts = |version: &str| {
        atom.bound.is_none_or(|(operator, bound)| world.family.accepts(operator, bound, version))
    };
    let Some(name) = world.index.name_id(atom.name) else { return nothing() };
    if let Some(reason) = world.family.lacking(world, atom) {
        return format!(", {reason}");
    }
    let versions = || world.index.of_name(name).filter(|package| world.is_in_use(*package));
    if let Some(first) = versions().next() {
        let members = world.members(world.slot_of(first));
        if members.is_empty() && versions().any(|package| pinned(world, package).is_some()) {
            return ", which a pin keeps out".to_owned();
        }
        let chosen = members.first().map_or(first.version(), Package::version);
        let why = members.first().and_then(|package| pinned(world, *package));
        let why = why.map_or(String::new(), |priority| format!(" (pinned to {priority})"));
        let elsewhere = versions().any(|package| accepts(package.version()));
        return match (accepts(chosen), elsewhere) {
            (true, _) => String::new(),
            (false, true) => format!(", but version {chosen}{why} would be installed"),
            (false, false) => format!(", but only version {chosen} is available"),
        };
    }
    if let Some(package) = world.index.of_name(name).next() {
        return format!(", which only the {} has", package.source().switch);
    }
    let providers = world.index.providers(name).filter(|(package, _)| world.is_in_use(*package));
    let mut versions = providers.map(|(_, version)| version).peekable();
    if versions.peek().is_none() {
        return nothing();
    }
    let met = |version: &str| atom.bound.is_none() || !version.is_empty() && accepts(version);
    if versions.any(met) { String::new() } else { ", which nothing provides in such a version".to_owned() }
}

/// The priority that a pin gives a version, where it is not that of the source.
fn pinned<'i>(world: &World<'i>, package: Package<'i>) -> Option<i32> {
    Some(world.priority(package)).filter(|priority| *priority != package.source().pin)
}

/// What there is of a name that is asked for in vain.
pub(super) fn no_version(world: &World<'_>, atom: &Atom<'_>) -> String {
    let name = atom.name;
    if let Some(reason) = world.family.lacking(world, atom) {
        return reason.strip_prefix("but ").unwrap_or(&reason).to_owned();
    }
    let mut there: Vec<String> = world
        .named(name)
        .map(|package| {
            let pin = pinned(world, package).filter(|priority| *priority < 0);
            let note = pin.map_or(String::new(), |priority| format!(" (pinned to {priority})"));
            format!("{} from {}{note}", package.version(), package.source().suite)
        })
        .collect();
    there.dedup();
    if there.is_empty() {
        let waiting = providers(world, name);
        if let [only] = &waiting[..] {
            return format!("only {only} provides it, which has to be asked for by its own name");
        }
        if !waiting.is_empty() {
            let list = some(waiting, "and");
            return format!("{list} provide it, and one of them has to be asked for by its own name");
        }
        let off = world.index.named(name).map(|package| &package.source().switch).next();
        return off.map_or("no package has this name".to_owned(), |switch| {
            format!("only the {switch} has it, which is not in use")
        });
    }
    format!("there is only {}", some(there, "and"))
}

/// The packages in use that provide a name, each once.
pub(super) fn providers(world: &World<'_>, name: &str) -> Vec<String> {
    let Some(id) = world.index.name_id(name) else { return Vec::new() };
    let mut names: Vec<String> = Vec::new();
    for (package, _) in world.index.providers(id).filter(|(package, _)| world.is_in_use(*package)) {
        if !names.iter().any(|known| known == package.name()) {
            names.push(package.name().to_owned());
        }
    }
    names
}

/// A list for a sentence; of a long one, the start and how many more there are.
pub(super) fn some(mut parts: Vec<String>, word: &str) -> String {
    if parts.len() > SHOWN + 1 {
        let rest = parts.len() - SHOWN;
        parts.truncate(SHOWN);
        parts.push(format!("{rest} others"));
    }
    match &parts[..] {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} {word} {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::some;

    #[test]
    fn long_lists_are_counted() {
        let list = |count: usize| (1..=count).map(|number| number.to_string()).collect::<Vec<_>>();
        assert_eq!(some(list(1), "and"), "1");
        assert_eq!(some(list(4), "and"), "1, 2, 3 and 4");
        assert_eq!(some(list(9), "or"), "1, 2, 3 or 6 others");
    }
}
