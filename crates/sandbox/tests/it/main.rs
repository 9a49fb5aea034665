//! The sandbox from outside and from inside. The test binary itself is the supervisor, so `main` dispatches first.

mod agents;
mod basics;
mod caller;
mod escape;
mod fixture;
mod layers;
mod limits;
mod probe;
mod teardown;
mod user;

use libtest_mimic::{Arguments, Trial};

/// A test by the name of its function.
#[macro_export]
macro_rules! trial {
    ($function:ident) => {
        Trial::test(stringify!($function), || {
            $function();
            Ok(())
        })
    };
}

fn main() {
    lbuild_sandbox::dispatch(agents::ALL);
    caller::play();
    let (names, options) = names_and_options();
    let arguments = Arguments::from_iter(options);
    let mut tests: Vec<Trial> = [
        basics::trials(),
        layers::trials(),
        escape::trials(),
        limits::trials(),
        teardown::trials(),
        user::trials(),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !names.is_empty() {
        let chosen = |test: &Trial| {
            let matches = |name: &String| {
                if arguments.exact { test.name() == name } else { test.name().contains(name) }
            };
            names.iter().any(matches)
        };
        tests.retain(chosen);
    }
    let conclusion = libtest_mimic::run(&arguments, tests);
    fixture::remove_system();
    conclusion.exit();
}

/// The names of tests apart from the options: the standard harness takes any number of names, this one takes one.
fn names_and_options() -> (Vec<String>, Vec<String>) {
    let mut arguments = std::env::args();
    let mut options: Vec<String> = arguments.next().into_iter().collect();
    let mut names = Vec::new();
    while let Some(argument) = arguments.next() {
        if !argument.starts_with('-') {
            names.push(argument);
            continue;
        }
        let has_value =
            ["--test-threads", "--color", "--format", "--logfile", "--skip"].contains(&argument.as_str());
        options.push(argument);
        if has_value {
            options.extend(arguments.next());
        }
    }
    (names, options)
}
