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
    let arguments = Arguments::from_args();
    let tests: Vec<Trial> = [
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
    let conclusion = libtest_mimic::run(&arguments, tests);
    fixture::remove_system();
    conclusion.exit();
}
