//! Repositories of the test-suites of libdnf and libzypp, in the text form of libsolv's test cases: each is written as
//! `primary.xml`, which libsolv and we read.

use std::fmt::Write as _;
use std::path::Path;

/// The XML of `primary.xml` for the packages of a `.repo` file; those that nobody can install are left out.
pub fn primary(path: &Path) -> String {
    let text = std::fs::read_to_string(path).expect("a repository of the test data");
    let mut packages: Vec<Vec<(&str, &str)>> = Vec::new();
    for line in text.lines() {
        let Some((key, value)) = line.strip_prefix('=').and_then(|line| line.split_once(": ")) else {
            continue;
        };
        if key == "Pkg" {
            packages.push(Vec::new());
        }
        if let Some(package) = packages.last_mut() {
            package.push((key, value.trim()));
        }
    }
    let body: String = packages.iter().map(|package| self::package(package)).collect();
    format!("<metadata packages=\"{}\">\n{body}</metadata>\n", packages.len())
}

fn package(lines: &[(&str, &str)]) -> String {
    let head: Vec<&str> = lines[0].1.split_whitespace().collect();
    let [name, version, release, arch] = head[..] else {
        panic!("{head:?} is not name, version, release, architecture")
    };
    let (epoch, version) = version.split_once(':').unwrap_or(("0", version));
    let digest = format!("{:064x}", name.len() * 1000 + version.len());
    let mut text = format!(
        "<package type=\"rpm\"><name>{name}</name><arch>{arch}</arch><version epoch=\"{epoch}\" ver=\"{version}\" \
         rel=\"{release}\"/><checksum type=\"sha256\" pkgid=\"YES\">{digest}</checksum><location \
         href=\"{name}-{version}-{release}.{arch}.rpm\"/><format>"
    );
    let itself = format!("{name} = {epoch}:{version}-{release}");
    for (key, field) in [
        ("Prv", "provides"),
        ("Req", "requires"),
        ("Con", "conflicts"),
        ("Obs", "obsoletes"),
        ("Rec", "recommends"),
        ("Sug", "suggests"),
        ("Sup", "supplements"),
        ("Enh", "enhances"),
    ] {
        let own = (key == "Prv").then_some(itself.as_str());
        let listed = lines.iter().filter(|(found, _)| *found == key).map(|(_, value)| *value);
        let entries: String = own.into_iter().chain(listed).map(entry).collect();
        if !entries.is_empty() {
            write!(text, "<rpm:{field}>{entries}</rpm:{field}>").expect("writing to a string");
        }
    }
    for (_, path) in lines.iter().filter(|(key, value)| *key == "Prv" && value.starts_with('/')) {
        write!(text, "<file>{path}</file>").expect("writing to a string");
    }
    text + "</format></package>\n"
}

fn entry(text: &str) -> String {
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    let words: Vec<&str> = text.split_whitespace().collect();
    let [name, sign, bound] = words[..] else { return format!("<rpm:entry name=\"{}\"/>", escape(text)) };
    let flags = match sign {
        "<" => "LT",
        "<=" => "LE",
        "=" => "EQ",
        ">=" => "GE",
        ">" => "GT",
        _ => return format!("<rpm:entry name=\"{}\"/>", escape(text)),
    };
    let (epoch, rest) = bound.split_once(':').unwrap_or(("0", bound));
    let (version, release) = rest
        .rsplit_once('-')
        .map_or((rest, String::new()), |(version, release)| (version, format!(" rel=\"{release}\"")));
    format!(
        "<rpm:entry name=\"{}\" flags=\"{flags}\" epoch=\"{epoch}\" ver=\"{version}\"{release}/>",
        escape(name)
    )
}
