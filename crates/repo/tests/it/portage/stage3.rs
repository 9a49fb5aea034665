//! Stage archives: signed lists and digests in the form in which Gentoo publishes them.

use lbuild_repo::openpgp::{Policy, SignatureError};
use lbuild_repo::portage::stage::{StageError, digests, latest};

use super::archive::{fixture, keyring};

/// 2026-06-01T01:00:00Z, an hour after everything was signed.
const NOW: u64 = 1_780_275_600;

/// What the fixtures sign, by name.
pub const TEXTS: [(&str, &str); 9] = [
    (
        "latest",
        "# Latest as of Mon, 01 Jun 2026 00:00:00 +0000\n# ts=1780272000\n\
         20260531T170324Z/stage3-amd64-openrc-20260531T170324Z.tar.xz 289234352\n\
         20260531T170324Z/stage3-amd64-systemd-20260531T170324Z.tar.xz 301234352\n",
    ),
    ("latest-future", "# ts=1780999999\n20260531T170324Z/stage3.tar.xz 1\n"),
    ("latest-undated", "20260531T170324Z/stage3.tar.xz 1\n"),
    ("latest-empty", "# ts=1780272000\n"),
    ("latest-path", "# ts=1780272000\n../../evil.tar.xz 1\n"),
    ("latest-size", "# ts=1780272000\nstage3.tar.xz many\n"),
    (
        "digests",
        "# BLAKE2B HASH\n\
         00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff  stage3.tar.xz\n\
         # SHA512 HASH\n\
         ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff  stage3.tar.xz\n\
         # WHIRLPOOL HASH\n00  stage3.tar.xz\n\
         # SHA256 HASH\n\
         ee112233445566778899aabbccddeeff00112233445566778899aabbccddeeff  stage3.tar.xz.CONTENTS.gz\n",
    ),
    ("digests-short", "# SHA512 HASH\n0011  stage3.tar.xz\n"),
    (
        "digests-two",
        "# SHA256 HASH\n\
         ee112233445566778899aabbccddeeff00112233445566778899aabbccddeeff  stage3.tar.xz\n\
         ef112233445566778899aabbccddeeff00112233445566778899aabbccddeeff  stage3.tar.xz\n",
    ),
];

fn read_latest(name: &str, watermark: Option<u64>) -> Result<Vec<(String, u64)>, StageError> {
    let message = fixture(&format!("{name}.asc"));
    let latest = latest(&message, &keyring("tester"), &Policy::at(NOW), watermark)?;
    assert_eq!(latest.timestamp, 1_780_272_000);
    assert_eq!(latest.signers.len(), 1);
    Ok(latest.stages.into_iter().map(|stage| (stage.path, stage.size)).collect())
}

#[test]
fn the_newest_stage() {
    let stages = read_latest("latest", Some(1_780_272_000)).expect("a list");
    assert_eq!(stages.len(), 2);
    assert_eq!(
        stages[0],
        ("20260531T170324Z/stage3-amd64-openrc-20260531T170324Z.tar.xz".to_owned(), 289_234_352)
    );
    assert!(matches!(
        read_latest("latest", Some(1_780_279_200)),
        Err(StageError::Rollback { seconds: 7200 })
    ));
    assert!(matches!(read_latest("latest-future", None), Err(StageError::Future { seconds: 724_399 })));
    assert!(matches!(read_latest("latest-undated", None), Err(StageError::NoDate)));
    assert!(matches!(read_latest("latest-empty", None), Err(StageError::Empty)));
    assert!(matches!(read_latest("latest-path", None), Err(StageError::Line { line: 2 })));
    assert!(matches!(read_latest("latest-size", None), Err(StageError::Line { line: 2 })));
}

#[test]
fn digests_of_a_stage() {
    let read = |name: &str| digests(&fixture(&format!("{name}.asc")), &keyring("tester"), &Policy::at(NOW));
    let files = read("digests").expect("digests");
    assert_eq!(files.len(), 2);
    let stage = &files["stage3.tar.xz"];
    assert_eq!(stage.blake2b.map(|digest| digest[..2].to_vec()), Some(vec![0x00, 0x11]));
    assert_eq!(stage.sha512.map(|digest| digest[..2].to_vec()), Some(vec![0xff, 0x11]));
    assert_eq!(stage.sha256, None);
    assert!(files["stage3.tar.xz.CONTENTS.gz"].sha256.is_some());
    assert!(matches!(read("digests-short"), Err(StageError::Line { line: 2 })));
    assert!(matches!(read("digests-two"), Err(StageError::Conflict(name)) if name == "stage3.tar.xz"));
    assert!(matches!(read("latest-empty"), Err(StageError::Empty)));
}

#[test]
fn t21_unsigned_and_changed_lists() {
    let message = fixture("latest.asc");
    let refused = |message: &[u8], key: &str| match latest(message, &keyring(key), &Policy::at(NOW), None) {
        Err(StageError::Signature(error)) => error,
        other => panic!("{other:?}"),
    };
    assert!(matches!(refused(&fixture("latest"), "tester"), SignatureError::NotSigned(_)));
    assert!(matches!(refused(&message, "stranger"), SignatureError::UnknownKeys { .. }));
    let text = String::from_utf8(message).expect("text");
    let bent = text.replace("289234352", "289234353");
    assert!(matches!(refused(bent.as_bytes(), "tester"), SignatureError::BadSignature { .. }));
    let around = format!("20990101T000000Z/evil.tar.xz 1\n{text}");
    assert!(latest(around.as_bytes(), &keyring("tester"), &Policy::at(NOW), None).is_err());
    for end in (0..text.len() - 1).step_by(3) {
        assert!(
            latest(&text.as_bytes()[..end], &keyring("tester"), &Policy::at(NOW), None).is_err(),
            "cut at {end}"
        );
    }
}
