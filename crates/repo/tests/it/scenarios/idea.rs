//! The neutral notation of `ideas.txt`.
//!
//! An idea is a paragraph. `[name]` begins it, `#` a remark, `has` lists the features that a family must have. `REPOSITORY
//! NAME VERSION` begins a package, followed by clauses: `needs`, `weak`, `provides`, `conflicts`, `replaces`, `group`,
//! each with a comma-separated list. `want` and `without` are the request, `pin NAME VERSION PRIORITY` a preference, and
//! `gives` or `fails` what becomes of it, for one family when that is named (`gives xbps: ...`).

use std::collections::BTreeSet;

use lbuild_repo::resolve::Operator;

/// A name with a bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// The name.
    pub name: String,
    /// The bound, with a plain version.
    pub bound: Option<(Operator, String)>,
}

/// A package.
#[derive(Debug, Clone, Default)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its plain version, such as `1.2`.
    pub version: String,
    /// What it needs; alternatives are separated by ` or `.
    pub needs: Vec<Vec<Relation>>,
    /// What it would like.
    pub weak: Vec<Relation>,
    /// What it provides.
    pub provides: Vec<Relation>,
    /// What it cannot be with.
    pub conflicts: Vec<Relation>,
    /// What it takes the place of.
    pub replaces: Vec<Relation>,
    /// Groups that it belongs to.
    pub groups: Vec<String>,
}

/// A repository.
#[derive(Debug, Clone, Default)]
pub struct Repository {
    /// Its name.
    pub name: String,
    /// Its packages.
    pub packages: Vec<Package>,
}

/// What becomes of a request.
#[derive(Debug, Clone)]
pub enum Expected {
    /// These packages; with their versions where there are several.
    Gives(BTreeSet<String>),
    /// These requests clash.
    Fails(BTreeSet<String>),
}

/// An idea.
#[derive(Debug, Clone, Default)]
pub struct Idea {
    /// Its name.
    pub name: String,
    /// What a family must have for it.
    pub features: Vec<String>,
    /// The repositories, the most preferred first.
    pub repositories: Vec<Repository>,
    /// What is asked for.
    pub wants: Vec<Relation>,
    /// What must not come.
    pub removes: Vec<String>,
    /// Name, plain version and priority.
    pub pins: Vec<(String, String, i32)>,
    /// Follow weak dependencies.
    pub weak: bool,
    /// By family; `*` for all others.
    expected: Vec<(String, Expected)>,
}

impl Idea {
    /// What a family is expected to do.
    pub fn expected(&self, family: &str) -> &Expected {
        let of = |wanted: &str| self.expected.iter().find(|(name, _)| name == wanted);
        let found = of(family).or_else(|| of("*"));
        &found.unwrap_or_else(|| panic!("`{}` expects nothing of {family}", self.name)).1
    }

    /// How many versions of a name there are.
    pub fn versions_of(&self, name: &str) -> usize {
        let packages = self.repositories.iter().flat_map(|repository| &repository.packages);
        packages.filter(|package| package.name == name).count()
    }

    fn line(&mut self, line: &str) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "has" => self.features = list(rest),
            "want" => self.wants = list(rest).iter().map(|text| relation(text)).collect(),
            "without" => self.removes = list(rest),
            "weak" => self.weak = true,
            "pin" => {
                let words: Vec<&str> = rest.split(' ').collect();
                let [name, version, priority] = words[..] else { panic!("{line:?}") };
                self.pins.push((name.to_owned(), version.to_owned(), priority.parse().expect(line)));
            }
            "gives" | "fails" => {
                let (family, names) = rest.split_once(": ").unwrap_or(("*", rest));
                let names = list(names).into_iter().collect();
                let expected = if word == "gives" { Expected::Gives(names) } else { Expected::Fails(names) };
                self.expected.push((family.to_owned(), expected));
            }
            repository => self.package(repository, rest),
        }
    }

    fn package(&mut self, repository: &str, text: &str) {
        let mut clauses = text.split("; ");
        let (name, version) = clauses.next().and_then(|head| head.split_once(' ')).expect(text);
        let mut package =
            Package { name: name.to_owned(), version: version.to_owned(), ..Package::default() };
        for clause in clauses {
            let (word, names) = clause.split_once(' ').expect(clause);
            let relations = || list(names).iter().map(|text| relation(text)).collect();
            match word {
                "needs" => {
                    let alternatives = |text: &String| text.split(" or ").map(relation).collect();
                    package.needs = list(names).iter().map(alternatives).collect();
                }
                "weak" => package.weak = relations(),
                "provides" => package.provides = relations(),
                "conflicts" => package.conflicts = relations(),
                "replaces" => package.replaces = relations(),
                "group" => package.groups = list(names),
                _ => panic!("{text:?} has an unknown clause `{word}`"),
            }
        }
        match self.repositories.iter_mut().find(|known| known.name == repository) {
            Some(known) => known.packages.push(package),
            None => {
                self.repositories.push(Repository { name: repository.to_owned(), packages: vec![package] });
            }
        }
    }
}

fn list(text: &str) -> Vec<String> {
    text.split(", ").filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn relation(text: &str) -> Relation {
    let at = text.find(['<', '>', '=']).unwrap_or(text.len());
    let (name, bound) = text.split_at(at);
    let signs = [
        (">=", Operator::GreaterEqual),
        ("<=", Operator::LessEqual),
        ("=", Operator::Equal),
        ("<", Operator::Less),
        (">", Operator::Greater),
    ];
    let bound = signs
        .iter()
        .find_map(|(sign, operator)| bound.strip_prefix(sign).map(|version| (*operator, version.to_owned())));
    Relation { name: name.to_owned(), bound }
}

/// Reads all ideas.
pub fn read(text: &str) -> Vec<Idea> {
    let mut ideas: Vec<Idea> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            ideas.push(Idea { name: name.to_owned(), ..Idea::default() });
        } else {
            ideas.last_mut().expect("`[name]` comes first").line(line);
        }
    }
    ideas
}
