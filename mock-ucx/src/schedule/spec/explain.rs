//! What a wrong specification is told: what is wrong, what would be right, and the nearest known name.

use crate::functions::Function;
use crate::ledger::Kind;
use crate::schedule::{Choice, Point};

/// Names less alike than this are not worth a guess.
const LIKENESS_MIN: f64 = 0.75;
/// No name is as long as this.
const NAME_BYTES_MAX: usize = 256;
/// Characters of a word that are shown.
const SHOWN_MAX: usize = 80;

/// The beginning of a text, so many characters of it.
pub fn clipped(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A word as it stands in a message: a text may be one word.
pub(super) fn shown(word: &str) -> String {
    clipped(word, SHOWN_MAX)
}

pub(super) fn unknown_point(name: &str) -> String {
    let functions = Function::all().map(Function::name);
    guess(
        &format!(
            "`{}` is neither a function nor a decision point of the mock",
            shown(name)
        ),
        name,
        Point::all().map(Point::name).chain(functions),
    )
}

/// The same behind an object of this kind, where names may be short.
pub(super) fn unknown_point_of(kind: Kind, name: &str) -> String {
    let asked = || Point::all().filter(|point| point.is_asked_of(kind));
    guess(
        &format!(
            "`{}` is no decision point of {}",
            shown(name),
            with_article(kind)
        ),
        name,
        asked()
            .map(|point| super::name_after(kind, point))
            .chain(asked().map(Point::name)),
    )
}

pub(super) fn unknown_kind(name: &str) -> String {
    guess(
        &format!("`{}` is no kind of object", shown(name)),
        name,
        Kind::ALL
            .into_iter()
            .flat_map(|kind| [kind.short_name(), kind.name()]),
    )
}

pub(super) fn unknown_outcome(word: &str, point: Point) -> String {
    let names = outcomes(point);
    let names = names.iter().map(String::as_str).chain(["benign"]);
    let near = nearest(word, names);
    let word = shown(word);
    match near {
        Some(near) => format!("`{word}` is no outcome; did you mean `{near}`?"),
        None => format!("`{word}` is no outcome; {}", permitted(point)),
    }
}

pub(super) fn not_permitted(word: &str, point: Point) -> String {
    format!(
        "UCX does not let {point} be {}; {}; nearest is `{}`",
        shown(word),
        permitted(point),
        nearest_always(word, point)
    )
}

pub(super) fn cannot_fail(point: Point) -> String {
    format!("{point} cannot fail: UCX has no error to give for a call that is right")
}

pub(super) fn other_kind(point: Point, kind: Kind) -> String {
    match point.object() {
        Some(right) => format!(
            "{point} is asked of {}, never of {}; write `{}#N.`",
            with_article(right),
            with_article(kind),
            right.short_name()
        ),
        None => format!(
            "{point} has no object; leave `{}#N.` out",
            kind.short_name()
        ),
    }
}

pub(super) fn not_by_progress(point: Point) -> String {
    let by_progress: Vec<&str> = Point::all()
        .filter(|point| point.is_asked_by_progress())
        .map(Point::name)
        .collect();
    format!(
        "{point} is not asked in each progress call, only {} is; `@N` is its Nth time",
        by_progress.join(", ")
    )
}

pub(super) fn not_by_operation(point: Point) -> String {
    format!(
        "{point} is not counted by operations, only what the system is asked for is; `@N` is its Nth time"
    )
}

pub(super) fn paranoid(word: &str, point: Point) -> String {
    format!(
        "that UCX lets {point} be {} is doubtful; --paranoid (MOCK_UCX_PARANOID=1) permits it all the same",
        shown(word)
    )
}

fn with_article(kind: Kind) -> String {
    let name = kind.short_name();
    let article = if name.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {name}")
}

fn outcomes(point: Point) -> Vec<String> {
    let words = |choice: Choice| match choice {
        Choice::After(_) => "+N".to_owned(),
        choice => point.words(choice).to_string(),
    };
    let mut names: Vec<String> = Vec::new();
    for outcome in point.outcomes() {
        let name = words(outcome.choice);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn permitted(point: Point) -> String {
    format!("{point} may be {} or benign", outcomes(point).join(", "))
}

fn guess<'a>(what: &str, name: &str, candidates: impl Iterator<Item = &'a str>) -> String {
    match nearest(name, candidates) {
        Some(near) => format!("{what}; did you mean `{near}`?"),
        None => what.to_owned(),
    }
}

/// The candidate most like `name`, if any is like it at all.
fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|candidate| (likeness(name, candidate), candidate))
        .filter(|(likeness, _)| *likeness > LIKENESS_MIN)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

fn nearest_always(word: &str, point: Point) -> String {
    outcomes(point)
        .into_iter()
        .max_by(|a, b| likeness(word, a).total_cmp(&likeness(word, b)))
        .unwrap_or_else(|| "benign".to_owned())
}

/// Comparing takes as long as both lengths multiplied, and a file may be one word.
fn likeness(a: &str, b: &str) -> f64 {
    if a.len().max(b.len()) > NAME_BYTES_MAX {
        return 0.0;
    }
    strsim::jaro_winkler(&a.to_lowercase(), &b.to_lowercase())
}
