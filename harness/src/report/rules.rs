//! The rule book for people and programs: one rule, all of them in lines, and `docs/rules.md`.

use std::fmt::Write;

use mock_ucx::rules::{self, BOOK, RuleInfo};
use serde_json::{Value, json};

/// A rule as the book has it.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// What is known about it.
    pub info: &'static RuleInfo,
    /// Why a breach of it cannot be seen; `None`: it can.
    pub unobservable: Option<&'static str>,
}

/// All rules: those that can be seen broken, then the others.
pub fn entries() -> impl Iterator<Item = Entry> {
    let seen = rules::all().map(|(_, info)| Entry {
        info,
        unobservable: None,
    });
    let unseen = rules::unobservable().map(|rule| Entry {
        info: &rule.info,
        unobservable: Some(rule.reason),
    });
    seen.chain(unseen)
}

impl Entry {
    fn counts_as(&self) -> &'static str {
        match (self.unobservable, self.info.is_finding()) {
            (Some(_), _) => "not seen",
            (None, true) => "finding",
            (None, false) => "note",
        }
    }

    /// All about it, for people.
    pub fn text(&self) -> String {
        let info = self.info;
        let mut text = format!("{}: {}\n", info.id, info.statement);
        let mut line = |label: &str, value: &str| {
            let _ = writeln!(text, "  {label:<9} {value}");
        };
        line("severity", info.severity.name());
        line("basis", info.basis.name());
        line("source", info.source);
        line("releases", &info.versions.to_string());
        line("counts as", self.counts_as());
        if let Some(reason) = self.unobservable {
            line("because", reason);
        }
        line("hint", info.hint);
        text
    }

    /// One line of the list.
    pub fn line(&self) -> String {
        let (info, counts) = (self.info, self.counts_as());
        format!("{:<13} {counts:<8} {}\n", info.id, info.statement)
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let info = self.info;
        json!({
            "id": info.id,
            "statement": info.statement,
            "severity": info.severity.name(),
            "basis": info.basis.name(),
            "source": info.source,
            "releases": {"from": info.versions.from.map(release), "to": info.versions.to.map(release)},
            "hint": info.hint,
            "counts_as": self.counts_as(),
            "unobservable": self.unobservable,
        })
    }
}

fn release(minor: u16) -> String {
    format!("1.{minor}")
}

/// The text of `docs/rules.md`.
pub fn markdown() -> String {
    let mut text = String::from(HEAD);
    for area in BOOK {
        let (first, rest) = area.name.split_at(1);
        let _ = writeln!(text, "\n## {}{rest}\n", first.to_uppercase());
        text += "| id | rule | severity | basis, source | releases | counts as |\n|---|---|---|---|---|---|\n";
        for (_, info) in area.rules {
            let entry = Entry {
                info,
                unobservable: None,
            };
            let _ = writeln!(
                text,
                "| {} | {} *{}* | {} | {}, {} | {} | {} |",
                info.id,
                cell(info.statement),
                cell(info.hint),
                info.severity.name(),
                info.basis.name(),
                cell(info.source),
                info.versions,
                entry.counts_as()
            );
        }
    }
    text += "\n## Rules that the mock cannot see broken\n\n| id | rule | severity | basis, source | releases | why not |\n|---|---|---|---|---|---|\n";
    for rule in rules::unobservable() {
        let info = &rule.info;
        let _ = writeln!(
            text,
            "| {} | {} *{}* | {} | {}, {} | {} | {} |",
            info.id,
            cell(info.statement),
            cell(info.hint),
            info.severity.name(),
            info.basis.name(),
            cell(info.source),
            info.versions,
            cell(rule.reason)
        );
    }
    text
}

/// A bar would end the cell, and a star or an underscore is no emphasis here.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('*', "\\*")
}

const HEAD: &str = "\
# The rule book

What UCX's contract asks of its client, as far as the mock knows it. `mock-ucx explain ID` shows one rule. Ids never change their meaning.

*Basis*: **doc** is said in UCX's headers, **code** is read in its code, **test** is relied on by one of its tests, **inferred** follows from
these though nobody says it. Undefined behaviour, leaks, races and breaches of the contract with basis doc or code are findings; the rest are
notes, which count with `--strict`. Sources are files and functions of UCX 1.22.

This page is generated: `cargo run -- explain --list --markdown > docs/rules.md`.
";
