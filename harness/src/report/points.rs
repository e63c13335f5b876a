//! The decision points for people, for programs, and as the page docs/points.md.

use std::fmt::Write as _;

use mock_ucx::ledger::Kind;
use mock_ucx::schedule::{Choice, OutcomeInfo, Point};
use serde_json::{Value, json};

/// The points as data.
pub fn json(points: &[Point]) -> Value {
    let outcome = |point: Point, outcome: OutcomeInfo| {
        json!({
            "outcome": point.words(outcome.choice).to_string(),
            "meaning": meaning(point, outcome.choice),
            "basis": outcome.basis.name(),
            "source": outcome.source,
            "paranoid": outcome.paranoid,
        })
    };
    points
        .iter()
        .map(|point| {
            let outcomes: Vec<Value> = point
                .outcomes()
                .into_iter()
                .map(|info| outcome(*point, info))
                .collect();
            json!({
                "point": point.name(),
                "object": object(*point),
                "question": point.question(),
                "outcomes": outcomes,
            })
        })
        .collect()
}

/// One line for each point: its object, its name, its outcomes.
pub fn lines(points: &[Point]) -> String {
    let width = points
        .iter()
        .map(|point| point.name().len())
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for point in points {
        let outcomes: Vec<String> = point
            .outcomes()
            .iter()
            .map(|info| words(*point, info))
            .collect();
        let _ = writeln!(
            text,
            "{:<11} {:<width$}  {}",
            object(*point).unwrap_or("-"),
            point.name(),
            outcomes.join(", ")
        );
    }
    text
}

/// All that is known of points.
pub fn in_full(points: &[Point]) -> String {
    let mut text = String::new();
    for point in points {
        let _ = writeln!(
            text,
            "{} ({}): {}",
            point,
            object(*point).unwrap_or("-"),
            point.question()
        );
        for info in point.outcomes() {
            let meaning = meaning(*point, info.choice)
                .map_or_else(String::new, |meaning| format!(": {meaning}"));
            let _ = writeln!(text, "  {}{meaning}", words(*point, &info));
            let _ = writeln!(text, "      {}: {}", info.basis.name(), info.source);
        }
    }
    text
}

/// The page docs/points.md.
pub fn page() -> String {
    let mut text = String::from(
        "# Decision points\n\n\
         Where UCX's contract leaves a choice to the library, and what the mock may choose there besides what a healthy network does. Each\n\
         name and each outcome is a word of [fault specifications](faults.md). The sources are files and functions of UCX 1.22; the basis says\n\
         whether UCX's headers say it (doc), its code does it (code), its tests rely on it (test), or it only follows (inferred). What is marked\n\
         *paranoid* needs `--paranoid`. A delay may be any number of progress calls, not only those that a search tries.\n\n\
         This page is written from the tables in `mock-ucx/src/schedule/moves.rs` and `mock-ucx/src/functions.rs`; a test holds it current.\n",
    );
    let all = |is: fn(&Point) -> bool| Point::all().filter(is).collect::<Vec<_>>();
    text += "\n## Moves\n";
    table(&mut text, &all(|point| matches!(point, Point::Move(_))));
    text += "\n## Calls that can fail\n";
    table(&mut text, &all(|point| matches!(point, Point::Call(_))));
    text += "\n## The system under the client\n\n\
         Not UCX's to decide, and of a class of its own: tried by `hunt --environment`, or where a specification names them. They happen to\n\
         calls of NIXL and of C++'s library, never to the mock's own, and not under `run`.\n";
    table(&mut text, &all(|point| point.is_environment()));
    text
}

fn table(text: &mut String, points: &[Point]) {
    for point in points {
        let of = object(*point).map_or_else(String::new, |kind| format!(", of {kind}"));
        let _ = writeln!(
            text,
            "\n### `{point}`{of}\n\n{}.\n",
            capitalised(&point.question())
        );
        text.push_str("| outcome | basis | source |\n|---|---|---|\n");
        for info in point.outcomes() {
            let meaning = meaning(*point, info.choice)
                .map_or_else(String::new, |meaning| format!(": {meaning}"));
            let doubtful = if info.paranoid { " (*paranoid*)" } else { "" };
            let _ = writeln!(
                text,
                "| `{}`{meaning}{doubtful} | {} | {} |",
                point.words(info.choice),
                info.basis.name(),
                info.source
            );
        }
    }
}

fn words(point: Point, info: &OutcomeInfo) -> String {
    let doubtful = if info.paranoid { " (paranoid)" } else { "" };
    format!("{}{doubtful}", point.words(info.choice))
}

/// The kind of object that a specification may name with it.
fn object(point: Point) -> Option<&'static str> {
    if Kind::ALL.into_iter().all(|kind| point.is_asked_of(kind)) {
        return Some("any");
    }
    point.object().map(Kind::short_name)
}

/// What a choice means that its word does not tell.
fn meaning(point: Point, choice: Choice) -> Option<&'static str> {
    match choice {
        Choice::Variant(index) => Some(point.variants().get(usize::from(index))?.meaning),
        _ => None,
    }
}

fn capitalised(sentence: &str) -> String {
    let mut letters = sentence.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_the_documentation_is_current() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/points.md");
        let current = std::fs::read_to_string(&path).unwrap_or_default();
        if current != page() {
            let proposal = std::env::temp_dir().join("points.md");
            std::fs::write(&proposal, page()).unwrap();
            panic!(
                "docs/points.md is not current: cp {} {}",
                proposal.display(),
                path.display()
            );
        }
    }

    #[test]
    fn the_fuzzers_dictionary_has_each_point_and_outcome() {
        let words = include_str!("../../../fuzz/dictionaries/fault_spec.dict");
        let has = |word: &str| words.contains(&format!("\"{word}\"\n"));
        for point in Point::all() {
            assert!(has(point.name()), "{point}");
            for info in point.outcomes() {
                let word = point.words(info.choice).to_string();
                assert!(has(&word), "{word}");
            }
        }
    }

    #[test]
    fn each_point_and_outcome_is_in_all_forms() {
        let all: Vec<Point> = Point::all().collect();
        let (json, lines, full) = (json(&all), lines(&all), in_full(&all));
        assert_eq!(json.as_array().unwrap().len(), all.len());
        assert_eq!(lines.lines().count(), all.len());
        for (index, point) in all.iter().enumerate() {
            assert_eq!(json[index]["point"], point.name());
            let outcomes = json[index]["outcomes"].as_array().unwrap();
            assert_eq!(outcomes.len(), point.outcomes().len());
            for outcome in outcomes {
                let word = outcome["outcome"].as_str().unwrap();
                let line = lines.lines().nth(index).unwrap();
                assert!(line.contains(point.name()) && line.contains(word), "{line}");
                assert!(full.contains(outcome["source"].as_str().unwrap()));
            }
        }
    }

    #[test]
    fn a_doubtful_outcome_is_marked_and_a_sound_one_is_not() {
        let line = |name| lines(&[Point::from_name(name).unwrap()]);
        assert!(line("cancel.effect").contains("canceled (paranoid)"));
        assert!(!line("put.complete").contains("paranoid"));
    }
}
