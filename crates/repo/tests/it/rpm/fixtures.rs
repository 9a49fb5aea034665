//! Packages and repositories that rpmbuild, rpmsign, gpg and `createrepo_c` make here and now.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use lbuild_repo::openpgp::{Keyring, Policy};
use lbuild_repo::rpm::archive::{Rpm, ScriptKind, TriggerKind};
use lbuild_repo::rpm::checksum::Checksum;
use lbuild_repo::rpm::filelists::Filelists;
use lbuild_repo::rpm::primary::{Field, Primary};
use lbuild_repo::rpm::repomd::Record;
use lbuild_repo::rpm::signature::verify_repomd;
use lbuild_testkit::rpmrepo::{MADE, RpmRepo, Spec};

const TREE: &str = "%install\n\
    mkdir -p %{buildroot}/etc/tool %{buildroot}/usr/bin\n\
    echo configured > %{buildroot}/etc/tool/conf\n\
    echo program > %{buildroot}/usr/bin/tool\n\
    ln %{buildroot}/usr/bin/tool %{buildroot}/usr/bin/tool2\n\
    ln -s tool %{buildroot}/usr/bin/link\n\
    %post\necho post\n\
    %preun -p /sbin/ldconfig\n\
    %triggerin -- other > 1, third\necho trigger\n\
    %filetriggerin -P 50 -- /usr/lib\necho file\n\
    %transfiletriggerpostun -- /usr/share\necho transaction\n\
    %files\n%dir /etc/tool\n%config(noreplace) /etc/tool/conf\n%ghost /var/log/tool\n\
    %attr(4755, root, bin) /usr/bin/tool\n/usr/bin/tool2\n/usr/bin/link\n%dir %caps(cap_net_raw=ep) /etc/tool\n";

fn tool(payload: &'static str) -> Spec {
    Spec::new(&format!("tool-{}", payload.split('.').nth(1).expect("a form")), "1.0~rc1-1")
        .tag("Epoch: 2")
        .tag("Requires: (other if third)")
        .tag("Requires(post): /bin/sh")
        .tag("Recommends: weak >= 1:2-3")
        .tag("Obsoletes: old < 2")
        .sections(TREE)
        .payload(payload)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

fn check_package(path: &Path, keyring: &Keyring) {
    let file = || BufReader::new(File::open(path).expect("a package"));
    let package = Rpm::open(file()).expect("a package");
    assert_eq!(package.verify(keyring, &Policy::at(now())).expect("a good signature").len(), 1);
    let info = package.info().expect("info");
    assert_eq!(info.evr.to_string(), "2:1.0~rc1-1");
    assert_eq!(info.build_time, MADE);
    let scripts = package.scripts().expect("scripts");
    let kinds: Vec<_> =
        scripts.scripts.iter().map(|script| (script.kind, script.interpreter[0].as_str())).collect();
    assert_eq!(kinds, [(ScriptKind::AfterInstall, "/bin/sh"), (ScriptKind::BeforeRemove, "/sbin/ldconfig")]);
    let triggers: Vec<_> = scripts
        .triggers
        .iter()
        .map(|trigger| (trigger.kind, trigger.conditions.len(), trigger.priority, trigger.text))
        .collect();
    assert_eq!(
        triggers,
        [
            (TriggerKind::Package, 2, None, &b"echo trigger"[..]),
            (TriggerKind::File, 1, Some(50), b"echo file"),
            (TriggerKind::TransactionFile, 1, Some(1_000_000), b"echo transaction"),
        ]
    );
    let mut payload = package.payload(1 << 20).expect("contents");
    let mut contents = BTreeMap::new();
    while let Some((at, mut content)) = payload.next_entry().expect("an entry") {
        let mut text = String::new();
        content.read_to_string(&mut text).expect("content");
        contents.insert(at, text);
    }
    let shown: Vec<String> = payload
        .files()
        .iter()
        .enumerate()
        .map(|(at, file)| {
            let path = String::from_utf8_lossy(&file.path);
            let content = contents.get(&at).map_or("absent", |text| text.trim_end());
            format!(
                "{path} {:o} {}:{} {} {:?} {content}",
                file.mode, file.user, file.group, file.capabilities, file.link_group
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "etc/tool 40755 root:root cap_net_raw=ep None ",
            "etc/tool/conf 100644 root:root  None configured",
            "usr/bin/link 120777 root:root  None tool",
            "usr/bin/tool 104755 root:bin  Some(0) ",
            "usr/bin/tool2 100644 root:root  Some(0) program",
            "var/log/tool 100000 root:root  None absent",
        ]
    );
}

#[test]
fn what_rpmbuild_and_rpmsign_make_is_read() {
    let directory = tempfile::tempdir().expect("a directory");
    let repo = RpmRepo::new(directory.path());
    let keyring = Keyring::parse(&repo.make_key()).expect("a key");
    for payload in ["w1.gzdio", "w1.bzdio", "w1.xzdio", "w1.lzdio", "w1.zstdio"] {
        let package = repo.build(&tool(payload));
        repo.sign(&package);
        check_package(&package, &keyring);
    }
    repo.finish(&[], true);
}

fn open(repo: &RpmRepo, record: &Record) -> impl std::io::BufRead + use<> {
    let file = File::open(repo.directory().join(&record.location)).expect("a file of the repository");
    record.open(BufReader::new(file), 1 << 24).expect("a file of the repository")
}

#[test]
fn what_createrepo_makes_is_read() {
    for options in [
        &["--compress-type=gz"][..],
        &["--compress-type=gz", "--checksum=sha512"],
        &["--compress-type=xz"],
        &["--compress-type=bz2", "--checksum=sha1"],
    ] {
        let directory = tempfile::tempdir().expect("a directory");
        let repo = RpmRepo::new(directory.path());
        let keyring = Keyring::parse(&repo.make_key()).expect("a key");
        repo.build(&tool("w1.gzdio"));
        repo.build(
            &Spec::new("other", "3-1").tag("Provides: virtual = 7").tag("Supplements: (tool and weak)"),
        );
        repo.finish(options, true);
        let read = |name: &str| std::fs::read(repo.directory().join("repodata").join(name)).expect("a file");
        let (text, signature) = (read("repomd.xml"), read("repomd.xml.asc"));
        let verified = verify_repomd(&text, &signature, &keyring, &Policy::at(now()), Some(MADE))
            .expect("a good signature");
        assert_eq!((verified.date, verified.repomd.revision.as_str()), (MADE, "1780272000"));
        let mut primary =
            Primary::new(open(&repo, verified.repomd.record("primary").expect("primary"))).expect("an index");
        let mut found = Vec::new();
        while let Some(package) = primary.next_package().expect("a package") {
            let bytes = std::fs::read(repo.directory().join(package.location())).expect("the package");
            let checksum = package.checksum();
            assert_eq!(Checksum::of(checksum.algorithm(), &bytes), checksum, "{options:?}");
            assert_eq!(package.size(), bytes.len() as u64);
            let opened = Rpm::open(&bytes[..]).expect("a package");
            let info = opened.info().expect("info");
            let ours: Vec<_> =
                info.entries.iter().filter(|entry| !entry.name.starts_with("rpmlib(")).collect();
            for entry in package.entries() {
                assert!(
                    ours.iter().any(|our| our.field == entry.field
                        && our.name == entry.name
                        && our.bound == entry.bound),
                    "{entry:?}"
                );
            }
            found.push((package.name().to_owned(), package.field(Field::Requires).count()));
        }
        found.sort();
        assert_eq!(found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["other", "tool-gzdio"]);
        let mut lists = Filelists::new(open(&repo, verified.repomd.record("filelists").expect("filelists")))
            .expect("a list");
        let mut files = 0;
        while let Some(package) = lists.next_package().expect("a package") {
            files += package.files().count();
        }
        assert_eq!(files, 6, "{options:?}");
    }
}
