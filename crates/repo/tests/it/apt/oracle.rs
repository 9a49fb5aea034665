//! Runs apt with directories of its own, so that the machine's packages have no say.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

use super::sources::mirrors;
use super::{Answer, Case};

/// Suites with the priority that apt gives them, in the order of the sources.
pub const SUITES: [(&str, i32); 4] =
    [("trixie", 500), ("trixie-updates", 500), ("trixie-backports", 100), ("trixie-security", 500)];
/// Components, in the order of the sources.
pub const COMPONENTS: [&str; 4] = ["main", "contrib", "non-free", "non-free-firmware"];

/// apt with fresh lists of the current stable and an empty system.
pub struct Apt {
    root: PathBuf,
    memory: Memory,
}

static SHARED: OnceLock<Apt> = OnceLock::new();

impl Apt {
    /// The one of this process: its lists are updated once.
    pub fn shared() -> &'static Self {
        SHARED.get_or_init(Self::prepare)
    }

    /// Sets the directories up under the build's own temporary directory and updates the lists.
    fn prepare() -> Self {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("apt-oracle");
        for directory in ["etc/preferences.d", "state/lists/partial", "cache/archives/partial"] {
            std::fs::create_dir_all(root.join(directory)).expect("directories for apt");
        }
        let mirrors = mirrors();
        let mut sources = String::new();
        for (suite, _) in SUITES {
            let base = if suite.ends_with("-security") { &mirrors.security } else { &mirrors.archive };
            let keys = "/usr/share/keyrings/debian-archive-keyring.gpg";
            let components = COMPONENTS.join(" ");
            writeln!(sources, "deb [arch=amd64 signed-by={keys}] {base} {suite} {components}")
                .expect("memory");
        }
        std::fs::write(root.join("etc/sources.list"), sources).expect("sources for apt");
        std::fs::write(root.join("state/status"), "").expect("empty status for apt");
        let place = root.display();
        let config = format!(
            "Dir \"{place}\";\nDir::Etc \"etc\";\nDir::Etc::main \"none\";\nDir::Etc::parts \"/dev/null\";\n\
             Dir::State \"state\";\nDir::State::status \"{place}/state/status\";\nDir::Cache \"cache\";\n\
             APT::Architecture \"amd64\";\nAPT::Architectures {{ \"amd64\"; }};\nAcquire::Languages \"none\";\n\
             APT::Sandbox::User \"root\";\nAPT::Install-Recommends \"false\";\nAcquire::Retries \"2\";\n",
        );
        std::fs::write(root.join("apt.conf"), config).expect("configuration for apt");
        let mut apt = Self { root, memory: Memory::default() };
        let output = apt.run(&["update", "--error-on=any"]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "the Debian mirror of this machine cannot be reached: {said}");
        apt.memory = Memory::open(&apt);
        apt
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("apt-get");
        command.env("APT_CONFIG", self.root.join("apt.conf")).env("LC_ALL", "C.UTF-8").args(arguments);
        command.output().expect("apt-get is needed as the judge of this test")
    }

    /// The list of one component of one suite, if that has one.
    pub fn list(&self, suite: &str, component: &str) -> Option<Vec<u8>> {
        let end = format!("_dists_{suite}_{component}_binary-amd64_Packages");
        let names = self.lists();
        names.iter().find(|path| path.to_string_lossy().ends_with(&end)).map(|path| read(path))
    }

    /// The signed release file of a suite.
    pub fn release(&self, suite: &str) -> Vec<u8> {
        let end = format!("_dists_{suite}_InRelease");
        let names = self.lists();
        let path = names.iter().find(|path| path.to_string_lossy().ends_with(&end));
        read(path.unwrap_or_else(|| panic!("apt has fetched no release file of {suite}")))
    }

    /// `Codename` and `Suite` of a suite.
    pub fn suite_names(&self, suite: &str) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.release(suite)).into_owned();
        let fields = ["Codename: ", "Suite: "];
        fields
            .iter()
            .filter_map(|field| text.lines().find_map(|line| line.strip_prefix(field)))
            .map(str::to_owned)
            .collect()
    }

    /// The host that a suite comes from.
    pub fn host(&self, suite: &str) -> String {
        let sources = std::fs::read_to_string(self.root.join("etc/sources.list")).expect("sources for apt");
        let line = sources.lines().find(|line| line.contains(&format!(" {suite} "))).expect("a known suite");
        let (_, address) = line.split_once("://").expect("an address");
        address.split(['/', ':', ' ']).next().unwrap_or_default().to_owned()
    }

    /// What `apt-get -s` says that it would install with these preferences.
    pub fn pinned(&self, preferences: &str, case: &Case) -> Answer {
        let file = tempfile::NamedTempFile::new_in(&self.root).expect("a file of preferences");
        std::fs::write(file.path(), preferences).expect("preferences for apt");
        let option = format!("Dir::Etc::preferences={}", file.path().display());
        let output = self.install(case, &["-s", "-o", &option])?;
        Some(simulated(&output))
    }

    fn lists(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.root.join("state/lists")).expect("lists of apt");
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        paths
    }

    /// What apt chooses for each case, on two processes at a time. Answers are kept beside the lists they are for.
    pub fn answers(&self, cases: &[Case]) -> Vec<Answer> {
        let next = AtomicUsize::new(0);
        let results = Mutex::new(vec![None; cases.len()]);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while let at = next.fetch_add(1, Ordering::Relaxed)
                        && let Some(case) = cases.get(at)
                    {
                        let answer = self.memory.get(&case.line).unwrap_or_else(|| {
                            let answer = self.answer(case);
                            self.memory.put(&case.line, &answer);
                            answer
                        });
                        results.lock().expect("no thread panics here")[at] = Some(answer);
                    }
                });
            }
        });
        let results = results.into_inner().expect("no thread panics here");
        results.into_iter().map(|answer| answer.expect("every case was answered")).collect()
    }

    /// What apt would download: its choice, without the order of dpkg's steps that `-s` works out as well, which takes
    /// ten times as long.
    fn answer(&self, case: &Case) -> Answer {
        let output = self.install(case, &["-qq", "--print-uris"])?;
        Some(output.lines().filter_map(|line| downloaded(line.split_whitespace().nth(1)?)).collect())
    }

    /// What `apt-get -s` says that it would install.
    pub fn simulate(&self, case: &Case) -> Answer {
        let output = self.install(case, &["-s"])?;
        Some(simulated(&output))
    }

    /// What a bootstrapping tool ends with, in its two steps: the essential packages first, then, with these installed,
    /// the requests together with all packages of the priorities down to `least`.
    pub fn bootstrap(&self, words: &[&str], least: &str) -> BTreeSet<String> {
        let essential = format!("?narrow({IN_TRIXIE},?essential)");
        let first = self.names(&["install", &essential]);
        let status = self.root.join("state/essential-status");
        std::fs::write(&status, self.installed_status(&first)).expect("status of essential packages");
        let others = format!("?narrow({IN_TRIXIE},?and(?or({}),?not(?essential)))", priorities(least));
        let status = format!("Dir::State::status={}", status.display());
        let mut arguments = vec!["-o", &status, "install"];
        arguments.extend(words);
        arguments.push(&others);
        let second = self.names(&arguments);
        first.union(&second).cloned().collect()
    }

    fn names(&self, arguments: &[&str]) -> BTreeSet<String> {
        let output = self.run(&[&["-qq", "--print-uris"], arguments].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8_lossy(&output.stdout);
        text.lines().filter_map(|line| downloaded(line.split_whitespace().nth(1)?)).collect()
    }

    /// The stanzas of these packages (`name version`) as dpkg keeps them once they are installed.
    fn installed_status(&self, packages: &BTreeSet<String>) -> String {
        let texts: Vec<String> = SUITES
            .iter()
            .filter_map(|(suite, _)| self.list(suite, "main"))
            .map(|text| String::from_utf8_lossy(&text).into_owned())
            .collect();
        let mut status = String::new();
        for stanza in texts.iter().flat_map(|text| text.split("\n\n")) {
            let field =
                |name: &str| stanza.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            let entry = format!("{} {}", field("Package: "), field("Version: "));
            if packages.contains(&entry) && !status.contains(&format!("Package: {}\n", field("Package: "))) {
                let installed = "\nStatus: install ok installed\n";
                status.push_str(&stanza.trim_start().replacen('\n', installed, 1));
                status.push_str("\n\n");
            }
        }
        status
    }

    fn install(&self, case: &Case, options: &[&str]) -> Option<String> {
        let recommends = format!("APT::Install-Recommends={}", case.recommends);
        let mut arguments = options.to_vec();
        arguments.extend(["-o", &recommends, if case.satisfy.is_some() { "satisfy" } else { "install" }]);
        let pattern = case.base.map(base_pattern);
        arguments.extend(case.words.iter().map(String::as_str));
        arguments.extend(case.satisfy.as_deref());
        arguments.extend(pattern.as_deref());
        let output = self.run(&arguments);
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

const IN_TRIXIE: &str = "?codename(^trixie$),?architecture(amd64)";

/// The base set as one request.
fn base_pattern(least: &str) -> String {
    format!("?narrow({IN_TRIXIE},?or(?essential,{}))", priorities(least))
}

fn priorities(least: &str) -> String {
    let all = ["required", "important", "standard"];
    let upto = all.iter().position(|name| *name == least).map_or(0, |at| at + 1);
    let priorities: Vec<String> = all[..upto].iter().map(|name| format!("?priority({name})")).collect();
    priorities.join(",")
}

fn simulated(output: &str) -> BTreeSet<String> {
    output.lines().filter_map(|line| installed(line.strip_prefix("Inst ")?)).collect()
}

/// From `name (version Debian:13.5/stable [amd64])` to `name version`.
fn installed(line: &str) -> Option<String> {
    let (name, rest) = line.split_once(' ')?;
    let version = rest.split_once('(')?.1.split_whitespace().next()?;
    Some(format!("{name} {version}"))
}

/// From `name_1%3a2.0-1_amd64.deb` to `name 1:2.0-1`.
fn downloaded(file: &str) -> Option<String> {
    let mut parts = file.strip_suffix(".deb")?.split('_');
    let (name, version) = (parts.next()?, parts.next()?);
    Some(format!("{name} {}", version.replace("%3a", ":").replace("%2b", "+")))
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Answers of earlier runs on the same lists.
#[derive(Default)]
struct Memory {
    file: PathBuf,
    known: Mutex<BTreeMap<String, Answer>>,
}

impl Memory {
    fn open(apt: &Apt) -> Self {
        let mut state = String::from("form 1\n");
        for (suite, _) in SUITES {
            let release = apt.release(suite);
            let dates = String::from_utf8_lossy(&release[..release.len().min(600)]).into_owned();
            state.extend(
                dates.lines().filter(|line| line.starts_with("Date:") || line.starts_with("Codename:")),
            );
            state.push('\n');
        }
        let file = apt.root.join("answers");
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let kept = text.strip_prefix(&state).unwrap_or_default();
        let known = kept.lines().filter_map(|line| {
            let (case, answer) = line.split_once('\t')?;
            let set = answer.strip_prefix('=').map(|set| set.split('\t').map(str::to_owned).collect());
            Some((case.to_owned(), set))
        });
        let known = known.collect();
        if kept.is_empty() {
            std::fs::write(&file, &state).expect("memory of answers");
        }
        Self { file, known: Mutex::new(known) }
    }

    fn get(&self, line: &str) -> Option<Answer> {
        self.known.lock().expect("no thread panics here").get(line).cloned()
    }

    fn put(&self, line: &str, answer: &Answer) {
        let join =
            |set: &BTreeSet<String>| format!("={}", set.iter().cloned().collect::<Vec<_>>().join("\t"));
        let entry = format!("{line}\t{}\n", answer.as_ref().map_or("none".to_owned(), join));
        let known = self.known.lock().expect("no thread panics here");
        let mut file = std::fs::OpenOptions::new().append(true).open(&self.file).expect("memory of answers");
        std::io::Write::write_all(&mut file, entry.as_bytes()).expect("memory of answers");
        drop(known);
    }
}
