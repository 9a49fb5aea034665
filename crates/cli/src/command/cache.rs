//! `lbuild cache`: what the store holds, and freeing space in it.

use std::time::Duration;

use clap::{Args, Subcommand};
use lbuild_engine::Event;
use lbuild_sandbox::Launcher;
use lbuild_store::{Collected, Policy, Store, Usage, Verified};
use serde::Serialize;

use crate::context::Context;
use crate::engine_failure;
use crate::failure::{Exit, Failure};
use crate::format::{bytes, count, parse_size};
use crate::output;
use crate::session::Session;
use crate::terminal::Style;

/// What to do with the store.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Show what the store holds
    Ls,
    /// Remove what was not used for long; what builds of the last two weeks need stays
    Gc(GcOptions),
    /// Hash every file again and set damaged ones aside
    Verify,
}

/// What goes.
#[derive(Debug, Args)]
pub struct GcOptions {
    /// Remove what was not used for this many days
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    max_age: u64,
    /// Then remove the least recently used until the rest fits, for example 20GB
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    max_size: Option<u64>,
    /// Remove everything that no running build needs
    #[arg(long, conflicts_with_all = ["max_age", "max_size"])]
    all: bool,
    /// Only say what would go
    #[arg(long)]
    dry_run: bool,
}

/// What `cache ls --json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listing {
    path: String,
    /// Bytes of everything together.
    bytes: u64,
    #[serde(flatten)]
    usage: Usage,
}

/// Does it.
pub fn run(action: &Action, context: &Context) -> Result<(), Failure> {
    let path = context.store()?;
    let open = || Store::open(&path).map_err(|error| engine_failure::store(&error));
    match action {
        Action::Ls => {
            let usage = open()?.usage().map_err(|error| engine_failure::store(&error))?;
            let listing = Listing { path: path.display().to_string(), bytes: usage.bytes(), usage };
            if context.global.json {
                return output::print_json(&listing);
            }
            output::print(&listing_text(&listing, context.style()))
        }
        Action::Gc(options) => {
            let collected = collect(&open()?, options, context)?;
            if context.global.json {
                return output::print_json(&collected);
            }
            output::print(&collected_text(&collected, options.dry_run))
        }
        Action::Verify => {
            let verified = verify(&open()?, context)?;
            if context.global.json {
                output::print_json(&verified)?;
            } else {
                output::print(&verified_text(&verified))?;
            }
            // a script must be able to tell
            if verified.damaged.is_empty() { Ok(()) } else { Err(Failure::silent(Exit::Build)) }
        }
    }
}

fn policy(options: &GcOptions) -> Policy {
    let defaults = Policy { max_bytes: options.max_size, dry_run: options.dry_run, ..Policy::default() };
    if options.all {
        return Policy {
            max_age: Some(Duration::ZERO),
            keep_builds: Duration::ZERO,
            grace: Duration::ZERO,
            ..defaults
        };
    }
    Policy { max_age: Some(Duration::from_secs(options.max_age.saturating_mul(24 * 60 * 60))), ..defaults }
}

fn collect(store: &Store, options: &GcOptions, context: &Context) -> Result<Collected, Failure> {
    let launcher = Launcher::new().map_err(|error| Failure::from_error(Exit::Build, &error))?;
    let session = Session::start(context, "collecting what is no longer needed")?;
    session
        .run(|observer| lbuild_engine::collect(store, &launcher, &policy(options), observer.cancel))
        .map_err(|error| engine_failure::store(&error))
}

fn verify(store: &Store, context: &Context) -> Result<Verified, Failure> {
    let session = Session::start(context, "hashing every file of the store")?;
    session
        .run(|observer| {
            let progress = |done, total| {
                let files = usize::from(done >= total);
                observer.emit(Event::Download { done, total, files, files_total: 1 });
            };
            store.verify(&progress, observer.cancel)
        })
        .map_err(|error| engine_failure::store(&error))
}

fn listing_text(listing: &Listing, style: Style) -> String {
    let usage = &listing.usage;
    let rows = [
        ("packages, indexes and artifacts", usage.blobs),
        ("trees", usage.trees),
        ("records of steps", usage.steps),
        ("parsed indexes", usage.indexes),
        ("unfinished downloads", usage.partial),
        ("damaged files set aside", usage.quarantined),
        ("trash, emptied by the next build", usage.trash),
    ];
    let mut lines = vec![format!("{}\n", style.strong(&listing.path))];
    for (what, kind) in rows.into_iter().filter(|(_, kind)| kind.count > 0) {
        lines.push(format!("  {what:<32} {:>7} {:>10}\n", kind.count, bytes(kind.bytes)));
    }
    lines.push(format!("  {:<32} {:>7} {:>10}\n", "together", "", bytes(listing.bytes)));
    lines.concat()
}

fn collected_text(collected: &Collected, dry_run: bool) -> String {
    let verb = if dry_run { "would free" } else { "freed" };
    let objects = collected.blobs + collected.trees + collected.others;
    let objects = count(usize::try_from(objects).unwrap_or(usize::MAX), "object");
    format!(
        "{verb} {} in {objects}; {} stay, {} of them needed\n",
        bytes(collected.freed_bytes),
        bytes(collected.kept_bytes),
        bytes(collected.needed_bytes)
    )
}

fn verified_text(verified: &Verified) -> String {
    let files = count(usize::try_from(verified.blobs).unwrap_or(usize::MAX), "file");
    let mut lines =
        vec![format!("hashed {files}, {}: {} damaged\n", bytes(verified.bytes), verified.damaged.len())];
    lines.extend(
        verified
            .damaged
            .iter()
            .map(|digest| format!("  {digest} is set aside; the next build gets it again\n")),
    );
    if verified.forgotten > 0 {
        lines
            .push(format!("  {} steps will run again, because what they made is gone\n", verified.forgotten));
    }
    lines.concat()
}

#[cfg(test)]
mod tests {
    use lbuild_store::{Collected, Verified};

    use super::{collected_text, verified_text};

    #[test]
    fn a_rehearsal_says_would() {
        let collected =
            Collected { blobs: 1, freed_bytes: 2_000_000, kept_bytes: 5_000_000, ..Collected::default() };
        assert_eq!(
            collected_text(&collected, true),
            "would free 2.0 MB in 1 object; 5.0 MB stay, 0 B of them needed\n"
        );
    }

    #[test]
    fn a_sound_store_is_one_line() {
        let verified = Verified { blobs: 3, bytes: 1000, ..Verified::default() };
        assert_eq!(verified_text(&verified), "hashed 3 files, 1 kB: 0 damaged\n");
    }
}
