//! The serial console of a guest, and what it says about the boot.

use lbuild_engine::boot::{Classifier, End};

/// Reads the input in pieces, as a port gives it, from both ports.
pub fn run(data: &[u8]) {
    let plain = |line: &str| assert!(!line.chars().any(char::is_control), "a control character in {line:?}");
    let mut classifier = Classifier::new();
    for (index, piece) in data.chunks(61).enumerate() {
        if index % 4 == 3 {
            classifier.screen(piece, &mut |line| plain(line));
        } else {
            classifier.serial(piece, &mut |line| plain(line));
        }
    }
    let finding = classifier.finish(&End::TimeIsUp(1));
    finding.excerpt.iter().for_each(|line| plain(line));
    plain(&finding.message);
}
