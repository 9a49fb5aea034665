//! What makes the gate refuse an image: whoever put it there, and without anything being published.

use std::fs;

use lbuild_store::Store;
use lbuild_testkit::debfile::DebFile;

use crate::place::{Place, SMALL};
use crate::rootfs::Rootfs;

/// [`SMALL`] with a script that runs at the end.
fn with_script(script: &str) -> String {
    format!("{SMALL}\n[[postInstall.scripts]]\nname = \"last\"\nscript = '''\n{script}\n'''\n")
}

/// Each line does one thing that no image may have; the second half is a part of the complaint.
const DIRT: [(&str, &str); 12] = [
    (
        "ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key",
        "/etc/ssh/ssh_host_ed25519_key is a key that every machine with this image would share",
    ),
    ("echo 0123456789abcdef0123456789abcdef > /etc/machine-id", "/etc/machine-id identifies a machine"),
    (
        "echo 'deb [trusted=yes] http://192.0.2.1/debian trixie main' > /etc/apt/sources.list.d/x.list",
        "/etc/apt/sources.list.d/x.list accepts packages without a signature",
    ),
    ("echo toor:x:0:0::/root:/bin/sh >> /etc/passwd", "/etc/passwd gives user `toor` the number of root"),
    (
        "mkdir -p /var/log/app && echo started > /var/log/app/app.log",
        "/var/log/app/app.log is a log of the build",
    ),
    ("head -c 512 /dev/urandom > /var/lib/systemd/random-seed", "/var/lib/systemd/random-seed is a secret"),
    ("echo ls > /root/.bash_history", "/root/.bash_history is a history of commands"),
    ("echo 'nameserver 192.0.2.53' > /etc/resolv.conf", "/etc/resolv.conf names the resolver of the build"),
    (
        "sed -i '/^Package: tzdata$/,/^$/s/^Version: /Version: 9/' /var/lib/dpkg/status",
        "/var/lib/dpkg/status is a tampered database: lists `tzdata` 9",
    ),
    (
        "cp /bin/true /usr/lib/.hidden && chmod 4755 /usr/lib/.hidden",
        "/usr/lib/.hidden is a setuid program (mode 4755, owner 0:0) of no package, made after the packages were \
         installed: let no script make it, or declare it in `files` of the spec with its mode",
    ),
    (
        "cp /bin/cat /usr/bin/passwd && chmod 2755 /usr/bin/passwd",
        "/usr/bin/passwd is a setgid program (mode 2755, owner 0:0) of no package",
    ),
    (
        // cap_setuid+ep, which `setcap` of a package would write
        "python3 -c 'import os; os.setxattr(\"/usr/bin/python3.13\", \"security.capability\", \
         bytes([1, 0, 0, 2, 128] + [0] * 15))'",
        "/usr/bin/python3.13 is a program with capabilities (mode 0755, owner 0:0) of no package",
    ),
];

#[test]
fn privileged_t26_what_a_script_leaves_is_told_and_nothing_is_published() {
    let place = Place::shared();
    let lines: Vec<&str> = DIRT.iter().map(|(line, _)| *line).collect();
    place.spec(&with_script(&lines.join("\n")));
    let failed = place.fail();
    failed.says(&["error: the image holds", "that no image may hold"]);
    failed.says(&DIRT.map(|(_, complaint)| complaint));

    // The same system without the script is one that can be had, and it comes from the same store.
    place.spec(&with_script("apt-get clean; dpkg-reconfigure tzdata; touch /var/tmp/x /tmp/y"));
    let image = Rootfs::read(&place.build().rootfs());
    for left in [
        "var/log/dpkg.log",
        "var/tmp/x",
        "tmp/y",
        "var/cache/apt/pkgcache.bin",
        "var/cache/debconf/config.dat-old",
    ] {
        assert!(!image.has(left), "{left}");
    }
    assert!(image.entry("etc/machine-id").content.is_empty());
}

#[test]
fn privileged_t26_no_file_of_a_spec_can_be_what_no_image_may_hold() {
    let place = Place::shared();
    let files = [
        ("/etc/ssh/ssh_host_rsa_key", "secret"),
        ("/etc/apt/sources.list.d/x.sources", "Types: deb\\nURIs: http://192.0.2.1\\nTrusted: yes\\n"),
        ("/etc/resolv.conf", "nameserver 192.0.2.53\\n"),
    ];
    let files = files.map(|(path, text)| format!("[[files]]\npath = \"{path}\"\ntext = \"{text}\"\n"));
    place.spec(&format!("{SMALL}\n{}", files.join("\n")));
    let failed = place.fail();
    failed.says(&["/etc/ssh/ssh_host_rsa_key is a key", "accepts packages without a signature"]);
    // The resolver is one that the spec asks for.
    assert!(!failed.stderr.contains("resolv.conf names"), "{}", failed.stderr);
}

#[test]
fn privileged_t25_a_setuid_program_that_the_spec_declares_passes() {
    let place = Place::shared();
    let file = "[[files]]\npath = \"/bin/own\"\nmode = \"4755\"\ntext = \"#!/bin/sh\\n\"\n";
    place.spec(&format!("{SMALL}\n{file}"));
    assert_eq!(Rootfs::read(&place.build().rootfs()).entry("usr/bin/own").mode, 0o4755);
    // What is declared is a file with that mode, and nothing else at its place.
    place.spec(&(with_script("chmod 6755 /bin/own") + file));
    place.fail().says(&["/usr/bin/own is a setuid program (mode 6755, owner 0:0) of no package"]);
}

/// A package of ours in the lock of [`SMALL`], with the script that runs when it is configured.
fn lock_package(place: &Place, name: &str, postinst: &str) {
    let package = DebFile::new(name).member("postinst", &format!("#!/bin/sh\n{postinst}\n")).build();
    let store = Store::open(place.store()).expect("the store");
    let blob = store.blobs().put_bytes(&package).expect("the package in the store");
    let line = format!(
        "    {{ name = \"{name}\", version = \"1.0\", arch = \"all\", tier = \"added\", repository = \"debian\", \
         path = \"pool/main/t/{name}/{name}_1.0_all.deb\", size = {}, installedSize = 0, sha256 = \"{}\", \
         requestedBy = \"test\" }},\n",
        blob.size, blob.digest
    );
    let lock = fs::read_to_string(place.path("spec.lock")).expect("the lock");
    let (head, rest) = lock.split_once("\nsystem = [\n").expect("a list of packages");
    fs::write(place.path("spec.lock"), format!("{head}\nsystem = [\n{line}{rest}")).expect("the lock");
}

#[test]
fn privileged_t25_a_package_that_edits_the_package_database_is_noticed() {
    let place = Place::shared();
    place.spec(SMALL);
    // dpkg writes its database anew after each script, so a script that means harm waits for it.
    lock_package(
        &place,
        "tamper",
        "cat > /usr/local/sbin/later <<'END'\n#!/bin/sh\n\
         sed -i '/^Package: perl-base$/,/^$/d' /var/lib/dpkg/status\n\
         rm -f /var/lib/dpkg/info/perl-base.list\nEND\n\
         chmod 755 /usr/local/sbin/later\n\
         mv /usr/sbin/useradd /usr/sbin/useradd.real\n\
         printf '#!/bin/sh\\n/usr/local/sbin/later\\nexec /usr/sbin/useradd.real \"$@\"\\n' > /usr/sbin/useradd\n\
         chmod 755 /usr/sbin/useradd\n\
         echo 'hidden:x:0:0::/root:/bin/sh' >> /etc/passwd\n\
         cp /bin/sh /usr/lib/.root && chmod 4755 /usr/lib/.root\n\
         echo /usr/lib/.root >> /var/lib/dpkg/info/tamper.list",
    );
    let failed = place.fail();
    failed.says(&[
        "/var/lib/dpkg/status is a tampered database: does not list `perl-base`",
        "has no list of the files of `perl-base`",
        "/etc/passwd gives user `hidden` the number of root",
        "/usr/lib/.root is a setuid program (mode 4755, owner 0:0) of no package, made by the script of a package in layer \
         `packages`: leave that package out",
    ]);
}

/// The script of another package can pretend that it was never installed, and that another one was.
#[test]
fn privileged_t25_a_forged_package_is_noticed() {
    let place = Place::shared();
    let forged = "Package: openssl\\nStatus: install ok installed\\nMaintainer: a\\nArchitecture: amd64\\n\
                  Version: 99\\nDescription: a\\n";
    place.spec(&with_script(&format!("printf '\\n{forged}' >> /var/lib/dpkg/status")));
    place.fail().says(&["/var/lib/dpkg/status is a tampered database: lists `openssl` 99 as installed, which is not in the lock"]);
}
