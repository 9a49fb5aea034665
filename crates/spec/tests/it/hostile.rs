//! Hostile specs: T01 to T04 of the security study.

use std::time::{Duration, Instant};

use lbuild_spec::{Diagnostics, Format, MAX_BYTES};

use crate::{bad, debian, pointers, source};

/// Quotes any text for TOML and JSON alike.
fn quoted(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string().replace('\u{7f}', "\\u007f")
}

/// A refused spec whose only finding is about this field; nothing in it may reach a terminal raw.
fn refused(text: &str, pointer: &str) -> Diagnostics {
    let source = debian(text);
    let found = bad(&source);
    assert!(pointers(&found).iter().all(|found| found.starts_with(pointer)), "{text}: {found}");
    let rendered = found.render(&source, true).replace("\u{1b}[", "");
    assert!(!rendered.contains(|c: char| c.is_control() && c != '\n'), "{rendered:?}");
    found
}

#[test]
fn t01_package_names_are_never_operators() {
    let names = [
        "?essential",
        "?name(bash)",
        "~i",
        "-o=APT::Update::Pre-Invoke::=id",
        "--purge",
        "./x.deb",
        "/tmp/x.deb",
        "../x",
        "a;id",
        "$(id)",
        "`id`",
        "a|b",
        "a&b",
        "foo-",
        "foo\0bar",
        "foo\nbar",
        "foo bar",
        "*",
        "bash*",
        "^bash",
        "b\u{e4}sh",
        "b\u{430}sh",
        "",
        " bash",
        "bash ",
        "a",
        "bash:i386",
        "bash/",
        "/trixie",
        "bash/../sid",
        "bash=",
        "bash=1;id",
        "bash (>= 1",
        "bash (>= 1) x",
        "bash (~ 1)",
    ];
    for name in names {
        refused(&format!("packages = [{}]", quoted(name)), "/packages/0");
        refused(&format!("[packages]\nutils = [{}]", quoted(name)), "/packages/utils/0");
        refused(&format!("packages = [{{ name = {} }}]", quoted(name)), "/packages/0/name");
        refused(&format!("remove = [{}]", quoted(name)), "/remove/0");
    }
    for good in
        ["g++", "libstdc++-14-dev", "0ad", "memtest86+", "libc6.1", "bash=5.2.37-2+b3", "zfs/trixie-updates"]
    {
        crate::good(&debian(&format!("packages = [{}]", quoted(good))));
    }
}

#[test]
fn t01_a_name_of_ten_megabytes_is_refused_at_once() {
    for length in [1000, MAX_BYTES - 100, MAX_BYTES] {
        let began = Instant::now();
        let source = debian(&format!("packages = [\"{}\"]", "a".repeat(length)));
        let found = bad(&source);
        let rendered = found.render(&source, false);
        assert!(rendered.len() < 4000, "{} bytes of message", rendered.len());
        assert!(began.elapsed() < Duration::from_secs(1), "{:?} for {length} bytes", began.elapsed());
    }
}

#[test]
fn t02_names_cannot_carry_further_lines_or_fields() {
    let hostile = [
        "x\nroot:0:0",
        "x:0:0",
        "../x",
        "..",
        "x/y",
        "x y",
        "x\0",
        "\u{430}dmin",
        "x\r",
        "-x",
        "$(id)",
        "x;y",
        "x\"y",
        "x\u{202e}y",
        "",
    ];
    for text in hostile {
        let text = quoted(text);
        refused(&format!("hostname = {text}"), "/hostname");
        refused(&format!("[[users]]\nname = {text}"), "/users/0/name");
        refused(&format!("[[users]]\nname = \"a\"\ngroups = [{text}]"), "/users/0/groups/0");
        refused(&format!("[services]\nenable = [{text}]"), "/services/enable/0");
        refused(&format!("[services]\ndisable = [{text}]"), "/services/disable/0");
        refused(&format!("[kernel]\nmodules = [{text}]"), "/kernel/modules/0");
        refused(
            &format!(
                "[[repositories.sources]]\nname = {text}\nurl = \"http://example.org\"\nunsigned = true\nsystem = false"
            ),
            "/repositories/sources/0",
        );
        refused(
            &format!("[[postInstall.scripts]]\nname = {text}\nscript = \"true\""),
            "/postInstall/scripts/0",
        );
        refused(&format!("[postInstall.systemTuning]\n{text} = \"1\""), "/postInstall/systemTuning");
        refused(&format!("locale = {text}"), "/locale");
        refused(&format!("timezone = {text}"), "/timezone");
        refused(&format!("keyboard = {{ layout = {text} }}"), "/keyboard/layout");
    }
    for text in
        ["init=/bin/sh", "rdinit=/bin/sh", "quiet\nsingle", "a b", "x=../../etc", "$(id)", "a;b", "a'b", "--"]
    {
        refused(&format!("[kernel]\nparameters = [{}]", quoted(text)), "/kernel/parameters/0");
        refused(&format!("[defaults]\nkernelParams = [{}]", quoted(text)), "/defaults/kernelParams/0");
    }
    for text in ["x\nExecStart=/bin/sh", "a:b", "a\0b"] {
        refused(&format!("[[users]]\nname = \"a\"\ncomment = {}", quoted(text)), "/users/0/comment");
    }
    for name in ["root:0:0", "daemon", "sshd", "_apt"] {
        refused(&format!("[[users]]\nname = {}", quoted(name)), "/users/0/name");
    }
}

#[test]
fn t02_passwords_and_private_keys_are_not_taken_and_not_shown() {
    let source = debian("[[users]]\nname = \"a\"\npassword = \"correct horse\"");
    let found = bad(&source);
    let rendered =
        found.render(&source, false) + &found.to_string() + &serde_json::to_string(&found).unwrap();
    assert!(!rendered.contains("horse"), "{rendered}");
    assert!(rendered.contains("openssl passwd -6"), "{rendered}");
    refused(
        "[[users]]\nname = \"a\"\nsshKeys = [\"-----BEGIN OPENSSH PRIVATE KEY-----\"]",
        "/users/0/sshKeys/0",
    );
    refused("[mirrors]\nbuild = [\"http://user:secret@example.org/debian\"]", "/mirrors/build/0");
}

#[test]
fn t03_overlay_paths_stay_inside() {
    let long = format!("/etc/{}", "x".repeat(256));
    let longer = format!("/{}", "x/".repeat(2100));
    let paths = [
        "/etc/../../x",
        "/..",
        "/../etc/passwd",
        "etc/passwd",
        "./x",
        "",
        "/",
        "//etc/x",
        "/etc//x",
        "/a/./b",
        "/etc/x/",
        "/proc/sys/kernel/core_pattern",
        "/proc",
        "/dev/sda",
        "/sys/x",
        "/run/x",
        "/etc/a\nb",
        "/etc/a\0b",
        "/etc/\u{202e}x",
        &long,
        &longer,
    ];
    for path in paths {
        refused(&format!("[[files]]\npath = {}\ntext = \"x\"", quoted(path)), "/files/0/path");
    }
    for path in ["/etc/passwd", "../secret", "a/../../b", "a/./b", "a//b", "", "a/", "a\0b"] {
        refused(&format!("[[files]]\npath = \"/x\"\nsource = {}", quoted(path)), "/files/0/source");
    }
    let two = |a: &str, b: &str| {
        format!("[[files]]\npath = \"{a}\"\ntext = \"\"\n[[files]]\npath = \"{b}\"\ntext = \"\"")
    };
    for (a, b) in
        [("/etc/a", "/etc/A"), ("/etc/a", "/etc/a/b"), ("/etc/a/b/c", "/etc/a"), ("/etc/a", "/etc/a")]
    {
        refused(&two(a, b), "/files");
    }
    crate::good(&debian(&two("/etc/a", "/etc/ab/c")));
    for mode in ["0x1ff", "17777", "rwx", "99", "", "-644"] {
        refused(&format!("[[files]]\npath = \"/x\"\ntext = \"\"\nmode = \"{mode}\""), "/files/0/mode");
    }
}

#[test]
fn t04_bombs_are_refused_quickly() {
    let nested =
        |open: &str, close: &str, depth: usize| format!("{}{}", open.repeat(depth), close.repeat(depth));
    let dotted = format!("{} = 1", vec!["a"; 79].join("."));
    let inline =
        format!("{}x = 1{}", format!("{} = {{ ", vec!["a"; 70].join(".")).repeat(60), " }".repeat(60));
    let aliases = (0..30).fold("a0: &a0 [x]\n".to_owned(), |text, n| {
        let list = vec![format!("*a{n}"); 9].join(", ");
        format!("{text}a{}: &a{} [{list}]\n", n + 1, n + 1)
    });
    let cases = [
        (Format::Yaml, aliases),
        (Format::Yaml, "a: &x 1\nb: *x\n".to_owned()),
        (Format::Yaml, "a: !!python/object/apply:os.system [id]\n".to_owned()),
        (Format::Yaml, "a: 1\n---\nb: 2\n".to_owned()),
        (Format::Yaml, "name: .nan\n".to_owned()),
        (Format::Yaml, nested("[", "]", 200)),
        (Format::Yaml, nested("{a: ", "}", 200)),
        (Format::Yaml, nested("- ", "", 100_000)),
        (Format::Yaml, "? ".repeat(50_000)),
        (Format::Yaml, "[".repeat(1_000_000)),
        (Format::Json, nested("[", "]", 200)),
        (Format::Json, nested("{\"a\":", "}", 200)),
        (Format::Json, "[".repeat(5_000_000)),
        (Format::Json, "{\"name\": NaN}".to_owned()),
        (Format::Json, "{\"name\": 1e999}".to_owned()),
        (Format::Json, "{\"name\": \"a\", \"name\": \"b\"}".to_owned()),
        (Format::Json, format!("[{}1]", "1,".repeat(1_000_000))),
        (Format::Toml, "x = nan".to_owned()),
        (Format::Toml, "x = -inf".to_owned()),
        (Format::Toml, "name = \"a\"\nname = \"b\"".to_owned()),
        (Format::Toml, format!("x = {}", nested("[", "]", 200))),
        (Format::Toml, dotted),
        (Format::Toml, inline.replace("{ ", "{\n")),
        (Format::Toml, inline),
        (Format::Toml, format!("[{}]", vec!["a"; 5000].join("."))),
        (Format::Toml, "\u{feff}\u{0}".to_owned()),
    ];
    for (format, text) in cases {
        let head: String = text.chars().take(60).collect();
        let began = Instant::now();
        // The stack of a service thread, not the big one of the main thread.
        let found = std::thread::Builder::new()
            .stack_size(1 << 20)
            .spawn(move || bad(&source(format, &text)))
            .unwrap()
            .join()
            .unwrap();
        assert!(began.elapsed() < Duration::from_secs(1), "{format} {head:?}: {:?}", began.elapsed());
        assert!(found.0.len() <= 201, "{format} {head:?}: {} findings", found.0.len());
    }
}

#[test]
fn t04_size_and_number_of_values_are_limited() {
    let big = source(Format::Json, &" ".repeat(MAX_BYTES + 1));
    assert_eq!(bad(&big).0[0].code, "too-large");
    let many = [
        (Format::Yaml, format!("packages:\n{}", "- a\n".repeat(300_000))),
        (Format::Json, format!("[{}1]", "1,".repeat(300_000))),
        (Format::Toml, format!("packages = [{}]", "1,".repeat(400_000))),
        (Format::Toml, "= \n".repeat(400_000)),
    ];
    for (format, text) in many {
        let began = Instant::now();
        assert_eq!(bad(&source(format, &text)).0[0].code, "too-large", "{format}");
        assert!(began.elapsed() < Duration::from_secs(1), "{format}: {:?}", began.elapsed());
    }
}

#[test]
fn t04_strings_of_toml_may_hold_anything() {
    let lines = "a = [1, 2] # \\\"x\n".repeat(100_000);
    let file = |text: &str| format!("[[files]]\npath = \"/x\"\ntext = {text}\n");
    crate::good(&debian(&file(&format!("'''\n{lines}'''"))));
    crate::good(&debian(&file(&format!("\"\"\"\n{}\"\"\"", lines.replace("\\\"", "\\\\ ")))));
}

#[test]
fn t04_nothing_but_mistakes_is_answered_quickly() {
    let keys: Vec<_> = (0..90_000).map(|n| format!("\"pakages{n}\":1")).collect();
    let text = format!("{{{}}}", keys.join(","));
    let began = Instant::now();
    assert_eq!(bad(&source(Format::Json, &text)).0.len(), 201);
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

#[test]
fn t04_many_values_that_are_allowed_stay_quick() {
    let names: Vec<_> = (0..20_000).map(|n| format!("\"package-{n}\"")).collect();
    let files: Vec<_> =
        (0..5_000).map(|n| format!("[[files]]\npath = \"/srv/f{n}\"\ntext = \"\"\n")).collect();
    let text = format!("packages = [{}]\n{}", names.join(","), files.concat());
    let began = Instant::now();
    crate::good(&debian(&text));
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}
