//! The data about Fedora and openSUSE: keys can be read, and each one that is named is there.

use std::path::Path;

use lbuild_repo::openpgp::Keyring;

#[test]
fn the_keys_of_the_distributions_are_at_hand() {
    let directory = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/distros"));
    let expected = [
        ("fedora", "C6E7F081CF80E13146676E88829B606631645531"),
        ("fedora", "36F612DCF27F7D1A48A835E4DBFCF71C6D9F90A6"),
        ("opensuse", "AD485664E901B867051AB15F35A2F86E29B700A4"),
        ("opensuse", "BF3F9A67D3A2FF98A73F5E07488C583D287A0027"),
    ];
    let mut found = Vec::new();
    for distro in ["fedora", "opensuse"] {
        let text = std::fs::read_to_string(directory.join(distro).with_extension("toml")).expect("the data");
        for name in text.split('"').filter(|text| text.strip_suffix(".gpg").is_some()) {
            let key = std::fs::read(directory.join("keys").join(name)).expect(name);
            let keyring = Keyring::parse(&key).expect(name);
            found.extend(keyring.fingerprints().into_iter().map(|print| (distro, print)));
        }
    }
    for (distro, print) in expected {
        assert!(
            found.iter().any(|known| *known == (distro, print.to_owned())),
            "{distro} {print}: {found:?}"
        );
    }
}
