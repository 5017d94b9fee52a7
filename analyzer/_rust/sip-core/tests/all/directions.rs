//! Which module may use which: read out of the `use` lines and paths of `src`.
//!
//! A module uses those of the floors below its own, and nothing above; inside a floor, and inside each module, there are
//! no circles. A `pub use` by which a `mod.rs` shows what its files hold is no use of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// From the ground up. A new module of the crate has to be put on one of them.
const FLOORS: &[&[&str]] = &[
    &["cycle", "error", "hash", "inflate", "ipsec", "layer", "limits", "packet"],
    &["problem"],
    &["container", "framing", "net", "sigcomp", "tls"],
    &["diameter", "dns", "media", "sip"],
    &["observation"],
    &["tables"],
    &["pipeline"],
];

/// A path of names, as `net::tunnel::gre`.
type Name = Vec<String>;

struct Source {
    /// Without comments and unit tests.
    code: String,
    /// It stands for the files beside it.
    is_parent: bool,
}

fn sources() -> BTreeMap<Name, Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut found, mut folders) = (BTreeMap::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(folder).unwrap();
        let paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        folders.extend(paths.iter().filter(|path| path.is_dir()).cloned());
        for path in paths.iter().filter(|path| path.extension().is_some_and(|ending| ending == "rs")) {
            let place = path.strip_prefix(&root).unwrap().with_extension("");
            let mut name: Name = place.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
            let is_parent = name.last().is_some_and(|last| last == "mod");
            if is_parent {
                name.pop();
            }
            if name != ["lib"] {
                found.insert(name, Source { code: code(&fs::read_to_string(path).unwrap()), is_parent });
            }
        }
    }
    found
}

fn code(text: &str) -> String {
    let shipped = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = shipped.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// The paths of a `use` tree: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn leaves(tree: &str) -> Vec<Name> {
    let tree = tree.trim();
    let Some((head, rest)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default();
        return vec![path.split("::").map(|part| part.trim().to_owned()).collect()];
    };
    let head: Name = head.split("::").map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect();
    let inside = rest.rsplit_once('}').map_or(rest, |(inside, _)| inside);
    let (mut depth, mut start, mut branches) = (0, 0, Vec::new());
    for (place, letter) in inside.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                branches.push(&inside[start..place]);
                start = place + 1;
            }
            _ => {}
        }
    }
    branches.push(&inside[start..]);
    let branches = branches.into_iter().filter(|branch| !branch.trim().is_empty());
    branches.flat_map(leaves).map(|leaf| [head.clone(), leaf].concat()).collect()
}

/// The `use` statements of a module, and whether each is shown to others; then the paths that its code spells out.
fn paths(code: &str) -> Vec<(Name, bool)> {
    let mut found = Vec::new();
    let mut rest = String::new();
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        let text = line.trim_start();
        let statement = text.split_once("use ").filter(|(before, _)| {
            before.is_empty() || (before.starts_with("pub") && !before.contains(['{', ';', '=']))
        });
        let Some((before, first)) = statement else {
            rest.push_str(line);
            rest.push('\n');
            continue;
        };
        let mut tree = first.to_owned();
        while !tree.contains(';') {
            tree.push_str(lines.next().expect("a use statement that ends"));
        }
        let tree = tree.split(';').next().unwrap_or_default();
        found.extend(leaves(tree).into_iter().map(|leaf| (leaf, !before.is_empty())));
    }
    for word in rest.split(|letter: char| !(letter.is_alphanumeric() || letter == '_' || letter == ':')) {
        if word.contains("::") && !word.starts_with(':') {
            found.push((leaves(word).remove(0), false));
        }
    }
    found
}

struct Modules {
    sources: BTreeMap<Name, Source>,
    /// What a parent shows of the files beside it: (parent, name) is the path it stands for.
    shown: BTreeMap<(Name, String), Name>,
}

impl Modules {
    fn new() -> Self {
        let mut modules = Self { sources: sources(), shown: BTreeMap::new() };
        let mut shown = BTreeMap::new();
        for (name, source) in modules.sources.iter().filter(|(_, source)| source.is_parent) {
            for (path, _) in paths(&source.code).into_iter().filter(|(_, is_shown)| *is_shown) {
                let Some(path) = modules.absolute(name, &path) else { continue };
                shown.insert((name.clone(), path.last().unwrap().clone()), path);
            }
        }
        modules.shown = shown;
        modules
    }

    /// From the root of the crate; `None` for a path of another crate.
    fn absolute(&self, from: &Name, path: &[String]) -> Option<Name> {
        let child = |first: &String| [from.as_slice(), std::slice::from_ref(first)].concat();
        let (mut base, mut rest) = match path.split_first()? {
            (first, rest) if first == "crate" => (Vec::new(), rest),
            (first, rest) if first == "self" => (from.clone(), rest),
            (first, _) if first == "super" => (from.clone(), path),
            (first, _) if self.sources.contains_key(&child(first)) => (from.clone(), path),
            _ => return None,
        };
        while let Some((_, behind)) = rest.split_first().filter(|(first, _)| *first == "super") {
            base.pop();
            rest = behind;
        }
        base.extend(rest.iter().filter(|part| *part != "self").cloned());
        Some(base)
    }

    /// The module that holds what a path names.
    fn home(&self, path: &Name) -> Option<Name> {
        let depth = (1..=path.len()).rev().find(|&depth| self.sources.contains_key(&path[..depth]))?;
        let module = path[..depth].to_vec();
        match path.get(depth).and_then(|name| self.shown.get(&(module.clone(), name.clone()))) {
            Some(target) if *target != *path => self.home(target),
            _ => Some(module),
        }
    }

    /// The modules that each module uses.
    fn uses(&self) -> BTreeMap<Name, BTreeSet<Name>> {
        let used = |(name, source): (&Name, &Source)| {
            let used = paths(&source.code).into_iter().filter_map(|(path, is_shown)| {
                let home = self.home(&self.absolute(name, &path)?)?;
                let only_shown = is_shown && source.is_parent && home.starts_with(name);
                (home != *name && !only_shown).then_some(home)
            });
            (name.clone(), used.collect())
        };
        self.sources.iter().map(used).collect()
    }
}

/// A way from a module back to itself, if there is one.
fn circle(uses: &BTreeMap<Name, BTreeSet<Name>>) -> Option<Vec<String>> {
    fn walk(at: &Name, uses: &BTreeMap<Name, BTreeSet<Name>>, way: &mut Vec<Name>, done: &mut BTreeSet<Name>) -> bool {
        if let Some(start) = way.iter().position(|module| module == at) {
            way.drain(..start);
            return true;
        }
        if !done.contains(at) {
            way.push(at.clone());
            if uses.get(at).into_iter().flatten().any(|next| walk(next, uses, way, done)) {
                return true;
            }
            way.pop();
            done.insert(at.clone());
        }
        false
    }
    let (mut way, mut done) = (Vec::new(), BTreeSet::new());
    let found = uses.keys().any(|module| walk(module, uses, &mut way, &mut done));
    found.then(|| way.iter().map(|module| module.join("::")).collect())
}

fn floor(module: &Name) -> usize {
    let first = &module[0];
    let found = FLOORS.iter().position(|floor| floor.contains(&first.as_str()));
    found.unwrap_or_else(|| panic!("{first} has no floor: put it into FLOORS"))
}

#[test]
fn no_module_uses_one_of_a_higher_floor() {
    let mut up = Vec::new();
    for (module, used) in Modules::new().uses() {
        let higher = used.iter().filter(|other| floor(other) > floor(&module));
        up.extend(higher.map(|other| format!("{} uses {}", module.join("::"), other.join("::"))));
    }
    assert_eq!(up, [""; 0]);
}

#[test]
fn no_modules_use_each_other_in_a_circle() {
    assert_eq!(circle(&Modules::new().uses()), None);
}

#[test]
fn a_circle_is_found() {
    let name = |text: &str| vec![text.to_owned()];
    let uses = [("a", "b"), ("b", "c"), ("c", "b")].map(|(from, to)| (name(from), BTreeSet::from([name(to)])));
    assert_eq!(circle(&BTreeMap::from(uses)), Some(vec!["b".to_owned(), "c".to_owned()]));
}

#[test]
fn what_a_parent_shows_is_the_business_of_the_file_that_holds_it() {
    let modules = Modules::new();
    let home = |path: &str| modules.home(&leaves(path).remove(0)).map(|module| module.join("::"));
    assert_eq!(home("net::Flow"), Some("net::flow".to_owned()));
    assert_eq!(home("net::tunnel::entry::Key"), Some("net::tunnel::entry".to_owned()));
}
