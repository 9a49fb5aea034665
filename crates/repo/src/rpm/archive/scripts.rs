//! Scripts and triggers of a package. They are data here: nothing runs them.

use std::io::Read;

use super::header::{Header, HeaderError};
use super::info::{bound, dependencies};
use super::tags::{self, Tag};
use super::{ArchiveError, Rpm};
use crate::rpm::relation::Bound;

/// When a script runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScriptKind {
    /// Before the transaction.
    BeforeTransaction,
    /// Before the package's files are there.
    BeforeInstall,
    /// After its files are there.
    AfterInstall,
    /// Before its files are removed.
    BeforeRemove,
    /// After its files were removed.
    AfterRemove,
    /// After the transaction in which it came.
    AfterTransaction,
    /// Before the transaction in which it goes.
    BeforeRemoveTransaction,
    /// After the transaction in which it went.
    AfterRemoveTransaction,
    /// When it is verified.
    Verify,
}

/// A script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// When it runs.
    pub kind: ScriptKind,
    /// The interpreter and its arguments; `<lua>` is the one inside of rpm.
    pub interpreter: Vec<String>,
    /// The text; none when only the interpreter runs, such as `/sbin/ldconfig`.
    pub text: Option<Vec<u8>>,
}

/// What a trigger watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TriggerKind {
    /// Packages.
    Package,
    /// Files, by the beginning of their paths, once for each package.
    File,
    /// Files, by the beginning of their paths, once for each transaction.
    TransactionFile,
}

/// A trigger: a script that runs when other packages or files come or go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger<'a> {
    /// What it watches.
    pub kind: TriggerKind,
    /// The interpreter.
    pub interpreter: String,
    /// The text.
    pub text: &'a [u8],
    /// Names or beginnings of paths, their bounds, and rpm's flags, which say whether coming or going counts.
    pub conditions: Vec<(&'a str, Option<Bound<'a>>, u64)>,
    /// Of file triggers, those of higher priority run first.
    pub priority: Option<u32>,
}

/// The scripts and triggers of a package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scripts<'a> {
    /// The scripts.
    pub scripts: Vec<Script>,
    /// The triggers.
    pub triggers: Vec<Trigger<'a>>,
}

const SCRIPTS: [(ScriptKind, Tag, Tag); 9] = [
    (ScriptKind::BeforeTransaction, tags::PRETRANS, tags::PRETRANSPROG),
    (ScriptKind::BeforeInstall, tags::PREIN, tags::PREINPROG),
    (ScriptKind::AfterInstall, tags::POSTIN, tags::POSTINPROG),
    (ScriptKind::BeforeRemove, tags::PREUN, tags::PREUNPROG),
    (ScriptKind::AfterRemove, tags::POSTUN, tags::POSTUNPROG),
    (ScriptKind::AfterTransaction, tags::POSTTRANS, tags::POSTTRANSPROG),
    (ScriptKind::BeforeRemoveTransaction, tags::PREUNTRANS, tags::PREUNTRANSPROG),
    (ScriptKind::AfterRemoveTransaction, tags::POSTUNTRANS, tags::POSTUNTRANSPROG),
    (ScriptKind::Verify, tags::VERIFYSCRIPT, tags::VERIFYSCRIPTPROG),
];

/// Where the parts of one kind of trigger stand.
struct TriggerTags {
    kind: TriggerKind,
    scripts: Tag,
    programs: Tag,
    names: Tag,
    versions: Tag,
    flags: Tag,
    indexes: Tag,
    priorities: Option<Tag>,
}

const TRIGGERS: [TriggerTags; 3] = [
    TriggerTags {
        kind: TriggerKind::Package,
        scripts: tags::TRIGGERSCRIPTS,
        programs: tags::TRIGGERSCRIPTPROG,
        names: tags::TRIGGERNAME,
        versions: tags::TRIGGERVERSION,
        flags: tags::TRIGGERFLAGS,
        indexes: tags::TRIGGERINDEX,
        priorities: None,
    },
    TriggerTags {
        kind: TriggerKind::File,
        scripts: tags::FILETRIGGERSCRIPTS,
        programs: tags::FILETRIGGERSCRIPTPROG,
        names: tags::FILETRIGGERNAME,
        versions: tags::FILETRIGGERVERSION,
        flags: tags::FILETRIGGERFLAGS,
        indexes: tags::FILETRIGGERINDEX,
        priorities: Some(tags::FILETRIGGERPRIORITIES),
    },
    TriggerTags {
        kind: TriggerKind::TransactionFile,
        scripts: tags::TRANSFILETRIGGERSCRIPTS,
        programs: tags::TRANSFILETRIGGERSCRIPTPROG,
        names: tags::TRANSFILETRIGGERNAME,
        versions: tags::TRANSFILETRIGGERVERSION,
        flags: tags::TRANSFILETRIGGERFLAGS,
        indexes: tags::TRANSFILETRIGGERINDEX,
        priorities: Some(tags::TRANSFILETRIGGERPRIORITIES),
    },
];

impl<R: Read> Rpm<R> {
    /// The scripts and triggers.
    ///
    /// # Errors
    /// When the lists of the header do not fit together.
    pub fn scripts(&self) -> Result<Scripts<'_>, ArchiveError> {
        let header = self.header();
        let mut found = Scripts::default();
        for (kind, text, program) in SCRIPTS {
            if !header.has(text) && !header.has(program) {
                continue;
            }
            let text = header.strings(text).map_err(ArchiveError::Header)?.first().map(|text| text.to_vec());
            let program = header.texts(program).map_err(ArchiveError::Header)?;
            let program = if program.is_empty() { vec!["/bin/sh"] } else { program };
            let interpreter = program.into_iter().map(str::to_owned).collect();
            found.scripts.push(Script { kind, interpreter, text });
        }
        for tags in &TRIGGERS {
            read_triggers(header, tags, &mut found.triggers)?;
        }
        Ok(found)
    }
}

fn read_triggers<'a>(
    header: &'a Header,
    tags: &TriggerTags,
    into: &mut Vec<Trigger<'a>>,
) -> Result<(), ArchiveError> {
    let unfit = || ArchiveError::Header(HeaderError::Lists(tags.scripts.name));
    let scripts = header.strings(tags.scripts).map_err(ArchiveError::Header)?;
    if scripts.is_empty() {
        return Ok(());
    }
    let programs = header.texts(tags.programs).map_err(ArchiveError::Header)?;
    let conditions = dependencies(header, tags.names, tags.flags, tags.versions)?;
    let indexes = header.numbers(tags.indexes).map_err(ArchiveError::Header)?;
    let priorities = tags.priorities.map(|tag| header.numbers(tag)).transpose();
    let priorities = priorities.map_err(ArchiveError::Header)?.unwrap_or_default();
    if programs.len() != scripts.len() || indexes.len() != conditions.len() {
        return Err(unfit());
    }
    let first = into.len();
    for (at, (text, program)) in scripts.into_iter().zip(programs).enumerate() {
        into.push(Trigger {
            kind: tags.kind,
            interpreter: program.to_owned(),
            text,
            conditions: Vec::new(),
            priority: priorities.get(at).and_then(|priority| u32::try_from(*priority).ok()),
        });
    }
    for (index, (name, flags, version)) in indexes.into_iter().zip(conditions) {
        let at = usize::try_from(index).ok().and_then(|index| first.checked_add(index));
        let trigger = at.and_then(|at| into.get_mut(at)).ok_or_else(unfit)?;
        trigger.conditions.push((name, bound(name, flags, version)?, flags));
    }
    Ok(())
}
