//! What an error may tell others: its innermost cause, which is about the machine. What is around it names paths, specs
//! and addresses, and stays in the log.

use std::error::Error;

use tokio::task::JoinError;

/// Longest text.
const LONGEST: usize = 300;

/// The innermost cause of an error.
pub fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut root = error;
    while let Some(source) = root.source() {
        root = source;
    }
    // it repeats what the thread said when it panicked, and that may be anything
    if let Some(error) = root.downcast_ref::<JoinError>() {
        return if error.is_panic() { "a thread panicked" } else { "a thread was stopped" }.to_owned();
    }
    clean(&root.to_string())
}

/// A text of limited length, without what stands before the `@` of an address.
fn clean(text: &str) -> String {
    let words = text.split_whitespace().map(|word| match word.split_once("://") {
        Some((scheme, rest)) => match rest.rsplit_once('@') {
            Some((_, rest)) => format!("{scheme}://{rest}"),
            None => word.to_owned(),
        },
        None => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ").chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::{LONGEST, clean, innermost};

    #[derive(Debug, thiserror::Error)]
    #[error("cannot write `/data/work/secret-project`")]
    struct Outer(#[source] io::Error);

    #[test]
    fn the_innermost_cause_alone_is_told() {
        assert_eq!(innermost(&Outer(io::Error::other("no space left"))), "no space left");
        assert_eq!(clean("at postgres://user:p@ss@db/x\nnow"), "at postgres://db/x now");
        assert_eq!(clean(&"x".repeat(1000)).len(), LONGEST);
    }

    #[tokio::test]
    async fn what_a_panic_says_is_not_told() {
        let panicked = tokio::spawn(async { panic!("hunter2") }).await.expect_err("it panicked");
        assert!(panicked.to_string().contains("hunter2"));
        assert_eq!(innermost(&panicked), "a thread panicked");
    }
}
